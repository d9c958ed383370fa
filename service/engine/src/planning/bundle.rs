//! From the domain's values to the verifier's: the form that is digested, exported and proven.

use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::plan::Plan;
use plimsoll_domain::problem::{Demand, ExistingNode, Offering, Placed, Problem, Rules, Spread, Topology};
use plimsoll_domain::solution::{Bin, Duals, Objective, ROW_MOVED_PODS, ROW_SPOT_SHARE};
use plimsoll_verify::certificate::{Certificate, RowDual};
use plimsoll_verify::{Bundle, plan, problem};

/// Version of the rules in `problem.proto` that these values follow.
const RULES_VERSION: i32 = 1;
/// A share of one, in permille: no limit.
const PERMILLE_ALL: u32 = 1000;

/// The answer in the words of a plan.
pub struct Answer<'a> {
    /// Resource name of the plan.
    pub name: &'a str,
    /// Nodes.
    pub bins: &'a [Bin],
    /// Their names, in the same order.
    pub node_names: &'a [String],
    /// New groups: name and offerings, in the order of the solution.
    pub groups: Vec<(String, Vec<u32>)>,
    /// What it costs.
    pub objective: Objective,
    /// Proof of the floor.
    pub duals: &'a Duals,
    /// The floor, nano-USD per hour.
    pub floor_nano_usd: i64,
}

/// The bundle of a plan whose problem is `problem`.
pub fn of_plan(problem: &Problem, plan: &Plan, name: &str) -> Bundle {
    let mut groups: Vec<(String, Vec<u32>)> =
        plan.solution.groups.iter().map(|group| (String::new(), group.offerings.clone())).collect();
    for group in &plan.groups {
        if let Some(index) = group.solution_group {
            groups[index as usize].0.clone_from(&group.name);
        }
    }
    let answer = Answer {
        name,
        bins: &plan.solution.bins,
        node_names: &plan.node_names,
        groups,
        objective: plan.after,
        duals: &plan.solution.duals,
        floor_nano_usd: plan.solution.floor_nano_usd,
    };
    bundle(problem, &answer)
}

/// Puts a bundle together.
pub fn bundle(problem: &Problem, answer: &Answer<'_>) -> Bundle {
    let problem_form = self::problem(problem);
    let digest = plimsoll_verify::digest(&problem_form);
    let plan = self::plan(problem, answer, &digest);
    let certificate = certificate(answer, &digest);
    Bundle { problem: problem_form, plan, certificate }
}

/// A problem in the verifier's form.
pub fn problem(from: &Problem) -> problem::Problem {
    problem::Problem {
        version: RULES_VERSION,
        resources: from.resources.clone(),
        offerings: from.offerings.iter().map(offering).collect(),
        demands: from.demands.iter().map(demand).collect(),
        nodes: from.nodes.iter().map(node).collect(),
        rules: Some(rules(&from.rules)),
    }
}

fn offering(from: &Offering) -> problem::Offering {
    problem::Offering {
        id: from.id.clone(),
        instance_type: from.instance_type.clone(),
        zone: from.zone.clone(),
        kind: match from.kind {
            CapacityKind::OnDemand => problem::CapacityKind::OnDemand,
            CapacityKind::Spot => problem::CapacityKind::Spot,
        },
        template: from.template.clone(),
        capacity: from.capacity.clone(),
        price_nano_usd_per_hour: from.price.nano_usd(),
        risk_nano_usd_per_hour: from.risk.nano_usd(),
        quantity_max: from.quantity_max.map(int),
    }
}

fn demand(from: &Demand) -> problem::Demand {
    problem::Demand {
        id: from.id.clone(),
        count: int(from.count),
        request: from.request.clone(),
        max_per_node: from.max_per_node.map(int),
        max_per_zone: from.max_per_zone.map(int),
        offerings: ints(&from.offerings),
        conflicts: ints(&from.conflicts),
        zone_conflicts: ints(&from.zone_conflicts),
        spreads: from.spreads.iter().map(spread).collect(),
        together: from.together.clone().unwrap_or_default(),
        move_cost_nano_usd_per_hour: from.move_cost.nano_usd(),
        pods: from.pods.clone(),
    }
}

