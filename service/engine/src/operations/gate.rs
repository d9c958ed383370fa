//! When an operation may go on: maintenance windows and disruption budgets of its cluster's policy.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use plimsoll_domain::estate::Part;
use plimsoll_domain::operation::{Kind, Operation, Step};
use plimsoll_domain::policy::{Budget, Policy};
use plimsoll_domain::store::{Store, StoreError};

use crate::schedule::{Turn, closed_until, turn};

/// Why an operation waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Until when, at least.
    pub until: Timestamp,
    /// For people.
    pub why: String,
}

/// Lets operations go on, or not yet. Asked before each step, and again while it is closed.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Whether a step may begin `now`; none: it may.
    async fn closed(
        &self,
        operation: &Operation,
        step: &Step,
        now: Timestamp,
    ) -> Result<Option<Closed>, StoreError>;
}

/// Lets everything go on.
pub struct Open;

#[async_trait]
impl Gate for Open {
    async fn closed(&self, _: &Operation, _: &Step, _: Timestamp) -> Result<Option<Closed>, StoreError> {
        Ok(None)
    }
}

/// Asks the policy of the operation's cluster, as it is by then.
pub struct ByPolicy(pub Arc<dyn Store>);

#[async_trait]
impl Gate for ByPolicy {
    async fn closed(
        &self,
        operation: &Operation,
        step: &Step,
        now: Timestamp,
    ) -> Result<Option<Closed>, StoreError> {
        let can_wait = match operation.kind {
            Kind::ApplyPlan { .. } => true,
            // Whoever asks for nodes has pods that wait for them.
            Kind::ResizeNodeGroup { from, to, .. } => to < from,
            // The cloud does not wait.
            Kind::ReplaceInterrupted { .. } => false,
            // Nobody is served there yet.
            Kind::CreateCluster => false,
            Kind::ReplaceMachine { .. } | Kind::UpgradeCluster { .. } | Kind::DeleteCluster => true,
        };
        if !can_wait {
            return Ok(None);
        }
        let policy = self.0.policy(&operation.cluster).await?.policy;
        Ok(outside(&policy, now).or_else(|| disrupts(step).then(|| forbidden(&policy, now)).flatten()))
    }
}

/// Whether all maintenance windows of a policy are closed.
pub fn outside(policy: &Policy, now: Timestamp) -> Option<Closed> {
    let until = closed_until(&policy.maintenance_windows, now)?;
    Some(Closed { until, why: format!("waits for the maintenance window that opens at {until}") })
}

/// Whether pods have to leave.
fn disrupts(step: &Step) -> bool {
    matches!(
        step,
        Step::Migrate { .. }
            | Step::Remove { .. }
            | Step::Upgrade { part: Part::Machines(_) }
            | Step::Dismantle { .. }
    )
}

/// Whether a budget that is in force lets no node be drained. Nodes are drained one after the other, so that a budget of
/// one or more is kept by itself.
fn forbidden(policy: &Policy, now: Timestamp) -> Option<Closed> {
    let until = |budget: &Budget| match &budget.window {
        _ if budget.allows_one() => None,
        None => Some(Timestamp::MAX),
        Some(window) => match turn(window, now) {
            Turn::Open(end) => Some(end),
            Turn::Closed(_) => None,
        },
    };
    let until = policy.disruption_budgets.iter().filter_map(until).max()?;
    Some(Closed { until, why: format!("a disruption budget of no nodes is in force until {until}") })
}

#[cfg(test)]
mod tests {
    use plimsoll_domain::policy::Window;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_budget_of_none_forbids_while_it_is_in_force_and_others_do_not() {
        let office = Window { cron: "0 9 * * 1-5".into(), duration_minutes: 8 * 60 };
        let none = Budget { nodes_max: Some(0), nodes_max_ratio: None, window: Some(office) };
        let policy = Policy { disruption_budgets: vec![Budget::default(), none], ..Policy::default() };
        let until = |now: &str| forbidden(&policy, at(now)).map(|closed| closed.until);
        assert_eq!(until("2026-07-21T08:59:00Z"), None);
        assert_eq!(until("2026-07-21T09:00:00Z"), Some(at("2026-07-21T17:00:00Z")));
        assert_eq!(until("2026-07-25T12:00:00Z"), None, "on Saturday");
        assert_eq!(forbidden(&Policy::default(), at("2026-07-21T12:00:00Z")), None);
    }
}
