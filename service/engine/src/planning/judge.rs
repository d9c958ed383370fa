//! The referee's part: what the stock scheduler would make of a plan, and repairs where it would fail.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::build::Built;
use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::fleet::Node;
use plimsoll_domain::plan::RefereeReport;
use plimsoll_domain::policy::{ColdStart, Policy};
use plimsoll_domain::problem::{Demand, Problem};
use plimsoll_domain::scheduler::Settings;
use plimsoll_domain::scheduler::referee::{self, Inputs, Offer};
use plimsoll_domain::snapshot::{ClusterState, Content};
use plimsoll_domain::solution::{Bin, Solution, objective};
use plimsoll_domain::units::HourlyRate;
use plimsoll_domain::workload::Pod;

use super::assign::assign;
use super::compute::Run;
use super::shape::shape;
use super::{calm, repair};
use crate::Error;

/// Random arrival orders of the cold start.
const ORDERS: u32 = 20;
/// Rounds of repair; each adds one node, and stands only if it leaves fewer pods behind.
const REPAIRS_MAX: u32 = 8;
/// Annotation by which Cluster Autoscaler is told to leave a pod alone, and so are we.
const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";

/// A judged solution.
pub struct Judged {
    /// The solution, repaired where that was needed.
    pub solution: Solution,
    /// What the referee says of it.
    pub report: Option<RefereeReport>,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

/// Judges a solution, and repairs it by extra nodes until steering and churn leave nobody behind. A repaired plan has
/// to be worth it again; and where pods are left behind whom today's fleet serves, today's fleet stays.
pub fn judge(
    content: &Content,
    policy: &Policy,
    built: &Built,
    solution: Solution,
    run: &Run<'_>,
    seed: u64,
) -> Result<Judged, Error> {
    let Content::Cluster(state) = content else {
        return Ok(Judged { solution, report: None, findings: Vec::new() });
    };
    let court = Court::new(state, built, seed, run);
    let cost = |solution: &Solution| objective(&built.problem, &solution.bins, &solution.groups).cost;
    let start = cost(&solution);
    let (mut best, mut report) = court.repair(solution, policy)?;
    let mut findings = Vec::new();
    if start < cost(&best) {
        let (settled, why) = calm::settle(&built.problem, policy, best);
        best = settled;
        if let Some(why) = why {
            findings.push(why);
            report = court.hear(&best);
        }
    }
    if 0 < left_behind_count(&report)
        && let Some(bins) = calm::today(&built.problem)
    {
        let today = Solution { bins, groups: Vec::new(), ..best.clone() };
        let as_is = court.hear(&today);
        if left_behind_count(&as_is) < left_behind_count(&report) {
            findings.push(left_as_it_is(&report));
            best = today;
            report = as_is;
        }
    }
    report.repair_cost = HourlyRate::from_nano_usd(cost(&best).minus(start).max(0))
        .filter(|_| findings.is_empty())
        .unwrap_or_default();
    if report.repair_cost != HourlyRate::ZERO {
        let message = format!(
            "{} more were needed so that the stock scheduler leaves nobody behind",
            report.repair_cost
        );
        findings.push(Finding::new(Severity::Info, "REPAIRED", "", message));
    }
    findings.extend(left_behind(&report));
    findings.extend(begun_again(state, &report));
    findings.extend(report.omissions.iter().map(|what| {
        Finding::new(Severity::Warning, "REFEREE_CUT_SHORT", "", format!("the referee left out: {what}"))
    }));
    Ok(Judged { solution: best, report: Some(report), findings })
}

fn left_as_it_is(report: &RefereeReport) -> Finding {
    let message = format!(
        "the best fleet found leaves {} pods behind that today's fleet serves, and no extra node helps: \
         the fleet is left as it is",
        left_behind_count(report)
    );
    Finding::new(Severity::Warning, "LEFT_AS_IT_IS", "", message)
}

/// Pods that steering or churn leaves behind.
fn left_behind_count(report: &RefereeReport) -> usize {
    report.steered_pending.len() + report.churn_stranded.len()
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

/// Pods of Jobs that a plan moves: what they have done so far is lost, and their Job bears one failure less for each. Source:
/// Kubernetes, "Jobs", "Pod failure policy".
fn begun_again(state: &ClusterState, report: &RefereeReport) -> Option<Finding> {
    let of_jobs: BTreeSet<String> = state.pods.iter().filter(|pod| pod.is_of_job()).map(Pod::key).collect();
    let moves = report.steered_moves.iter().filter(|one| one.from.is_some());
    let evicted: Vec<&String> = moves.map(|one| &one.pod).filter(|pod| of_jobs.contains(*pod)).collect();
    let message = format!(
        "{} pod(s) of Jobs are evicted and begin their work again; each counts against its Job's backoffLimit, unless a \
         podFailurePolicy ignores DisruptionTarget. The annotation {SAFE_TO_EVICT}: \"false\" keeps a pod where it is",
        evicted.len()
    );
    Some(Finding::new(Severity::Advice, "JOBS_BEGIN_AGAIN", format!("pod/{}", evicted.first()?), message))
}

/// How bad a report is: pods left behind, and those of the worst cold start where the policy buys against it.
fn misery(report: &RefereeReport, policy: &Policy) -> usize {
    let cold = report.cold_pending.last().copied().unwrap_or(0) as usize;
    let bought = if policy.cold_start == ColdStart::Buy { cold } else { 0 };
    left_behind_count(report) + bought
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
        let placed = |pod: &Pod| Some((pod.key(), pod.node.clone()?));
        let runs_on = state.pods.iter().filter_map(placed).collect();
        let offers = offers(built);
        Self { state, built, seed, run, runs_on, offers }
    }

    /// Adds nodes as long as each leaves fewer pods behind.
    fn repair(&self, solution: Solution, policy: &Policy) -> Result<(Solution, RefereeReport), Error> {
        let mut best = solution;
        let mut report = self.hear(&best);
        for _ in 0..REPAIRS_MAX {
            let Some(pod) = first_left_behind(&report, policy) else { break };
            if self.run.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let target = if left_behind_count(&report) == 0 { None } else { self.target(&best, &pod) };
            let Some(repaired) = repair::with_one_more(&self.built.problem, &best, &pod, target) else {
                break;
            };
            let again = self.hear(&repaired);
            if misery(&report, policy) <= misery(&again, policy) {
                break;
            }
            best = repaired;
            report = again;
        }
        Ok((best, report))
    }

    /// Position of the node where a solution has a pod.
    fn target(&self, solution: &Solution, pod: &str) -> Option<usize> {
        let (names, assignment) = self.places(solution);
        let node = assignment.get(pod)?;
        names.iter().position(|name| name == node)
    }

    /// Name of each node, and the node of each pod.
    fn places(&self, solution: &Solution) -> (Vec<String>, BTreeMap<String, String>) {
        let problem = &self.built.problem;
        let names = shape(problem, &self.built.context, &solution.bins, &solution.groups).node_names;
        let assignment = assign(problem, &solution.bins, &names, &self.runs_on);
        (names, assignment)
    }

    fn hear(&self, solution: &Solution) -> RefereeReport {
        let (names, assignment) = self.places(solution);
        let nodes_after = self.nodes_after(solution, &names);
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

/// What a reserve may be made of: for each demand, the cheapest node that can be bought and carries one of its pods.
/// By rising price.
fn offers(built: &Built) -> Vec<Offer> {
    let problem = &built.problem;
    let taken: BTreeSet<u32> = problem.nodes.iter().map(|node| node.offering).collect();
    let cheapest = |demand: &Demand| {
        let carries = |index: &&u32| {
            let offering = &problem.offerings[**index as usize];
            let fits = demand.request.iter().zip(&offering.capacity).all(|(need, has)| need <= has);
            fits && offering.quantity_max.is_none() && !taken.contains(index)
        };
        let price = |index: &&u32| (problem.offerings[**index as usize].price, **index);
        demand.offerings.iter().filter(carries).min_by_key(price).copied()
    };
    let chosen: BTreeSet<u32> = problem.demands.iter().filter_map(cheapest).collect();
    let offer = |index: u32| Offer {
        node: built.context.node(index, &format!("reserve-{index}")),
        price: problem.offerings[index as usize].price,
    };
    let mut offers: Vec<Offer> = chosen.into_iter().map(offer).collect();
    offers.sort_by_key(|offer| offer.price);
    offers
}

#[cfg(test)]
mod tests {
    use plimsoll_domain::plan::Move;
    use plimsoll_domain::workload::{WorkloadKind, WorkloadRef};

    use super::*;

    fn pod(name: &str, kind: WorkloadKind) -> Pod {
        let owner = WorkloadRef { kind, namespace: "shop".into(), name: name.into() };
        Pod { namespace: "shop".into(), name: name.into(), owner: Some(owner), ..Pod::default() }
    }

    #[test]
    fn pods_of_jobs_that_run_and_move_are_said_to_begin_again() {
        let pods = vec![
            pod("late", WorkloadKind::Job),
            pod("report", WorkloadKind::CronJob),
            pod("stays", WorkloadKind::Job),
            pod("web", WorkloadKind::Deployment),
        ];
        let state = ClusterState { pods, ..ClusterState::default() };
        let steered_moves =
            [("late", None), ("report", Some("a")), ("web", Some("a"))].map(|(name, from)| Move {
                pod: format!("shop/{name}"),
                from: from.map(str::to_owned),
                to: "b".into(),
            });
        let report = RefereeReport { steered_moves: steered_moves.to_vec(), ..RefereeReport::default() };
        let found = begun_again(&state, &report).unwrap();
        assert_eq!((found.code.as_str(), found.subject.as_str()), ("JOBS_BEGIN_AGAIN", "pod/shop/report"));
        assert!(found.message.starts_with("1 pod(s)"), "{}", found.message);
        assert_eq!(begun_again(&state, &RefereeReport::default()), None);
    }
}
