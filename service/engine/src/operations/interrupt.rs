//! Notices: machines that the cloud will take back, and what is done about them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::fleet::Node;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::offer::{Offer, Unavailable};
use plimsoll_domain::operation::{Kind, Operation, Step, StepRecord};
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::store::{ClusterRecord, OperationFilter, PageRequest, StoreError};
use plimsoll_domain::world::{Cause, Notice, World};
use tokio::sync::watch;
use tracing::{info, warn};

use super::act::Hands;
use super::sequel::UNAVAILABLE_LIFE;
use crate::{Engine, Error, metrics};

/// A notice that is longer lets replacements be ready before pods leave: machines take one to two minutes, and pods
/// their grace period.
const REPLACE_FIRST: SignedDuration = SignedDuration::from_mins(4);
/// Operations that are looked through for one that heeds a notice already.
const RECENT_MAX: u32 = 1_000;

impl Engine {
    /// Acts on the notices that a cluster's machines were given. Those of machines that are taken back become an operation;
    /// while another operation holds the cluster, their pods are brought to safety beside that, which counts the group's
    /// machines itself. Planned work waits for its turn.
    pub(crate) async fn heed_notices(&self, record: &ClusterRecord, world: &World) -> Result<(), Error> {
        let cluster = &record.id;
        let notices = world.cloud.notices(cluster).await.map_err(|error| Error::World(error.to_string()))?;
        metrics::noticed(cluster, notices.len());
        if notices.is_empty() {
            return Ok(());
        }
        let policy = self.store.policy(cluster).await?.policy;
        match self.world_to_change(record, &policy) {
            Err(Error::NotActuator { .. } | Error::Frozen(_)) => return Ok(()),
            may => may?,
        };
        let state = self.state_now(record).await?;
        let (planned, notices) = notices.into_iter().partition(|notice| notice.cause == Cause::Maintenance);
        let fresh = self.unheeded(cluster, notices).await?;
        if fresh.is_empty() {
            return self.heed_planned(record, world, &policy, &state, planned).await;
        }
        let doomed = doomed(&state, &fresh);
        self.avoid(cluster, world, &doomed).await?;
        let steps = self.replacing(record, &doomed, &fresh, world.clock.now()).await?;
        let write = self.own_write("ReplaceInterrupted");
        let machines = fresh.iter().map(|notice| notice.provider_id.clone()).collect();
        let kind = Kind::ReplaceInterrupted { machines };
        let operation = self.drafted(&write, record, world, kind, steps)?;
        match self.store.add_operation(&write, &operation).await {
            Ok(begun) => {
                warn!(operation = %begun.id, %cluster, machines = fresh.len(), "machines are taken back");
                metrics::interrupted(cluster, fresh.len());
                self.spawn(begun, world.clone());
                Ok(())
            }
            Err(StoreError::Busy { holder, .. }) => {
                self.rescue_beside(cluster, world, &state, &doomed, &holder).await
            }
            Err(why) => Err(why.into()),
        }
    }

    /// Brings pods to safety while somebody else holds the cluster: no size is touched.
    async fn rescue_beside(
        &self,
        cluster: &ClusterId,
        world: &World,
        state: &ClusterState,
        doomed: &[&Node],
        holder: &str,
    ) -> Result<(), Error> {
        let nodes: Vec<String> = doomed.iter().map(|node| node.name.clone()).collect();
        let operation = &crate::imports::fresh_id("o", self.clock.now())?;
        let notes = &watch::Sender::default();
        let (created, staying) = (&[], &[]);
        let hands =
            Hands { world, cluster, operation, created, staying, notes, drain_timeout: Duration::ZERO };
        let gone = hands.rescue(state, &nodes).await.map_err(|why| Error::World(why.to_string()))?;
        if 0 < gone {
            info!(%cluster, holder, pods = gone, "pods leave machines that are taken back, beside an operation");
            metrics::rescued(cluster, gone);
        }
        Ok(())
    }

