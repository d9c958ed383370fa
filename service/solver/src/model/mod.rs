//! The problem as the packing kernels see it: equal pods merged, dominated offerings left out, every
//! edit of price or profit folded into its supply.

mod dominance;
mod items;
mod supplies;

use plimsoll_domain::problem::{DemandIndex, NodeIndex, OfferingIndex, Problem, Rules};

/// What of a problem to look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Offerings that may be bought, ascending; none: all. Running nodes are always there.
    pub allowed: Option<&'a [OfferingIndex]>,
    /// Which offerings may stand for one another.
    pub exchange: Exchange,
    /// Whether running nodes are left out.
    pub skip_nodes: bool,
}

/// Which offerings may stand for one another when the cheaper and larger one replaces the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exchange {
    /// Any: right where no rule counts zones or kinds.
    #[default]
    Free,
    /// Of the same capacity kind.
    SameKind,
    /// Of the same zone and capacity kind.
    SameZoneAndKind,
    /// None.
    Never,
}

/// Equal pods: same request, same eligible offerings.
#[derive(Clone, Debug)]
pub struct Item {
    /// What each asks for, by resource.
    pub weight: Vec<i64>,
    /// How many there are.
    pub count: u32,
    /// Most of them in one node: the count, if nothing limits it.
    pub cap: u32,
    /// Where they come from, ascending.
    pub demands: Vec<DemandIndex>,
}

/// What an item is worth on a supply, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Index into [`Model::items`].
    pub item: u32,
    /// Most of them, 1 or more.
    pub most: u32,
    /// What one is worth beyond its dual, nano-USD per hour: the move that it saves.
    pub bonus_nano: i64,
    /// Whether it lives here already.
    pub resident: bool,
}

/// An offering that can be bought, or a class of equal nodes that run.
#[derive(Clone, Debug)]
pub struct Supply {
    /// Its offering.
    pub offering: OfferingIndex,
    /// The nodes that run, ascending; empty for what can be bought.
    pub nodes: Vec<NodeIndex>,
    /// What one holds, by resource.
    pub capacity: Vec<i64>,
    /// Price plus risk, less the drain that keeping it saves, nano-USD per hour. May be negative.
    pub price_nano: i64,
    /// Most of it; none: no limit.
    pub quantity: Option<u32>,
    /// Whether it is spot.
    pub spot: bool,
    /// What can go onto it.
    pub entries: Vec<Entry>,
}

impl Supply {
    /// [`Supply::price_nano`] in USD per hour.
    pub fn price(&self) -> f64 {
        self.price_nano as f64 * 1e-9
    }
}

/// A normalised problem.
#[derive(Clone, Debug)]
pub struct Model {
    /// How many resources there are.
    pub resources: usize,
    /// Classes of equal pods.
    pub items: Vec<Item>,
    /// Item of each demand.
    pub item_of: Vec<u32>,
    /// What can carry them. Ordered by price of what can be bought, then the running nodes.
    pub supplies: Vec<Supply>,
    /// What is due if every running node left: drains and moves, nano-USD per hour.
    pub due_nano: i128,
    /// How many resident pods there are.
    pub resident_count: u64,
    /// Rules over the fleet.
    pub rules: Rules,
}

impl Model {
    /// Normalises a problem. Never fails: a demand without a place is an item without a supply.
    pub fn new(problem: &Problem, options: &Options<'_>) -> Self {
        let (items, item_of) = items::merge(problem);
        let bought = dominance::undominated(problem, &items, options);
        let mut supplies: Vec<Supply> =
            bought.iter().map(|&offering| supplies::bought(problem, &items, offering)).collect();
        let mut model = Self {
            resources: problem.resources.len(),
            item_of,
            due_nano: 0,
            resident_count: 0,
            rules: problem.rules.clone(),
            supplies: Vec::new(),
            items,
        };
        if !options.skip_nodes {
            supplies.extend(supplies::running(problem, &model.items, &model.item_of));
            model.due_nano = supplies::due_nano(problem);
            model.resident_count = resident_count(problem);
        }
        supplies.retain(|supply| !supply.entries.is_empty() || !supply.nodes.is_empty());
        model.supplies = supplies;
        model
    }

    /// The supplies that can carry each item, ascending.
    pub fn carriers(&self) -> Vec<Vec<u32>> {
        let mut carriers = vec![Vec::new(); self.items.len()];
        for (index, supply) in self.supplies.iter().enumerate() {
            for entry in &supply.entries {
                let list: &mut Vec<u32> = &mut carriers[entry.item as usize];
                if list.last() != Some(&(index as u32)) {
                    list.push(index as u32);
                }
            }
        }
        carriers
    }

    /// Whether the share of spot is limited.
    pub fn limits_spot(&self) -> bool {
        self.rules.spot_share_max_permille < 1000
    }

    /// What a node of `supply` adds to the spot-share row, in units of the first resource and permille.
    pub fn spot_load(&self, supply: &Supply) -> i64 {
        let share = if supply.spot { 1000 } else { 0 } - i64::from(self.rules.spot_share_max_permille);
        supply.capacity.first().copied().unwrap_or(0).saturating_mul(share)
    }
}

fn resident_count(problem: &Problem) -> u64 {
    problem.nodes.iter().flat_map(|node| &node.residents).map(|resident| u64::from(resident.count)).sum()
}

/// How many of an item of `weight` fit into `capacity`, at most `most`.
pub fn fitting(weight: &[i64], capacity: &[i64], most: u32) -> u32 {
    weight.iter().zip(capacity).filter(|(weight, _)| **weight > 0).fold(most, |fit, (weight, capacity)| {
        fit.min(u32::try_from((*capacity).max(0) / weight).unwrap_or(u32::MAX))
    })
}
