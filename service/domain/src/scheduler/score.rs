//! The scores of kube-scheduler and their default weights.

use super::class::Spread;
use super::facts::{CPU, MEMORY};
use super::filter::Cycle;
use super::{Release, Settings, Strategy};

/// Best score of a plugin. Source: kube-scheduler, framework.MaxNodeScore.
const SCORE_MAX: i64 = 100;
/// Default weights. Source: kube-scheduler `apis/config/v1/default_plugins.go`.
const WEIGHT_TAINTS: i64 = 3;
const WEIGHT_NODE_AFFINITY: i64 = 2;
const WEIGHT_SPREAD: i64 = 2;
const WEIGHT_POD_AFFINITY: i64 = 2;
const WEIGHT_FIT: i64 = 1;
const WEIGHT_BALANCE: i64 = 1;

/// The total of each of `nodes`, all of which the filters accept, in their order.
pub(super) fn totals(cycle: &Cycle<'_>, nodes: &[usize], settings: &Settings) -> Vec<i64> {
    let site = cycle.site;
    let mut totals = vec![0; nodes.len()];
    let mut add = |weight: i64, scores: Vec<i64>| {
        for (total, score) in totals.iter_mut().zip(scores) {
            *total += weight * score;
        }
    };
    add(WEIGHT_TAINTS, fewest(nodes.iter().map(|node| site.soft_taints[*node]).collect()));
    add(WEIGHT_NODE_AFFINITY, most(nodes.iter().map(|node| site.preference[*node]).collect()));
    add(WEIGHT_SPREAD, spread(cycle, nodes));
    add(WEIGHT_POD_AFFINITY, pod_affinity(cycle, nodes));
    add(WEIGHT_FIT, nodes.iter().map(|node| fit(cycle, *node, settings.strategy)).collect());
    add(WEIGHT_BALANCE, nodes.iter().map(|node| balance(cycle, *node, settings.release)).collect());
    totals
}

/// Scales to 0..=100, more is better. All zero stays zero.
fn most(mut scores: Vec<i64>) -> Vec<i64> {
    let highest = scores.iter().copied().max().unwrap_or(0);
    if highest != 0 {
        for score in &mut scores {
            *score = SCORE_MAX.saturating_mul(*score) / highest;
        }
    }
    scores
}

/// Scales to 0..=100, fewer is better. All zero is 100.
fn fewest(scores: Vec<i64>) -> Vec<i64> {
    let mut scores = most(scores);
    for score in &mut scores {
        *score = SCORE_MAX - *score;
    }
    scores
}

/// Scales to 0..=100 between the lowest and the highest. All equal is 0.
fn between(scores: &[i64]) -> Vec<i64> {
    let highest = scores.iter().copied().max().unwrap_or(0);
    let lowest = scores.iter().copied().min().unwrap_or(0);
    let range = highest.saturating_sub(lowest);
    if range <= 0 {
        return vec![0; scores.len()];
    }
    let share = |score: &i64| score.saturating_sub(lowest) as f64 / range as f64;
    scores.iter().map(|score| (SCORE_MAX as f64 * share(score)) as i64).collect()
}

/// PodTopologySpread: counts over domains, the fewer the better. None: the node lacks a key.
fn spread(cycle: &Cycle<'_>, nodes: &[usize]) -> Vec<i64> {
    let spreads = &cycle.class.soft_spreads;
    if spreads.is_empty() {
        return vec![0; nodes.len()];
    }
    let counted = |node: usize| !cycle.class.soft_needs_all_keys || cycle.has_keys(spreads, node);
    let scored: Vec<usize> = nodes.iter().copied().filter(|node| counted(*node)).collect();
    let mut raw = vec![0.0; cycle.state.nodes.len()];
    for constraint in spreads {
        add_spread(cycle, constraint, &scored, &counted, &mut raw);
    }
    let raw: Vec<Option<i64>> =
        nodes.iter().map(|node| counted(*node).then(|| raw[*node].round() as i64)).collect();
    let lowest = raw.iter().flatten().copied().min().unwrap_or(0);
    let highest = raw.iter().flatten().copied().max().unwrap_or(0);
    let normal = |score: i64| match highest {
        0 => SCORE_MAX,
        _ => SCORE_MAX.saturating_mul(highest + lowest - score) / highest,
    };
    raw.into_iter().map(|score| score.map_or(0, normal)).collect()
}

