//! From classes to demands: those that the problem cannot tell apart become one, and what families
//! have to do with one another becomes caps, conflicts and spreads.

use std::collections::{BTreeMap, BTreeSet};

use super::bits::{Bits, Numbering};
use super::capacity::Axes;
use super::classes::Class;
use super::offerings::Offerings;
use super::pods::{Kin, Pods};
use super::terms::Terms;
use super::ties::Ties;
use crate::problem::{Demand, Spread};

/// Demands, and what each was made of.
pub(super) struct Demands {
    pub list: Vec<Demand>,
    /// By class: its demand.
    pub of_class: Vec<u32>,
    /// By demand: its classes.
    pub classes: Vec<Vec<usize>>,
}

/// What the problem sees of a class. Families that others have to do with stay apart from all others.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    family: Option<usize>,
    together: Option<String>,
    request: Vec<i64>,
    offerings: Vec<u32>,
}

/// What demands are made from.
pub(super) struct Parts<'a> {
    pub pods: &'a Pods<'a>,
    pub kins: &'a [Kin],
    pub ties: &'a [Ties],
    pub classes: &'a [Class],
    pub axes: &'a Axes,
    pub offerings: &'a Offerings,
    /// By family and spread: the sites that make a domain; none: all do.
    pub domains: &'a BTreeMap<(usize, usize), Bits>,
    pub terms: &'a Terms,
}

impl Demands {
    pub fn of(parts: &Parts<'_>) -> Self {
        let apart = families_apart(parts.ties);
        let mut looks = Numbering::new();
        let of_class: Vec<u32> = parts
            .classes
            .iter()
            .map(|class| {
                looks.number(&Look {
                    family: apart.contains(&class.kin).then_some(class.kin),
                    together: class.together.clone(),
                    request: parts.axes.request(&parts.kins[class.kin]),
                    offerings: parts.offerings.of_row(&class.row),
                })
            })
            .collect();
        let looks = looks.into_values();
        let mut classes = vec![Vec::new(); looks.len()];
        for (class, demand) in of_class.iter().enumerate() {
            classes[*demand as usize].push(class);
        }
        let mut demands = Self { list: Vec::new(), of_class, classes };
        let mut names = BTreeMap::new();
        for (look, members) in looks.into_iter().zip(&demands.classes) {
            demands.list.push(plain(look, members, parts, &mut names));
        }
        demands.tie(parts);
        demands
    }

    /// Caps, conflicts and spreads.
    fn tie(&mut self, parts: &Parts<'_>) {
        let mut of_family: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
        for (class, demand) in parts.classes.iter().zip(&self.of_class) {
            of_family.entry(class.kin).or_default().insert(*demand);
        }
        let none = BTreeSet::new();
        let demands_of = |families: &mut dyn Iterator<Item = usize>| -> BTreeSet<u32> {
            families.flat_map(|family| of_family.get(&family).unwrap_or(&none)).copied().collect()
        };
        for (family, own) in &of_family {
            let ties = &parts.ties[*family];
            let selfish = |alone: bool| alone.then_some(*family);
            let others = ties.conflicts.iter().copied().chain(selfish(ties.alone_on_node));
            let conflicts = demands_of(&mut { others });
            let others = ties.zone_conflicts.iter().copied().chain(selfish(ties.alone_in_zone));
            let zone_conflicts = demands_of(&mut { others });
            let counted =
                |families: &[usize]| demands_of(&mut families.iter().copied()).into_iter().collect();
            let spreads: Vec<Spread> =
                (0..ties.spreads.len()).filter_map(|index| spread(parts, *family, index, counted)).collect();
            for index in own {
                let demand = &mut self.list[*index as usize];
                let without_itself =
                    |all: &BTreeSet<u32>| all.iter().copied().filter(|other| other != index).collect();
                demand.conflicts = without_itself(&conflicts);
                demand.zone_conflicts = without_itself(&zone_conflicts);
                demand.max_per_node = ties.alone_on_node.then_some(1);
                demand.max_per_zone = ties.alone_in_zone.then_some(1);
                demand.spreads.clone_from(&spreads);
            }
        }
    }
}

/// A demand without ties, named after its first workload and the number of others.
fn plain(look: Look, members: &[usize], parts: &Parts<'_>, names: &mut BTreeMap<String, u32>) -> Demand {
    let of: BTreeSet<String> =
        members.iter().map(|class| parts.kins[parts.classes[*class].kin].name(parts.pods)).collect();
    let first = parts.kins[parts.classes[members[0]].kin].name(parts.pods);
    let first = if of.len() == 1 { first } else { format!("{first}+{}", of.len() - 1) };
    let occurrence = names.entry(first.clone()).or_insert(0);
    *occurrence += 1;
    let id = if *occurrence == 1 { first } else { format!("{first}#{occurrence}") };
    let mut pods: Vec<usize> =
        members.iter().flat_map(|class| parts.classes[*class].pods.iter().copied()).collect();
    pods.sort_unstable();
    Demand {
        id,
        count: u32::try_from(pods.len()).unwrap_or(u32::MAX),
        request: look.request,
        offerings: look.offerings,
        together: look.together,
        move_cost: parts.terms.restart_rate,
        pods: pods.into_iter().map(|pod| parts.pods.pod(pod).key()).collect(),
        ..Demand::default()
    }
}

/// One spread of a family; none if no node that could be in the plan makes a domain of it.
fn spread(
    parts: &Parts<'_>,
    family: usize,
    index: usize,
    counted: impl Fn(&[usize]) -> Vec<u32>,
) -> Option<Spread> {
    let (constraint, topology, families) = &parts.ties[family].spreads[index];
    let domain_offerings = match parts.domains.get(&(family, index)) {
        None => Vec::new(),
        Some(row) => Some(parts.offerings.of_row(row)).filter(|list| !list.is_empty())?,
    };
    Some(Spread {
        topology: *topology,
        max_skew: at_least_one(constraint.max_skew),
        min_domains: at_least_one(constraint.min_domains),
        counted: counted(families),
        domain_offerings,
    })
}

/// Families that a rule singles out.
fn families_apart(ties: &[Ties]) -> BTreeSet<usize> {
    let mut apart = BTreeSet::new();
    for (family, ties) in ties.iter().enumerate() {
        let alone = ties.alone_on_node || ties.alone_in_zone || ties.together.is_some();
        let tied = !ties.conflicts.is_empty() || !ties.zone_conflicts.is_empty() || !ties.spreads.is_empty();
        if alone || tied {
            apart.insert(family);
        }
        apart.extend(ties.spreads.iter().flat_map(|(_, _, counted)| counted));
    }
    apart
}

fn at_least_one(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(1).max(1)
}
