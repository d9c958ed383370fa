//! Repairs: one more node, with the pod on it that the stock scheduler would leave behind.

use std::collections::BTreeSet;

use plimsoll_domain::check::check;
use plimsoll_domain::problem::{Demand, OfferingIndex, Placed, Problem};
use plimsoll_domain::solution::{Bin, Group, Solution, objective};

/// Offerings that are tried as a new group, the cheapest that may carry the pod.
const NEW_GROUPS_TRIED_MAX: usize = 8;

/// The cheapest fleet that keeps every rule and differs from `solution` by one more node with the pod on it: of a
/// group that the solution makes, a node that it removes, or one of a new type. None if there is none.
///
/// `target` is the position of the node where the solution has the pod; none if it has no place there.
pub fn with_one_more(
    problem: &Problem,
    solution: &Solution,
    pod: &str,
    target: Option<usize>,
) -> Option<Solution> {
    let number = problem.demands.iter().position(|demand| demand.pods.iter().any(|name| name == pod))?;
    let demand = &problem.demands[number];
    let mut rest = solution.clone();
    if let Some(bin) = target {
        take_one(&mut rest.bins[bin], number as u32);
    }
    let content = || vec![Placed { demand: number as u32, count: u32::from(target.is_some()) }];
    let with = |candidate: Candidate| {
        let mut repaired = rest.clone();
        let Candidate { mut bin, group } = candidate;
        bin.placed = content();
        bin.placed.retain(|placed| 0 < placed.count);
        if let Some(group) = group {
            bin.group = Some(repaired.groups.len() as u32);
            repaired.groups.push(group);
        }
        repaired.bins.push(bin);
        repaired
    };
    let sound = |solution: &Solution| check(problem, &solution.bins, &solution.groups).is_empty();
    let price = |solution: &Solution| objective(problem, &solution.bins, &solution.groups).total();
    let tried = of_groups(solution, demand)
        .chain(of_leaving(problem, solution, demand))
        .chain(of_new_types(problem, demand));
    tried.map(with).filter(sound).min_by_key(price)
}

/// A node that could be added, and the group that would have to be made for it.
struct Candidate {
    bin: Bin,
    group: Option<Group>,
}

fn may_carry(demand: &Demand, offering: OfferingIndex) -> bool {
    demand.offerings.binary_search(&offering).is_ok()
}

/// One more node of a group that the solution makes.
fn of_groups<'a>(solution: &'a Solution, demand: &'a Demand) -> impl Iterator<Item = Candidate> + 'a {
    let candidate = |(index, group): (usize, &Group)| {
        let carries = group.offerings.iter().all(|face| may_carry(demand, *face));
        let offering = *group.offerings.first().filter(|_| carries)?;
        Some(Candidate { bin: Bin { offering, group: Some(index as u32), ..Bin::default() }, group: None })
    };
    solution.groups.iter().enumerate().filter_map(candidate)
}

/// A node that runs and that the solution removes.
fn of_leaving<'a>(
    problem: &'a Problem,
    solution: &'a Solution,
    demand: &'a Demand,
) -> impl Iterator<Item = Candidate> + 'a {
    let stays: BTreeSet<u32> = solution.bins.iter().filter_map(|bin| bin.node).collect();
    problem.nodes.iter().enumerate().filter_map(move |(index, node)| {
        let index = index as u32;
        let may = !node.sealed && !stays.contains(&index) && may_carry(demand, node.offering);
        let bin = Bin { offering: node.offering, node: Some(index), ..Bin::default() };
        may.then_some(Candidate { bin, group: None })
    })
}

/// A node of a type that is bought without limit, in a group of its own where groups are formed.
fn of_new_types<'a>(problem: &'a Problem, demand: &'a Demand) -> impl Iterator<Item = Candidate> + 'a {
    let owned: BTreeSet<u32> = problem.nodes.iter().map(|node| node.offering).collect();
    let price = |index: &OfferingIndex| {
        let offering = &problem.offerings[*index as usize];
        (offering.price + offering.risk, *index)
    };
    let unlimited = |index: &OfferingIndex| {
        problem.offerings[*index as usize].quantity_max.is_none() && !owned.contains(index)
    };
    let mut cheapest: Vec<OfferingIndex> = demand.offerings.iter().copied().filter(unlimited).collect();
    cheapest.sort_by_key(price);
    let forms_groups = 0 < problem.rules.groups_max;
    cheapest.into_iter().take(NEW_GROUPS_TRIED_MAX).map(move |offering| Candidate {
        bin: Bin { offering, ..Bin::default() },
        group: forms_groups.then(|| Group { offerings: vec![offering] }),
    })
}

fn take_one(bin: &mut Bin, demand: u32) {
    if let Some(placed) = bin.placed.iter_mut().find(|placed| placed.demand == demand) {
        placed.count = placed.count.saturating_sub(1);
    }
    bin.placed.retain(|placed| 0 < placed.count);
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_domain::problem::{ExistingNode, Offering, Rules};
    use plimsoll_domain::units::HourlyRate;

    fn offering(id: &str, price: i64) -> Offering {
        let price = HourlyRate::from_nano_usd(price).expect("not negative");
        Offering { id: id.into(), capacity: vec![10], price, ..Offering::default() }
    }

    /// Two pods of five on one new node of `small`; `old` runs, is owned, and leaves.
    fn world() -> (Problem, Solution) {
        let demand = Demand {
            id: "web".into(),
            count: 2,
            request: vec![5],
            offerings: vec![0, 1, 2],
            pods: vec!["a/1".into(), "a/2".into()],
            ..Demand::default()
        };
        let old = ExistingNode { name: "old".into(), offering: 2, ..ExistingNode::default() };
        let problem = Problem {
            resources: vec!["cpu_milli".into()],
            offerings: vec![offering("small", 100), offering("large", 300), offering("old", 40)],
            demands: vec![demand],
            nodes: vec![old],
            rules: Rules { groups_max: 3, ..Rules::default() },
        };
        let bin = Bin {
            offering: 0,
            group: Some(0),
            placed: vec![Placed { demand: 0, count: 2 }],
            ..Bin::default()
        };
        let solution =
            Solution { bins: vec![bin], groups: vec![Group { offerings: vec![0] }], ..Solution::default() };
        (problem, solution)
    }

    #[test]
    fn the_pod_goes_to_the_cheapest_node_that_may_carry_it() {
        let (problem, solution) = world();
        let repaired = with_one_more(&problem, &solution, "a/2", Some(0)).expect("there is a way");
        let counts: Vec<u32> = repaired.bins.iter().map(|bin| bin.placed[0].count).collect();
        assert_eq!((counts, repaired.bins[1].node), (vec![1, 1], Some(0)), "the old node stays");
    }

    #[test]
    fn where_nothing_may_be_kept_a_type_is_bought() {
        let (mut problem, mut solution) = world();
        problem.nodes[0].sealed = true;
        solution.groups = vec![Group { offerings: vec![1] }];
        solution.bins[0].offering = 1;
        let repaired = with_one_more(&problem, &solution, "a/1", Some(0)).expect("there is a way");
        assert_eq!((repaired.bins[1].offering, repaired.groups.len()), (0, 2));
    }

    #[test]
    fn a_pod_that_no_demand_knows_cannot_be_helped() {
        let (problem, solution) = world();
        assert_eq!(with_one_more(&problem, &solution, "a/3", None), None);
    }
}
