//! Rules over zones, and over sets of nodes: caps, conflicts, spreads, togetherness.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Violation};
use crate::problem::{Demand, DemandIndex, Spread, Topology};

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Violation>) {
    let map = Map::new(case);
    for (index, demand) in (0..).zip(&case.problem.demands) {
        zones_of_demand(case, &map, index, demand, found);
        for spread in &demand.spreads {
            one_spread(case, &map, (index, demand), spread, found);
        }
    }
    together(case, &map, found);
}

/// Who is where.
struct Map<'a> {
    /// Zones that have a node, in order.
    zones: Vec<&'a str>,
    /// By bin: index of its zone.
    zone_of: Vec<usize>,
    /// By demand: bins that hold it, ascending, with the number of pods.
    bins_of: Vec<Vec<(usize, u32)>>,
    /// By offering: its bins.
    bins_by_offering: Vec<Vec<usize>>,
}

impl<'a> Map<'a> {
    fn new(case: &Case<'a>) -> Self {
        let zones: BTreeSet<&str> = case.bins.iter().map(|bin| case.zone(bin)).collect();
        let zones: Vec<&str> = zones.into_iter().collect();
        let zone_of = |bin| zones.binary_search(&case.zone(bin)).expect("every bin's zone is listed");
        let zone_of = case.bins.iter().map(zone_of).collect();
        let mut bins_of = vec![Vec::new(); case.problem.demands.len()];
        let mut bins_by_offering = vec![Vec::new(); case.problem.offerings.len()];
        for (index, bin) in case.bins.iter().enumerate() {
            bins_by_offering[bin.offering as usize].push(index);
            for entry in &bin.placed {
                bins_of[entry.demand as usize].push((index, entry.count));
            }
        }
        Self { zones, zone_of, bins_of, bins_by_offering }
    }

    /// Domain of a bin under a topology: its zone, or itself.
    fn domain_of(&self, topology: Topology, bin: usize) -> usize {
        match topology {
            Topology::Zone => self.zone_of[bin],
            Topology::Node => bin,
        }
    }

    /// Pods of a demand by domain.
    fn counts(&self, topology: Topology, demand: DemandIndex) -> BTreeMap<usize, u64> {
        let mut counts = BTreeMap::new();
        for (bin, count) in &self.bins_of[demand as usize] {
            *counts.entry(self.domain_of(topology, *bin)).or_insert(0) += u64::from(*count);
        }
        counts
    }
}

fn zones_of_demand(case: &Case<'_>, map: &Map<'_>, index: u32, demand: &Demand, found: &mut Vec<Violation>) {
    if demand.max_per_zone.is_none() && demand.zone_conflicts.is_empty() {
        return;
    }
    let here = map.counts(Topology::Zone, index);
    for (zone, count) in &here {
        if let Some(max) = demand.max_per_zone.filter(|max| u64::from(*max) < *count) {
            let zone = map.zones[*zone].to_owned();
            found.push(Violation::MaxPerZone { zone, demand: demand.id.clone(), count: *count, max });
        }
    }
    for other in demand.zone_conflicts.iter().filter(|other| index < **other) {
        let there = map.counts(Topology::Zone, *other);
        for zone in here.keys().filter(|zone| there.contains_key(zone)) {
            let (zone, demand, other) = (map.zones[*zone].to_owned(), demand.id.clone(), case.demand(*other));
            found.push(Violation::ZoneConflict { zone, demand, other });
        }
    }
}

fn one_spread(
    case: &Case<'_>,
    map: &Map<'_>,
    (index, demand): (u32, &Demand),
    spread: &Spread,
    found: &mut Vec<Violation>,
) {
    let mut counts: BTreeMap<usize, u64> =
        domains(map, spread).into_iter().map(|domain| (domain, 0)).collect();
    for counted in &spread.counted {
        for (domain, count) in map.counts(spread.topology, *counted) {
            if let Some(sum) = counts.get_mut(&domain) {
                *sum += count;
            }
        }
    }
    let too_few = counts.len() < spread.min_domains as usize;
    let emptiest = if too_few { 0 } else { counts.values().copied().min().unwrap_or(0) };
    let most = emptiest + u64::from(spread.max_skew);
    for domain in map.counts(spread.topology, index).keys() {
        let Some(count) = counts.get(domain).filter(|count| most < **count) else { continue };
        let domain = match spread.topology {
            Topology::Zone => map.zones[*domain].to_owned(),
            Topology::Node => case.name(*domain),
        };
        let (demand, max_skew) = (demand.id.clone(), spread.max_skew);
        found.push(Violation::Spread { demand, domain, count: *count, emptiest, max_skew });
    }
}

/// The domains of a spread: those that have a node of its offerings.
fn domains(map: &Map<'_>, spread: &Spread) -> BTreeSet<usize> {
    let domain_of = |bin: &usize| map.domain_of(spread.topology, *bin);
    if spread.domain_offerings.is_empty() {
        return (0..map.zone_of.len()).map(|bin| domain_of(&bin)).collect();
    }
    let bins = spread.domain_offerings.iter().flat_map(|offering| &map.bins_by_offering[*offering as usize]);
    bins.map(domain_of).collect()
}

fn together(case: &Case<'_>, map: &Map<'_>, found: &mut Vec<Violation>) {
    let mut places: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (index, demand) in (0..).zip(&case.problem.demands) {
        let Some(key) = &demand.together else { continue };
        let topology = if key.starts_with("node/") { Topology::Node } else { Topology::Zone };
        places.entry(key).or_default().extend(map.counts(topology, index).keys());
    }
    for (key, places) in places.into_iter().filter(|(_, places)| 1 < places.len()) {
        found.push(Violation::Together { key: key.to_owned(), places: places.len() });
    }
}
