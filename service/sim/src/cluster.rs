//! The world as Kubernetes' API server.

use async_trait::async_trait;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::world::{Cluster, ClusterError, Cordon, Eviction, Metrics, PodUse};

use crate::Sim;
use crate::act::Act;
use crate::fault::Call;
use crate::universe::unknown;

#[async_trait]
impl Cluster for Sim {
    async fn state(&self, cluster: &ClusterId) -> Result<ClusterState, ClusterError> {
        self.at_now(|universe| {
            universe.admit(Call::State)?;
            let realm = universe.realms.get(cluster).ok_or_else(|| unknown(cluster))?;
            let state = realm.state();
            universe.common.faults.after(Call::State)?;
            Ok(state)
        })
    }

    async fn left_on(&self, cluster: &ClusterId, node: &str) -> Result<Vec<String>, ClusterError> {
        self.at_now(|universe| {
            universe.admit(Call::LeftOn)?;
            let realm = universe.realms.get(cluster).ok_or_else(|| unknown(cluster))?;
            let left = realm.left_on(node);
            universe.common.faults.after(Call::LeftOn)?;
            Ok(left)
        })
    }

    async fn set_cordon(&self, cluster: &ClusterId, node: &str, cordon: Cordon) -> Result<(), ClusterError> {
        let cordoned = cordon != Cordon::Lifted;
        self.at_now(|universe| {
            universe.admit(Call::SetCordon)?;
            universe.cordon(cluster, node, cordoned)?;
            let act = Act::Cordon { cluster: cluster.clone(), node: node.to_owned(), cordoned };
            universe.record(act)?;
            Ok(universe.common.faults.after(Call::SetCordon)?)
        })
    }

    async fn evict(&self, cluster: &ClusterId, pod: &str, node: &str) -> Result<Eviction, ClusterError> {
        self.at_now(|universe| {
            universe.admit(Call::Evict)?;
            let eviction = universe.evict(cluster, pod, node)?;
            if eviction == Eviction::Accepted {
                let (pod, node) = (pod.to_owned(), node.to_owned());
                universe.record(Act::Evict { cluster: cluster.clone(), pod, node })?;
            }
            universe.common.faults.after(Call::Evict)?;
            Ok(eviction)
        })
    }
}

#[async_trait]
impl Metrics for Sim {
    async fn usage(&self, cluster: &ClusterId) -> Result<Vec<PodUse>, ClusterError> {
        self.at_now(|universe| {
            universe.admit(Call::Usage)?;
            let realm = universe.realms.get(cluster).ok_or_else(|| unknown(cluster))?;
            let usage = realm.usage(universe.common.now);
            universe.common.faults.after(Call::Usage)?;
            Ok(usage)
        })
    }
}
