//! Planned work on machines: each is replaced before it, in a maintenance window, as a resize would replace it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::operation::{Kind, State, Step, StepRecord};
use plimsoll_domain::policy::Policy;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::store::{ClusterRecord, StoreError};
use plimsoll_domain::world::{Notice, World};
use tracing::info;

use super::gate;
use crate::{Engine, Error};

/// Wait after a replacement that came to nothing. A guess: capacity that is short is short for hours.
const AGAIN: SignedDuration = SignedDuration::from_hours(6);

impl Engine {
    /// Begins to replace the machine whose work is next, if a window is open and nobody holds the cluster; the others have
    /// their turn when that is done. Protected groups are left alone.
    pub(super) async fn heed_planned(
        &self,
        record: &ClusterRecord,
        world: &World,
        policy: &Policy,
        state: &ClusterState,
        notices: Vec<Notice>,
    ) -> Result<(), Error> {
        let now = world.clock.now();
        if notices.is_empty() || gate::outside(policy, now).is_some() {
            return Ok(());
        }
        let settled = self.settled(record, now).await?;
        let next =
            notices.iter().filter(|notice| !settled.contains(&notice.provider_id)).find_map(|notice| {
                let node = state.nodes.iter().find(|node| node.provider_id == notice.provider_id)?;
                let may = !node.group.is_empty() && !policy.protected_groups.contains(&node.group);
                may.then_some((notice, node))
            });
        let Some((notice, node)) = next else { return Ok(()) };
        let Some(status) = self.group_status(record, &node.group).await? else { return Ok(()) };
        let (group, from) = (node.group.clone(), status.desired_count);
        let grow = Step::Grow { group: group.clone(), from, to: from.saturating_add(1) };
        let nodes = vec![node.name.clone()];
        let steps = [grow, Step::Cordon { nodes: nodes.clone() }, Step::Remove { group, nodes }];
        let write = self.own_write("ReplaceMachine");
        let kind = Kind::ReplaceMachine { machine: notice.provider_id.clone() };
        let steps = steps.into_iter().map(StepRecord::new).collect();
        let operation = self.drafted(&write, record, world, kind, steps)?;
        match self.store.add_operation(&write, &operation).await {
            Ok(begun) => {
                let (node, work) = (&node.name, notice.reclaim_time);
                info!(operation = %begun.id, cluster = %record.id, node, %work, "a machine is replaced before planned work");
                self.spawn(begun, world.clone());
                Ok(())
            }
            // There is time.
            Err(StoreError::Busy { .. }) => Ok(()),
            Err(why) => Err(why.into()),
        }
    }

    /// Machines that were replaced, are being replaced, or could not be just now.
    async fn settled(&self, record: &ClusterRecord, now: Timestamp) -> Result<BTreeSet<String>, Error> {
        let recent = self.recent_operations(&record.id).await?;
        let machines = recent.into_iter().filter_map(|operation| match operation.kind {
            Kind::ReplaceMachine { machine } => {
                let is_given_up = matches!(operation.state, State::Failed | State::Cancelled);
                let is_old = AGAIN <= now.duration_since(operation.create_time);
                (!is_given_up || !is_old).then_some(machine)
            }
            _ => None,
        });
        Ok(machines.collect())
    }
}
