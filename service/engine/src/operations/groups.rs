//! Node groups as they are now: what the cloud says of them, and their nodes.

use plimsoll_domain::fleet::Node;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::snapshot::{ClusterState, Content};
use plimsoll_domain::store::{ClusterRecord, Mode, Page, PageRequest, StoreError};
use plimsoll_domain::world::GroupStatus;

use crate::{Engine, Error};

/// A node group and its bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownGroup {
    /// Its cluster.
    pub cluster: ClusterId,
    /// Its name, unique in the cluster.
    pub name: String,
    /// Nodes that it is asked to have.
    pub desired_count: u32,
    /// Most nodes that the cluster's policy allows; none: no limit.
    pub max_count: Option<u32>,
    /// Its nodes, those that are not ready among them.
    pub nodes: Vec<Node>,
}

impl ShownGroup {
    /// Changes with its size and its bounds.
    pub fn etag(&self) -> String {
        etag(self.desired_count, self.max_count)
    }
}

/// See [`ShownGroup::etag`].
pub(super) fn etag(desired_count: u32, max_count: Option<u32>) -> String {
    format!("{desired_count:x}-{:x}", max_count.unwrap_or(0))
}

/// Most nodes of a group that a policy allows, where 0 stands for no limit.
pub(super) fn max_count(nodes_per_group_max: u32) -> Option<u32> {
    (0 < nodes_per_group_max).then_some(nodes_per_group_max)
}

impl Engine {
    /// Reads a node group from the cluster's world; of an OFFLINE cluster, from its newest snapshot.
    ///
    /// # Errors
    /// `NotFound` of the store for a group that is not there.
    pub async fn node_group(&self, cluster: &ClusterId, name: &str) -> Result<ShownGroup, Error> {
        let record = self.store.cluster(cluster).await?;
        let mut found = self.shown_groups(&record, vec![name.to_owned()]).await?;
        found.pop().ok_or_else(|| StoreError::NotFound(cluster.node_group_name(name)).into())
    }

    /// Lists node groups by name.
    pub async fn node_groups(
        &self,
        cluster: &ClusterId,
        page: &PageRequest,
    ) -> Result<Page<ShownGroup>, Error> {
        let record = self.store.cluster(cluster).await?;
        let mut names = self.group_names(&record).await?;
        names.retain(|name| page.token < *name);
        let size = page.size.max(1) as usize;
        let more = size < names.len();
        names.truncate(size);
        let next_token = if more { names.last().cloned().unwrap_or_default() } else { String::new() };
        Ok(Page { items: self.shown_groups(&record, names).await?, next_token })
    }

    /// Ascending.
    async fn group_names(&self, record: &ClusterRecord) -> Result<Vec<String>, Error> {
        if record.mode == Mode::Offline {
            let nodes = self.nodes_seen(&record.id).await?;
            let mut names: Vec<String> = nodes.into_iter().map(|node| node.group).collect();
            names.sort();
            names.dedup();
            names.retain(|name| !name.is_empty());
            return Ok(names);
        }
        let world = self.world_of(record)?;
        world.cloud.groups(&record.id).await.map_err(|error| Error::World(error.to_string()))
    }

    /// Those of the names that there are.
    async fn shown_groups(
        &self,
        record: &ClusterRecord,
        names: Vec<String>,
    ) -> Result<Vec<ShownGroup>, Error> {
        let policy = self.store.policy(&record.id).await?.policy;
        let offline = record.mode == Mode::Offline;
        let all =
            if offline { self.nodes_seen(&record.id).await? } else { self.state_now(record).await?.nodes };
        let mut found = Vec::new();
        for name in names {
            let nodes: Vec<Node> = all.iter().filter(|node| node.group == name).cloned().collect();
            let desired_count = if offline {
                (!nodes.is_empty()).then(|| u32::try_from(nodes.len()).unwrap_or(u32::MAX))
            } else {
                self.group_status(record, &name).await?.map(|status| status.desired_count)
            };
            let Some(desired_count) = desired_count else { continue };
            let max_count = max_count(policy.nodes_per_group_max);
            found.push(ShownGroup { cluster: record.id.clone(), name, desired_count, max_count, nodes });
        }
        Ok(found)
    }

    /// The cluster as its world shows it.
    pub(super) async fn state_now(&self, record: &ClusterRecord) -> Result<ClusterState, Error> {
        let world = self.world_of(record)?;
        world.cluster.state(&record.id).await.map_err(|error| Error::World(error.to_string()))
    }

    /// A group as its world shows it.
    pub(super) async fn group_status(
        &self,
        record: &ClusterRecord,
        name: &str,
    ) -> Result<Option<GroupStatus>, Error> {
        let world = self.world_of(record)?;
        world.cloud.group(&record.id, name).await.map_err(|error| Error::World(error.to_string()))
    }

    /// Nodes in the newest snapshot; a ready instance has none.
    async fn nodes_seen(&self, cluster: &ClusterId) -> Result<Vec<Node>, Error> {
        match self.store.snapshot(cluster, None).await?.snapshot.content {
            Content::Cluster(state) => Ok(state.nodes),
            Content::Ready(_) => Ok(Vec::new()),
        }
    }
}
