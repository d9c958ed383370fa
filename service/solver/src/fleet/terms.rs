//! The problem as the search sees it: places, shapes, and the rules as numbers that are quick to look up.

use std::sync::atomic::{AtomicBool, Ordering};

use plimsoll_domain::problem::{Demand, Problem, Spread, Topology};

use super::bits::BitTable;
use super::place::{Place, places};
use super::units::Units;

/// Everything about a problem that does not change while a fleet is sought.
pub(super) struct Terms<'a> {
    pub(super) problem: &'a Problem,
    /// Number of resources.
    pub(super) width: usize,
    /// Number of zones.
    pub(super) zones: usize,
    pub(super) places: Vec<Place>,
    /// Place x demand.
    pub(super) eligible: BitTable,
    /// By running node: its place.
    pub(super) place_of_node: Vec<usize>,
    pub(super) shapes: Vec<Shape>,
    pub(super) zone_spreads: Vec<SpreadTerms>,
    pub(super) node_spreads: Vec<SpreadTerms>,
    /// By zone: places for sale, by price.
    pub(super) sale_by_zone: Vec<Vec<usize>>,
    /// By demand: places for sale that may carry it, by price.
    pub(super) sale_by_demand: Vec<Vec<usize>>,
    /// Demands that must share a node.
    pub(super) units: Units,
    /// By running node: index of its group's name; none without a group.
    pub(super) group_of_node: Vec<Option<usize>>,
    /// Number of names of existing groups.
    pub(super) groups: usize,
    /// By resource: one over what all demands ask for, so that free room of different kinds adds up.
    pub(super) scale: Vec<f64>,
    /// What all demands ask for of the first resource.
    pub(super) asked: i128,
    /// Set from outside when nobody waits for an answer any more.
    cancelled: &'a AtomicBool,
}

/// One demand.
pub(super) struct Shape {
    pub(super) count: u32,
    pub(super) request: Vec<i64>,
    pub(super) node_max: u32,
    pub(super) zone_max: u32,
    pub(super) conflicts: Vec<usize>,
    pub(super) zone_conflicts: Vec<usize>,
    /// Other demands that must be in the same zone.
    pub(super) zone_mates: Vec<usize>,
    /// Whether all of it must share a zone.
    pub(super) one_zone: bool,
    /// Index of the unit that must share a node.
    pub(super) unit: Option<usize>,
    /// Spreads over zones and over nodes that it declares or counts in.
    pub(super) zone_spreads: Vec<usize>,
    pub(super) node_spreads: Vec<usize>,
    /// Running nodes that hold some of it, with how many.
    pub(super) homes: Vec<(usize, u32)>,
    pub(super) move_cost: i64,
    /// What carrying one of them costs at least on a new node, nano-USD per hour: a guide, not a bound.
    pub(super) worth: f64,
    /// Zones in which something for sale, or a running node, may carry it.
    pub(super) zone_count: usize,
    /// Whether no rule looks beyond one node.
    pub(super) is_local: bool,
}

/// One rule on spreading, with everyone whom it concerns.
pub(super) struct SpreadTerms {
    pub(super) skew: u32,
    pub(super) domains_min: u32,
    /// By demand: whether it declares the rule.
    pub(super) member: Vec<bool>,
    /// By demand: whether its pods count.
    pub(super) counted: Vec<bool>,
    /// Demands whose pods count.
    pub(super) counted_list: Vec<usize>,
    /// By place: whether a node of it makes a domain.
    pub(super) domain: Vec<bool>,
}

impl<'a> Terms<'a> {
    pub(super) fn new(problem: &'a Problem, cancelled: &'a AtomicBool) -> Self {
        let spreads = distinct_spreads(problem);
        let alike: Vec<Vec<bool>> = spreads.iter().map(|spread| domain_offerings(problem, spread)).collect();
        let found = places(problem, &alike);
        let of = |topology: Topology| -> Vec<SpreadTerms> {
            let chosen = spreads.iter().zip(&alike).filter(|(spread, _)| spread.topology == topology);
            chosen.map(|(spread, set)| SpreadTerms::new(problem, spread, set, &found.all)).collect()
        };
        let (zone_spreads, node_spreads) = (of(Topology::Zone), of(Topology::Node));
        let (group_of_node, groups) = group_names(problem);
        let mut terms = Self {
            problem,
            width: problem.resources.len(),
            zones: found.zones,
            shapes: problem.demands.iter().map(shape).collect(),
            sale_by_zone: by_zone(&found.all, found.zones),
            sale_by_demand: Vec::new(),
            units: Units::new(problem),
            places: found.all,
            eligible: found.eligible,
            place_of_node: found.of_node,
            zone_spreads,
            node_spreads,
            group_of_node,
            groups,
            scale: scale(problem),
            asked: total_asked(problem, 0),
            cancelled,
        };
        terms.link();
        terms
    }

