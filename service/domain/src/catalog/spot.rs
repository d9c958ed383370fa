//! What the Spot Instance Advisor tells: how much spot saves, and how often it is reclaimed.

use crate::catalog::Catalog;
use crate::units::HourlyRate;

/// Our guess for the Advisor's open band, "over 20 %", and for types it does not know: on the safe
/// side. Unit: fraction of nodes per 30 days.
pub const OPEN_BAND_RATE: f64 = 0.30;

/// The band number is outside `0..=4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Spot Advisor has interruption bands 0 to 4, not {0}")]
pub struct UnknownBand(pub u8);

/// Returns the share of a spot offering's nodes expected to be reclaimed in 30 days.
///
/// Unit: fraction of nodes per 30 days, `0.0..=1.0`.
///
/// Source: the Spot Instance Advisor gives five bands (under 5 %, 5-10 %, 10-15 %, 15-20 %, over
/// 20 %, trailing month). We take a band's upper edge, and [`OPEN_BAND_RATE`] for the open one.
/// Assumes that nodes are reclaimed independently.
///
/// # Errors
/// [`UnknownBand`] if the number is outside `0..=4`.
pub fn interruption_rate(band: u8) -> Result<f64, UnknownBand> {
    const UPPER_EDGES: [f64; 5] = [0.05, 0.10, 0.15, 0.20, OPEN_BAND_RATE];
    UPPER_EDGES.get(usize::from(band)).copied().ok_or(UnknownBand(band))
}

/// The spot price that a saving of so many percent against on-demand leaves, rounded up to the
/// nano-dollar. An estimate: the Advisor's savings are averages over zones and a month.
///
/// `None` if the saving is 100 % or more, which no price can mean.
pub fn estimate(on_demand: HourlyRate, saving_percent: u8) -> Option<HourlyRate> {
    let share = 100_i128.checked_sub(i128::from(saving_percent)).filter(|share| *share > 0)?;
    let hundredths = i128::from(on_demand.nano_usd()) * share;
    let nano_usd = i64::try_from((hundredths + 99) / 100).ok()?;
    HourlyRate::from_nano_usd(nano_usd)
}

impl Catalog {
    /// Share of the type's spot nodes expected to be reclaimed in 30 days, `0.0..=1.0`. A type that
    /// the Spot Advisor does not know counts as one of its open band: [`OPEN_BAND_RATE`].
    pub fn interruption_rate(&self, instance_type: &str) -> f64 {
        let band = self.interruption_bands.get(instance_type);
        band.and_then(|band| interruption_rate(*band).ok()).unwrap_or(OPEN_BAND_RATE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(on_demand: i64, saving_percent: u8, want: Option<i64>) {
        let on_demand = HourlyRate::from_nano_usd(on_demand).unwrap_or_default();
        let got = estimate(on_demand, saving_percent).map(HourlyRate::nano_usd);
        assert_eq!(got, want, "{on_demand} less {saving_percent} %");
    }

    #[test]
    fn a_saving_leaves_the_rest_rounded_up() {
        check(96_000_000, 66, Some(32_640_000));
        check(96_000_000, 0, Some(96_000_000));
        check(101, 50, Some(51));
        check(i64::MAX, 1, Some(9_131_138_316_486_228_049));
        check(96_000_000, 100, None);
        check(96_000_000, 255, None);
    }

    #[test]
    fn a_band_stands_for_its_upper_edge() {
        let rates: Vec<f64> = (0..=4).filter_map(|band| interruption_rate(band).ok()).collect();
        assert_eq!(rates, [0.05, 0.10, 0.15, 0.20, 0.30]);
        assert_eq!(interruption_rate(5), Err(UnknownBand(5)));
    }

    #[test]
    fn a_type_that_the_advisor_does_not_know_counts_as_its_open_band() {
        assert_eq!(Catalog::builtin().interruption_rate("m5.large"), 0.20);
        assert_eq!(Catalog::builtin().interruption_rate("no.such"), OPEN_BAND_RATE);
    }
}
