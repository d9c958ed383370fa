//! Random choices.

use rand::Rng;
use rand::rngs::SmallRng;

/// Whether something happens that happens in so many of a hundred cases.
pub fn in_percent(random: &mut SmallRng, percent: u32) -> bool {
    random.random_range(0..100) < percent
}

/// One of several.
pub fn one<'a, T>(random: &mut SmallRng, of: &'a [T]) -> &'a T {
    &of[random.random_range(0..of.len())]
}

/// Some of several, each at most once, at least one.
pub fn some<T: Clone>(random: &mut SmallRng, of: &[T], most: usize) -> Vec<T> {
    let mut left = of.to_vec();
    let count = random.random_range(1..=most.min(of.len()));
    (0..count).map(|_| left.swap_remove(random.random_range(0..left.len()))).collect()
}
