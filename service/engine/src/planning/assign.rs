//! Which pod goes to which node: the fleet's counts, turned into names.

use std::collections::BTreeMap;

use plimsoll_domain::problem::Problem;
use plimsoll_domain::solution::{Bin, count_of};

/// Target node of each pod (`namespace/name`). A pod that may stay where it runs does; of the others, as many as
/// possible stay in their zone, so that no spread is broken on the way.
pub fn assign(
    problem: &Problem,
    bins: &[Bin],
    names: &[String],
    runs_on: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let zone_of: BTreeMap<&str, &str> = problem
        .nodes
        .iter()
        .map(|node| (node.name.as_str(), problem.offerings[node.offering as usize].zone.as_str()))
        .collect();
    let mut targets = BTreeMap::new();
    for (index, demand) in problem.demands.iter().enumerate() {
        let mut open: Vec<Open<'_>> = bins
            .iter()
            .zip(names)
            .map(|(bin, node)| Open {
                node,
                zone: &problem.offerings[bin.offering as usize].zone,
                room: count_of(&bin.placed, index as u32),
            })
            .filter(|open| 0 < open.room)
            .collect();
        let home = |pod: &String| runs_on.get(pod).map(String::as_str);
        let zone = |pod: &String| home(pod).and_then(|node| zone_of.get(node)).copied();
        let mut left: Vec<&String> = demand.pods.iter().collect();
        take(&mut left, &mut open, &mut targets, |pod, open| home(pod) == Some(open.node));
        take(&mut left, &mut open, &mut targets, |pod, open| zone(pod) == Some(open.zone));
        take(&mut left, &mut open, &mut targets, |_, _| true);
    }
    targets
}

/// A node with room for pods of one demand.
struct Open<'a> {
    node: &'a str,
    zone: &'a str,
    room: u32,
}

/// Gives each pod the first node with room that suits it; those without one stay in `left`.
fn take<'a>(
    left: &mut Vec<&'a String>,
    open: &mut [Open<'a>],
    targets: &mut BTreeMap<String, String>,
    suits: impl Fn(&String, &Open<'a>) -> bool,
) {
    left.retain(|pod| {
        let Some(found) = open.iter_mut().find(|open| 0 < open.room && suits(pod, open)) else { return true };
        found.room -= 1;
        targets.insert((*pod).clone(), found.node.to_owned());
        false
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_domain::problem::{Demand, ExistingNode, Offering, Placed};

    fn offering(zone: &str) -> Offering {
        Offering { zone: zone.into(), ..Offering::default() }
    }

    fn node(name: &str, offering: u32) -> ExistingNode {
        ExistingNode { name: name.into(), offering, ..ExistingNode::default() }
    }

    #[test]
    fn pods_stay_where_they_may_or_in_their_zone_at_least() {
        let pods: Vec<String> = ["a/1", "a/2", "a/3", "a/4"].map(String::from).to_vec();
        let demand = Demand { count: 4, pods, ..Demand::default() };
        let problem = Problem {
            demands: vec![demand],
            offerings: vec![offering("east"), offering("west")],
            nodes: vec![node("old", 0), node("gone", 1)],
            ..Problem::default()
        };
        let bin =
            |offering, count| Bin { offering, placed: vec![Placed { demand: 0, count }], ..Bin::default() };
        let names = ["new-east", "new-west", "old"].map(String::from);
        let runs_on = [("a/1", "gone"), ("a/3", "old"), ("a/4", "gone")];
        let runs_on = runs_on.map(|(pod, node)| (pod.to_owned(), node.to_owned())).into();
        let have = assign(&problem, &[bin(0, 1), bin(1, 2), bin(0, 1)], &names, &runs_on);
        let want = [("a/1", "new-west"), ("a/2", "new-east"), ("a/3", "old"), ("a/4", "new-west")];
        assert_eq!(have, want.map(|(pod, node)| (pod.to_owned(), node.to_owned())).into());
    }
}
