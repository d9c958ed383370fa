//! Exact money: rounding, cost that grows with time, and dividing an amount among its owners.

/// Seconds in an hour.
pub const HOUR_SECONDS: i64 = 3600;

/// Nano-USD in nano-USD, for ratios that are held as integers: one is 1_000_000_000.
const RATIO_ONE: i128 = 1_000_000_000;

/// Divides and rounds to the nearest integer, halves to the even one. Saturates at the ends of `i64`; a
/// denominator of 0 or less counts as 1.
pub fn divide_half_even(numerator: i128, denominator: i128) -> i64 {
    let denominator = denominator.max(1);
    let floor = numerator.div_euclid(denominator);
    let twice = numerator.rem_euclid(denominator) * 2;
    let up = denominator < twice || (denominator == twice && floor % 2 != 0);
    let rounded = floor + i128::from(up);
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}

/// Takes a discount off a price or cost, rounded to the nano. `discount_ratio` is 0..1; what lies outside, or is no
/// number, counts as the nearer end, and as 0.
pub fn discounted(nano_usd: i64, discount_ratio: f64) -> i64 {
    let discount = (discount_ratio.clamp(0.0, 1.0) * RATIO_ONE as f64).round() as i128;
    divide_half_even(i128::from(nano_usd) * (RATIO_ONE - discount), RATIO_ONE)
}

/// What so many things cost, given what all of them did: cost of `per` of `count` things, rounded to the nano. None if
/// there were none.
pub fn unit_cost(nano_usd: i64, count: i64, per: i64) -> Option<i64> {
    (0 < count).then(|| divide_half_even(i128::from(nano_usd) * i128::from(per), i128::from(count)))
}

/// A price that runs with time: so many nano-USD in every period.
///
/// What a span costs is what has run up at its end less what had run up at its begin, both counted from `anchor` and
/// rounded. So the parts of a span always sum to the whole of it, to the nano, however it is cut; and no part has to
/// know of the others. A whole period that begins at the anchor costs exactly `nano_usd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tariff {
    /// What a period costs.
    pub nano_usd: i128,
    /// How long it is, at least 1.
    pub period_seconds: i64,
    /// From when on is counted, Unix seconds.
    pub anchor: i64,
}

impl Tariff {
    /// What the time from `from` to `to` costs, both Unix seconds, `anchor <= from`; nothing if it is empty.
    pub fn cost(&self, from: i64, to: i64) -> i64 {
        if to <= from { 0 } else { self.run_up(to).saturating_sub(self.run_up(from)) }
    }

    fn run_up(&self, until: i64) -> i64 {
        let seconds = i128::from(until) - i128::from(self.anchor);
        divide_half_even(self.nano_usd.saturating_mul(seconds), i128::from(self.period_seconds))
    }
}

