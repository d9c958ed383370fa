//! What a node can be: a running node's offering, one that is for sale, or a set of interchangeable
//! ones that make a group.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::problem::{OfferingIndex, Problem};

use super::bits::{BitTable, is_subset};

/// How much smaller than the anchor of a spot group the other types may be, percent: small steps find
/// the same size of other families and generations, the last one mixes sizes of memory.
const SLACKS_PERCENT: [i64; 4] = [0, 4, 15, 50];

/// One thing that a node can be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    /// The offering that a node of it is booked as: the dearest.
    pub(super) offering: OfferingIndex,
    /// The offerings that it may turn out to be, ascending.
    pub(super) offerings: Vec<OfferingIndex>,
    /// Index of its zone.
    pub(super) zone: usize,
    /// Whether it is spot capacity.
    pub(super) spot: bool,
    /// What shares are of: the first resource's capacity of `offering`.
    pub(super) size: i64,
    /// What a node of it surely holds.
    pub(super) capacity: Vec<i64>,
    /// Price plus risk of the dearest, nano-USD per hour.
    pub(super) price: i64,
    /// Most nodes of it.
    pub(super) quantity_max: Option<u32>,
    /// Whether new nodes of it can be had.
    pub(super) for_sale: bool,
}

/// All places, with the demands that each may carry, and the place of every running node.
pub(super) struct Places {
    pub(super) all: Vec<Place>,
    /// Place x demand.
    pub(super) eligible: BitTable,
    pub(super) of_node: Vec<usize>,
    pub(super) zones: usize,
}

/// Lists what nodes can be. `alike` tells two offerings apart that the rules on spreads tell apart.
pub(super) fn places(problem: &Problem, alike: &[Vec<bool>]) -> Places {
    let zones: BTreeSet<&str> = problem.offerings.iter().map(|offering| &*offering.zone).collect();
    let zones: Vec<&str> = zones.into_iter().collect();
    let eligible = eligibility(problem);
    let owned: BTreeSet<OfferingIndex> = problem.nodes.iter().map(|node| node.offering).collect();
    let maker = Maker { problem, zones: &zones, eligible: &eligible, alike };
    let sold = maker.for_sale(&owned);
    let mut all = Vec::with_capacity(owned.len() + sold.len());
    let mut place_of = BTreeMap::new();
    for offering in &owned {
        place_of.insert(*offering, all.len());
        all.push(Place { for_sale: false, ..maker.place(vec![*offering]) });
    }
    all.extend(sold);
    let of_node = problem.nodes.iter().map(|node| place_of[&node.offering]).collect();
    let eligible = eligible.pick(all.iter().map(|place| place.offering as usize));
    Places { all, eligible, of_node, zones: zones.len().max(1) }
}

/// Offering x demand.
fn eligibility(problem: &Problem) -> BitTable {
    let mut table = BitTable::new(problem.offerings.len(), problem.demands.len());
    for (index, demand) in problem.demands.iter().enumerate() {
        for offering in &demand.offerings {
            table.set(*offering as usize, index);
        }
    }
    table
}

struct Maker<'a> {
    problem: &'a Problem,
    zones: &'a [&'a str],
    eligible: &'a BitTable,
    alike: &'a [Vec<bool>],
}

