//! Why a plan is as it is, and why something else is not in it.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::build::{Built, Refusal, Tag};
use plimsoll_domain::ids::{ClusterId, PlanId};
use plimsoll_domain::plan::{Change, ChangeKind, Plan, Why};
use plimsoll_domain::problem::{Demand, Offering, Placed, Problem};
use plimsoll_domain::solution::{Bin, DUALS_PER_NANO_USD, count_of};
use plimsoll_solver::Uncarried;

use crate::{Engine, Error};

/// Most reasons in an explanation; the dearest are kept, and at least one of each code.
const WHY_MAX: usize = 200;
/// Most offerings in an explanation.
const WHY_NOT_MAX: usize = 20;
/// Reasons of a change beside its own.
const WHY_PER_CHANGE_MAX: usize = 4;

/// Why a plan is as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// What shapes it, by falling price.
    pub why: Vec<Why>,
    /// What is not in it.
    pub why_not: Vec<WhyNot>,
}

/// Why an offering is not bought.
#[derive(Clone, Debug, PartialEq)]
pub struct WhyNot {
    /// The offering's id.
    pub offering: String,
    /// Price and risk, nano-USD per hour.
    pub price_nano_usd_per_hour: i64,
    /// At most this is the best content worth, nano-USD per hour.
    pub worth_nano_usd_per_hour: i64,
    /// One sentence.
    pub message: String,
}

impl Engine {
    /// Explains a stored plan; `wanted` asks for one offering or instance type.
    pub async fn explain_plan(
        &self,
        cluster: &ClusterId,
        id: &PlanId,
        wanted: &str,
    ) -> Result<Explanation, Error> {
        let stored = self.stored(cluster, id).await?;
        let wanted = wanted.to_owned();
        let work = move || {
            let built = stored.rebuild()?;
            let plan = stored.plan;
            let why_not = why_not(&built.problem, &plan, &wanted);
            if !wanted.is_empty() && why_not.is_empty() {
                let message = if is_used(&built.problem, &plan, &wanted) {
                    format!("{wanted} is in the plan, wherever it may be bought")
                } else {
                    format!(
                        "{wanted} is no offering of this plan's problem: the policy or the pods rule it out, or it is not sold"
                    )
                };
                return Err(Error::InvalidArgument { field: "offering", message });
            }
            Ok(Explanation { why: keep(binding(&built, &plan)), why_not })
        };
        tokio::task::spawn_blocking(work).await.map_err(|panic| Error::Internal(panic.to_string()))?
    }
}

/// A solver's refusal in words.
pub fn refusal(problem: &Problem, one: &Uncarried) -> Refusal {
    let demand = &problem.demands[one.demand as usize];
    let nearest = one.nearest.map(|index| problem.offerings[index as usize].id.clone());
    let short = one.short.and_then(|index| problem.resources.get(index)).cloned();
    Refusal {
        demand: demand.id.clone(),
        pods: demand.pods.clone(),
        nearest,
        reason: match (one.why, short) {
            (plimsoll_solver::Why::TooLarge, Some(short)) => {
                format!("asks for more {short} than any eligible node has")
            }
            (plimsoll_solver::Why::Exhausted, _) => {
                "the nodes that could carry it are taken, and no more can be bought".into()
            }
            (plimsoll_solver::Why::Rules, _) => {
                "the rules on spread, zones, nodes or groups leave no place".into()
            }
            _ => "no offering is eligible: architecture, zone, taints or selectors".into(),
        },
    }
}

/// Writes the reasons into a plan's changes.
pub fn annotate(built: &Built, plan: &mut Plan) {
    let binding = binding(built, plan);
    let problem = &built.problem;
    let mut changes = std::mem::take(&mut plan.changes);
    for change in &mut changes {
        change.why.push(own_reason(plan, change));
        let touched = touched_demands(problem, plan, change);
        let mut codes: Vec<&str> = Vec::new();
        for why in &binding {
            let about =
                touched.iter().any(|demand| why.subject == subject(&problem.demands[*demand as usize]));
            if about && !codes.contains(&why.code.as_str()) && codes.len() < WHY_PER_CHANGE_MAX {
                codes.push(&why.code);
                change.why.push(why.clone());
            }
        }
    }
    plan.changes = changes;
}

fn own_reason(plan: &Plan, change: &Change) -> Why {
    let pods = change.moved_pod_count;
    let message = match change.kind {
        ChangeKind::Shrink | ChangeKind::Delete => {
            format!("{pods} pods of these nodes fit elsewhere for less than the nodes cost")
        }
        ChangeKind::Create | ChangeKind::Grow => {
            format!(
                "carries {pods} pods, worth {} at the plan's prices of pods",
                dollars(worth_of(plan, change))
            )
        }
    };
    let code = if matches!(change.kind, ChangeKind::Shrink | ChangeKind::Delete) {
        "PACKING"
    } else {
        "CHEAPER_TYPE"
    };
    Why { code: code.into(), subject: format!("group/{}", change.group), message, price_nano_usd_per_hour: 0 }
}