/// Divides an amount by weights, so that the parts sum to it exactly: each gets its share rounded towards zero, then
/// one nano more in the order of the largest remainders, equal ones in the order of their keys.
///
/// The result is in the order of `weights` and depends on it only where two keys are equal. A negative amount is
/// divided like the positive one. If all weights are zero, they count as equal. Without weights there is nobody to
/// give to, and the amount is left with the caller.
pub fn largest_remainder<K: Ord>(amount: i64, weights: &[(K, u64)]) -> Vec<i64> {
    let sum: u128 = weights.iter().map(|(_, weight)| u128::from(*weight)).sum();
    let (sum, floor_weight) = if sum == 0 { (weights.len() as u128, 1) } else { (sum, 0) };
    let whole = u128::from(amount.unsigned_abs());
    // At most 2^63 times 2^64: it fits.
    let shares = weights.iter().map(|(_, weight)| whole * u128::from((*weight).max(floor_weight)));
    let (mut parts, remainders): (Vec<u128>, Vec<u128>) =
        shares.map(|share| (share / sum, share % sum)).unzip();
    let left = whole.saturating_sub(parts.iter().sum());
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|one, other| {
        remainders[*other].cmp(&remainders[*one]).then_with(|| weights[*one].0.cmp(&weights[*other].0))
    });
    for index in order.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        parts[index] += 1;
    }
    let sign = if amount < 0 { -1 } else { 1 };
    parts.into_iter().map(|part| (sign * part as i128) as i64).collect()
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let cases = [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (10, 4, 2), (11, 4, 3), (-1, 3, 0)];
        for (numerator, denominator, want) in cases {
            assert_eq!(divide_half_even(numerator, denominator), want, "{numerator}/{denominator}");
        }
        assert_eq!(divide_half_even(i128::MAX / 4, 1), i64::MAX);
        assert_eq!(divide_half_even(i128::MIN / 4, 0), i64::MIN);
    }

    #[test]
    fn a_discount_is_exact_and_a_nonsensical_one_does_no_harm() {
        let cases =
            [(0.05, 91_200_000), (0.0, 96_000_000), (1.0, 0), (f64::NAN, 96_000_000), (-1.0, 96_000_000)];
        for (ratio, want) in cases {
            assert_eq!(discounted(96_000_000, ratio), want, "{ratio}");
        }
    }

    #[test]
    fn parts_sum_to_the_amount_and_are_within_a_nano_of_their_share() {
        let mut random = SmallRng::seed_from_u64(1);
        for _ in 0..2_000 {
            let count = random.random_range(1..20);
            let weights: Vec<(usize, u64)> =
                (0..count).map(|key| (key, random.random::<u64>() >> random.random_range(0..64))).collect();
            let amount = random.random::<i64>() >> random.random_range(0..63);
            let parts = largest_remainder(amount, &weights);
            assert_eq!(parts.iter().map(|part| i128::from(*part)).sum::<i128>(), i128::from(amount));
            let sum = weights.iter().map(|(_, weight)| *weight as f64).sum::<f64>();
            if sum == 0.0 {
                continue;
            }
            for (part, (_, weight)) in parts.iter().zip(&weights) {
                let share = amount as f64 * (*weight as f64 / sum);
                assert!((*part as f64 - share).abs() <= 1.0 + share.abs() * 1e-9, "{amount} {weights:?}");
            }
        }
    }

    #[test]
    fn the_extremes_do_not_overflow() {
        let weights = [("a", u64::MAX), ("b", u64::MAX), ("c", 0)];
        assert_eq!(largest_remainder(i64::MAX, &weights), [i64::MAX / 2 + 1, i64::MAX / 2, 0]);
        assert_eq!(largest_remainder(i64::MIN, &weights), [i64::MIN / 2, i64::MIN / 2, 0]);
    }

    #[test]
    fn ties_go_by_key_and_not_by_place() {
        assert_eq!(largest_remainder(1, &[("b", 1), ("a", 1)]), [0, 1]);
        assert_eq!(largest_remainder(2, &[("c", 0), ("b", 0), ("a", 0)]), [0, 1, 1]);
        assert_eq!(largest_remainder::<&str>(2, &[]), [0_i64; 0]);
    }

    #[test]
    fn parts_of_a_span_sum_to_the_span_however_it_is_cut() {
        let mut random = SmallRng::seed_from_u64(2);
        for _ in 0..2_000 {
            let anchor = random.random_range(0..1_800_000_000);
            let nano_usd = random.random_range(0..100_000_000_000);
            let tariff = Tariff { nano_usd, period_seconds: 3600, anchor };
            let mut cuts: Vec<i64> = (0..10).map(|_| anchor + random.random_range(0..1_000_000)).collect();
            cuts.sort_unstable();
            let parts: i64 = cuts.windows(2).map(|cut| tariff.cost(cut[0], cut[1])).sum();
            assert_eq!(parts, tariff.cost(cuts[0], cuts[9]));
        }
    }
}
