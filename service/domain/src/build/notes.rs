//! What a person should know about a problem: what was raised, left out or not priced.

use super::capacity::Axes;
use super::classes::Class;
use super::pods::{Kin, Pods};
use super::sites::Sites;
use super::spot;
use super::templates::{Learnt, TEMPLATES_MAX};
use crate::check::{Violation, check};
use crate::finding::{Finding, Severity};
use crate::fleet::Node;
use crate::policy::Policy;
use crate::problem::{NodeIndex, Problem};
use crate::solution::Bin;

/// Most findings about rules that the fleet breaks as it is.
const PRESENT_VIOLATIONS_MAX: usize = 20;

/// Raises what a node holds to what its residents take, where that is more, and says so.
pub(super) fn overcommitted(
    classes: &[Class],
    kins: &[Kin],
    pods: &Pods<'_>,
    axes: &Axes,
    free: &mut [Vec<i64>],
    findings: &mut Vec<Finding>,
) {
    let mut taken = vec![vec![0_i64; axes.names.len()]; pods.state.nodes.len()];
    for class in classes {
        let request = axes.request(&kins[class.kin]);
        for node in class.pods.iter().filter_map(|pod| pods.node_of[*pod]) {
            taken[node].iter_mut().zip(&request).for_each(|(sum, ask)| *sum = sum.saturating_add(*ask));
        }
    }
    for (node, taken) in taken.iter().enumerate() {
        for ((name, sum), room) in axes.names.iter().zip(taken).zip(&mut free[node]) {
            if *room < *sum {
                let message = format!(
                    "its pods take {sum} of {name}, of which {room} are left for them; it is planned as if it had enough"
                );
                let subject = format!("node/{}", pods.state.nodes[node].name);
                findings.push(Finding::new(Severity::Warning, "OVERCOMMITTED", subject, message));
                *room = *sum;
            }
        }
    }
}

/// Names of running nodes without a price, each with a finding.
pub(super) fn unpriced(sites: &Sites<'_>, nodes: &[Node], findings: &mut Vec<Finding>) -> Vec<String> {
    let unpriced = nodes.iter().enumerate().filter(|(site, _)| sites.all[*site].price.is_none());
    let names: Vec<String> = unpriced.map(|(_, node)| node.name.clone()).collect();
    for name in &names {
        let message = "no price is known for the node's type and kind: it counts as free, and stays";
        findings.push(Finding::new(Severity::Warning, "PRICE_UNKNOWN", format!("node/{name}"), message));
    }
    names
}

/// The rest, once the problem is complete.
pub(super) fn about(
    problem: &Problem,
    pods: &Pods<'_>,
    policy: &Policy,
    learnt: &Learnt,
    findings: &mut Vec<Finding>,
) {
    findings.extend(preferences(pods));
    findings.extend(spot::unknown_names(policy, pods).into_iter().map(|name| {
        let message = "the policy's spot_ok names a workload that the cluster does not have";
        Finding::new(Severity::Advice, "SPOT_OK_UNKNOWN", format!("workload/{name}"), message)
    }));
    if TEMPLATES_MAX < learnt.templates.len() {
        let message = format!(
            "{} node templates were found; new nodes are planned with the first {TEMPLATES_MAX}",
            learnt.templates.len()
        );
        findings.push(Finding::new(Severity::Warning, "TEMPLATES_LEFT_OUT", "", message));
    }
    findings.extend(present_violations(problem));
}

fn preferences(pods: &Pods<'_>) -> Option<Finding> {
    let prefers = |pod: &&usize| {
        let scheduling = &pods.pod(**pod).scheduling;
        !scheduling.preferred_node_terms.is_empty()
            || !scheduling.preferred_pod_terms.is_empty()
            || scheduling.spreads.iter().any(|spread| !spread.required)
    };
    let count = pods.placed.iter().filter(prefers).count();
    let message = format!(
        "{count} pods have preferences (preferred affinity, ScheduleAnyway spreads): the plan does not price them; \
         the scheduler honours them where it can"
    );
    (0 < count).then(|| Finding::new(Severity::Info, "PREFERENCES_NOT_PRICED", "", message))
}

/// Rules that the fleet breaks as it runs, so that pods move for another reason than money.
fn present_violations(problem: &Problem) -> Vec<Finding> {
    let bin = |(index, node): (NodeIndex, &crate::problem::ExistingNode)| Bin {
        offering: node.offering,
        node: Some(index),
        group: None,
        placed: node.residents.clone(),
    };
    let bins: Vec<Bin> = (0..).zip(&problem.nodes).map(bin).collect();
    if bins.is_empty() {
        return Vec::new();
    }
    let mut broken = check(problem, &bins, &[]);
    broken.retain(|violation| !matches!(violation, Violation::Count { .. }));
    let finding = |violation: &Violation| {
        let message = format!("the fleet as it runs breaks a rule, which a plan mends: {violation}");
        Finding::new(Severity::Info, "PRESENT_FLEET_BREAKS_RULE", "", message)
    };
    broken.iter().take(PRESENT_VIOLATIONS_MAX).map(finding).collect()
}
