//! Leaves out offerings that another one replaces: at least the capacity, at most the price, at least
//! the eligible items. Exact: wherever the one stands in a plan, the other may stand.

use plimsoll_domain::problem::{Offering, OfferingIndex, Problem};

use super::{Exchange, Item, Options};

/// A set of small integers.
#[derive(Clone)]
struct Bits(Vec<u64>);

impl Bits {
    fn new(len: usize) -> Self {
        Self(vec![0; len.div_ceil(64)])
    }

    fn insert(&mut self, index: usize) {
        self.0[index / 64] |= 1 << (index % 64);
    }

    fn covers(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| other & !own == 0)
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

/// Offerings worth buying, by price.
pub(super) fn undominated(problem: &Problem, items: &[Item], options: &Options<'_>) -> Vec<OfferingIndex> {
    let eligible = eligible_items(problem, items);
    let mut candidates = candidates(problem, options);
    candidates.retain(|&index| !eligible[index as usize].is_empty());
    let price = |index: OfferingIndex| price_nano(&problem.offerings[index as usize]);
    let volume = |index: OfferingIndex| -> i128 {
        problem.offerings[index as usize].capacity.iter().map(|capacity| i128::from(*capacity)).sum()
    };
    candidates.sort_by_key(|&index| (price(index), -volume(index), index));
    let mut kept: Vec<OfferingIndex> = Vec::new();
    for candidate in candidates {
        let is_dominated = kept.iter().any(|&other| {
            let (by, of) = (&problem.offerings[other as usize], &problem.offerings[candidate as usize]);
            replaces(by, of, options.exchange)
                && eligible[other as usize].covers(&eligible[candidate as usize])
        });
        if !is_dominated {
            kept.push(candidate);
        }
    }
    kept
}

/// Whether a node of `by`, which is not dearer, may stand wherever a node of `of` stands.
fn replaces(by: &Offering, of: &Offering, exchange: Exchange) -> bool {
    let related = match exchange {
        Exchange::Free => true,
        Exchange::SameKind => by.kind == of.kind && by.capacity.first() == of.capacity.first(),
        Exchange::SameZoneAndKind => {
            by.kind == of.kind && by.zone == of.zone && by.capacity.first() == of.capacity.first()
        }
        Exchange::Never => false,
    };
    related && by.quantity_max.is_none() && by.capacity.iter().zip(&of.capacity).all(|(by, of)| by >= of)
}

fn candidates(problem: &Problem, options: &Options<'_>) -> Vec<OfferingIndex> {
    let mut buyable = vec![options.allowed.is_none(); problem.offerings.len()];
    for &index in options.allowed.unwrap_or_default() {
        if let Some(flag) = buyable.get_mut(index as usize) {
            *flag = true;
        }
    }
    for node in &problem.nodes {
        buyable[node.offering as usize] = false;
    }
    (0..problem.offerings.len() as u32)
        .filter(|&index| buyable[index as usize])
        .filter(|&index| problem.offerings[index as usize].quantity_max != Some(0))
        .collect()
}

fn eligible_items(problem: &Problem, items: &[Item]) -> Vec<Bits> {
    let mut eligible = vec![Bits::new(items.len()); problem.offerings.len()];
    for (index, item) in items.iter().enumerate() {
        let demand = &problem.demands[item.demands[0] as usize];
        for &offering in &demand.offerings {
            let capacity = &problem.offerings[offering as usize].capacity;
            if item.weight.iter().zip(capacity).all(|(weight, capacity)| weight <= capacity) {
                eligible[offering as usize].insert(index);
            }
        }
    }
    eligible
}

/// Price plus risk, nano-USD per hour.
pub(super) fn price_nano(offering: &Offering) -> i64 {
    (offering.price + offering.risk).nano_usd()
}