/// Adds what one constraint says to the raw scores of the nodes that are scored.
fn add_spread(
    cycle: &Cycle<'_>,
    constraint: &Spread,
    scored: &[usize],
    counted: &impl Fn(usize) -> bool,
    raw: &mut [f64],
) {
    let topology = &cycle.facts.topologies[constraint.topology];
    let counts = &cycle.state.tallies[constraint.tally];
    let by_node = constraint.topology == cycle.facts.hostname;
    let mut domains: Vec<_> = scored.iter().map(|node| topology.domain(*node)).collect();
    domains.sort_unstable();
    domains.dedup();
    let size = if by_node { scored.len() } else { domains.len() };
    let weight = ((size + 2) as f64).ln();
    let included = |node| counted(node) && cycle.included(constraint, node);
    let sums = if by_node { Vec::new() } else { topology.sums(counts, included) };
    for node in scored {
        let Some(domain) = topology.domain(*node) else { continue };
        let count = if by_node { counts[*node] } else { sums[domain].unwrap_or(0) };
        raw[*node] += count as f64 * weight + (constraint.max_skew - 1) as f64;
    }
}

/// InterPodAffinity: weights of wishes, the pod's own and those of others that speak of it.
fn pod_affinity(cycle: &Cycle<'_>, nodes: &[usize]) -> Vec<i64> {
    let class = cycle.class;
    let own = class.preferred.iter().copied();
    let terms = own.chain(class.pulled_by.iter().map(|term| (1, *term)));
    let mut scores = vec![0_i64; nodes.len()];
    for (weight, term) in terms {
        let topology = &cycle.facts.topologies[term.topology];
        let present = |node: usize| cycle.state.nodes[node].present;
        let sums = topology.sums(&cycle.state.tallies[term.tally], present);
        for (score, node) in scores.iter_mut().zip(nodes) {
            let sum = topology.domain(*node).and_then(|domain| sums[domain]).unwrap_or(0);
            *score = score.saturating_add(sum.saturating_mul(weight));
        }
    }
    between(&scores)
}

/// NodeResourcesFit over CPU and memory, with what is assumed of containers that ask for nothing.
fn fit(cycle: &Cycle<'_>, node: usize, strategy: Strategy) -> i64 {
    let load = &cycle.state.nodes[node];
    let mut sum = 0;
    let mut weights = 0;
    for resource in [CPU, MEMORY] {
        let allocatable = cycle.facts.nodes[node].allocatable[resource];
        if allocatable <= 0 {
            continue;
        }
        let requested = load.scored[resource].saturating_add(cycle.class.key.scored_pending[resource]);
        let share = match strategy {
            Strategy::LeastAllocated => allocatable - requested.min(allocatable),
            Strategy::MostAllocated => requested.min(allocatable),
        };
        sum += i128::from(share) * i128::from(SCORE_MAX) / i128::from(allocatable);
        weights += 1;
    }
    if weights == 0 { 0 } else { i64::try_from(sum / weights).unwrap_or(SCORE_MAX) }
}

/// NodeResourcesBalancedAllocation over CPU and memory, with real requests.
fn balance(cycle: &Cycle<'_>, node: usize, release: Release) -> i64 {
    let requests = &cycle.class.key.requests;
    if requests.cpu_milli == 0 && requests.memory_bytes == 0 {
        return 0;
    }
    // Cut off to whole numbers before they are compared, as the scheduler does.
    let evenness = |more| ((1.0 - imbalance(cycle, node, more)) * SCORE_MAX as f64) as i64;
    let after = evenness([requests.cpu_milli, requests.memory_bytes]);
    match release {
        Release::V1_35 => after,
        Release::V1_36 => SCORE_MAX / 2 + (SCORE_MAX / 2 + after - evenness([0, 0])) / 2,
    }
}

/// Standard deviation of the shares of CPU and memory in use, 0..=0.5.
fn imbalance(cycle: &Cycle<'_>, node: usize, more: [i64; 2]) -> f64 {
    let share = |resource: usize| {
        let allocatable = cycle.facts.nodes[node].allocatable[resource];
        let used = cycle.state.nodes[node].used(resource).saturating_add(more[resource]);
        (0 < allocatable).then(|| (used as f64 / allocatable as f64).min(1.0))
    };
    match (share(CPU), share(MEMORY)) {
        (Some(cpu), Some(memory)) => ((cpu - memory) / 2.0).abs(),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests;
