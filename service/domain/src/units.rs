//! Money and ratios as integers, so that a sum does not depend on the order of its addends.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// Nano-US-dollars in one US dollar.
pub const NANO_USD_PER_USD: i64 = 1_000_000_000;

/// A running cost in nano-US-dollars per hour: 1 USD/h is 1_000_000_000. Never negative.
///
/// The largest value is about 9.2e9 USD/h; arithmetic saturates there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct HourlyRate(i64);

impl HourlyRate {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Takes nano-USD per hour; `None` if negative.
    pub fn from_nano_usd(nano_usd: i64) -> Option<Self> {
        (0 <= nano_usd).then_some(Self(nano_usd))
    }

    /// Nano-USD per hour, `0..`.
    pub fn nano_usd(self) -> i64 {
        self.0
    }

    /// US dollars per hour, for people. Not for arithmetic.
    pub fn usd(self) -> f64 {
        self.0 as f64 / NANO_USD_PER_USD as f64
    }

    /// `self` times a number of nodes.
    pub fn times(self, count: u32) -> Self {
        Self(self.0.saturating_mul(i64::from(count)))
    }

    /// `self` minus `other`, in nano-USD per hour; negative if `other` is dearer.
    pub fn minus(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }
}

impl<'de> Deserialize<'de> for HourlyRate {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let nano_usd = i64::deserialize(from)?;
        Self::from_nano_usd(nano_usd).ok_or_else(|| serde::de::Error::custom("a price may not be negative"))
    }
}

impl Add for HourlyRate {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for HourlyRate {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for HourlyRate {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for HourlyRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${:.4}/h", self.usd())
    }
}

/// Why a decimal text is no price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Not a plain decimal number (`NaN`, `1e400` and empty text land here).
    #[error("{0:?} is not a decimal number of US dollars")]
    NotDecimal(String),
    /// Below zero.
    #[error("{0:?} is negative")]
    Negative(String),
    /// More than nine digits before the point.
    #[error("{0:?} is larger than any price")]
    TooLarge(String),
}

/// A parsed price and whether digits beyond the ninth were rounded away (half to even).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsedPrice {
    /// The price.
    pub rate: HourlyRate,
    /// Whether the text had more than nine decimals that were not zero.
    pub rounded: bool,
}

/// Parses a price in US dollars per hour, such as `0.0960000000`, without going through a float.
///
/// # Errors
/// [`PriceError`] tells what is wrong with the text.
pub fn parse_usd_per_hour(text: &str) -> Result<ParsedPrice, PriceError> {
    const INTEGER_DIGITS_MAX: usize = 9;
    let trimmed = text.trim();
    let bad = || PriceError::NotDecimal(text.to_owned());
    if let Some(rest) = trimmed.strip_prefix('-') {
        let is_number = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        return Err(if is_number { PriceError::Negative(text.to_owned()) } else { bad() });
    }
    let (whole, fraction) = trimmed.split_once('.').unwrap_or((trimmed, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return Err(bad());
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > INTEGER_DIGITS_MAX {
        return Err(PriceError::TooLarge(text.to_owned()));
    }
    let kept: String = format!("{fraction:0<9}").chars().take(9).collect();
    let dropped = fraction.get(9..).unwrap_or("");
    let value = |part: &str| part.bytes().fold(0_i64, |sum, b| sum * 10 + i64::from(b - b'0'));
    let mut nano_usd = value(whole) * NANO_USD_PER_USD + value(&kept);
    let tail = dropped.trim_end_matches('0');
    let up = match tail.bytes().next() {
        None => false,
        Some(b'5') if tail.len() == 1 => nano_usd % 2 == 1,
        Some(first) => b'5' <= first,
    };
    nano_usd += i64::from(up);
    Ok(ParsedPrice { rate: HourlyRate(nano_usd), rounded: !tail.is_empty() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, nano_usd: i64, rounded: bool) {
        let want = ParsedPrice { rate: HourlyRate(nano_usd), rounded };
        assert_eq!(parse_usd_per_hour(text), Ok(want), "{text}");
    }

    #[test]
    fn prices_are_exact_to_the_nano_dollar() {
        check("0.0960000000", 96_000_000, false);
        check("13", 13_000_000_000, false);
        check(".5", 500_000_000, false);
        check("0.0000000005", 0, true);
        check("0.0000000015", 2, true);
        check("0.00000000151", 2, true);
        check("0.00000000249", 2, true);
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for text in ["", ".", "NaN", "inf", "1e400", "1e-3", "0x1", "1,5", "--1"] {
            assert_eq!(parse_usd_per_hour(text), Err(PriceError::NotDecimal(text.into())));
        }
        assert_eq!(parse_usd_per_hour("-0.1"), Err(PriceError::Negative("-0.1".into())));
        assert_eq!(parse_usd_per_hour("9999999999"), Err(PriceError::TooLarge("9999999999".into())));
    }
}