fn contents<'p>(plan: &'p Plan, change: &'p Change) -> impl Iterator<Item = &'p Placed> {
    let bins = plan.solution.bins.iter().zip(&plan.node_names);
    bins.filter(|(_, name)| change.nodes.contains(name)).flat_map(|(bin, _)| &bin.placed)
}

fn worth_of(plan: &Plan, change: &Change) -> i64 {
    let dual = |placed: &Placed| {
        let dual = plan.solution.duals.shapes.get(placed.demand as usize).copied().unwrap_or(0);
        i128::from(dual) * i128::from(placed.count)
    };
    (contents(plan, change).map(dual).sum::<i128>() / i128::from(DUALS_PER_NANO_USD)) as i64
}

/// Demands whose pods leave or reach the nodes of a change.
fn touched_demands(problem: &Problem, plan: &Plan, change: &Change) -> Vec<u32> {
    let here = contents(plan, change).map(|placed| placed.demand);
    let leaving = problem.nodes.iter().filter(|node| change.nodes.contains(&node.name));
    let mut touched: Vec<u32> =
        here.chain(leaving.flat_map(|node| &node.residents).map(|placed| placed.demand)).collect();
    touched.sort_unstable();
    touched.dedup();
    touched
}

fn subject(demand: &Demand) -> String {
    format!("demand/{}", demand.id)
}

/// Every constraint that shapes the fleet, by falling price.
fn binding(built: &Built, plan: &Plan) -> Vec<Why> {
    let problem = &built.problem;
    let owned: Vec<bool> = owned(problem);
    let mut all = Vec::new();
    for (index, demand) in problem.demands.iter().enumerate() {
        let Some(context) = built.context.demands.get(index) else { continue };
        let price = restriction_price(problem, &owned, demand);
        for tag in &context.tags {
            if let Some(why) = tagged(problem, plan, index as u32, tag, price) {
                all.push(why);
            }
        }
    }
    all.sort_by(|a, b| {
        b.price_nano_usd_per_hour
            .cmp(&a.price_nano_usd_per_hour)
            .then_with(|| (&a.code, &a.subject).cmp(&(&b.code, &b.subject)))
    });
    all
}

/// One tag as a reason, if it binds in this plan.
fn tagged(problem: &Problem, plan: &Plan, index: u32, tag: &Tag, price: i64) -> Option<Why> {
    let demand = &problem.demands[index as usize];
    let who = || format!("{} x {}", demand.count, demand.id);
    let why = |message: String, price: i64| {
        Some(Why {
            code: tag.code.to_owned(),
            subject: subject(demand),
            message,
            price_nano_usd_per_hour: price,
        })
    };
    match tag.code {
        "HOST_ANTI_AFFINITY" => {
            let most = plan.solution.bins.iter().map(|bin| count_of(&bin.placed, index)).max().unwrap_or(0);
            let cap = demand.max_per_node?;
            let message = format!(
                "{}: at most {cap} on a node, so that {} nodes are needed at least ({})",
                who(),
                demand.count.div_ceil(cap),
                tag.subject
            );
            (cap <= most).then(|| why(message, 0))?
        }
        "ZONE_SPREAD" => {
            let zones = by_zone(problem, plan, index);
            let shown: Vec<String> = zones.iter().map(|(zone, count)| format!("{zone} {count}")).collect();
            why(format!("{}: spread over zones as {} ({})", who(), shown.join(", "), tag.subject), 0)
        }
        "DISRUPTION_BUDGET" | "HOST_SPREAD" | "PINNED" => why(format!("{}: {}", who(), tag.subject), 0),
        _ => why(
            format!(
                "{}: {}; without it the pods could be carried for {} less at best",
                who(),
                tag.subject,
                dollars(price)
            ),
            price,
        ),
    }
}

fn by_zone(problem: &Problem, plan: &Plan, demand: u32) -> BTreeMap<String, u32> {
    let mut zones = BTreeMap::new();
    for bin in &plan.solution.bins {
        let count = count_of(&bin.placed, demand);
        if 0 < count {
            *zones.entry(problem.offerings[bin.offering as usize].zone.clone()).or_insert(0) += count;
        }
    }
    zones
}

/// Offerings that belong to nodes that run.
fn owned(problem: &Problem) -> Vec<bool> {
    let mut owned = vec![false; problem.offerings.len()];
    for node in &problem.nodes {
        owned[node.offering as usize] = true;
    }
    owned
}

/// What a demand's pods would cost less, at best, if every offering were open to them: by the share of a node that a
/// pod takes of its scarcest resource. Nano-USD per hour.
fn restriction_price(problem: &Problem, owned: &[bool], demand: &Demand) -> i64 {
    let buyable = |index: &usize| !owned[*index];
    let cost = |index: usize| share_price(&problem.offerings[index], demand);
    let allowed = demand.offerings.iter().map(|index| *index as usize).filter(buyable).filter_map(cost).min();
    let any = (0..problem.offerings.len()).filter(buyable).filter_map(cost).min();
    match (allowed, any) {
        (Some(allowed), Some(any)) => (allowed - any).saturating_mul(i64::from(demand.count)),
        _ => 0,
    }
}