impl Maker<'_> {
    fn for_sale(&self, owned: &BTreeSet<OfferingIndex>) -> Vec<Place> {
        let rules = &self.problem.rules;
        let types_min = if rules.groups_max == 0 { 0 } else { rules.types_per_spot_group_min as usize };
        let mut found: BTreeSet<Vec<OfferingIndex>> = BTreeSet::new();
        let mut families: BTreeMap<_, Vec<OfferingIndex>> = BTreeMap::new();
        for index in (0..self.problem.offerings.len() as u32).filter(|index| !owned.contains(index)) {
            let offering = &self.problem.offerings[index as usize];
            let carries_nothing = self.eligible.row(index as usize).iter().all(|word| *word == 0);
            if carries_nothing && offering.kind == CapacityKind::Spot {
                continue;
            }
            if offering.kind == CapacityKind::OnDemand || types_min <= 1 {
                found.insert(vec![index]);
            } else if offering.quantity_max.is_none() {
                families.entry(self.family(index)).or_default().push(index);
            }
        }
        for family in families.values() {
            self.mixtures(family, types_min, &mut found);
        }
        self.undominated(found.into_iter().map(|offerings| self.place(offerings)).collect())
    }

    /// What offerings must have in common to be interchangeable: by the rules on groups, and so that
    /// every rule on spreads and eligibility sees the same, whichever of them a node becomes.
    fn family(&self, index: OfferingIndex) -> (&str, &str, &[u64], Vec<bool>) {
        let offering = &self.problem.offerings[index as usize];
        let seen = self.alike.iter().map(|set| set[index as usize]).collect();
        (&offering.zone, &offering.template, self.eligible.row(index as usize), seen)
    }

    /// For every offering and slack: the cheapest types that are at least as large, less the slack.
    fn mixtures(&self, family: &[OfferingIndex], types_min: usize, found: &mut BTreeSet<Vec<OfferingIndex>>) {
        let mut by_price = family.to_vec();
        by_price.sort_by_key(|index| (self.rate(*index), *index));
        for anchor in family {
            for slack in SLACKS_PERCENT {
                let mut types = BTreeSet::new();
                let large = by_price.iter().filter(|other| self.holds(**other, *anchor, slack));
                let mut chosen: Vec<OfferingIndex> = large
                    .filter(|other| types.insert(self.type_of(**other)))
                    .take(types_min)
                    .copied()
                    .collect();
                chosen.sort_unstable();
                if chosen.len() == types_min {
                    found.insert(chosen);
                }
            }
        }
    }

    fn holds(&self, other: OfferingIndex, anchor: OfferingIndex, slack_percent: i64) -> bool {
        let capacity = |index: OfferingIndex| self.problem.offerings[index as usize].capacity.iter();
        let wanted = |amount: i64| amount - amount / 100 * slack_percent;
        capacity(other).zip(capacity(anchor)).all(|(other, anchor)| wanted(*anchor) <= *other)
    }

    fn type_of(&self, index: OfferingIndex) -> &str {
        &self.problem.offerings[index as usize].instance_type
    }

    fn rate(&self, index: OfferingIndex) -> i64 {
        let offering = &self.problem.offerings[index as usize];
        (offering.price + offering.risk).nano_usd()
    }

    fn place(&self, offerings: Vec<OfferingIndex>) -> Place {
        let dearest = offerings.iter().copied().max_by_key(|index| (self.rate(*index), *index));
        let dearest = dearest.expect("a place has at least one offering");
        let booked = &self.problem.offerings[dearest as usize];
        let mut capacity = booked.capacity.clone();
        for offering in &offerings {
            for (sure, other) in capacity.iter_mut().zip(&self.problem.offerings[*offering as usize].capacity)
            {
                *sure = (*sure).min(*other);
            }
        }
        let zone = self.zones.binary_search(&&*booked.zone).expect("every zone is listed");
        Place {
            offering: dearest,
            offerings,
            zone,
            spot: booked.kind == CapacityKind::Spot,
            size: booked.capacity[0],
            capacity,
            price: self.rate(dearest),
            quantity_max: booked.quantity_max,
            for_sale: true,
        }
    }

    /// Drops every place that another makes useless: as large, as cheap, and welcome to as many.
    fn undominated(&self, mut places: Vec<Place>) -> Vec<Place> {
        places.sort_by(|a, b| {
            (a.zone, a.spot, a.price).cmp(&(b.zone, b.spot, b.price)).then(b.capacity.cmp(&a.capacity))
        });
        let mut kept: Vec<Place> = Vec::new();
        let mut start = 0;
        for place in places {
            if kept.get(start).is_some_and(|first| (first.zone, first.spot) != (place.zone, place.spot)) {
                start = kept.len();
            }
            if !kept[start..].iter().any(|better| self.dominates(better, &place)) {
                kept.push(place);
            }
        }
        kept
    }

    fn dominates(&self, better: &Place, place: &Place) -> bool {
        let (a, b) = (better.offering as usize, place.offering as usize);
        better.quantity_max.is_none()
            && better.price <= place.price
            && place.capacity.iter().zip(&better.capacity).all(|(small, large)| small <= large)
            && is_subset(self.eligible.row(b), self.eligible.row(a))
            && self.alike.iter().all(|set| set[a] == set[b])
    }
}
