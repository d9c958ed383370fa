//! Bad days of whole clusters: each ends in a state that says what to do, before anything is done where that can be known.

use std::time::Duration;

use plimsoll_domain::operation::State;
use plimsoll_engine::{ApplyOrder, CreateOrder, Error, ResizeOrder};
use plimsoll_props::aws::{Manners, Reservation};
use plimsoll_store::Sqlite;

use super::bridge::Bridge;
use super::rig::{
    SEED, VERSION, at_rest, cluster_id, creation, creation_of_its_own, deletion, engine, noted, pending,
    planned, registration, upgrading, write,
};

async fn fresh() -> (Bridge, plimsoll_engine::Engine) {
    let bridge = Bridge::new(SEED, pending(&[("web", 2, 500)]));
    let engine = engine(&Sqlite::in_memory().await.unwrap(), &bridge);
    (bridge, engine)
}

async fn made() -> (Bridge, plimsoll_engine::Engine) {
    let (bridge, engine) = fresh().await;
    let begun = engine.create_cluster(creation(&bridge, false)).await.unwrap();
    let ended = at_rest(&engine, &begun.operation).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}", ended.failure);
    noted(&engine, |record| record.kubernetes_version == VERSION).await;
    (bridge, engine)
}

/// Calls that changed something.
fn changes(bridge: &Bridge) -> Vec<String> {
    let log = bridge.fake.log().into_iter().map(|call| call.action);
    log.filter(|action| !action.contains(":Describe") && !action.contains(":List")).collect()
}

