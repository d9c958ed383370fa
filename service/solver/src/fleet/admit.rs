//! How many pods may go where.

use super::spread::Ask;
use super::state::State;
use super::terms::Shape;

/// Whether rules on spreading are looked at before a pod is placed. They are judged afterwards in any
/// case; a pod that finds no place under them is better placed than left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    Strict,
    Lenient,
}

/// How many more pods of a demand an open bin takes now, `wanted` at most.
pub(super) fn room(state: &State<'_>, bin: usize, demand: usize, wanted: u32, care: Care) -> u32 {
    let (terms, open) = (state.terms, &state.bins[bin]);
    if wanted == 0 || !terms.eligible.get(open.place, demand) {
        return 0;
    }
    let shape = &terms.shapes[demand];
    let mut most = copies(state.free(bin), &shape.request, wanted);
    if most == 0 {
        return 0;
    }
    let have = state.count(bin, demand);
    most = most.min(shape.node_max.saturating_sub(have));
    if let Some(node) = open.node.filter(|node| terms.problem.nodes[*node].sealed) {
        most = most.min(state.residents(node, demand).saturating_sub(have));
    }
    if most == 0 || meets_conflict(shape, &open.content) {
        return 0;
    }
    if shape.is_local {
        return most;
    }
    if care == Care::Strict {
        most = most.min(state.node_counts.room(terms, open.place, demand, &open.content));
    }
    zone_room(state, open.place, demand, most, care)
}

/// How often a request fits into free room, `wanted` at most.
pub(super) fn copies(free: &[i64], request: &[i64], wanted: u32) -> u32 {
    let mut most = i64::from(wanted);
    for (free, ask) in free.iter().zip(request) {
        if *free < *ask {
            return 0;
        }
        if 0 < *ask && *free < ask.saturating_mul(most) {
            most = free / ask;
        }
    }
    most as u32
}

/// Whether a content holds something that a demand may not share a node with.
pub(super) fn meets_conflict(shape: &Shape, content: &[(usize, u32)]) -> bool {
    !shape.conflicts.is_empty()
        && content.iter().any(|(other, _)| shape.conflicts.binary_search(other).is_ok())
}

/// How many more pods of a demand the zone of a place takes on a node of it, `wanted` at most.
pub(super) fn zone_room(state: &State<'_>, place: usize, demand: usize, wanted: u32, care: Care) -> u32 {
    let (terms, zone) = (state.terms, state.terms.places[place].zone);
    let shape = &terms.shapes[demand];
    let held = |other: &usize, zone: usize| 0 < state.zone_pods(*other, zone);
    if shape.zone_conflicts.iter().any(|other| held(other, zone)) {
        return 0;
    }
    let elsewhere = |mate: &usize| (0..terms.zones).any(|other| other != zone && held(mate, other));
    if shape.zone_mates.iter().any(elsewhere) {
        return 0;
    }
    let most = wanted.min(shape.zone_max.saturating_sub(state.zone_pods(demand, zone)));
    if care == Care::Lenient || shape.zone_spreads.is_empty() {
        return most;
    }
    let admitted = |before: &u32| {
        let ask = Ask { demand, place, before: *before };
        shape.zone_spreads.iter().all(|rule| {
            let counted = terms.zone_spreads[*rule].counted_list.iter();
            let waiting = counted.map(|other| state.unplaced[*other]).sum();
            state.zone_counts.admits(terms, *rule, &ask, waiting)
        })
    };
    (0..most).take_while(admitted).count() as u32
}
