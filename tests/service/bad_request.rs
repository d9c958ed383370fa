//! Requests that cannot be carried out: each is told why in words a program can read, and changes nothing.

use plimsoll_proto::v1 as pb;
use tonic::{Code, Status};

use super::rig::{CLUSTER, REGION, Rig, order, refusal};
use super::shop;

async fn rig_with_shop() -> Rig {
    let rig = Rig::start().await;
    rig.import(shop::file()).await.unwrap();
    rig
}

#[track_caller]
fn check<T>(what: &str, answer: Result<T, Status>, code: Code, reason: &str, metadata: &[(&str, &str)]) {
    let (found, info, message) = refusal(what, answer);
    assert_eq!((found, info.reason.as_str()), (code, reason), "{what}: {message}");
    for (key, value) in metadata {
        let told = info.metadata.get(*key).map_or("", String::as_str);
        assert!(told.contains(value), "{what}: {key} is {told:?}, not {value:?}");
    }
}

#[tokio::test]
async fn a_pod_larger_than_any_node_is_named_with_what_comes_nearest() {
    let rig = Rig::start().await;
    rig.import(shop::with(shop::pod("giant", "1000", "1Gi"))).await.unwrap();
    let before = rig.stored().await;
    let metadata = [
        ("demand_count", "1"),
        ("demand_1", "shop/giant"),
        ("demand_1", "comes nearest"),
        ("pods_1", "shop/giant"),
        ("nearest_1", "."),
    ];
    check("giant", rig.plan(order()).await, Code::FailedPrecondition, "INFEASIBLE", &metadata);
    assert_eq!(rig.stored().await, before);
}

#[tokio::test]
async fn an_import_sent_twice_counts_once() {
    let rig = Rig::start().await;
    let header =
        || pb::ImportHeader { parent: CLUSTER.into(), request_id: "one".into(), ..Default::default() };
    let first = rig.import_as(header(), shop::file()).await.unwrap();
    let again = rig.import_as(header(), shop::file()).await.unwrap();
    assert_eq!(first, again);
    let before = rig.stored().await;
    let other = shop::with(shop::pod("late", "1", "1Gi"));
    let metadata = [("request_id", "one")];
    let answer = rig.import_as(header(), other).await;
    check("another body", answer, Code::InvalidArgument, "REQUEST_ID_REUSED", &metadata);
    assert_eq!(rig.stored().await, before);
}

#[tokio::test]
async fn a_plan_asked_for_twice_is_made_once() {
    let rig = rig_with_shop().await;
    let named = || pb::CreatePlanRequest { request_id: "two".into(), ..order() };
    let first = rig.plan(named()).await.unwrap();
    let before = rig.stored().await;
    assert_eq!(first, rig.plan(named()).await.unwrap());
    assert_eq!(rig.stored().await, before, "a second plan was stored");
    let other = pb::CreatePlanRequest { seed: 7, ..named() };
    check("another seed", rig.plan(other).await, Code::InvalidArgument, "REQUEST_ID_REUSED", &[]);
    assert_eq!(rig.stored().await, before);
}

