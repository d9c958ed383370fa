//! A plan, carried out: exactly what it names is gone, and no budget is broken on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::storage::v1::VolumeAttachment;
use kube::Api;
use kube::api::ListParams;
use plimsoll_props::aws::Call;
use plimsoll_props::budgets::Watch;
use plimsoll_proto::v1::operation_metadata::State;

use super::service::{self, apply, register, server};
use super::shop::{self, Size};
use super::site::{Site, instance, until};

/// Longest until controllers have done what they do after the end.
const SETTLED: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_live_cluster_is_read_planned_for_and_brought_to_the_plan() {
    let Some(site) = Site::start().await else { return };
    let size = Size::from_environment();
    let _attacher = shop::open(&site, &size).await;
    let folder = tempfile::tempdir().unwrap();
    let server = server(&site, folder.path(), &[]);
    let channel = server.channel();
    let snapshot = register(&channel, size.moved_pods_max_ratio).await;
    assert_eq!(snapshot.node_count as usize, site.machines());
    assert_eq!(site.machines(), size.nodes());
    let attached = attachments(&site).await.len();
    assert!(0 < attached, "no volume is attached");

    let plan = service::plan(&channel, size.seconds).await;
    assert!(
        plan.cost_after_nano_usd_per_hour < plan.cost_before_nano_usd_per_hour,
        "nothing to do: {plan:?}"
    );
    let before = site.fake.running();
    let watch = Watch::start(&site.client);
    let (time, begun) = (Timestamp::now(), Instant::now());
    let ended = apply(&channel, &plan).await;
    let took = begun.elapsed().as_secs();
    let metadata = ended.metadata.clone().unwrap();
    assert_eq!(metadata.state(), State::Succeeded, "{ended:#?}\n{:?}", site.fake.log());
    let seen = watch.seen().await;
    assert!(seen.broken.is_empty(), "budgets that were broken: {:?}", seen.broken);
    assert!(seen.slack.values().any(|slack| *slack == 0), "no budget was at its limit: that proves nothing");

    // Exactly the machines of nodes that the plan names are gone.
    let there = |node: &&String| node.ends_with(".ec2.internal");
    let leaving = plan.changes.iter().filter(|change| change.nodes.iter().any(|node| there(&node)));
    let moved: i32 = leaving.clone().map(|change| change.moved_pod_count).sum();
    let named: BTreeSet<String> =
        leaving.flat_map(|change| &change.nodes).filter(there).map(|node| instance(node)).collect();
    let all = |running: &BTreeMap<String, Vec<String>>| {
        running.values().flatten().cloned().collect::<BTreeSet<_>>()
    };
    let gone: BTreeSet<String> = all(&before).difference(&all(&site.fake.running())).cloned().collect();
    assert_eq!(gone, named);
    assert_eq!(site.machines(), plan.placements.len());
    site.until_serving(size.pods() - size.nodes() + site.machines()).await;
    assert_eq!(site.pending().await, 0);
    until("each volume is attached where its pod runs, and nowhere else", SETTLED, async || {
        attachments(&site).await == shop::mounted(&site.pods().await)
    })
    .await;
    assert_eq!(site.fake.faults_on_the_wire().unwrap_or_default(), "");
    assert_eq!(site.fake.forbidden(), Default::default(), "no policy allows it");

    println!(
        "{} nodes and {} pods, {attached} volumes attached: to {} nodes in {took} s, {moved} pods moved; {seen}",
        all(&before).len(),
        size.pods(),
        site.machines(),
    );
    println!("{}", service::timeline(&ended, time));
    println!("{}", calls(&site.fake.log()));
}

/// Volumes that are attached, each with its node.
async fn attachments(site: &Site) -> BTreeSet<(String, String)> {
    let all: Api<VolumeAttachment> = Api::all(site.client.clone());
    let all = all.list(&ListParams::default()).await.unwrap().items;
    let place = |one: VolumeAttachment| (one.spec.source.persistent_volume_name.unwrap(), one.spec.node_name);
    all.into_iter().map(place).collect()
}

/// What AWS was asked: changes one by one, with their subjects; reads by their number.
fn calls(log: &[Call]) -> String {
    let mut reads: BTreeMap<&str, usize> = BTreeMap::new();
    let mut lines = Vec::new();
    for call in log {
        let operation = call.action.rsplit(':').next().unwrap_or_default();
        if ["Describe", "List", "Get", "Receive"].iter().any(|verb| operation.starts_with(verb)) {
            *reads.entry(&call.action).or_default() += 1;
        } else {
            lines.push(format!("  {} {} {} {}", call.action, call.status, call.path, call.body));
        }
    }
    format!("calls of AWS that change something:\n{}\nand that read: {reads:?}", lines.join("\n"))
}
