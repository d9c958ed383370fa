//! Which pod goes to which node: the fleet's counts, turned into names.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::problem::Problem;
use plimsoll_domain::solution::{Bin, count_of};

/// Target node of each pod (`namespace/name`). A pod that may stay where it runs does.
pub fn assign(
    problem: &Problem,
    bins: &[Bin],
    names: &[String],
    runs_on: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut targets = BTreeMap::new();
    for (demand, pods) in problem.demands.iter().map(|demand| &demand.pods).enumerate() {
        let demand = demand as u32;
        let mut room: BTreeMap<&str, u32> = BTreeMap::new();
        let mut order: Vec<&str> = Vec::new();
        for (bin, name) in bins.iter().zip(names) {
            let count = count_of(&bin.placed, demand);
            if 0 < count {
                room.insert(name, count);
                order.push(name);
            }
        }
        let mut left: BTreeSet<&String> = pods.iter().collect();
        for pod in pods {
            let Some(node) = runs_on.get(pod) else { continue };
            if let Some(free) = room.get_mut(node.as_str()).filter(|free| 0 < **free) {
                *free -= 1;
                left.remove(pod);
                targets.insert(pod.clone(), node.clone());
            }
        }
        let open = order.iter().flat_map(|name| std::iter::repeat_n(*name, room[name] as usize));
        targets.extend(left.into_iter().zip(open).map(|(pod, node)| (pod.clone(), node.to_owned())));
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_domain::problem::{Demand, Placed};

    #[test]
    fn pods_stay_where_they_may() {
        let pods: Vec<String> = ["a/1", "a/2", "a/3"].map(String::from).to_vec();
        let demand = Demand { count: 3, pods, ..Demand::default() };
        let problem = Problem { demands: vec![demand], ..Problem::default() };
        let bin = |count| Bin { placed: vec![Placed { demand: 0, count }], ..Bin::default() };
        let names = ["new", "old"].map(String::from);
        let runs_on = BTreeMap::from([("a/3".into(), "old".into()), ("a/1".into(), "gone".into())]);
        let have = assign(&problem, &[bin(2), bin(1)], &names, &runs_on);
        let want = [("a/1", "new"), ("a/2", "new"), ("a/3", "old")];
        assert_eq!(have, want.map(|(pod, node)| (pod.to_owned(), node.to_owned())).into());
    }
}
