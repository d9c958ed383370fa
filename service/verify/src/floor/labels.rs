//! The best content of a knapsack: contents grow item by item, and those that cannot come out above a goal,
//! or are no better than another in any way, are dropped.
//!
//! Where there are too many, the least promising are dropped, too, but what they might have been worth is
//! conceded: what comes out is never less than what the best content is worth.

use std::cmp::Reverse;

use super::best::Effort;
use super::knapsack::{Amounts, Knapsack};
use super::lp;
use super::prices::Prices;

/// Most contents, the most promising, that others are compared with.
const COVERS_MAX: usize = 512;
/// Most contents that are held at once: some 30 MB.
const GROWN_MAX: usize = 1 << 18;
/// Finding prices takes about as long as looking at so many contents, for every item.
const PRICES_WORK: usize = 20;
/// Most prices that a content is bounded by.
const PRICES_MAX: usize = 5;

/// A content of the first items.
#[derive(Clone, Copy)]
struct Label {
    /// What it is worth.
    value: i128,
    /// What it may be worth when it is complete, at most.
    bound: i128,
    /// Room left, as far as the other items can fill it.
    room: Amounts,
}

impl Label {
    /// Whether nothing can be made of `other` that is worth more than what can be made of this.
    fn covers(&self, other: &Label, dims: usize) -> bool {
        other.value <= self.value && (0..dims).all(|dim| other.room[dim] <= self.room[dim])
    }
}

/// Prices, and what items from each place on gain at them.
struct Bound {
    prices: Prices,
    gains: Vec<i128>,
}

/// What a search found.
pub struct Found {
    /// No content is worth more; the goal, or 0, if none is worth more than that.
    pub most: i128,
    /// This much is reached by some content.
    pub best: i128,
    /// Whether a wider search would find the same.
    pub is_exact: bool,
}

/// A search for the best content that follows so many contents at once.
pub struct Search<'a> {
    knapsack: &'a Knapsack,
    width: usize,
    /// No need to know of contents that are worth this or less.
    known: i128,
    /// Worth of the best content found.
    best: i128,
    /// Whether no content was given up that may be worth more than what is known.
    is_exact: bool,
    bounds: Vec<Bound>,
}

impl<'a> Search<'a> {
    /// A search for contents that are worth more than `goal` and than nothing.
    pub fn new(knapsack: &'a Knapsack, width: usize, goal: i128) -> Self {
        Self { knapsack, width, known: goal.max(0), best: 0, is_exact: true, bounds: Vec::new() }
    }

    /// Follows the contents to their end.
    pub fn run(mut self, effort: &mut Effort) -> Found {
        let room = self.knapsack.room;
        self.price(0, &room);
        let mut labels = vec![Label { value: 0, bound: self.bound(0, 0, &room), room }];
        for place in 0..self.knapsack.entries.len() {
            effort.left = effort.left.saturating_sub(PRICES_WORK * (self.knapsack.entries.len() - place));
            let mut next = self.grow(place, &labels, effort);
            next.sort_by_key(|label| Reverse((label.bound, label.value, label.room)));
            labels = self.select(&next);
            match labels.first() {
                Some(first) => self.price(place + 1, &first.room),
                None => break,
            }
        }
        Found { most: self.known, best: self.best, is_exact: self.is_exact }
    }

    /// All contents with some of the item at `place`, or none of it, that may come out above what is known.
    fn grow(&mut self, place: usize, labels: &[Label], effort: &mut Effort) -> Vec<Label> {
        let entry = &self.knapsack.entries[place];
        let want = self.want(place + 1);
        let mut next = Vec::new();
        for label in labels {
            let fits = self.knapsack.fits(&label.room, &entry.size).min(entry.count);
            let work = to_usize(fits).saturating_add(1);
            if effort.left < work || GROWN_MAX < work.saturating_add(next.len()) {
                // The others are less promising.
                self.concede(label.bound);
                break;
            }
            effort.left -= work;
            for count in 0..=fits {
                let value = label.value + i128::from(count) * entry.value;
                let mut room = label.room;
                for dim in 0..self.knapsack.dims {
                    room[dim] = (room[dim] - count * entry.size[dim]).min(want[dim]);
                }
                self.best = self.best.max(value);
                self.known = self.known.max(value);
                let bound = self.bound(place + 1, value, &room);
                if self.known < bound {
                    next.push(Label { value, bound, room });
                }
            }
        }
        next
    }

    /// The most promising contents, none that another one covers.
    fn select(&mut self, sorted: &[Label]) -> Vec<Label> {
        let mut kept: Vec<Label> = Vec::with_capacity(self.width);
        for label in sorted {
            if label.bound <= self.known {
                break;
            }
            if kept.iter().take(COVERS_MAX).any(|other| other.covers(label, self.knapsack.dims)) {
                continue;
            }
            if kept.len() == self.width {
                self.concede(label.bound);
                break;
            }
            kept.push(*label);
        }
        kept.retain(|label| self.known < label.bound);
        kept
    }

    /// Gives up on contents that may be worth `bound`.
    fn concede(&mut self, bound: i128) {
        if self.known < bound {
            self.known = bound;
            self.is_exact = false;
        }
    }

    /// What all items from `place` on ask for.
    fn want(&self, place: usize) -> Amounts {
        let mut want: Amounts = Default::default();
        for entry in &self.knapsack.entries[place..] {
            for (want, size) in want.iter_mut().zip(&entry.size) {
                *want = want.saturating_add(size.saturating_mul(entry.count));
            }
        }
        want
    }

    /// Adds prices that bound well what the items from `place` on make of some room.
    fn price(&mut self, place: usize, room: &Amounts) {
        let Knapsack { dims, entries, .. } = self.knapsack;
        let suffix = Knapsack { dims: *dims, room: *room, entries: entries[place..].to_vec() };
        let prices = lp::prices(&suffix);
        let mut gains = vec![0; entries.len() + 1];
        for (index, entry) in entries.iter().enumerate().rev() {
            gains[index] = gains[index + 1] + prices.gain(entry).max(0) * i128::from(entry.count);
        }
        if self.bounds.len() == PRICES_MAX {
            self.bounds.remove(1);
        }
        self.bounds.push(Bound { prices, gains });
    }

    /// What a content may be worth when items from `place` on are added, at most.
    fn bound(&self, place: usize, value: i128, room: &Amounts) -> i128 {
        let bounds = self.bounds.iter().map(|bound| bound.prices.of_room(room) + bound.gains[place]);
        value + bounds.min().unwrap_or(i128::MAX >> 1)
    }
}

fn to_usize(value: i64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