fn share_price(offering: &Offering, demand: &Demand) -> Option<i64> {
    let price = i128::from(offering.price.nano_usd());
    let mut most = 0;
    for (need, has) in demand.request.iter().zip(&offering.capacity).filter(|(need, _)| 0 < **need) {
        if has < need {
            return None;
        }
        most = most.max(price * i128::from(*need) / i128::from(*has));
    }
    i64::try_from(most).ok()
}

/// Offerings that the plan's nodes are of, or may turn out to be of in a mixed group.
fn used(plan: &Plan) -> BTreeSet<u32> {
    let faces = |bin: &Bin| {
        let group = bin.group.and_then(|group| plan.solution.groups.get(group as usize));
        group.map_or_else(|| vec![bin.offering], |group| group.offerings.clone())
    };
    plan.solution.bins.iter().flat_map(faces).collect()
}

fn matches(offering: &Offering, wanted: &str) -> bool {
    wanted.is_empty() || offering.id == wanted || offering.instance_type == wanted
}

fn is_used(problem: &Problem, plan: &Plan, wanted: &str) -> bool {
    used(plan).iter().any(|index| matches(&problem.offerings[*index as usize], wanted))
}

/// Offerings that are not in the plan: the one asked for, or those that come closest.
fn why_not(problem: &Problem, plan: &Plan, wanted: &str) -> Vec<WhyNot> {
    let used = used(plan);
    let owned = owned(problem);
    let mut answers: Vec<WhyNot> = problem
        .offerings
        .iter()
        .enumerate()
        .filter(|(index, offering)| {
            !owned[*index] && matches(offering, wanted) && !used.contains(&(*index as u32))
        })
        .map(|(index, offering)| appraise(problem, plan, index as u32, offering))
        .collect();
    answers.sort_by_key(|answer| {
        (answer.price_nano_usd_per_hour - answer.worth_nano_usd_per_hour, answer.offering.clone())
    });
    answers.truncate(WHY_NOT_MAX);
    answers
}

/// The most that a node's content can be worth: pods by worth per share of the node, as if they could be split.
fn appraise(problem: &Problem, plan: &Plan, index: u32, offering: &Offering) -> WhyNot {
    let dual = |demand: usize| {
        plan.solution.duals.shapes.get(demand).copied().unwrap_or(0) as f64 / DUALS_PER_NANO_USD as f64
    };
    let resources = offering.capacity.iter().filter(|has| 0 < **has).count().max(1) as f64;
    let share = |demand: &Demand| -> f64 {
        let parts = demand.request.iter().zip(&offering.capacity).filter(|(_, has)| 0 < **has);
        parts.map(|(need, has)| *need as f64 / *has as f64).sum()
    };
    let mut pods: Vec<(f64, f64, f64)> = problem
        .demands
        .iter()
        .enumerate()
        .filter(|(_, demand)| demand.offerings.binary_search(&index).is_ok())
        .map(|(number, demand)| {
            let most = demand.count.min(demand.max_per_node.unwrap_or(u32::MAX));
            (dual(number), share(demand).max(1e-12), f64::from(most))
        })
        .collect();
    pods.sort_by(|a, b| (b.0 / b.1).total_cmp(&(a.0 / a.1)));
    let (mut room, mut worth) = (resources, 0.0);
    for (value, size, count) in pods {
        let taken = count.min(room / size);
        worth += taken * value;
        room -= taken * size;
        if room <= 0.0 {
            break;
        }
    }
    let price = (offering.price + offering.risk).nano_usd();
    let worth = worth.ceil() as i64;
    let message = if worth < price {
        format!(
            "its best content is worth at most {} at the plan's prices of pods; it would have to be {} cheaper",
            dollars(worth),
            dollars(price - worth)
        )
    } else {
        "its best content may be worth its price: another choice does as well, or whole pods do not fill it"
            .to_owned()
    };
    WhyNot {
        offering: offering.id.clone(),
        price_nano_usd_per_hour: price,
        worth_nano_usd_per_hour: worth,
        message,
    }
}

/// The dearest reasons, and one at least of each code.
fn keep(all: Vec<Why>) -> Vec<Why> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let total = all.len();
    let mut kept: Vec<Why> = Vec::new();
    for (rank, why) in all.into_iter().enumerate() {
        let count = seen.entry(why.code.clone()).or_insert(0);
        *count += 1;
        if *count == 1 || rank < WHY_MAX || total <= WHY_MAX {
            kept.push(why);
        }
    }
    kept
}

fn dollars(nano_usd: i64) -> String {
    format!("${:.4}/h", nano_usd as f64 / 1e9)
}
