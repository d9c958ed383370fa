//! What was seen and what was asked for is kept, and a plan can be made from any of it again.

use plimsoll_proto::v1 as pb;

use super::rig::{CLUSTER, Rig, order};
use super::shop;

/// Prices at which the shop's present type is dear.
const PRICES: &str = "instance_type,zone,capacity_kind,usd_per_hour\nm5.2xlarge,,on-demand,9.5\n";

#[tokio::test]
async fn a_plan_is_made_again_from_a_kept_snapshot_and_catalog() {
    let rig = Rig::start().await;
    let old = rig.import(shop::file()).await.unwrap();
    let first = rig.plan(order()).await.unwrap();
    let new = rig.import(shop::with(shop::pod("late", "1", "1Gi"))).await.unwrap();
    let dear = rig.import_prices(PRICES).await.unwrap();
    let latest = rig.plan(order()).await.unwrap();
    assert_eq!((latest.snapshot.as_str(), latest.catalog.as_str()), (new.name.as_str(), dear.name.as_str()));

    let request = pb::ListSnapshotsRequest { parent: CLUSTER.into(), page_size: 1, ..Default::default() };
    let page = rig.ingest().list_snapshots(request.clone()).await.unwrap().into_inner();
    let request = pb::ListSnapshotsRequest { page_token: page.next_page_token, ..request };
    let rest = rig.ingest().list_snapshots(request).await.unwrap().into_inner();
    let listed: Vec<pb::Snapshot> = page.snapshots.into_iter().chain(rest.snapshots).collect();
    let told = |one: &pb::Snapshot| (one.name.clone(), one.digest.clone(), one.create_time, one.generation);
    assert_eq!(listed.iter().map(told).collect::<Vec<_>>(), [told(&new), told(&old)]);
    assert!(rest.next_page_token.is_empty());

    let request = pb::ListCatalogsRequest::default();
    let listed = rig.pricing().list_catalogs(request).await.unwrap().into_inner().catalogs;
    let names: Vec<&str> = listed.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, [dear.name.as_str(), first.catalog.as_str()]);
    assert!(listed[0].create_time.is_some() && listed[1].create_time.is_none());
    let one = pb::ListCatalogsRequest { page_size: 1, ..Default::default() };
    let page = rig.pricing().list_catalogs(one.clone()).await.unwrap().into_inner();
    let one = pb::ListCatalogsRequest { page_token: page.next_page_token, ..one };
    let last = rig.pricing().list_catalogs(one).await.unwrap().into_inner();
    assert_eq!(last.catalogs, listed[1..]);

    let again = pb::CreatePlanRequest { snapshot: old.name, catalog: first.catalog.clone(), ..order() };
    let again = rig.plan(again).await.unwrap();
    assert_eq!(again.problem_digest, first.problem_digest);
    assert_ne!(again.problem_digest, latest.problem_digest);
}
