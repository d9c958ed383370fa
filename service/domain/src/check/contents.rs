//! What single bins hold: indexes, counts, eligibility, capacity, caps, conflicts, running nodes.

use super::{Case, Violation};
use crate::problem::{DemandIndex, OfferingIndex};
use crate::solution::{Bin, count_of};

/// The first reference to something that does not exist, and contents out of order. Everything else
/// may index freely once this is empty.
pub(super) fn malformed(case: &Case<'_>) -> Vec<Violation> {
    let mut groups = case.groups.iter().enumerate();
    let in_groups = groups.find_map(|(index, group)| {
        let unknown = group.offerings.iter().find(|offering| !has_offering(case, **offering))?;
        Some(Violation::Unknown { place: format!("group {index}"), what: "offering", index: *unknown })
    });
    let in_bins = || case.bins.iter().enumerate().find_map(|(index, bin)| unknown_in(case, index, bin));
    if let Some(violation) = in_groups.or_else(in_bins) {
        return vec![violation];
    }
    let ordered = |bin: &Bin| {
        bin.placed.windows(2).all(|pair| pair[0].demand < pair[1].demand)
            && bin.placed.iter().all(|entry| 0 < entry.count)
    };
    let disordered = (0..case.bins.len()).filter(|index| !ordered(&case.bins[*index]));
    disordered.map(|index| Violation::Disorder { node: case.name(index) }).collect()
}

fn unknown_in(case: &Case<'_>, index: usize, bin: &Bin) -> Option<Violation> {
    let known = |what, index: u32, len: usize| (len <= index as usize).then_some((what, index));
    let problem = case.problem;
    let missing = known("offering", bin.offering, problem.offerings.len())
        .or_else(|| bin.node.and_then(|node| known("node", node, problem.nodes.len())))
        .or_else(|| bin.group.and_then(|group| known("group", group, case.groups.len())))
        .or_else(|| bin.placed.iter().find_map(|entry| known("demand", entry.demand, problem.demands.len())));
    missing.map(|(what, number)| Violation::Unknown { place: format!("node #{index}"), what, index: number })
}

fn has_offering(case: &Case<'_>, index: OfferingIndex) -> bool {
    (index as usize) < case.problem.offerings.len()
}

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut conflicts = Conflicts::new(case);
    for (index, bin) in case.bins.iter().enumerate() {
        eligibility(case, index, bin, found);
        capacity(case, index, bin, found);
        caps(case, index, bin, found);
        conflicts.judge(case, index, bin, found);
    }
    counts(case, found);
    quantities(case, found);
    running_nodes(case, found);
}

fn eligibility(case: &Case<'_>, index: usize, bin: &Bin, found: &mut Vec<Violation>) {
    for face in case.faces(bin) {
        for entry in &bin.placed {
            let allowed = &case.problem.demands[entry.demand as usize].offerings;
            if allowed.binary_search(face).is_err() {
                let (offering, demand) = (case.offering(*face), case.demand(entry.demand));
                found.push(Violation::Ineligible { node: case.name(index), offering, demand });
            }
        }
    }
}

fn capacity(case: &Case<'_>, index: usize, bin: &Bin, found: &mut Vec<Violation>) {
    for (number, resource) in case.problem.resources.iter().enumerate() {
        let ask = |demand: DemandIndex| case.problem.demands[demand as usize].request[number];
        let used = bin.placed.iter().fold(0_i64, |sum, entry| {
            sum.saturating_add(ask(entry.demand).saturating_mul(i64::from(entry.count)))
        });
        for face in case.faces(bin) {
            let capacity = case.problem.offerings[*face as usize].capacity[number];
            if capacity < used {
                let (node, offering) = (case.name(index), case.offering(*face));
                found.push(Violation::Capacity {
                    node,
                    offering,
                    resource: resource.clone(),
                    used,
                    capacity,
                });
            }
        }
    }
}

fn caps(case: &Case<'_>, index: usize, bin: &Bin, found: &mut Vec<Violation>) {
    for entry in &bin.placed {
        let max = case.problem.demands[entry.demand as usize].max_per_node;
        if let Some(max) = max.filter(|max| *max < entry.count) {
            let (node, demand) = (case.name(index), case.demand(entry.demand));
            found.push(Violation::MaxPerNode { node, demand, count: entry.count, max });
        }
    }
}

/// Finds conflicts in time linear in the lists of conflicts: a mark per demand says in which bin it
/// was seen last.
struct Conflicts {
    seen_in: Vec<usize>,
}

impl Conflicts {
    fn new(case: &Case<'_>) -> Self {
        Self { seen_in: vec![usize::MAX; case.problem.demands.len()] }
    }

    fn judge(&mut self, case: &Case<'_>, index: usize, bin: &Bin, found: &mut Vec<Violation>) {
        for entry in &bin.placed {
            self.seen_in[entry.demand as usize] = index;
        }
        for entry in &bin.placed {
            let others = case.problem.demands[entry.demand as usize].conflicts.iter();
            let meets = |other: &&u32| entry.demand < **other && self.seen_in[**other as usize] == index;
            for other in others.filter(meets) {
                let (demand, other) = (case.demand(entry.demand), case.demand(*other));
                found.push(Violation::Conflict { node: case.name(index), demand, other });
            }
        }
    }
}

fn counts(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut placed = vec![0_u64; case.problem.demands.len()];
    for entry in case.bins.iter().flat_map(|bin| &bin.placed) {
        placed[entry.demand as usize] += u64::from(entry.count);
    }
    for (demand, placed) in case.problem.demands.iter().zip(placed) {
        if placed != u64::from(demand.count) {
            found.push(Violation::Count { demand: demand.id.clone(), wanted: demand.count, placed });
        }
    }
}

fn quantities(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut counts = vec![0_u64; case.problem.offerings.len()];
    for bin in case.bins {
        counts[bin.offering as usize] += 1;
    }
    for (offering, count) in case.problem.offerings.iter().zip(counts) {
        if let Some(max) = offering.quantity_max.filter(|max| u64::from(*max) < count) {
            found.push(Violation::Quantity { offering: offering.id.clone(), count, max });
        }
    }
}

fn running_nodes(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut bin_of = vec![None; case.problem.nodes.len()];
    for (index, bin) in case.bins.iter().enumerate() {
        let Some(node) = bin.node else {
            if case.is_existing[bin.offering as usize] {
                found.push(Violation::NotForSale { offering: case.offering(bin.offering) });
            }
            continue;
        };
        if bin_of[node as usize].replace(bin).is_some() {
            found.push(Violation::NodeTwice { node: case.name(index) });
        }
        if case.problem.nodes[node as usize].offering != bin.offering {
            found.push(Violation::WrongOffering {
                node: case.name(index),
                offering: case.offering(bin.offering),
            });
        }
    }
    for (node, bin) in case.problem.nodes.iter().zip(bin_of) {
        match bin {
            None if node.kept => found.push(Violation::Kept { node: node.name.clone() }),
            Some(bin) if node.sealed => newcomers(case, node, bin, found),
            _ => {}
        }
    }
}

fn newcomers(case: &Case<'_>, node: &crate::problem::ExistingNode, bin: &Bin, found: &mut Vec<Violation>) {
    for entry in &bin.placed {
        let residents = count_of(&node.residents, entry.demand);
        if residents < entry.count {
            let (node, demand) = (node.name.clone(), case.demand(entry.demand));
            found.push(Violation::Sealed { node, demand, count: entry.count, residents });
        }
    }
}
