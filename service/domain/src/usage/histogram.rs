//! A histogram with exponentially growing buckets whose weights fade with time.
//!
//! After the Vertical Pod Autoscaler's decaying histogram (kubernetes/autoscaler,
//! vertical-pod-autoscaler/pkg/recommender/util): bucket n starts at first x (growth^n - 1) / (growth - 1).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Half-lives after which the reference time moves, before weights grow out of proportion.
const HALF_LIVES_MAX: f64 = 100.0;
/// Less weight than this in a bucket counts as none.
const WEIGHT_MIN: f64 = 1e-4;

/// The shape of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// Width of the first bucket.
    pub first: f64,
    /// Growth of the width from bucket to bucket, above 1.
    pub growth: f64,
    /// Number of buckets; the last one is open.
    pub buckets: usize,
    /// Time in which a weight halves, hours.
    pub half_life_hours: f64,
}

impl Layout {
    /// Ours for CPU: from 1 milli-CPU, 2 % apart, half-life seven days. The last bucket starts
    /// above 1,000 cores.
    pub const CPU: Self = Self { first: 1.0, growth: 1.02, buckets: 502, half_life_hours: 7.0 * 24.0 };

    /// The bucket that a value falls into.
    pub fn bucket(&self, value: f64) -> usize {
        if value < self.first {
            return 0;
        }
        let n = (value * (self.growth - 1.0) / self.first + 1.0).ln() / self.growth.ln();
        (n.floor() as usize).min(self.buckets - 1)
    }

    /// Where a bucket starts.
    pub fn start(&self, bucket: usize) -> f64 {
        self.first * (self.growth.powf(bucket as f64) - 1.0) / (self.growth - 1.0)
    }
}

/// The histogram. Buckets without weight take no room in a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    layout: Layout,
    /// Bucket and weight, ascending by bucket.
    weights: Vec<(usize, f64)>,
    /// When a new sample weighs as much as it says; none before the first.
    reference: Option<Timestamp>,
}

impl Histogram {
    /// An empty histogram.
    pub fn new(layout: Layout) -> Self {
        Self { layout, weights: Vec::new(), reference: None }
    }

    /// Adds a value with a weight, both finite and not negative, seen at `time`.
    pub fn add(&mut self, value: f64, weight: f64, time: Timestamp) {
        let scale = self.scale(time);
        let bucket = self.layout.bucket(value);
        match self.weights.binary_search_by_key(&bucket, |entry| entry.0) {
            Ok(at) => self.weights[at].1 += weight * scale,
            Err(at) => self.weights.insert(at, (bucket, weight * scale)),
        }
    }

    /// The end of the first bucket below which at least the share `quantile` (0..=1) of the weight lies;
    /// none if the histogram is empty.
    pub fn percentile(&self, quantile: f64) -> Option<f64> {
        let heavy = || self.weights.iter().filter(|entry| WEIGHT_MIN <= entry.1);
        let total: f64 = heavy().map(|entry| entry.1).sum();
        let mut sum = 0.0;
        for (bucket, weight) in heavy() {
            sum += weight;
            if quantile * total <= sum + total * f64::EPSILON * 16.0 {
                return Some(self.end(*bucket));
            }
        }
        heavy().next_back().map(|entry| self.end(entry.0))
    }

    /// The last bucket is open: it is said to end where it starts.
    fn end(&self, bucket: usize) -> f64 {
        self.layout.start((bucket + 1).min(self.layout.buckets - 1))
    }

    fn scale(&mut self, time: Timestamp) -> f64 {
        let reference = *self.reference.get_or_insert(time);
        let halves = self.half_lives(reference, time);
        if halves <= HALF_LIVES_MAX {
            return halves.exp2();
        }
        for entry in &mut self.weights {
            entry.1 *= (-halves).exp2();
        }
        self.weights.retain(|entry| WEIGHT_MIN * WEIGHT_MIN <= entry.1);
        self.reference = Some(time);
        1.0
    }

    fn half_lives(&self, from: Timestamp, to: Timestamp) -> f64 {
        to.duration_since(from).as_secs_f64() / 3600.0 / self.layout.half_life_hours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Vertical Pod Autoscaler's layout for CPU in cores, whose figures are public.
    const VPA_CPU: Layout = Layout { first: 0.01, growth: 1.05, buckets: 176, half_life_hours: 24.0 };

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + hours * 3600).expect("in range")
    }

    fn vpa(samples: &[(i64, f64, usize)]) -> Histogram {
        let mut histogram = Histogram::new(VPA_CPU);
        for (hours, value, times) in samples {
            (0..*times).for_each(|_| histogram.add(*value, 0.1, at(*hours)));
        }
        histogram
    }

    #[track_caller]
    fn check(histogram: &Histogram, quantile: f64, want: f64) {
        let have = histogram.percentile(quantile).expect("not empty");
        assert!((have - want).abs() < 1e-5, "P{}: {have}, not {want}", quantile * 100.0);
    }

    #[test]
    fn buckets_are_those_of_the_vertical_pod_autoscaler() {
        let layout = VPA_CPU;
        assert_eq!((layout.bucket(0.1), layout.bucket(1.0)), (8, 36));
        assert!((layout.start(8) - 0.09549).abs() < 1e-5 && (layout.start(9) - 0.11027).abs() < 1e-5);
        assert_eq!(layout.bucket(1e9), layout.buckets - 1);
    }

    #[test]
    fn percentiles_are_the_end_of_their_bucket() {
        let mixed = vpa(&[(0, 0.1, 90), (0, 0.5, 10)]);
        check(&mixed, 0.89, 0.11027);
        check(&mixed, 0.91, 0.51113);
    }

    #[test]
    fn weight_halves_in_a_half_life() {
        let a_day_apart = vpa(&[(0, 0.5, 100), (24, 0.1, 100)]);
        check(&a_day_apart, 0.50, 0.11027);
        check(&a_day_apart, 0.90, 0.51113);
        let four_days_apart = vpa(&[(0, 0.5, 100), (96, 0.1, 100)]);
        check(&four_days_apart, 0.90, 0.11027);
    }

    #[test]
    fn the_distant_past_fades_without_overflow() {
        let years = vpa(&[(0, 0.5, 100), (24 * 4000, 0.1, 1)]);
        check(&years, 1.0, 0.11027);
    }

    #[test]
    fn nothing_known_is_no_percentile() {
        assert_eq!(Histogram::new(Layout::CPU).percentile(0.5), None);
    }
}