    /// Fills in what one demand knows of places, nodes and other demands.
    fn link(&mut self) {
        for (node, running) in self.problem.nodes.iter().enumerate() {
            for entry in &running.residents {
                self.shapes[entry.demand as usize].homes.push((node, entry.count));
            }
        }
        let for_sale: Vec<usize> = self.sale_by_zone.iter().flatten().copied().collect();
        for demand in 0..self.shapes.len() {
            let mut sale: Vec<usize> =
                for_sale.iter().copied().filter(|place| self.can_hold(*place, demand)).collect();
            sale.sort_by_key(|place| (self.places[*place].price, *place));
            let all = (0..self.places.len()).filter(|place| self.can_hold(*place, demand));
            let mut zones: Vec<usize> = all.map(|place| self.places[place].zone).collect();
            zones.sort_unstable();
            zones.dedup();
            let mates = zone_mates(self.problem, demand);
            let worth = self.worth(demand, &sale);
            let concerned = |rules: &[SpreadTerms]| -> Vec<usize> {
                (0..rules.len())
                    .filter(|rule| rules[*rule].member[demand] || rules[*rule].counted[demand])
                    .collect()
            };
            let (zone_spreads, node_spreads) = (concerned(&self.zone_spreads), concerned(&self.node_spreads));
            let unit = self.units.unit_of(demand);
            let shape = &mut self.shapes[demand];
            shape.one_zone = !mates.is_empty();
            shape.zone_mates = mates;
            shape.zone_count = zones.len();
            shape.worth = worth;
            shape.unit = unit;
            shape.is_local = zone_spreads.is_empty()
                && node_spreads.is_empty()
                && shape.zone_max == u32::MAX
                && shape.zone_conflicts.is_empty()
                && !shape.one_zone;
            (shape.zone_spreads, shape.node_spreads) = (zone_spreads, node_spreads);
            self.sale_by_demand.push(sale);
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Whether one pod of a demand may be on an empty node of a place.
    pub(super) fn can_hold(&self, place: usize, demand: usize) -> bool {
        self.eligible.get(place, demand)
            && self.shapes[demand]
                .request
                .iter()
                .zip(&self.places[place].capacity)
                .all(|(ask, has)| ask <= has)
    }

    /// The least over places of the price times the largest share of the node that a pod takes.
    fn worth(&self, demand: usize, sale: &[usize]) -> f64 {
        const LEAST: f64 = 1.0;
        let cost = |place: &usize| {
            let place = &self.places[*place];
            let shares = self.shapes[demand].request.iter().zip(&place.capacity);
            let share = shares.filter(|(_, has)| 0 < **has).map(|(ask, has)| *ask as f64 / *has as f64);
            place.price as f64 * share.fold(0.0, f64::max)
        };
        sale.iter().map(cost).reduce(f64::min).unwrap_or(LEAST).max(LEAST)
    }
}

impl SpreadTerms {
    fn new(problem: &Problem, spread: &Spread, domain: &[bool], places: &[Place]) -> Self {
        let mut counted = vec![false; problem.demands.len()];
        for demand in &spread.counted {
            counted[*demand as usize] = true;
        }
        Self {
            skew: spread.max_skew,
            domains_min: spread.min_domains,
            member: problem.demands.iter().map(|demand| demand.spreads.contains(spread)).collect(),
            counted,
            counted_list: spread.counted.iter().map(|demand| *demand as usize).collect(),
            domain: places.iter().map(|place| domain[place.offering as usize]).collect(),
        }
    }
}

fn distinct_spreads(problem: &Problem) -> Vec<Spread> {
    let mut all: Vec<Spread> = problem.demands.iter().flat_map(|demand| demand.spreads.clone()).collect();
    all.sort();
    all.dedup();
    all
}

fn domain_offerings(problem: &Problem, spread: &Spread) -> Vec<bool> {
    let mut set = vec![spread.domain_offerings.is_empty(); problem.offerings.len()];
    for offering in &spread.domain_offerings {
        set[*offering as usize] = true;
    }
    set
}

fn shape(demand: &Demand) -> Shape {
    let indexes = |list: &[u32]| list.iter().map(|index| *index as usize).collect();
    Shape {
        count: demand.count,
        request: demand.request.clone(),
        node_max: demand.max_per_node.unwrap_or(u32::MAX),
        zone_max: demand.max_per_zone.unwrap_or(u32::MAX),
        conflicts: indexes(&demand.conflicts),
        zone_conflicts: indexes(&demand.zone_conflicts),
        zone_mates: Vec::new(),
        one_zone: false,
        unit: None,
        zone_spreads: Vec::new(),
        node_spreads: Vec::new(),
        homes: Vec::new(),
        move_cost: demand.move_cost.nano_usd(),
        worth: 0.0,
        zone_count: 0,
        is_local: true,
    }
}

/// All demands that must share this one's zone, itself included; empty if it is free.
fn zone_mates(problem: &Problem, demand: usize) -> Vec<usize> {
    let key =
        |index: usize| problem.demands[index].together.as_deref().filter(|key| !key.starts_with("node/"));
    let Some(own) = key(demand) else { return Vec::new() };
    (0..problem.demands.len()).filter(|other| key(*other) == Some(own)).collect()
}

fn group_names(problem: &Problem) -> (Vec<Option<usize>>, usize) {
    let mut names: Vec<&str> =
        problem.nodes.iter().map(|node| &*node.group).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    let index = problem.nodes.iter().map(|node| names.binary_search(&&*node.group).ok()).collect();
    (index, names.len())
}

/// Places for sale by zone, each list by price.
fn by_zone(places: &[Place], zones: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new(); zones];
    for (index, place) in places.iter().enumerate().filter(|(_, place)| place.for_sale) {
        all[place.zone].push(index);
    }
    for list in &mut all {
        list.sort_by_key(|index| (places[*index].price, *index));
    }
    all
}

fn total_asked(problem: &Problem, resource: usize) -> i128 {
    let ask = |demand: &Demand| i128::from(demand.request[resource]) * i128::from(demand.count);
    problem.demands.iter().map(ask).sum()
}

fn scale(problem: &Problem) -> Vec<f64> {
    (0..problem.resources.len())
        .map(|resource| 1.0 / (total_asked(problem, resource).max(1) as f64))
        .collect()
}
