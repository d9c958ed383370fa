//! Snapshots.

use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::problem::Problem;
use plimsoll_domain::snapshot::{Content, ReadyKind};
use plimsoll_domain::store::SnapshotHead;
use plimsoll_engine::ShownSnapshot;
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::snapshot as kinds;

use super::{finding::findings, plan::int_of, time::timestamp, time::window};

/// A snapshot as the wire has it.
pub fn snapshot(cluster: &ClusterId, shown: &ShownSnapshot) -> pb::Snapshot {
    let from = &shown.stored;
    let (content, node_count, pod_count) = contents(&from.snapshot.content);
    pb::Snapshot {
        name: from.id.name(cluster),
        digest: from.digest.clone(),
        capture_time: Some(timestamp(from.snapshot.capture_time)),
        usage_window: shown.usage_window.map(window),
        node_count: int_of(node_count),
        pod_count: int_of(pod_count),
        findings: findings(&from.snapshot.findings),
        content: content.into(),
        create_time: Some(timestamp(from.create_time)),
        generation: from.generation,
    }
}

/// A snapshot as a list has it.
pub fn head(cluster: &ClusterId, from: &SnapshotHead) -> pb::Snapshot {
    pb::Snapshot {
        name: from.id.name(cluster),
        digest: from.digest.clone(),
        create_time: Some(timestamp(from.create_time)),
        generation: from.generation,
        ..Default::default()
    }
}

/// What it is, and how many nodes and pods are in it.
fn contents(content: &Content) -> (kinds::Content, usize, usize) {
    match content {
        Content::Cluster(state) => (kinds::Content::Cluster, state.nodes.len(), state.pods.len()),
        Content::Ready(instance) => match &instance.kind {
            ReadyKind::Problem(problem) => (kinds::Content::Problem, problem.nodes.len(), pods(problem)),
            ReadyKind::Pods(pods) => (kinds::Content::Trace, 0, pods.len()),
        },
    }
}

fn pods(problem: &Problem) -> usize {
    usize::try_from(problem.pod_count()).unwrap_or(usize::MAX)
}
