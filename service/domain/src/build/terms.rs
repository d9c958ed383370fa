//! The policy's numbers as integers, each checked once.

use super::BuildError;
use crate::policy::{Policy, Preset};
use crate::units::HourlyRate;

/// A whole, in millionths.
pub(super) const MILLION: i64 = 1_000_000;
/// Largest restart cost that makes sense, USD.
const RESTART_COST_MAX_USD: f64 = 1_000_000.0;
/// Largest headroom, so that a node still holds something.
const HEADROOM_MAX: f64 = 0.9;

/// What [`Policy`] says in floats, here in integers. Ratios round to the nearest millionth or permille.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// Free CPU on new nodes, millionths of allocatable.
    pub headroom_cpu: i64,
    /// Free memory on new nodes, millionths of allocatable.
    pub headroom_memory: i64,
    /// Discount on on-demand prices, millionths.
    pub discount: i64,
    /// Largest share on spot, permille.
    pub spot_share_permille: u32,
    /// Largest share in a zone, permille, at least 1.
    pub zone_share_permille: u32,
    /// Largest share of running pods that may move, millionths.
    pub moved: i64,
    /// One restart of one pod, nano-USD.
    pub restart_nano_usd: i64,
    /// One restart spread over the horizon, rounded to the nearest nano-USD per hour.
    pub restart_rate: HourlyRate,
}

impl Terms {
    pub fn new(policy: &Policy) -> Result<Self, BuildError> {
        let bare = policy.preset == Preset::None;
        let headroom = |field, ratio: f64| millionths(field, if bare { 0.0 } else { ratio }, HEADROOM_MAX);
        let restart = in_range("restart_cost_usd", policy.restart_cost_usd, RESTART_COST_MAX_USD)?;
        let restart_nano_usd = (restart * 1e9).round_ties_even() as i64;
        let hours = i64::from(policy.horizon_hours.max(1));
        let restart_rate = HourlyRate::from_nano_usd((restart_nano_usd + hours / 2) / hours);
        Ok(Self {
            headroom_cpu: headroom("headroom.cpu", policy.headroom.cpu)?,
            headroom_memory: headroom("headroom.memory", policy.headroom.memory)?,
            discount: millionths("discount_ratio", policy.discount_ratio, 1.0)?,
            spot_share_permille: permille("spot_share_max_ratio", policy.spot_share_max_ratio)?,
            zone_share_permille: permille("zone_share_max_ratio", policy.zone_share_max_ratio)?.max(1),
            moved: millionths("moved_pods_max_ratio", policy.moved_pods_max_ratio, 1.0)?,
            restart_nano_usd,
            restart_rate: restart_rate.unwrap_or_default(),
        })
    }

    /// A list price less the discount, rounded up.
    pub fn discounted(&self, price: HourlyRate) -> HourlyRate {
        let left = i128::from(price.nano_usd()) * i128::from(MILLION - self.discount);
        HourlyRate::from_nano_usd(ceil_div(left, MILLION)).unwrap_or_default()
    }
}

/// `part / whole`, rounded up; saturates.
pub(super) fn ceil_div(part: i128, whole: i64) -> i64 {
    let whole = i128::from(whole.max(1));
    i64::try_from((part + whole - 1).div_euclid(whole)).unwrap_or(i64::MAX)
}

fn in_range(field: &'static str, value: f64, max: f64) -> Result<f64, BuildError> {
    if (0.0..=max).contains(&value) { Ok(value) } else { Err(BuildError::Policy { field, value, max }) }
}

fn millionths(field: &'static str, ratio: f64, max: f64) -> Result<i64, BuildError> {
    Ok((in_range(field, ratio, max)? * MILLION as f64).round_ties_even() as i64)
}

fn permille(field: &'static str, ratio: f64) -> Result<u32, BuildError> {
    Ok((in_range(field, ratio, 1.0)? * 1000.0).round_ties_even() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_convert_exactly() {
        let terms = Terms::new(&Policy::default()).expect("the default policy is sound");
        assert_eq!((terms.spot_share_permille, terms.moved, terms.headroom_cpu), (700, 200_000, 50_000));
        assert_eq!(terms.restart_rate.nano_usd(), 13_889);
    }

    #[test]
    fn the_preset_none_keeps_no_headroom() {
        let policy = Policy { preset: Preset::None, ..Policy::default() };
        assert_eq!(Terms::new(&policy).map(|terms| terms.headroom_cpu), Ok(0));
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let check = |field: &str, change: fn(&mut Policy)| {
            let mut policy = Policy::default();
            change(&mut policy);
            let error = Terms::new(&policy).expect_err(field).to_string();
            assert!(error.contains(field), "{error}");
        };
        check("headroom.cpu", |policy| policy.headroom.cpu = 0.95);
        check("discount_ratio", |policy| policy.discount_ratio = -0.1);
        check("spot_share_max_ratio", |policy| policy.spot_share_max_ratio = f64::NAN);
        check("moved_pods_max_ratio", |policy| policy.moved_pods_max_ratio = 1.5);
        check("restart_cost_usd", |policy| policy.restart_cost_usd = f64::INFINITY);
    }

    #[test]
    fn a_discount_rounds_up() {
        let terms = Terms::new(&Policy { discount_ratio: 0.1, ..Policy::default() }).expect("sound");
        let price = |nano| HourlyRate::from_nano_usd(nano).expect("a price");
        assert_eq!(terms.discounted(price(96_000_001)), price(86_400_001));
    }
}
