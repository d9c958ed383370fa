//! Promises of [`plimsoll_domain::world::Cloud`].

use plimsoll_domain::fleet::{
    LABEL_CAPACITY_TYPE, LABEL_HOSTNAME, LABEL_INSTANCE_TYPE, LABEL_NODE_GROUP, LABEL_ZONE, Node,
};
use plimsoll_domain::world::{CloudError, GroupSpec};

use super::{Kept, Visit, expect, expect_same};

const STRANGE_GROUP: &str = "not-there";
const STRANGE_MACHINE: &str = "aws:///us-east-1a/i-0fffffffffffffffe";

impl Visit<'_> {
    pub(super) async fn strange_group(&self) -> Kept {
        let (cloud, cluster) = (&self.world.cloud, &self.ground.cluster);
        expect_same("group", &self.status(STRANGE_GROUP).await?, &None)?;
        expect(!self.names().await?.iter().any(|name| name == STRANGE_GROUP), || "it is listed".to_owned())?;
        let size = cloud.ensure_size(cluster, STRANGE_GROUP, 1).await;
        expect(matches!(size, Err(CloudError::NotFound(_))), || format!("ensure_size: {size:?}"))?;
        let missing = cloud.give_up_missing(cluster, STRANGE_GROUP).await;
        expect(matches!(missing, Err(CloudError::NotFound(_))), || format!("give_up_missing: {missing:?}"))?;
        let machine = cloud.ensure_instance_gone(cluster, STRANGE_GROUP, STRANGE_MACHINE).await;
        expect_same("ensure_instance_gone", &machine, &Ok(()))?;
        expect_same("ensure_group_gone", &cloud.ensure_group_gone(cluster, STRANGE_GROUP).await, &Ok(()))
    }

    pub(super) async fn made_once(&self) -> Kept {
        let (cloud, cluster, spec) = (&self.world.cloud, &self.ground.cluster, &self.ground.spec);
        expect_same("before", &self.status(&spec.name).await?, &None)?;
        expect_same("first", &cloud.ensure_group(cluster, spec).await, &Ok(()))?;
        let names = self.names().await?;
        expect(names.contains(&spec.name) && names.is_sorted(), || format!("listed: {names:?}"))?;
        if !self.its_status().await?.is_active {
            let size = cloud.ensure_size(cluster, &spec.name, 1).await;
            expect(matches!(size, Err(CloudError::Busy(_))), || {
                format!("ensure_size before active: {size:?}")
            })?;
        }
        expect_same("second", &cloud.ensure_group(cluster, spec).await, &Ok(()))?;
        self.until("active", async || Ok(self.its_status().await?.is_active)).await?;
        let status = self.its_status().await?;
        expect_same("size", &(status.desired_count, status.instances.len()), &(0, 0))?;
        expect_same("third", &cloud.ensure_group(cluster, spec).await, &Ok(()))?;

        let mut other = spec.clone();
        other.labels.insert("plimsoll.example/contract".to_owned(), "other".to_owned());
        let other = cloud.ensure_group(cluster, &other).await;
        expect(matches!(other, Err(CloudError::Conflict(_))), || format!("another by the name: {other:?}"))
    }

    pub(super) async fn grown_once(&self) -> Kept {
        let (cloud, cluster, name) = (&self.world.cloud, &self.ground.cluster, &self.ground.spec.name);
        for (what, count) in [("first", 2), ("second", 2), ("fewer", 1)] {
            expect_same(what, &cloud.ensure_size(cluster, name, count).await, &Ok(()))?;
        }
        self.until("two nodes", async || Ok(self.its_nodes().await?.len() == 2)).await?;
        self.until("active", async || Ok(self.its_status().await?.is_active)).await?;
        expect_same("give_up_missing", &cloud.give_up_missing(cluster, name).await, &Ok(()))?;
        let status = self.its_status().await?;
        let size = (status.desired_count, status.instances.len(), status.issues.len());
        expect_same("size, machines and issues", &size, &(2, 2, 0))?;
        for instance in &status.instances {
            let nodes = self.its_nodes().await?;
            let node = nodes.iter().find(|node| node.provider_id == instance.provider_id);
            let node = node.ok_or_else(|| format!("{} has no node", instance.provider_id))?;
            expect_same("type", &node.instance_type, &instance.instance_type)?;
            expect_of(&self.ground.spec, node)?;
        }
        Ok(())
    }

    pub(super) async fn kept_with_machines(&self) -> Kept {
        let gone = self.world.cloud.ensure_group_gone(&self.ground.cluster, &self.ground.spec.name).await;
        expect(matches!(gone, Err(CloudError::Conflict(_))), || format!("{gone:?}"))?;
        expect_same("size", &self.its_status().await?.desired_count, &2)
    }

    pub(super) async fn shrunk_by_one(&self) -> Kept {
        let (cloud, cluster, name) = (&self.world.cloud, &self.ground.cluster, &self.ground.spec.name);
        let before = self.its_status().await?.instances;
        let [leaves, stays] = &before[..] else { return Err(format!("{before:?}")) };
        for id in [&leaves.provider_id, &leaves.provider_id, STRANGE_MACHINE] {
            self.told(id, async || cloud.ensure_instance_gone(cluster, name, id).await).await?;
        }
        self.until("node gone", async || {
            let nodes = self.state().await?.nodes;
            Ok(!nodes.iter().any(|node| node.provider_id == leaves.provider_id))
        })
        .await?;
        let status = self.its_status().await?;
        expect_same("machines", &status.instances, &vec![stays.clone()])?;
        expect_same("size", &status.desired_count, &1)
    }

    pub(super) async fn deleted_once(&self) -> Kept {
        let (cloud, cluster, name) = (&self.world.cloud, &self.ground.cluster, &self.ground.spec.name);
        for instance in self.its_status().await?.instances {
            let id = &instance.provider_id;
            self.told(id, async || cloud.ensure_instance_gone(cluster, name, id).await).await?;
        }
        for what in ["first", "second"] {
            self.told(what, async || cloud.ensure_group_gone(cluster, name).await).await?;
        }
        self.until("group gone", async || Ok(self.status(name).await?.is_none())).await?;
        expect(!self.names().await?.contains(name), || "it is still listed".to_owned())?;
        expect_same("third", &cloud.ensure_group_gone(cluster, name).await, &Ok(()))?;
        self.until("nodes gone", async || Ok(self.its_nodes().await?.is_empty())).await
    }

    /// Names of the cluster's groups.
    async fn names(&self) -> Result<Vec<String>, String> {
        let names = self.world.cloud.groups(&self.ground.cluster).await;
        names.map_err(|error| format!("groups: {error}"))
    }

    /// Ready nodes of the group that is checked on.
    async fn its_nodes(&self) -> Result<Vec<Node>, String> {
        let mut nodes = self.state().await?.nodes;
        nodes.retain(|node| node.group == self.ground.spec.name && node.ready);
        Ok(nodes)
    }
}

/// A node that joins is what its group says, and open to pods.
fn expect_of(spec: &GroupSpec, node: &Node) -> Kept {
    expect(!node.unschedulable, || "it joined cordoned".to_owned())?;
    expect_same("zone", &node.zone, &spec.zone)?;
    expect_same("kind", &node.kind, &spec.kind)?;
    expect(spec.instance_types.contains(&node.instance_type), || format!("type {}", node.instance_type))?;
    for taint in &spec.taints {
        expect(node.taints.contains(taint), || format!("lacks {taint:?}"))?;
    }
    let known = [
        (LABEL_ZONE, spec.zone.as_str()),
        (LABEL_CAPACITY_TYPE, spec.kind.label()),
        (LABEL_INSTANCE_TYPE, &node.instance_type),
        (LABEL_NODE_GROUP, &spec.name),
    ];
    let own = spec.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    for (key, value) in known.into_iter().chain(own) {
        expect_same(key, &node.labels.get(key).map(String::as_str), &Some(value))?;
    }
    expect(node.labels.contains_key(LABEL_HOSTNAME), || "it has no host name".to_owned())?;
    expect(0 < node.allocatable.cpu_milli && 0 < node.allocatable.pods, || format!("{:?}", node.allocatable))
}