fn spread(from: &Spread) -> problem::Spread {
    problem::Spread {
        topology: match from.topology {
            Topology::Zone => problem::Topology::Zone,
            Topology::Node => problem::Topology::Node,
        },
        max_skew: int(from.max_skew),
        min_domains: int(from.min_domains),
        counted_demands: ints(&from.counted),
        domain_offerings: ints(&from.domain_offerings),
    }
}

fn node(from: &ExistingNode) -> problem::ExistingNode {
    problem::ExistingNode {
        name: from.name.clone(),
        group: from.group.clone(),
        offering: int(from.offering),
        drain_cost_nano_usd_per_hour: from.drain_cost.nano_usd(),
        residents: placed(&from.residents),
        sealed: from.sealed,
        kept: from.kept,
    }
}

fn rules(from: &Rules) -> problem::Rules {
    let share = |permille: u32| (permille < PERMILLE_ALL).then(|| int(permille));
    problem::Rules {
        spot_share_max_permille: share(from.spot_share_max_permille),
        zone_share_max_permille: share(from.zone_share_max_permille),
        on_demand_base_count: int(from.on_demand_base_count),
        nodes_max: int(from.nodes_max),
        groups_max: int(from.groups_max),
        nodes_per_group_max: int(from.nodes_per_group_max),
        types_per_spot_group_min: int(from.types_per_spot_group_min),
        moved_pods_max: from.moved_pods_max.map(int),
    }
}

fn plan(problem: &Problem, answer: &Answer<'_>, digest: &str) -> plan::Plan {
    let group = |(name, offerings): &(String, Vec<u32>)| plan::Group {
        name: name.clone(),
        offerings: ints(offerings),
    };
    let placement = |(bin, name): (&Bin, &String)| plan::Placement {
        node: name.clone(),
        offering: int(bin.offering),
        existing_node: bin.node.map(|node| problem.nodes[node as usize].name.clone()),
        placed: placed(&bin.placed),
        group: bin.group.map(|group| answer.groups[group as usize].0.clone()).unwrap_or_default(),
    };
    plan::Plan {
        name: answer.name.to_owned(),
        problem_digest: digest.to_owned(),
        cost_after_nano_usd_per_hour: answer.objective.cost.nano_usd(),
        objective_nano_usd_per_hour: answer.objective.total().nano_usd(),
        objective_floor_nano_usd_per_hour: answer.floor_nano_usd,
        groups: answer.groups.iter().map(group).collect(),
        placements: answer.bins.iter().zip(answer.node_names).map(placement).collect(),
    }
}

fn certificate(answer: &Answer<'_>, digest: &str) -> Certificate {
    let rows = [(ROW_SPOT_SHARE, answer.duals.spot_share), (ROW_MOVED_PODS, answer.duals.moved_pods)];
    let row_duals = rows
        .into_iter()
        .filter(|(_, dual)| *dual != 0)
        .map(|(row, dual)| RowDual { row: row.to_owned(), dual })
        .collect();
    Certificate {
        version: RULES_VERSION,
        problem_digest: digest.to_owned(),
        shape_duals: answer.duals.shapes.clone(),
        row_duals,
        objective_floor_nano_usd_per_hour: answer.floor_nano_usd,
    }
}

fn placed(from: &[Placed]) -> Vec<problem::Placed> {
    from.iter().map(|entry| problem::Placed { demand: int(entry.demand), count: int(entry.count) }).collect()
}

/// Counts and indexes are far below the wire's limit; a larger one ends there, and the verifier
/// rejects the bundle.
fn int(from: u32) -> i32 {
    i32::try_from(from).unwrap_or(i32::MAX)
}

fn ints(from: &[u32]) -> Vec<i32> {
    from.iter().copied().map(int).collect()
}
