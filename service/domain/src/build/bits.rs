//! Sets of small numbers, and numbers for things that occur often.

use std::collections::BTreeMap;

/// A set of indexes below a fixed length.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// The empty set of indexes below `len`.
    pub fn none(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)] }
    }

    /// Those indexes below `len` for which `keep` says so.
    pub fn of(len: usize, keep: impl Fn(usize) -> bool) -> Self {
        let mut bits = Self::none(len);
        (0..len).filter(|index| keep(*index)).for_each(|index| bits.insert(index));
        bits
    }

    pub fn insert(&mut self, index: usize) {
        self.words[index / 64] |= 1 << (index % 64);
    }

    pub fn remove(&mut self, index: usize) {
        self.words[index / 64] &= !(1 << (index % 64));
    }

    pub fn contains(&self, index: usize) -> bool {
        self.words[index / 64] >> (index % 64) & 1 == 1
    }

    /// Keeps only what `other` has, too.
    pub fn intersect(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(mine, theirs)| *mine &= theirs);
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub fn is_subset(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).all(|(mine, theirs)| mine & !theirs == 0)
    }

    /// The indexes, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(position, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(position * 64 + bit)
            })
        })
    }
}

/// Gives equal values the same number, counted from 0 in the order of first sight.
#[derive(Debug)]
pub(super) struct Numbering<T> {
    numbers: BTreeMap<T, u32>,
}

impl<T: Ord + Clone> Numbering<T> {
    pub fn new() -> Self {
        Self { numbers: BTreeMap::new() }
    }

    pub fn number(&mut self, value: &T) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(value.clone(), number);
        number
    }

    /// All values, by number.
    pub fn into_values(self) -> Vec<T> {
        let mut pairs: Vec<(T, u32)> = self.numbers.into_iter().collect();
        pairs.sort_by_key(|(_, number)| *number);
        pairs.into_iter().map(|(value, _)| value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_gives_back_what_went_in() {
        let mut bits = Bits::of(130, |index| index % 43 == 0);
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 43, 86, 129]);
        bits.remove(43);
        assert!(!bits.contains(43) && bits.contains(129));
        assert!(bits.is_subset(&Bits::of(130, |_| true)) && !Bits::of(130, |_| true).is_subset(&bits));
        let mut both = Bits::of(130, |index| 80 < index);
        both.intersect(&bits);
        assert_eq!(both.iter().collect::<Vec<_>>(), [86, 129]);
        assert!(Bits::none(5).is_empty() && !bits.is_empty());
    }

    #[test]
    fn equal_values_get_one_number() {
        let mut numbering = Numbering::new();
        assert_eq!(["b", "a", "b"].map(|value| numbering.number(&value)), [0, 1, 0]);
        assert_eq!(numbering.into_values(), ["b", "a"]);
    }
}
