//! PodDisruptionBudgets: how many pods may be missing while all of them are healthy.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use plimsoll_domain::workload::{DisruptionBudget, Pod};

use crate::error::{At, Fault};

use super::draft::{BudgetDraft, Draft, Origin};
use super::owner::{Round, share};
use super::{PODS_MAX, labels};

/// What a budget is stated in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// So many must stay.
    MinAvailable(IntOrString),
    /// So many may go.
    MaxUnavailable(IntOrString),
    /// Neither is stated: nothing may go.
    None,
}

impl Limit {
    /// Disruptions that are allowed while all of `pods` are healthy. Percentages round up on either side, as the
    /// disruption controller has it.
    fn allowed(&self, pods: i32) -> Result<i32, Fault> {
        match self {
            Self::MinAvailable(min) => {
                let stay = share(min, pods, Round::Up).at("spec.minAvailable")?;
                Ok(pods.saturating_sub(stay).max(0))
            }
            Self::MaxUnavailable(max) => {
                let go = share(max, pods, Round::Up).at("spec.maxUnavailable")?;
                Ok(go.min(pods))
            }
            Self::None => Ok(0),
        }
    }
}

/// Takes a budget.
pub(super) fn take(from: PodDisruptionBudget, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let spec = from.spec.unwrap_or_default();
    let limit = match (spec.max_unavailable, spec.min_available) {
        (Some(max), _) => Limit::MaxUnavailable(max),
        (None, Some(min)) => Limit::MinAvailable(min),
        (None, None) => Limit::None,
    };
    // What can be resolved over the most pods can be over any.
    limit.allowed(PODS_MAX as i32)?;
    draft.budgets.push(BudgetDraft {
        namespace: from.metadata.namespace.unwrap_or_else(|| "default".to_owned()),
        name: from.metadata.name.ok_or_else(|| Fault::new("missing").at("metadata.name"))?,
        selector: labels::selector(spec.selector).at("spec.selector")?,
        limit,
    });
    Ok(())
}

/// Resolves a budget over all pods, which are sorted by namespace.
pub(super) fn resolve(draft: BudgetDraft, pods: &[Pod]) -> Result<DisruptionBudget, Fault> {
    let first = pods.partition_point(|pod| pod.namespace < draft.namespace);
    let here = pods[first..].iter().take_while(|pod| pod.namespace == draft.namespace);
    let selected = here.filter(|pod| !pod.terminating && draft.selector.matches(&pod.labels)).count();
    let allowed = draft.limit.allowed(i32::try_from(selected).unwrap_or(i32::MAX))?;
    let BudgetDraft { namespace, name, selector, .. } = draft;
    Ok(DisruptionBudget { namespace, name, selector, allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limit: Limit, pods: i32, want: i32) {
        assert_eq!(limit.allowed(pods), Ok(want), "{limit:?} of {pods}");
    }

    #[test]
    fn budgets_allow_what_the_disruption_controller_allows() {
        let number = |n| IntOrString::Int(n);
        let percent = |text: &str| IntOrString::String(text.into());
        check(Limit::MaxUnavailable(number(1)), 3, 1);
        check(Limit::MaxUnavailable(number(1)), 1, 1);
        check(Limit::MaxUnavailable(number(5)), 3, 3);
        check(Limit::MaxUnavailable(number(0)), 3, 0);
        check(Limit::MaxUnavailable(percent("0%")), 3, 0);
        check(Limit::MaxUnavailable(percent("34%")), 3, 2);
        check(Limit::MaxUnavailable(number(1)), 0, 0);
        check(Limit::MinAvailable(number(2)), 20, 18);
        check(Limit::MinAvailable(number(2)), 2, 0);
        check(Limit::MinAvailable(number(5)), 2, 0);
        check(Limit::MinAvailable(percent("60%")), 24, 9);
        check(Limit::MinAvailable(percent("60%")), 36, 14);
        check(Limit::MinAvailable(percent("100%")), 36, 0);
        check(Limit::MinAvailable(percent("50%")), 1, 0);
        check(Limit::None, 9, 0);
    }
}