    /// A cluster's operations, newest first.
    pub(super) async fn recent_operations(&self, cluster: &ClusterId) -> Result<Vec<Operation>, Error> {
        let filter = OperationFilter { cluster: Some(cluster.clone()), ..OperationFilter::default() };
        let page = PageRequest { size: RECENT_MAX, token: String::new() };
        Ok(self.store.operations(&filter, &page).await?.items)
    }

    /// Notices that no operation heeds or heeded.
    async fn unheeded(&self, cluster: &ClusterId, notices: Vec<Notice>) -> Result<Vec<Notice>, Error> {
        let recent = self.recent_operations(cluster).await?;
        let heeded: BTreeSet<&String> = recent
            .iter()
            .filter_map(|operation| match &operation.kind {
                Kind::ReplaceInterrupted { machines } => Some(machines),
                _ => None,
            })
            .flatten()
            .collect();
        Ok(notices.into_iter().filter(|notice| !heeded.contains(&notice.provider_id)).collect())
    }

    /// What is taken back is not to be had for a while: written down once for each, with a line in the audit log.
    async fn avoid(&self, cluster: &ClusterId, world: &World, doomed: &[&Node]) -> Result<(), Error> {
        let now = world.clock.now();
        let known = self.store.unavailable(cluster, now).await?;
        let until = now.saturating_add(UNAVAILABLE_LIFE).unwrap_or(Timestamp::MAX);
        let offers: BTreeSet<Offer> = doomed
            .iter()
            .map(|node| Offer {
                instance_type: node.instance_type.clone(),
                zone: node.zone.clone(),
                kind: node.kind,
            })
            .filter(|offer| !known.iter().any(|one| one.offer == *offer))
            .collect();
        if offers.is_empty() {
            return Ok(());
        }
        let refused: Vec<Unavailable> =
            offers.into_iter().map(|offer| Unavailable { offer, until }).collect();
        Ok(self.store.put_unavailable(&self.own_write("NoteInterruption"), cluster, &refused).await?)
    }

    /// Machines are ordered first, and waited for where the notice leaves time for it; then pods leave.
    async fn replacing(
        &self,
        record: &ClusterRecord,
        doomed: &[&Node],
        notices: &[Notice],
        now: Timestamp,
    ) -> Result<Vec<StepRecord>, Error> {
        let mut by_group: BTreeMap<&str, u32> = BTreeMap::new();
        for node in doomed.iter().filter(|node| !node.group.is_empty()) {
            *by_group.entry(&node.group).or_default() += 1;
        }
        let soonest = notices.iter().map(|notice| notice.reclaim_time).min().unwrap_or(now);
        let has_time = REPLACE_FIRST <= soonest.duration_since(now);
        let (mut orders, mut waits, mut refills) = (Vec::new(), Vec::new(), Vec::new());
        for (group, count) in by_group {
            let Some(status) = self.group_status(record, group).await? else { continue };
            let (group, from) = (group.to_owned(), status.desired_count);
            let to = from.saturating_add(count);
            orders.push(Step::Order { group: group.clone(), from, to });
            if has_time {
                waits.push(Step::Refill { group: group.clone(), to, may_have_more: false });
            }
            refills.push(Step::Refill { group, to: from, may_have_more: false });
        }
        let nodes = doomed.iter().map(|node| node.name.clone()).collect();
        let steps = orders.into_iter().chain(waits).chain([Step::Evacuate { nodes }]).chain(refills);
        Ok(steps.map(StepRecord::new).collect())
    }
}

/// The nodes of machines that are taken back.
fn doomed<'s>(state: &'s ClusterState, notices: &[Notice]) -> Vec<&'s Node> {
    let is_noticed = |node: &&Node| notices.iter().any(|notice| notice.provider_id == node.provider_id);
    state.nodes.iter().filter(is_noticed).collect()
}
