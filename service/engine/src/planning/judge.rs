//! The referee's part: what the stock scheduler would make of a plan, and repairs where it would fail.

use std::collections::BTreeMap;

use plimsoll_domain::build::Built;
use plimsoll_domain::check::check;
use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::fleet::Node;
use plimsoll_domain::plan::RefereeReport;
use plimsoll_domain::policy::{ColdStart, Policy};
use plimsoll_domain::problem::Problem;
use plimsoll_domain::scheduler::Settings;
use plimsoll_domain::scheduler::referee::{self, Inputs, Offer};
use plimsoll_domain::snapshot::{ClusterState, Content};
use plimsoll_domain::solution::{Bin, Solution, objective};
use plimsoll_domain::units::HourlyRate;

use super::assign::assign;
use super::compute::Run;
use super::gather::Input;
use super::shape::shape;
use crate::Error;

/// Random arrival orders of the cold start.
const ORDERS: u32 = 20;
/// Rounds of repair; each adds one node, and stands only if it leaves fewer pods behind.
const REPAIRS_MAX: u32 = 8;

/// A judged solution.
pub struct Judged {
    /// The solution, repaired where that was needed.
    pub solution: Solution,
    /// What the referee says of it.
    pub report: Option<RefereeReport>,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

/// Judges a solution and repairs it by the cheapest extra nodes until steering and churn leave nobody behind.
pub fn judge(
    input: &Input,
    policy: &Policy,
    built: &Built,
    solution: Solution,
    run: &Run<'_>,
) -> Result<Judged, Error> {
    let Content::Cluster(state) = &input.snapshot.snapshot.content else {
        return Ok(Judged { solution, report: None, findings: Vec::new() });
    };
    let court = Court::new(state, built, input.seed, run);
    let start = objective(&built.problem, &solution.bins, &solution.groups).cost;
    let mut best = solution;
    let mut report = court.hear(&best);
    let mut findings = Vec::new();
    for _ in 0..REPAIRS_MAX {
        let Some(pod) = first_left_behind(&report, policy) else { break };
        if run.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let Some(repaired) = add_node(&built.problem, &best, &pod) else { break };
        let again = court.hear(&repaired);
        if misery(&report, policy) <= misery(&again, policy) {
            break;
        }
        best = repaired;
        report = again;
    }
    let cost = objective(&built.problem, &best.bins, &best.groups).cost;
    report.repair_cost = HourlyRate::from_nano_usd(cost.minus(start).max(0)).unwrap_or_default();
    if report.repair_cost != HourlyRate::ZERO {
        let message = format!(
            "{} more were needed so that the stock scheduler leaves nobody behind",
            report.repair_cost
        );
        findings.push(Finding::new(Severity::Info, "REPAIRED", "", message));
    }
    findings.extend(left_behind(&report));
    Ok(Judged { solution: best, report: Some(report), findings })
}

/// Pods that the plan leaves behind, and why the scheduler finds no place for them.
fn left_behind(report: &RefereeReport) -> Vec<Finding> {
    let say = |(code, pods): (&str, &Vec<String>)| {
        let first = pods.first()?;
        let why = report.strandings.iter().find(|stranding| stranding.pod == *first);
        let why = why.map(|why| format!(" (after {}: {})", why.event, why.message)).unwrap_or_default();
        let message = format!(
            "{} pods, the first of them {first}{why}: review before this plan is applied",
            pods.len()
        );
        Some(Finding::new(Severity::Warning, code, format!("pod/{first}"), message))
    };
    [("STEERED_PENDING", &report.steered_pending), ("CHURN_STRANDED", &report.churn_stranded)]
        .into_iter()
        .filter_map(say)
        .collect()
}

/// How bad a report is: pods left behind, and those of the worst cold start where the policy buys against it.
fn misery(report: &RefereeReport, policy: &Policy) -> usize {
    let cold = report.cold_pending.last().copied().unwrap_or(0) as usize;
    let bought = if policy.cold_start == ColdStart::Buy { cold } else { 0 };
    report.steered_pending.len() + report.churn_stranded.len() + bought
}

/// The first pod that the plan must not leave behind.
fn first_left_behind(report: &RefereeReport, policy: &Policy) -> Option<String> {
    let cold = (policy.cold_start == ColdStart::Buy).then(|| report.cold_example.clone()).flatten();
    report.steered_pending.first().or(report.churn_stranded.first()).cloned().or(cold)
}

struct Court<'a> {
    state: &'a ClusterState,
    built: &'a Built,
    seed: u64,
    run: &'a Run<'a>,
    runs_on: BTreeMap<String, String>,
    offers: Vec<Offer>,
}