#[track_caller]
fn expect_field(end: Result<plimsoll_engine::Proposal, Error>, field: &str, words: &str) {
    match end {
        Err(Error::InvalidArgument { field: told, message }) => {
            assert_eq!(told, field, "{message}");
            assert!(message.contains(words), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_the_first_call_with_the_arithmetic() {
    let (bridge, engine) = fresh().await;
    let changed = |change: fn(&mut CreateOrder)| {
        let mut order = creation(&bridge, false);
        change(&mut order);
        engine.create_cluster(order)
    };
    let check = async |change: fn(&mut CreateOrder), field: &str, words: &str| {
        expect_field(changed(change).await, field, words);
    };
    check(|order| order.plan.plane.version = "latest".into(), "spec.kubernetes_version", "latest").await;
    check(|order| order.plan.plane.subnets.truncate(1), "spec.subnets", "2 zones").await;
    check(|order| order.plan.plane.subnets[0] = "subnet-0".into(), "spec.subnets", "subnet-0").await;
    check(|order| order.plan.plane.service_cidr = "10.0.4.0/22".into(), "spec.service_cidr", "overlaps")
        .await;
    check(|order| order.plan.plane.log_types = vec!["all".into()], "spec.log_types", "audit").await;
    check(|order| order.plan.groups[0].spec.zone = "us-east-1f".into(), "spec.groups", "us-east-1f").await;
    check(|order| order.plan.groups[1].spec.name = "general".into(), "spec.groups", "twice").await;
    // 6 of the control plane, and 100 nodes of 59 addresses.
    check(|order| order.plan.groups[0].count = 100, "spec.subnets", "1000 free addresses, and 6").await;
    assert_eq!(changes(&bridge), Vec::<String>::new());
}

#[tokio::test]
async fn what_would_be_done_is_told_and_not_done() {
    let (bridge, engine) = fresh().await;
    let told = engine.create_cluster(creation(&bridge, true)).await.unwrap();
    assert!(5 < told.operation.steps.len());
    assert_eq!(changes(&bridge), Vec::<String>::new());
    assert!(engine.cluster(&cluster_id()).await.is_err(), "it is not even registered");
}

#[tokio::test]
async fn one_action_that_is_denied_is_named_and_what_was_made_goes() {
    let (bridge, engine) = fresh().await;
    bridge.fake.refuse("eks:CreateAddon", "AccessDeniedException", 100);
    let begun = engine.create_cluster(creation(&bridge, false)).await.unwrap();
    let ended = at_rest(&engine, &begun.operation).await;
    let failure = ended.failure.unwrap();
    assert_eq!((ended.state, failure.reason.as_str()), (State::Failed, "REFUSED"));
    assert!(failure.message.contains("allow eks:CreateAddon, see k8s/iam"), "{}", failure.message);
    assert_eq!(bridge.fake.shown(), "launched 0\n");
}

#[tokio::test]
async fn quotas_that_do_not_reach_are_told_before_the_first_call() {
    let (bridge, engine) = fresh().await;
    let check = async |order: CreateOrder, words: &str| match engine.create_cluster(order).await {
        Err(Error::Unready(why)) => assert!(why.contains(words), "{why}"),
        other => panic!("{other:?}"),
    };
    bridge.fake.free_addresses(1_000_000);
    let mut order = creation(&bridge, false);
    order.plan.groups[0].count = 451;
    check(order, "Nodes per managed node group (L-BD136A63)").await;
    bridge.fake.grant("L-1216C47A", 7.0);
    let words = "(L-1216C47A): 0 of 7 are taken, and 2 m7i.xlarge of general (8) need 8: ask AWS for 8";
    check(creation(&bridge, false), words).await;
    bridge.fake.grant("L-1216C47A", 8.0);
    bridge.fake.grant("L-F678F1CE", 0.0);
    check(creation_of_its_own(&bridge), "VPCs per Region").await;
    assert_eq!(changes(&bridge), Vec::<String>::new());
    // Quotas that nobody may read are left to AWS.
    bridge.fake.refuse("servicequotas:ListServiceQuotas", "AccessDeniedException", 1);
    assert!(engine.create_cluster(creation_of_its_own(&bridge)).await.is_ok());
}

#[tokio::test]
async fn a_plan_that_needs_more_than_the_account_may_have_is_refused_with_the_arithmetic() {
    let (bridge, engine) = made().await;
    let plan = planned(&engine).await;
    // It wants a small machine on demand beside two of four virtual CPUs.
    bridge.fake.grant("L-1216C47A", 8.0);
    let order = || ApplyOrder { write: write(), cluster: cluster_id(), plan: plan.clone() };
    let why = engine.apply_plan(order()).await.unwrap_err();
    let Error::Unready(words) = &why else { panic!("{why}") };
    assert!(words.contains("8 of 8 are taken") && words.contains("ask AWS for 9"), "{words}");
    bridge.fake.grant("L-1216C47A", 9.0);
    let begun = engine.apply_plan(order()).await.unwrap();
    assert_eq!(at_rest(&engine, &begun).await.state, State::Succeeded);
}

#[tokio::test]
async fn a_plan_says_what_is_paid_all_the_same_when_it_is_carried_out() {
    let (bridge, engine) = made().await;
    let told = async |code: &str| {
        let plan = engine.plan(&cluster_id(), &planned(&engine).await).await.unwrap();
        let found = plan.findings.iter().find(|finding| finding.code == code);
        found.map(|finding| finding.message.clone()).unwrap_or_else(|| panic!("{:?}", plan.findings))
    };
    bridge.fake.refuse("ec2:DescribeReservedInstances", "UnauthorizedOperation", 1);
    let words = told("COMMITMENTS_UNKNOWN").await;
    assert!(words.contains("allow ec2:DescribeReservedInstances, see k8s/iam"), "{words}");
    // The plan needs one of these where there are two.
    let (zone, upfront, hourly) = (None, "0.0", "0.12");
    let reserved =
        Reservation { instance_type: "m7i.xlarge", zone, count: 2, product: "Linux/UNIX", upfront, hourly };
    bridge.fake.commit(&[reserved], &[]);
    let words = told("COMMITMENT_IDLE").await;
    assert!(words.contains("uses $0.2400/h of its $0.2400/h now and $0.1200/h after the plan"), "{words}");
    assert!(words.contains("$0.1200/h of the saving is paid all the same before 2027-03-01"), "{words}");
}

#[tokio::test]
async fn a_quota_that_is_reached_ends_it_in_words_of_eks() {
    let (bridge, engine) = fresh().await;
    bridge.fake.refuse("eks:CreateCluster", "ResourceLimitExceededException", 1);
    let begun = engine.create_cluster(creation(&bridge, false)).await.unwrap();
    let ended = at_rest(&engine, &begun.operation).await;
    assert_eq!(ended.state, State::Failed);
    assert!(ended.failure.unwrap().message.contains("ResourceLimitExceededException"));
}

#[tokio::test]
async fn a_cluster_of_others_is_neither_taken_nor_touched() {
    let (bridge, engine) = fresh().await;
    bridge.fake.found_cluster();
    let before = bridge.fake.shown();
    for order in [creation(&bridge, false), creation(&bridge, true), creation_of_its_own(&bridge)] {
        let refused = engine.create_cluster(order).await.unwrap_err();
        assert!(matches!(refused, Error::NotActuator { .. }), "{refused}");
    }
    assert!(engine.cluster(&cluster_id()).await.is_err(), "it is known, and would be acted on");
    engine.register_cluster(&write(), registration()).await.unwrap();
    for refused in [
        engine.upgrade_cluster(upgrading(false)).await.unwrap_err(),
        engine.delete_cluster(deletion(false)).await.unwrap_err(),
    ] {
        assert!(matches!(refused, Error::NotActuator { .. }), "{refused}");
    }
    assert_eq!(bridge.fake.shown(), before);
    assert_eq!(changes(&bridge), Vec::<String>::new());
}

#[tokio::test]
async fn an_account_that_may_not_use_eks_is_told_so_before_anything_is_made() {
    let (bridge, engine) = fresh().await;
    bridge.fake.refuse("eks:DescribeCluster", "AccessDeniedException", 10);
    let why = engine.create_cluster(creation_of_its_own(&bridge)).await.unwrap_err().to_string();
    assert!(why.contains("allow eks:DescribeCluster, see k8s/iam"), "{why}");
    assert_eq!(changes(&bridge), Vec::<String>::new());
    assert!(engine.cluster(&cluster_id()).await.is_err());
}

#[tokio::test]
async fn another_version_than_the_next_is_refused() {
    let (_bridge, engine) = made().await;
    for (version, words) in
        [("1.36", "to 1.35"), ("1.34", "to 1.35"), ("1.33", "to 1.35"), ("new", "no version")]
    {
        let order = plimsoll_engine::UpgradeOrder { version: version.into(), ..upgrading(false) };
        expect_field(engine.upgrade_cluster(order).await, "kubernetes_version", words);
    }
}

#[tokio::test]
async fn everything_that_speaks_against_an_upgrade_is_said_at_once() {
    let (bridge, engine) = made().await;
    bridge.fake.free_addresses(4);
    bridge.fake.estate(|estate| {
        estate.insights.push(("Deprecated APIs".into(), "flowcontrol v1beta3 is used".into()));
    });
    let why = engine.upgrade_cluster(upgrading(false)).await.unwrap_err();
    let Error::Unready(words) = &why else { panic!("{why}") };
    assert!(words.contains("flowcontrol") && words.contains("4 free addresses"), "{words}");
    assert!(words.contains("(as EKS saw it at 2026-11-22T06:00:00Z)"), "{words}");
}

#[tokio::test]
async fn what_was_mended_since_insights_were_taken_is_looked_at_again() {
    let (bridge, engine) = made().await;
    bridge.fake.estate(|estate| {
        estate.insights.push(("Deprecated APIs".into(), "flowcontrol v1beta3 is used".into()));
        estate.is_ready = true;
    });
    let why = engine.upgrade_cluster(upgrading(true)).await.unwrap_err().to_string();
    assert!(why.contains("EKS was asked to look again"), "{why}");
    engine.upgrade_cluster(upgrading(true)).await.unwrap();
}

#[tokio::test]
async fn an_upgrade_that_fails_half_way_is_stuck_and_goes_on_when_it_is_resumed() {
    let (bridge, engine) = made().await;
    bridge.fake.fail_update("NodegroupVersionUpdate", "PodEvictionFailure: shop/web-1");
    let begun = engine.upgrade_cluster(upgrading(false)).await.unwrap();
    let ended = at_rest(&engine, &begun.operation).await;
    let failure = ended.failure.clone().unwrap();
    assert_eq!((ended.state, failure.reason.as_str()), (State::Stuck, "REFUSED"));
    assert!(failure.message.contains("PodEvictionFailure"), "{}", failure.message);
    let resumed = engine.resume_operation(&write(), &ended.id).await.unwrap();
    assert_eq!(at_rest(&engine, &resumed).await.state, State::Succeeded);
    assert!(bridge.fake.shown().contains("group general ACTIVE 1.35"), "{}", bridge.fake.shown());
}

#[tokio::test]
async fn a_group_that_has_grown_beyond_its_file_is_not_shrunk_when_its_cluster_is_made_again() {
    let (bridge, engine) = made().await;
    let order = ResizeOrder {
        write: write(),
        cluster: cluster_id(),
        group: "general".into(),
        desired_count: 4,
        reason: "more to do".into(),
        etag: String::new(),
    };
    let grown = engine.resize_node_group(order).await.unwrap();
    assert_eq!(at_rest(&engine, &grown).await.state, State::Succeeded);
    let again = engine.create_cluster(creation(&bridge, false)).await.unwrap();
    let ended = at_rest(&engine, &again.operation).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}", ended.failure);
    assert_eq!(bridge.fake.running()["general"].len(), 4);
}

#[tokio::test]
async fn a_node_group_that_eks_cannot_make_is_taken_back_and_says_why() {
    let (bridge, engine) = fresh().await;
    bridge.fake.fail_update("NodegroupCreate", "Instances failed to join the kubernetes cluster");
    let begun = engine.create_cluster(creation(&bridge, false)).await.unwrap();
    let ended = at_rest(&engine, &begun.operation).await;
    let failure = ended.failure.unwrap();
    assert_eq!((ended.state, failure.reason.as_str()), (State::Failed, "REFUSED"));
    assert!(failure.message.contains("Instances failed to join"), "{}", failure.message);
    assert_eq!(bridge.fake.shown(), "launched 0\n");
}

#[tokio::test]
async fn a_node_group_that_eks_cannot_delete_is_tried_again_when_a_person_says_so() {
    let (bridge, engine) = made().await;
    bridge.fake.fail_update("NodegroupDelete", "its security group is in use");
    let begun = engine.delete_cluster(deletion(false)).await.unwrap();
    let ended = at_rest(&engine, &begun.operation).await;
    let failure = ended.failure.clone().unwrap();
    assert_eq!((ended.state, failure.reason.as_str()), (State::Stuck, "REFUSED"));
    assert!(failure.message.contains("its security group is in use"), "{}", failure.message);
    let resumed = engine.resume_operation(&write(), &ended.id).await.unwrap();
    assert_eq!(at_rest(&engine, &resumed).await.state, State::Succeeded);
}

#[tokio::test]
async fn an_add_on_that_is_degraded_is_stuck_with_its_issue() {
    let (bridge, engine) = fresh().await;
    bridge.fake.estate(|estate| estate.degrade("coredns"));
    let begun = engine.create_cluster(creation(&bridge, false)).await.unwrap();
    let ended = at_rest(&engine, &begun.operation).await;
    let failure = ended.failure.clone().unwrap();
    assert_eq!(ended.state, State::Stuck);
    assert!(failure.message.contains("InsufficientNumberOfReplicas"), "{}", failure.message);
    bridge.fake.heal();
    let resumed = engine.resume_operation(&write(), &ended.id).await.unwrap();
    assert_eq!(at_rest(&engine, &resumed).await.state, State::Succeeded);
}

#[tokio::test]
async fn a_cluster_with_fargate_profiles_is_not_removed() {
    let (bridge, engine) = made().await;
    bridge.fake.estate(|estate| estate.fargate_profiles = ["default".to_owned()].into());
    let why = engine.delete_cluster(deletion(false)).await.unwrap_err().to_string();
    assert!(why.contains("it has Fargate profiles: remove default first"), "{why}");
}

#[tokio::test]
async fn a_cluster_with_groups_of_others_is_not_removed() {
    let (bridge, engine) = made().await;
    bridge.fake.found_group("theirs", "us-east-1c", "m7i.large", 1);
    let why = engine.delete_cluster(deletion(false)).await.unwrap_err();
    assert!(matches!(&why, Error::Unready(words) if words.contains("theirs")), "{why}");
}

#[tokio::test]
async fn a_half_made_cluster_of_ours_is_taken_up_where_it_was_left() {
    let (bridge, engine) = fresh().await;
    bridge.fake.estate(|estate| estate.degrade("coredns"));
    let begun = engine.create_cluster(creation(&bridge, false)).await.unwrap();
    let stuck = at_rest(&engine, &begun.operation).await;
    engine.abandon_operation(&write(), &stuck.id).await.unwrap();
    bridge.fake.heal();
    let again = engine.create_cluster(creation(&bridge, false)).await.unwrap();
    let ended = at_rest(&engine, &again.operation).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}", ended.failure);
    let made = changes(&bridge).iter().filter(|action| *action == "eks:CreateCluster").count();
    assert_eq!(made, 1);
}

#[tokio::test]
async fn a_creation_that_is_asked_for_again_takes_back_nothing_that_was_there() {
    let (bridge, engine) = made().await;
    let before = (bridge.fake.shown(), bridge.fake.running());
    bridge.fake.refuse("eks:AssociateAccessPolicy", "AccessDeniedException", 100);
    let again = engine.create_cluster(creation(&bridge, false)).await.unwrap();
    let ended = at_rest(&engine, &again.operation).await;
    assert_eq!(ended.state, State::Failed, "{:?}", ended.failure);
    assert_eq!((bridge.fake.shown(), bridge.fake.running()), before);
}

#[tokio::test]
async fn add_ons_that_cannot_be_are_refused() {
    let (bridge, engine) = fresh().await;
    let mut order = creation(&bridge, false);
    order.plan.add_ons.retain(|add_on| add_on.name != "kube-proxy");
    expect_field(engine.create_cluster(order).await, "spec.add_ons", "kube-proxy");
    let mut order = creation(&bridge, false);
    order.plan.groups.clear();
    expect_field(engine.create_cluster(order).await, "spec.add_ons", "coredns needs nodes");
}

#[tokio::test]
async fn machines_that_never_become_nodes_are_waited_for_and_taken_back() {
    let (bridge, engine) = fresh().await;
    let never = Duration::from_secs(1_000 * 3600);
    bridge.fake.set_manners(Manners { boot: never, ..Manners::real() });
    let begun = engine.create_cluster(creation(&bridge, false)).await.unwrap();
    let ended = at_rest(&engine, &begun.operation).await;
    let failure = ended.failure.unwrap();
    assert_eq!((ended.state, failure.reason.as_str()), (State::Failed, "GAVE_UP"));
    assert!(failure.message.contains("0 of 2 nodes of general are ready"), "{}", failure.message);
    assert_eq!(bridge.fake.shown(), "launched 2\n");
}
