//! Who stays where it runs, and why.

use super::pods::{Kin, Pods, broken};
use crate::workload::{DisruptionBudget, Pod, VolumeReach};

/// Why a running pod may not be moved, if so. `tied`: what its family demands, or is demanded of it, that
/// a plan cannot express.
pub(super) fn reason(pod: &Pod, budgets: &[&DisruptionBudget], tied: Option<&String>) -> Option<String> {
    if let Some(reason) = &pod.do_not_disrupt {
        return Some(reason.clone());
    }
    if pod.owner.is_none() {
        return Some("no controller would create it again".into());
    }
    if pod.volumes.iter().any(|volume| volume.reach == VolumeReach::Local) {
        return Some("its volume is a disk of its node".into());
    }
    if let Some(reason) = broken(pod) {
        return Some(format!("it could not be scheduled again: {reason}"));
    }
    blocked(budgets).or_else(|| tied.cloned())
}

/// Disruption budgets that select a family of pods.
pub(super) fn budgets_of<'a>(kin: &Kin, pods: &Pods<'a>) -> Vec<&'a DisruptionBudget> {
    let own = pods.state.budgets.iter().filter(|budget| budget.namespace == kin.namespace);
    own.filter(|budget| budget.selector.matches(&kin.labels)).collect()
}

/// Why budgets forbid every eviction, if they do: none is allowed, or several select the pod, which the
/// eviction API refuses.
fn blocked(budgets: &[&DisruptionBudget]) -> Option<String> {
    match budgets {
        [] => None,
        [budget] if 0 < budget.allowed => None,
        [budget] => Some(format!("its disruption budget {} allows no eviction", budget.name)),
        [first, ..] => {
            Some(format!("{} disruption budgets select it, {} among them", budgets.len(), first.name))
        }
    }
}
