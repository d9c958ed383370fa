//! Chance that can be replayed, also by later versions of every library.

use std::ops::RangeInclusive;

use jiff::SignedDuration;

/// Letters and digits of generated names. Source: Kubernetes `apimachinery/pkg/util/rand`.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Length of a generated suffix. Source: Kubernetes `apiserver/pkg/storage/names`.
const SUFFIX_LENGTH: usize = 5;

/// A stream of numbers: SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    /// The stream of a seed for one subject.
    pub fn new(seed: u64, subject: &str) -> Self {
        Self { state: seed ^ fnv(subject) }
    }

    /// Another stream for each number, known without those before it.
    pub fn at(&self, number: u64) -> Self {
        let mut mixed = Self { state: self.state ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93) };
        Self { state: mixed.roll() }
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `count`; 0 if there is none.
    pub fn below(&mut self, count: u64) -> u64 {
        self.roll() % count.max(1)
    }

    /// A span within a range of seconds, in whole milliseconds.
    pub fn seconds(&mut self, range: RangeInclusive<u32>) -> SignedDuration {
        let (least, most) = (i64::from(*range.start()), i64::from(*range.end()));
        let width = u64::try_from((most - least).max(0) * 1000).unwrap_or(0);
        let drawn = i64::try_from(self.below(width + 1)).unwrap_or(0);
        SignedDuration::from_millis(least * 1000 + drawn)
    }

    /// The end of a generated name, such as `x7k2p`.
    pub fn suffix(&mut self) -> String {
        (0..SUFFIX_LENGTH).map(|_| char::from(ALPHABET[self.below(ALPHABET.len() as u64) as usize])).collect()
    }

    /// An EC2 instance id: `i-` and 17 hexadecimal digits.
    pub fn instance_id(&mut self) -> String {
        format!("i-{:017x}", self.roll())
    }
}

/// FNV-1a.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_subject_give_the_same_stream() {
        let (mut one, mut same) = (Dice::new(7, "atlas"), Dice::new(7, "atlas"));
        let mut other = Dice::new(7, "zeus");
        let first = one.roll();
        assert_eq!(first, same.roll());
        assert_ne!(first, other.roll());
    }

    /// The reference implementation's first numbers from state 0.
    #[test]
    fn numbers_are_those_of_the_reference() {
        let mut dice = Dice { state: 0 };
        assert_eq!([dice.roll(), dice.roll()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }

    #[test]
    fn what_is_drawn_has_its_form_and_range() {
        let mut dice = Dice::new(1, "");
        for _ in 0..100 {
            let span = dice.seconds(5..=20);
            assert!((5_000..=20_000).contains(&span.as_millis()), "{span}");
        }
        assert_eq!(dice.suffix().len(), SUFFIX_LENGTH);
        assert_eq!(dice.instance_id().len(), 19);
    }
}