impl<'a> Court<'a> {
    fn new(state: &'a ClusterState, built: &'a Built, seed: u64, run: &'a Run<'a>) -> Self {
        let placed = |pod: &plimsoll_domain::workload::Pod| Some((pod.key(), pod.node.clone()?));
        let runs_on = state.pods.iter().filter_map(placed).collect();
        let offers = offers(built);
        Self { state, built, seed, run, runs_on, offers }
    }

    fn hear(&self, solution: &Solution) -> RefereeReport {
        let problem = &self.built.problem;
        let shape = shape(problem, &self.built.context, &solution.bins, &solution.groups);
        let nodes_after = self.nodes_after(solution, &shape.node_names);
        let assignment = assign(problem, &solution.bins, &shape.node_names, &self.runs_on);
        let stop = || self.run.is_cancelled();
        referee::judge(&Inputs {
            state: self.state,
            nodes_after: &nodes_after,
            assignment: &assignment,
            offers: &self.offers,
            settings: Settings { seed: self.seed, ..Settings::default() },
            orders: ORDERS,
            stop: &stop,
        })
    }

    /// Every node after the plan: the dump's own for those that stay, the template's for new ones. Nodes that
    /// no plan touches (they carry nothing that can be planned) stay, too.
    fn nodes_after(&self, solution: &Solution, names: &[String]) -> Vec<Node> {
        let leaves = |name: &str| {
            let known = self.built.problem.nodes.iter().position(|node| node.name == name);
            known.is_some_and(|index| !solution.bins.iter().any(|bin| bin.node == Some(index as u32)))
        };
        let stay = self.state.nodes.iter().filter(|node| !leaves(&node.name)).cloned();
        let fresh = solution.bins.iter().zip(names).filter(|(bin, _)| bin.node.is_none());
        let fresh = fresh
            .map(|(bin, name)| self.built.context.node(smallest(&self.built.problem, solution, bin), name));
        let mut nodes: Vec<Node> = stay.chain(fresh).collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        nodes
    }
}

/// A node of a mixed group may turn out as any of its types: judge the one with least CPU.
fn smallest(problem: &Problem, solution: &Solution, bin: &Bin) -> u32 {
    let faces = bin
        .group
        .map_or(std::slice::from_ref(&bin.offering), |group| &solution.groups[group as usize].offerings);
    let cpu = |face: &&u32| problem.offerings[**face as usize].capacity.first().copied().unwrap_or(0);
    faces.iter().min_by_key(cpu).copied().unwrap_or(bin.offering)
}

/// One offer per offering that can be bought without limit.
fn offers(built: &Built) -> Vec<Offer> {
    let taken: std::collections::BTreeSet<u32> =
        built.problem.nodes.iter().map(|node| node.offering).collect();
    let offer = |(index, offering): (usize, &plimsoll_domain::problem::Offering)| {
        let index = index as u32;
        let free = offering.quantity_max.is_none() && !taken.contains(&index);
        free.then(|| Offer {
            node: built.context.node(index, &format!("reserve-{index}")),
            price: offering.price,
        })
    };
    built.problem.offerings.iter().enumerate().filter_map(offer).collect()
}

/// The solution with one more, empty node: the cheapest that could carry the pod and keeps every rule.
fn add_node(problem: &Problem, solution: &Solution, pod: &str) -> Option<Solution> {
    let demand = problem.demands.iter().find(|demand| demand.pods.iter().any(|name| name == pod))?;
    let mut candidates: Vec<Bin> = Vec::new();
    for (index, group) in solution.groups.iter().enumerate() {
        let carries = group.offerings.iter().all(|face| demand.offerings.binary_search(face).is_ok());
        if let Some(first) = group.offerings.first().filter(|_| carries) {
            candidates.push(Bin {
                offering: *first,
                node: None,
                group: Some(index as u32),
                placed: Vec::new(),
            });
        }
    }
    let stays: Vec<Option<u32>> = solution.bins.iter().map(|bin| bin.node).collect();
    for (index, node) in problem.nodes.iter().enumerate() {
        let index = index as u32;
        if !node.sealed
            && !stays.contains(&Some(index))
            && demand.offerings.binary_search(&node.offering).is_ok()
        {
            candidates.push(Bin {
                offering: node.offering,
                node: Some(index),
                group: None,
                placed: Vec::new(),
            });
        }
    }
    let with = |bin: Bin| {
        let mut bins = solution.bins.clone();
        bins.push(bin);
        Solution { bins, ..solution.clone() }
    };
    let sound = |solution: &Solution| check(problem, &solution.bins, &solution.groups).is_empty();
    let price = |solution: &Solution| objective(problem, &solution.bins, &solution.groups).total();
    candidates.into_iter().map(with).filter(sound).min_by_key(price)
}
