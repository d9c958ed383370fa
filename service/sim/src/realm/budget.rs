//! Disruption budgets: what they allow now, and whether one was broken.

use plimsoll_domain::workload::DisruptionBudget;

use crate::common::Common;
use crate::tally::{Cause, remember};

use super::Realm;
use super::pod::Phase;

/// A budget, in the order of the cluster's.
pub(super) struct Budget {
    /// `namespace/name`.
    pub key: String,
    /// Disruptions that it allows with every pod healthy.
    allowed: i64,
    /// Pods that it had when the cluster was loaded, those that were leaving aside.
    expected: i64,
    /// Whether fewer are healthy than it demands.
    broken: bool,
}

impl Budget {
    pub fn new(of: &DisruptionBudget) -> Self {
        let key = format!("{}/{}", of.namespace, of.name);
        Self { key, allowed: of.allowed.into(), expected: 0, broken: false }
    }

    /// Disruptions that it allows while so many of its pods are healthy; below zero if it is broken.
    ///
    /// A pod that leaves and the one that comes for it are one disruption: like the disruption controller, this counts
    /// the healthy against those that there should be, and not the others.
    pub fn room(&self, healthy: i64) -> i64 {
        self.allowed.saturating_sub(self.expected.saturating_sub(healthy))
    }
}

impl Realm {
    /// Learns how many pods each budget has. One that is broken now was not broken here.
    pub(super) fn found_budgets(&mut self) {
        for life in self.pods.values().filter(|life| life.phase != Phase::Terminating) {
            for budget in &life.budgets {
                self.budgets[*budget].expected += 1;
            }
        }
        self.excuse_budgets();
    }

    /// So many more pods are there to be for the budgets of one; fewer if negative.
    pub(super) fn expect_of_budgets(&mut self, pod: &str, more: i64) {
        for budget in self.pods.get(pod).map(|life| life.budgets.as_slice()).unwrap_or_default() {
            self.budgets[*budget].expected += more;
        }
    }

    /// What is broken now was not broken by anybody.
    pub(super) fn excuse_budgets(&mut self) {
        for (budget, healthy) in self.healthy().into_iter().enumerate() {
            let budget = &mut self.budgets[budget];
            budget.broken = budget.room(healthy) < 0;
        }
    }

    /// Counts each time that a budget comes to be broken.
    pub(super) fn watch_budgets(&mut self, common: &mut Common) {
        for (budget, healthy) in self.healthy().into_iter().enumerate() {
            let budget = &mut self.budgets[budget];
            let broken = budget.room(healthy) < 0;
            if broken && !budget.broken {
                common.note(&self.id, format_args!("budget {}: broken, {healthy} pods healthy", budget.key));
                let violations = match self.blame {
                    Cause::Order => &mut self.tally.budget_violations,
                    Cause::Reclaim | Cause::Others => &mut self.tally.budget_violations_by_others,
                };
                remember(violations, budget.key.clone());
            }
            budget.broken = broken;
        }
    }

    /// Disruptions that a budget allows now.
    pub(super) fn room(&self, budget: usize) -> i64 {
        let its = self.pods.values().filter(|life| life.budgets.contains(&budget) && self.is_healthy(life));
        self.budgets[budget].room(i64::try_from(its.count()).unwrap_or(i64::MAX))
    }

    /// Healthy pods, by budget.
    fn healthy(&self) -> Vec<i64> {
        let mut healthy = vec![0; self.budgets.len()];
        let lives = self.pods.values().filter(|life| !life.budgets.is_empty() && self.is_healthy(life));
        for budget in lives.flat_map(|life| &life.budgets) {
            healthy[*budget] += 1;
        }
        healthy
    }
}
