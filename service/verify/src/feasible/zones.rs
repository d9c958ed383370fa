//! What zones and nodes hold together: pods per zone, conflicts of zones, pods that belong together.

use std::collections::BTreeMap;

use super::fleet::Fleet;
use crate::rejection::Rejection;
use crate::wellformed::{Sound, at};

/// Checks the rules on zones, and those on pods that belong together.
pub fn check(problem: &Sound, fleet: &Fleet) -> Result<(), Rejection> {
    let zones = pods_by_zone(problem, fleet);
    for (zone, pods) in &zones {
        for (demand, placed) in pods {
            check_per_zone(problem, zone, *demand, *placed)?;
            check_conflicts(problem, zone, *demand, pods)?;
        }
    }
    check_together(problem, fleet)
}

/// Pods by demand in each zone.
fn pods_by_zone<'p>(problem: &'p Sound, fleet: &Fleet) -> BTreeMap<&'p str, BTreeMap<usize, i64>> {
    let mut zones: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for node in &fleet.nodes {
        let pods = zones.entry(problem.offerings[node.offering].zone.as_str()).or_default();
        for entry in node.placed {
            *pods.entry(at(entry.demand)).or_insert(0) += i64::from(entry.count);
        }
    }
    zones
}

fn check_per_zone(problem: &Sound, zone: &str, demand: usize, placed: i64) -> Result<(), Rejection> {
    match problem.demands[demand].max_per_zone.map(i64::from) {
        Some(max) if max < placed => Err(Rejection::PerZone { zone: zone.into(), demand, placed, max }),
        _ => Ok(()),
    }
}

fn check_conflicts(
    problem: &Sound,
    zone: &str,
    demand: usize,
    pods: &BTreeMap<usize, i64>,
) -> Result<(), Rejection> {
    let mut conflicts = problem.demands[demand].zone_conflicts.iter().map(|other| at(*other));
    match conflicts.find(|other| pods.contains_key(other)) {
        Some(other) => Err(Rejection::ZoneConflict { zone: zone.into(), demand, other }),
        None => Ok(()),
    }
}

fn check_together(problem: &Sound, fleet: &Fleet) -> Result<(), Rejection> {
    let mut places = BTreeMap::new();
    for node in &fleet.nodes {
        for entry in node.placed {
            let together = problem.demands[at(entry.demand)].together.as_str();
            let place = if together.starts_with("zone/") {
                problem.offerings[node.offering].zone.as_str()
            } else {
                node.name
            };
            if !together.is_empty() && *places.entry(together).or_insert(place) != place {
                return Err(Rejection::Apart { together: together.into() });
            }
        }
    }
    Ok(())
}