#[tokio::test]
async fn a_policy_that_somebody_else_wrote_is_not_overwritten() {
    let rig = rig_with_shop().await;
    let name = format!("{CLUSTER}/policy");
    let update = |etag: &str, nodes_max| {
        let policy = pb::Policy {
            name: name.clone(),
            etag: etag.into(),
            nodes_max: Some(nodes_max),
            ..Default::default()
        };
        pb::UpdatePolicyRequest { policy: Some(policy), ..Default::default() }
    };
    let read =
        rig.clusters().get_policy(pb::GetPolicyRequest { name: name.clone() }).await.unwrap().into_inner();
    let written = rig.clusters().update_policy(update(&read.etag, 90)).await.unwrap().into_inner();
    assert_eq!(written.nodes_max, Some(90));
    let before = rig.stored().await;
    let metadata = [("given_etag", read.etag.as_str()), ("current_etag", written.etag.as_str())];
    let stale = rig.clusters().update_policy(update(&read.etag, 80)).await;
    check("a stale etag", stale, Code::Aborted, "ETAG_MISMATCH", &metadata);
    assert_eq!(rig.stored().await, before);
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let rig = rig_with_shop().await;
    let before = rig.stored().await;
    let (lost, stray) = ("clusters/lost", format!("{CLUSTER}/plans/lost"));
    let not_found = |what: &str, answer: Result<(), Status>, reason: &str, name: &str| {
        check(what, answer, Code::NotFound, reason, &[("resource", name)]);
    };

    let order_lost = pb::CreatePlanRequest { parent: lost.into(), ..order() };
    not_found("a plan", rig.plan(order_lost).await.map(drop), "UNKNOWN_CLUSTER", lost);
    let header = pb::ImportHeader { parent: lost.into(), ..Default::default() };
    not_found("an import", rig.import_as(header, shop::file()).await.map(drop), "UNKNOWN_CLUSTER", lost);
    let cluster = rig.clusters().get_cluster(pb::GetClusterRequest { name: lost.into() }).await;
    not_found("a cluster", cluster.map(drop), "UNKNOWN_CLUSTER", lost);
    let plans =
        rig.plans().list_plans(pb::ListPlansRequest { parent: lost.into(), ..Default::default() }).await;
    not_found("plans", plans.map(drop), "UNKNOWN_CLUSTER", lost);

    let plan = pb::GetPlanRequest { name: stray.clone(), ..Default::default() };
    not_found("get", rig.plans().get_plan(plan).await.map(drop), "UNKNOWN_PLAN", &stray);
    let explain = pb::ExplainPlanRequest { name: stray.clone(), ..Default::default() };
    not_found("explain", rig.plans().explain_plan(explain).await.map(drop), "UNKNOWN_PLAN", &stray);
    let export = pb::ExportPlanRequest { name: stray.clone(), ..Default::default() };
    not_found("export", rig.plans().export_plan(export).await.map(drop), "UNKNOWN_PLAN", &stray);

    let snapshot = format!("{CLUSTER}/snapshots/lost");
    let from = pb::CreatePlanRequest { snapshot: snapshot.clone(), ..order() };
    not_found("a snapshot", rig.plan(from).await.map(drop), "UNKNOWN_SNAPSHOT", &snapshot);
    let with = pb::CreatePlanRequest { catalog: "catalogs/lost".into(), ..order() };
    not_found("a catalog", rig.plan(with).await.map(drop), "UNKNOWN_CATALOG", "catalogs/lost");
    assert_eq!(rig.stored().await, before);
}

#[tokio::test]
async fn a_cluster_without_a_snapshot_cannot_be_planned() {
    let rig = Rig::start().await;
    check("no snapshot", rig.plan(order()).await, Code::NotFound, "UNKNOWN_SNAPSHOT", &[]);
}

#[tokio::test]
async fn a_page_token_that_is_none_of_ours_is_refused() {
    let rig = rig_with_shop().await;
    let token = || "bogus token".to_owned();
    let metadata = [("page_token", "bogus token")];
    let refused = |what: &str, answer: Result<(), Status>| {
        check(what, answer, Code::InvalidArgument, "BAD_PAGE_TOKEN", &metadata);
    };
    let plans = pb::ListPlansRequest { parent: CLUSTER.into(), page_token: token(), ..Default::default() };
    refused("plans", rig.plans().list_plans(plans).await.map(drop));
    let offerings = pb::ListOfferingsRequest {
        parent: "catalogs/latest".into(),
        region: REGION.into(),
        page_token: token(),
        ..Default::default()
    };
    refused("offerings", rig.pricing().list_offerings(offerings).await.map(drop));
    rig.stored().await;
}

#[tokio::test]
async fn a_field_out_of_range_is_named() {
    let rig = rig_with_shop().await;
    let before = rig.stored().await;
    let seconds = |seconds| Some(pbjson_types::Duration { seconds, nanos: 0 });
    let cases = [
        ("no time", "time_budget", pb::CreatePlanRequest { time_budget: seconds(0), ..order() }),
        ("negative time", "time_budget", pb::CreatePlanRequest { time_budget: seconds(-1), ..order() }),
        ("too much time", "time_budget", pb::CreatePlanRequest { time_budget: seconds(601), ..order() }),
        ("a negative seed", "seed", pb::CreatePlanRequest { seed: -1, ..order() }),
        ("a bad id", "plan_id", pb::CreatePlanRequest { plan_id: "A b".into(), ..order() }),
        ("no parent", "parent", pb::CreatePlanRequest { parent: String::new(), ..order() }),
    ];
    for (what, field, request) in cases {
        let answer = rig.plan(request).await;
        check(what, answer, Code::InvalidArgument, "INVALID_FIELD", &[("field", field)]);
        assert_eq!(rig.stored().await, before, "{what}: something was stored");
    }
    check(
        "taken",
        rig.register("shop").await,
        Code::AlreadyExists,
        "EXISTS_ALREADY",
        &[("resource", CLUSTER)],
    );
}
