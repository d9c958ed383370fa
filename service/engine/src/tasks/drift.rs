//! What others changed: node groups that appear, go, or change their size without an operation of ours, and nodes that are not
//! ready.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::fleet::Node;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::snapshot::{ClusterState, Content};
use plimsoll_domain::store::{ClusterRecord, OperationFilter, PageRequest, StoreError, StoredSnapshot};
use plimsoll_domain::world::World;
use tracing::warn;

use super::each;
use crate::{Engine, Error, metrics};

/// Compares the sizes of each cluster's groups with its newest snapshot; where they differ, the cluster is read anew.
pub async fn look(engine: Engine) -> Result<(), Error> {
    each(&engine, |record, world| {
        let engine = engine.clone();
        async move {
            let Some(known) = engine.last_seen(&record.id).await? else { return Ok(()) };
            match has_moved(&record.id, &world, &known).await? {
                true => engine.take_in(&record, &world).await.map(drop),
                false => Ok(()),
            }
        }
    })
    .await
}

/// Whether the cloud's groups are others than those that were seen, or of other sizes.
async fn has_moved(cluster: &ClusterId, world: &World, known: &StoredSnapshot) -> Result<bool, Error> {
    let outside = |error: plimsoll_domain::world::CloudError| Error::World(error.to_string());
    let Content::Cluster(state) = &known.snapshot.content else { return Ok(false) };
    let seen = members(state);
    let mut now: BTreeMap<String, usize> = BTreeMap::new();
    for name in world.cloud.groups(cluster).await.map_err(outside)? {
        let status = world.cloud.group(cluster, &name).await.map_err(outside)?;
        now.extend(status.map(|status| (name, status.desired_count as usize)));
    }
    now.retain(|_, count| 0 < *count);
    Ok(now.len() != seen.len() || seen.iter().any(|(name, nodes)| now.get(*name) != Some(&nodes.len())))
}

impl Engine {
    /// The newest snapshot of a cluster, if there is one and no operation holds the cluster or waits for it: what changes
    /// then is what it does.
    pub(super) async fn last_seen(&self, cluster: &ClusterId) -> Result<Option<StoredSnapshot>, Error> {
        match self.expect_free(cluster).await {
            Err(Error::Store(StoreError::Busy { .. })) => return Ok(None),
            free => free?,
        }
        match self.store.snapshot(cluster, None).await {
            Err(StoreError::NotFound(_)) => Ok(None),
            found => Ok(Some(found?)),
        }
    }

    /// Reads a cluster that nobody holds, and stores what it looks like if that is new. What others changed is said in
    /// findings, moves the fleet's generation on, and makes plans of before it stale.
    pub(super) async fn take_in(&self, record: &ClusterRecord, world: &World) -> Result<Vec<Finding>, Error> {
        let cluster = &record.id;
        let Some(known) = self.last_seen(cluster).await? else { return Ok(Vec::new()) };
        let state = world.cluster.state(cluster).await.map_err(|error| Error::World(error.to_string()))?;
        let Content::Cluster(before) = &known.snapshot.content else { return Ok(Vec::new()) };
        if **before == state {
            return Ok(Vec::new());
        }
        let mut findings = match self.is_ours(cluster, &known).await? {
            true => Vec::new(),
            false => differences(before, &state),
        };
        for finding in &findings {
            warn!(%cluster, what = finding.message, "somebody else changed a node group");
        }
        metrics::drifted(cluster, findings.len());
        findings.extend(unready(before, &state));
        let write = self.own_write("RefreshCluster");
        self.remember(&write, cluster, world, state, findings.clone()).await?;
        Ok(findings)
    }

    /// Whether an operation of ours ended after a snapshot was taken.
    async fn is_ours(&self, cluster: &ClusterId, known: &StoredSnapshot) -> Result<bool, Error> {
        let filter = OperationFilter { cluster: Some(cluster.clone()), ..OperationFilter::default() };
        let page = PageRequest { size: 1, token: String::new() };
        let newest = self.store.operations(&filter, &page).await?.items.pop();
        Ok(newest.is_some_and(|operation| known.snapshot.capture_time <= operation.update_time))
    }
}

/// Names of the nodes of each group.
fn members(state: &ClusterState) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let in_a_group = |node: &&Node| !node.group.is_empty();
    for node in state.nodes.iter().filter(in_a_group) {
        groups.entry(&node.group).or_default().insert(&node.name);
    }
    groups
}

/// Nodes that are not ready, and were there before: their kubelets went silent, or say themselves that something is wrong.
fn unready(before: &ClusterState, after: &ClusterState) -> Vec<Finding> {
    let known: BTreeSet<&str> = before.nodes.iter().map(|node| node.name.as_str()).collect();
    let is_lost = |node: &&Node| !node.ready && known.contains(node.name.as_str());
    let tell = |node: &Node| {
        let message = format!("node {} of group {} is not ready", node.name, node.group);
        Finding::new(Severity::Warning, "NODE_NOT_READY", format!("node/{}", node.name), message)
    };
    after.nodes.iter().filter(is_lost).map(tell).collect()
}

/// What differs between a cluster as it was and as it is, group by group.
fn differences(before: &ClusterState, after: &ClusterState) -> Vec<Finding> {
    let (before, after) = (members(before), members(after));
    let names: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let tell = |group: &str, code: &str, message: String| {
        Finding::new(Severity::Warning, code, format!("group/{group}"), message)
    };
    let told = names.into_iter().filter_map(|group| match (before.get(group), after.get(group)) {
        (None, Some(nodes)) => Some(tell(
            group,
            "GROUP_APPEARED",
            format!("group {group} of {} nodes was made by others", nodes.len()),
        )),
        (Some(nodes), None) => Some(tell(
            group,
            "GROUP_GONE",
            format!("group {group} lost its {} nodes, not by us", nodes.len()),
        )),
        (Some(old), Some(new)) if old.len() != new.len() => Some(tell(
            group,
            "GROUP_RESIZED",
            format!("group {group} has {} nodes in place of {}, not by us", new.len(), old.len()),
        )),
        (Some(old), Some(new)) if old != new => {
            let count = old.difference(new).count();
            Some(tell(
                group,
                "NODES_REPLACED",
                format!("{count} nodes of group {group} are others, not by us"),
            ))
        }
        _ => None,
    });
    told.collect()
}
