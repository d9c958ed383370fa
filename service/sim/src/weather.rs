//! What a world does by itself beside following orders, and how it begins.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The highest [`Weather::reclaims_factor`]. With it a machine of the worst band lives some hours.
pub const RECLAIMS_FACTOR_MAX: u32 = 1_000;

/// What happens in a world that nobody asked for. The default is a quiet world, in which nothing does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weather {
    /// How many times as often as the Spot Advisor's bands say the cloud takes spot machines back, two minutes after its
    /// word: 1 is as often; 0 is never. More than [`RECLAIMS_FACTOR_MAX`] counts as that.
    ///
    /// Machines are taken back in squeezes, of one zone's machines of a type, of all zones', or of the whole family's; a
    /// pool that is squeezed sells nothing for a while.
    #[serde(default)]
    pub reclaims_factor: u32,
    /// Whether spot prices walk around those of the catalog, between 0.7 and 1.5 of them, never above on-demand. They are
    /// a matter of the seed, the type, the zone and the time, whoever asks.
    #[serde(default)]
    pub prices_walk: bool,
    /// Whether a zone has only so many spot machines of a type, for all clusters of the world together. One launch more
    /// is refused as a shortage.
    #[serde(default)]
    pub pools_end: bool,
}

impl Weather {
    /// As it is outside.
    pub const REAL: Self = Self { reclaims_factor: 1, prices_walk: true, pools_end: true };
}

/// How a world begins. All that happens in it by chance follows from this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its first moment.
    pub start: Timestamp,
    /// Its chance.
    pub seed: u64,
    /// What happens by itself.
    pub weather: Weather,
}

impl Origin {
    /// A world in which nothing happens by itself.
    pub fn quiet(start: Timestamp, seed: u64) -> Self {
        Self { start, seed, weather: Weather::default() }
    }
}
