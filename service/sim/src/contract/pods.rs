//! Promises of [`plimsoll_domain::world::Cluster`].

use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::workload::Pod;
use plimsoll_domain::world::{ClusterError, Cordon, Eviction};

use super::{Kept, Visit, expect, expect_same};

const STRANGE_CLUSTER: &str = "not-there";
const STRANGE_NODE: &str = "not-there.ec2.internal";
const STRANGE_POD: &str = "not/there";

impl Visit<'_> {
    pub(super) async fn strange_cluster(&self) -> Kept {
        let cluster = &self.world.cluster;
        let strange = ClusterId::try_from(STRANGE_CLUSTER.to_owned()).map_err(|error| error.to_string())?;
        let found = [
            ("state", cluster.state(&strange).await.err()),
            ("set_cordon", cluster.set_cordon(&strange, STRANGE_NODE, Cordon::Final).await.err()),
            ("evict", cluster.evict(&strange, STRANGE_POD, STRANGE_NODE).await.err()),
        ];
        for (what, error) in found {
            expect(matches!(error, Some(ClusterError::NotFound(_))), || format!("{what}: {error:?}"))?;
        }
        let group = self.world.cloud.group(&strange, "any").await;
        expect_same("group", &group, &Ok(None))?;
        expect_same("groups", &self.world.cloud.groups(&strange).await, &Ok(Vec::new()))
    }

    pub(super) async fn cordoned(&self) -> Kept {
        let (cluster, id) = (&self.world.cluster, &self.ground.cluster);
        let node = place_of(&self.state().await?, &self.ground.movable)?;
        let all = [Cordon::Passing, Cordon::Final, Cordon::Final, Cordon::Lifted, Cordon::Lifted];
        for cordon in all {
            expect_same("answer", &cluster.set_cordon(id, &node, cordon).await, &Ok(()))?;
            let nodes = self.state().await?.nodes;
            let is = nodes.iter().find(|other| other.name == node).map(|node| node.unschedulable);
            expect_same("unschedulable", &is, &Some(cordon != Cordon::Lifted))?;
        }
        expect_same("node gone", &cluster.set_cordon(id, STRANGE_NODE, Cordon::Final).await, &Ok(()))
    }

    pub(super) async fn evicted(&self) -> Kept {
        let (key, before) = (&self.ground.movable, self.state().await?);
        let node = place_of(&before, key)?;
        let elsewhere = before.nodes.iter().find(|other| other.name != node);
        let elsewhere = elsewhere.map_or(STRANGE_NODE, |node| &node.name);
        expect_same("elsewhere", &self.evict(key, elsewhere).await?, &Eviction::Gone)?;
        expect_same("no such pod", &self.evict(STRANGE_POD, &node).await?, &Eviction::Gone)?;
        expect_same("first", &self.evict(key, &node).await?, &Eviction::Accepted)?;
        let second = self.evict(key, &node).await?;
        expect(matches!(second, Eviction::Accepted | Eviction::Gone), || format!("second: {second:?}"))?;
        let siblings = siblings(&before, key)?;
        self.until("it is gone, and its workload whole again", async || {
            let state = self.state().await?;
            let gone = !state.pods.iter().any(|pod| pod.key() == *key);
            let lives = |pod: &&Pod| !pod.terminating && pod.node.is_some();
            let now = state.pods.iter().filter(|pod| pod.owner == siblings[0].owner).filter(lives).count();
            Ok(gone && now == siblings.len())
        })
        .await?;
        expect_same("third", &self.evict(key, &node).await?, &Eviction::Gone)
    }

    pub(super) async fn guarded(&self) -> Kept {
        let key = &self.ground.guarded;
        let node = place_of(&self.state().await?, key)?;
        for what in ["first", "second"] {
            let blocked = self.evict(key, &node).await?;
            expect(matches!(blocked, Eviction::Blocked(_)), || format!("{what}: {blocked:?}"))?;
        }
        let state = self.state().await?;
        let stays = state.pods.iter().any(|pod| pod.key() == *key && !pod.terminating);
        expect(stays && place_of(&state, key)? == node, || "it does not run there any more".to_owned())
    }

    async fn evict(&self, pod: &str, node: &str) -> Result<Eviction, String> {
        let eviction = self.world.cluster.evict(&self.ground.cluster, pod, node).await;
        eviction.map_err(|error| format!("evict {pod}: {error}"))
    }
}

fn place_of(state: &ClusterState, key: &str) -> Result<String, String> {
    let pod = state.pods.iter().find(|pod| pod.key() == key);
    pod.and_then(|pod| pod.node.clone()).ok_or_else(|| format!("{key} does not run"))
}

/// The pods of the workload of a pod, itself among them.
fn siblings(state: &ClusterState, key: &str) -> Result<Vec<Pod>, String> {
    let pod = state.pods.iter().find(|pod| pod.key() == key).ok_or_else(|| format!("{key} is not there"))?;
    let same = |other: &&Pod| other.owner.is_some() && other.owner == pod.owner && !other.terminating;
    let siblings: Vec<Pod> = state.pods.iter().filter(same).cloned().collect();
    if siblings.is_empty() { Err(format!("{key} has no owner")) } else { Ok(siblings) }
}
