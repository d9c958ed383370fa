//! The policy's rules over the fleet, in integers, and where the cluster forces them open.

use std::collections::BTreeSet;

use super::terms::{MILLION, Terms};
use crate::finding::{Finding, Severity};
use crate::fleet::CapacityKind;
use crate::policy::{Policy, Preset};
use crate::problem::{Demand, Problem, Rules};

/// Permille that are added to a spot share which is raised, so that nodes need not fit to the core.
const SPOT_SLACK_PERMILLE: u32 = 50;

/// Rules for a problem that is complete but for them. `pinned`: running pods that stay where they are.
pub(super) fn of(
    problem: &Problem,
    policy: &Policy,
    terms: &Terms,
    pinned: u64,
    findings: &mut Vec<Finding>,
) -> Rules {
    if policy.preset == Preset::None {
        return Rules::default();
    }
    let residents: u64 =
        problem.nodes.iter().flat_map(|node| &node.residents).map(|entry| u64::from(entry.count)).sum();
    let movable = i128::from(residents.saturating_sub(pinned));
    let moved = movable * i128::from(terms.moved) / i128::from(MILLION);
    Rules {
        spot_share_max_permille: spot_share(problem, terms, findings),
        zone_share_max_permille: terms.zone_share_permille,
        on_demand_base_count: on_demand_base(problem, policy, findings),
        nodes_max: raised("nodes_max", policy.nodes_max, kept(problem), findings),
        groups_max: raised("node_groups_max", policy.node_groups_max, kept_groups(problem), findings),
        nodes_per_group_max: policy.nodes_per_group_max,
        types_per_spot_group_min: policy.types_per_spot_group_min,
        moved_pods_max: Some(u32::try_from(moved).unwrap_or(u32::MAX)),
    }
}

/// The policy's share, or what pods that can run on spot only take of all CPU, if that is more.
fn spot_share(problem: &Problem, terms: &Terms, findings: &mut Vec<Finding>) -> u32 {
    let cpu = |demand: &Demand| i128::from(demand.request[0]) * i128::from(demand.count);
    let is_spot = |offering: &u32| problem.offerings[*offering as usize].kind == CapacityKind::Spot;
    let only_spot = |demand: &&Demand| !demand.offerings.is_empty() && demand.offerings.iter().all(is_spot);
    let forced: i128 = problem.demands.iter().filter(only_spot).map(cpu).sum();
    let all: i128 = problem.demands.iter().map(cpu).sum();
    let needed = u32::try_from((forced * 1000 + all - 1).div_euclid(all.max(1))).unwrap_or(1000).min(1000);
    if needed <= terms.spot_share_permille {
        return terms.spot_share_permille;
    }
    let share = (needed + SPOT_SLACK_PERMILLE).min(1000);
    let message = format!(
        "pods that select spot take {needed} permille of all requested CPU; the policy allows {}, so {share} are \
         planned with",
        terms.spot_share_permille
    );
    findings.push(Finding::new(
        Severity::Warning,
        "SPOT_SHARE_RAISED",
        "policy/spot_share_max_ratio",
        message,
    ));
    share
}

fn on_demand_base(problem: &Problem, policy: &Policy, findings: &mut Vec<Finding>) -> u32 {
    let is_on_demand = |offering: &u32| problem.offerings[*offering as usize].kind == CapacityKind::OnDemand;
    let usable = problem.demands.iter().any(|demand| demand.offerings.iter().any(is_on_demand));
    if usable || policy.on_demand_base_count == 0 {
        return policy.on_demand_base_count;
    }
    let message = "no pod may run on demand, so no on-demand nodes are kept as a base";
    findings.push(Finding::new(
        Severity::Warning,
        "NO_ON_DEMAND_BASE",
        "policy/on_demand_base_count",
        message,
    ));
    0
}

fn kept(problem: &Problem) -> usize {
    problem.nodes.iter().filter(|node| node.kept).count()
}

fn kept_groups(problem: &Problem) -> usize {
    let kept = problem.nodes.iter().filter(|node| node.kept && !node.group.is_empty());
    kept.map(|node| &node.group).collect::<BTreeSet<_>>().len()
}

/// A limit, or what cannot be removed if that is more; 0 stays no limit.
fn raised(field: &str, limit: u32, kept: usize, findings: &mut Vec<Finding>) -> u32 {
    let kept = u32::try_from(kept).unwrap_or(u32::MAX);
    if limit == 0 || kept <= limit {
        return limit;
    }
    let message =
        format!("{kept} cannot be removed, more than the {limit} of the policy; {kept} are planned with");
    findings.push(Finding::new(Severity::Warning, "LIMIT_RAISED", format!("policy/{field}"), message));
    kept
}
