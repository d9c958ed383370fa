//! Spot capacity: what a zone has of a type, when others want it, and what it costs.
//!
//! Squeezes and prices are functions of the seed and of time: any of them is known without those before, nobody's
//! question changes one, and all clusters of a world see the same. The only thing that is kept is how many machines run.

mod price;
mod quotes;
mod squeeze;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::fleet::CapacityKind;

use crate::dice::Dice;
use crate::weather::{Origin, Weather};

/// Virtual CPUs of a type that a zone sells to this world as spot, and fewest machines, however large. A guess: shallow
/// enough that a large apply meets the ground.
const POOL_VCPU: std::ops::RangeInclusive<u64> = 64..=1024;
const POOL_MACHINES_MIN: u64 = 2;

/// Machines of a type in a zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pool {
    pub instance_type: String,
    pub zone: String,
}

impl Pool {
    pub fn new(instance_type: &str, zone: &str) -> Self {
        Self { instance_type: instance_type.to_owned(), zone: zone.to_owned() }
    }
}

/// The market that all clusters of a world share.
#[derive(Debug)]
pub(crate) struct Market {
    seed: u64,
    weather: Weather,
    catalog: Arc<Catalog>,
    /// Machines that run, of all clusters.
    running: BTreeMap<(Pool, CapacityKind), u32>,
}

impl Market {
    pub fn new(origin: &Origin) -> Self {
        Self {
            seed: origin.seed,
            weather: origin.weather,
            catalog: Catalog::builtin(),
            running: BTreeMap::new(),
        }
    }

    /// Prices are those of another catalog, or walk around them.
    pub fn sell_at(&mut self, catalog: Arc<Catalog>) {
        self.catalog = catalog;
    }

    /// A machine begins to run.
    pub fn take(&mut self, pool: Pool, kind: CapacityKind) {
        *self.running.entry((pool, kind)).or_insert(0) += 1;
    }

    /// A machine ends.
    pub fn give_back(&mut self, pool: Pool, kind: CapacityKind) {
        if let Some(count) = self.running.get_mut(&(pool, kind)) {
            *count = count.saturating_sub(1);
        }
    }

    /// Machines that run.
    pub fn running(&self, pool: &Pool, kind: CapacityKind) -> u32 {
        self.running.get(&(pool.clone(), kind)).copied().unwrap_or(0)
    }

    /// Whether machines are ever taken back.
    pub fn is_squeezed(&self) -> bool {
        0 < self.weather.reclaims_factor
    }

    /// Whether one more spot machine is to be had.
    pub fn sells(&self, pool: &Pool, now: Timestamp) -> bool {
        let has_room = || self.running(pool, CapacityKind::Spot) < self.depth(pool);
        !self.is_dry(pool, now) && (!self.weather.pools_end || has_room())
    }

    /// Spot machines that there are for this world.
    fn depth(&self, pool: &Pool) -> u32 {
        let mut dice = self.dice(format_args!("depth {} {}", pool.instance_type, pool.zone));
        let (least, most) = (*POOL_VCPU.start(), *POOL_VCPU.end());
        let vcpu = least + dice.below(most - least + 1);
        let catalog = Catalog::builtin();
        let facts = catalog.types.get(&pool.instance_type);
        let each = facts.and_then(|facts| u64::try_from(facts.vcpu).ok()).unwrap_or(1).max(1);
        u32::try_from((vcpu / each).max(POOL_MACHINES_MIN)).unwrap_or(u32::MAX)
    }

    fn dice(&self, subject: std::fmt::Arguments<'_>) -> Dice {
        Dice::new(self.seed, &subject.to_string())
    }
}
