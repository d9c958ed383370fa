//! Kubernetes quantities (`250m`, `1.5Gi`, `2e3`), exact: no float is involved.
//!
//! Grammar: a decimal number, then a binary suffix (`Ki`..`Ei`), a decimal one (`n`, `u`, `m`, `k`..`E`)
//! or an exponent (`e3`, `E-2`). Source: the type `Quantity` of the Kubernetes API reference.

/// Digits of a number that are looked at; any real quantity has fewer than 20.
const DIGITS_MAX: usize = 36;

/// Largest power of ten, either way, that is computed with; beyond it a value is too large or a speck.
const EXPONENT_MAX: i32 = 38;

/// Which way a value that is no whole number of units goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the next larger: what is asked for.
    Up,
    /// To the next smaller: what there is.
    Down,
}

/// The unit that a quantity is turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The quantity's own: bytes, pods, devices.
    One,
    /// A thousandth of it: milli-CPU.
    Milli,
    /// A billionth of it: nano-CPU.
    Nano,
}

impl Unit {
    fn exponent(self) -> i32 {
        match self {
            Self::One => 0,
            Self::Milli => 3,
            Self::Nano => 9,
        }
    }
}

/// Why a text is no usable quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not of the grammar; `NaN` and empty text land here.
    #[error("{0:?} is not a Kubernetes quantity such as 250m, 1.5Gi or 2")]
    Malformed(String),
    /// Below zero.
    #[error("{0:?} is negative")]
    Negative(String),
    /// Beyond 2^63 - 1 units, or with more digits than any quantity has.
    #[error("{0:?} is larger than any quantity")]
    TooLarge(String),
}

/// Reads a quantity as a whole number of units.
///
/// # Errors
/// [`QuantityError`] tells what is wrong with the text.
pub fn parse(text: &str, unit: Unit, rounding: Rounding) -> Result<i64, QuantityError> {
    let malformed = || QuantityError::Malformed(shortened(text));
    let too_large = || QuantityError::TooLarge(shortened(text));
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let split = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(split);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let scale = Scale::of(suffix).ok_or_else(malformed)?;
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(malformed());
    }
    let fraction = fraction.trim_end_matches('0');
    let digits = || whole.bytes().chain(fraction.bytes()).skip_while(|b| *b == b'0');
    if digits().next().is_none() {
        return Ok(0);
    }
    if negative {
        return Err(QuantityError::Negative(shortened(text)));
    }
    if DIGITS_MAX < digits().count() {
        return Err(too_large());
    }
    let mantissa = digits().fold(0_u128, |sum, b| sum * 10 + u128::from(b - b'0'));
    let fraction_length = i32::try_from(fraction.len()).map_err(|_| too_large())?;
    let exponent = scale.exponent.saturating_add(unit.exponent()).saturating_sub(fraction_length);
    let scaled = mantissa.checked_mul(scale.factor).ok_or_else(too_large)?;
    let value = shift(scaled, exponent, rounding).ok_or_else(too_large)?;
    i64::try_from(value).map_err(|_| too_large())
}

/// `value` times ten to the power of `exponent`; none if that is beyond any integer.
fn shift(value: u128, exponent: i32, rounding: Rounding) -> Option<u128> {
    if EXPONENT_MAX < exponent {
        return None;
    }
    if exponent < -EXPONENT_MAX {
        return Some(u128::from(rounding == Rounding::Up));
    }
    let power = 10_u128.pow(exponent.unsigned_abs());
    match (0 <= exponent, rounding) {
        (true, _) => value.checked_mul(power),
        (false, Rounding::Up) => Some(value.div_ceil(power)),
        (false, Rounding::Down) => Some(value / power),
    }
}

struct Scale {
    factor: u128,
    exponent: i32,
}

impl Scale {
    fn of(suffix: &str) -> Option<Self> {
        let binary = |power: u32| Some(Self { factor: 1024_u128.pow(power), exponent: 0 });
        let decimal = |exponent: i32| Some(Self { factor: 1, exponent });
        match suffix {
            "" => decimal(0),
            "n" => decimal(-9),
            "u" => decimal(-6),
            "m" => decimal(-3),
            "k" => decimal(3),
            "M" => decimal(6),
            "G" => decimal(9),
            "T" => decimal(12),
            "P" => decimal(15),
            "E" => decimal(18),
            "Ki" => binary(1),
            "Mi" => binary(2),
            "Gi" => binary(3),
            "Ti" => binary(4),
            "Pi" => binary(5),
            "Ei" => binary(6),
            _ => decimal(exponent(suffix.strip_prefix(['e', 'E'])?)?),
        }
    }
}

/// The exponent of scientific notation; one too long for an integer stands for one too large.
fn exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let far = if text.starts_with('-') { i32::MIN / 2 } else { i32::MAX / 2 };
    Some(text.parse().unwrap_or(far))
}

/// The start of a text, for an error message.
fn shortened(text: &str) -> String {
    const SHOWN_MAX: usize = 40;
    text.chars().take(SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, unit: Unit, up: i64, down: i64) {
        assert_eq!(parse(text, unit, Rounding::Up), Ok(up), "{text} up");
        assert_eq!(parse(text, unit, Rounding::Down), Ok(down), "{text} down");
    }

    #[test]
    fn quantities_are_exact_and_round_to_the_safe_side() {
        check("1", Unit::Milli, 1000, 1000);
        check("0.1", Unit::Milli, 100, 100);
        check("1500m", Unit::Milli, 1500, 1500);
        check("1500m", Unit::One, 2, 1);
        check("1n", Unit::Milli, 1, 0);
        check("1500u", Unit::Milli, 2, 1);
        check("2000001n", Unit::Milli, 3, 2);
        check("123456789n", Unit::Nano, 123_456_789, 123_456_789);
        check("1Ki", Unit::One, 1024, 1024);
        check("1.5Gi", Unit::One, 1_610_612_736, 1_610_612_736);
        check("0.3Ki", Unit::One, 308, 307);
        check("128Mi", Unit::One, 134_217_728, 134_217_728);
        check("1k", Unit::One, 1000, 1000);
        check("1e3", Unit::One, 1000, 1000);
        check("1E3", Unit::One, 1000, 1000);
        check("12E-1", Unit::One, 2, 1);
        check("2E", Unit::One, 2_000_000_000_000_000_000, 2_000_000_000_000_000_000);
        check("7Ei", Unit::One, 8_070_450_532_247_928_832, 8_070_450_532_247_928_832);
        check(".5", Unit::Milli, 500, 500);
        check("5.", Unit::One, 5, 5);
        check("+5", Unit::One, 5, 5);
        check("007", Unit::One, 7, 7);
        check("1.000000000000000000000000000000000000000000000", Unit::One, 1, 1);
        check("1e-400", Unit::One, 1, 0);
        for zero in ["0", "0.0", "-0", "0Gi", "0e99999999999"] {
            check(zero, Unit::Milli, 0, 0);
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        let parse = |text: &str| parse(text, Unit::One, Rounding::Up);
        for text in
            ["", ".", "-", "NaN", "inf", "1,5", "1 Gi", "1.2.3", "0x10", "1KiB", "1K", "Gi", "1e", "1eE3"]
        {
            assert_eq!(parse(text), Err(QuantityError::Malformed(text.into())));
        }
        for text in ["-1", "-0.5Gi", "-1e400"] {
            assert_eq!(parse(text), Err(QuantityError::Negative(text.into())));
        }
        for text in ["1e400", "8Ei", "9223372036854775808", "1e99999999999", "10E"] {
            assert_eq!(parse(text), Err(QuantityError::TooLarge(text.into())));
        }
        assert!(matches!(parse(&"9".repeat(1000)), Err(QuantityError::TooLarge(shown)) if shown.len() == 40));
    }
}
