//! The best content of a knapsack: contents grow item by item, and those that cannot come out above a goal,
//! or are no better than another in any way, are dropped.
//!
//! Where there are too many, the least promising are dropped, too, but what they might have been worth is
//! conceded: what comes out is never less than what the best content is worth.

use std::cmp::Reverse;

use super::knapsack::{Amounts, Entry, Knapsack};
use super::prices::{self, Prices};

/// Contents that are followed at once, first few, then more where few were not enough.
const WIDTHS: [usize; 3] = [16, 128, 1024];
/// Most contents that are looked at in one proof: some seconds on one core. Then prices alone decide.
const CONTENTS_MAX: usize = 40_000_000;
/// Most rounds of deciding what is in every good content, or in none.
const REDUCTIONS_MAX: usize = 4;
/// Most prices that a content is bounded by.
const PRICES_MAX: usize = 5;

/// How much work one proof may still do, in contents.
pub struct Effort {
    left: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self { left: CONTENTS_MAX }
    }
}

/// An upper bound of what the best content is worth; `goal`, or 0, if no content is worth more.
pub fn worth(knapsack: &Knapsack, goal: i128, effort: &mut Effort) -> i128 {
    let goal = goal.max(0);
    let Some(rest) = reduce(knapsack, goal) else { return goal };
    let (base, mut least) = (rest.base, rest.bound);
    let rest = in_order(rest);
    for width in WIDTHS {
        if effort.left == 0 {
            break;
        }
        let search = Search { knapsack: &rest, width, known: (goal - base).max(0), bounds: Vec::new() };
        let (found, exact) = search.run(effort);
        least = least.min(base + found);
        if exact {
            break;
        }
    }
    least.max(goal)
}

/// A knapsack without what is decided already.
struct Rest {
    knapsack: Knapsack,
    /// What is in every content that is worth more than the goal.
    base: i128,
    /// No content is worth more.
    bound: i128,
}

/// Takes out what is in every content, or in none, that is worth more than `goal`. None: there is no such
/// content.
fn reduce(knapsack: &Knapsack, goal: i128) -> Option<Rest> {
    let mut rest = Rest { knapsack: knapsack.clone(), base: 0, bound: i128::MAX };
    for _ in 0..REDUCTIONS_MAX {
        let prices = prices::search(&rest.knapsack, goal - rest.base);
        rest.bound = rest.bound.min(rest.base + prices.bound);
        if rest.bound <= goal {
            return None;
        }
        if !decide(&mut rest, &prices, goal)? {
            break;
        }
    }
    Some(rest)
}

/// Decides what the prices allow to decide. None: no content is worth more than `goal`; else whether anything
/// changed.
fn decide(rest: &mut Rest, prices: &Prices, goal: i128) -> Option<bool> {
    let slack = rest.base + prices.bound - goal - 1;
    let mut changed = false;
    let knapsack = &mut rest.knapsack;
    for entry in &mut knapsack.entries {
        let gain = prices.gain(entry);
        let free = if gain == 0 { entry.count } else { to_count(slack / gain.abs()).min(entry.count) };
        let sure = if 0 < gain { entry.count - free } else { 0 };
        changed |= free < entry.count;
        rest.base += i128::from(sure) * entry.value;
        for (room, size) in knapsack.room.iter_mut().zip(&entry.size) {
            *room = room.checked_sub(size.checked_mul(sure)?).filter(|room| 0 <= *room)?;
        }
        entry.count = free;
    }
    let room = knapsack.room;
    for index in 0..knapsack.entries.len() {
        let fits = knapsack.fits(&room, &knapsack.entries[index].size);
        let entry = &mut knapsack.entries[index];
        changed |= fits < entry.count;
        entry.count = entry.count.min(fits);
    }
    knapsack.entries.retain(|entry| 0 < entry.count);
    Some(changed)
}

/// The largest items first: small ones are bounded well by prices.
fn in_order(rest: Rest) -> Knapsack {
    let mut knapsack = rest.knapsack;
    let prices = prices::search(&knapsack, 0);
    let key = |entry: &Entry| {
        let gain = prices.gain(entry);
        entry.value - gain + gain.abs() * 4
    };
    knapsack.entries.sort_by_cached_key(|entry| (Reverse(key(entry)), entry.demand));
    knapsack
}

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

struct Search<'a> {
    knapsack: &'a Knapsack,
    width: usize,
    /// No need to know of contents that are worth this or less.
    known: i128,
    bounds: Vec<Bound>,
}

impl Search<'_> {
    /// An upper bound, and whether it is as low as this search can make it.
    fn run(mut self, effort: &mut Effort) -> (i128, bool) {
        let room = self.knapsack.room;
        let mut labels = vec![Label { value: 0, bound: i128::MAX, room }];
        let mut exact = true;
        self.price(0, &room);
        for place in 0..self.knapsack.entries.len() {
            let mut next = self.grow(place, &labels, effort);
            next.sort_by(|a, b| (b.bound, b.value, b.room).cmp(&(a.bound, a.value, a.room)));
            exact &= self.select(&mut next);
            if let Some(first) = next.first().copied() {
                self.price(place + 1, &first.room);
            }
            labels = next;
            if labels.is_empty() {
                break;
            }
        }
        (self.known, exact)
    }

    /// All contents with some of the item at `place`, or none of it, that may come out above what is known.
    fn grow(&mut self, place: usize, labels: &[Label], effort: &mut Effort) -> Vec<Label> {
        let entry = &self.knapsack.entries[place];
        let want = self.want(place + 1);
        let mut next = Vec::new();
        for label in labels.iter().filter(|label| self.known < label.bound).copied().collect::<Vec<_>>() {
            let fits = self.knapsack.fits(&label.room, &entry.size).min(entry.count);
            for count in 0..=fits {
                let value = label.value + i128::from(count) * entry.value;
                let mut room = label.room;
                for dim in 0..self.knapsack.dims {
                    room[dim] = (room[dim] - count * entry.size[dim]).min(want[dim]);
                }
                self.known = self.known.max(value);
                let bound = self.bound(place + 1, value, &room);
                if self.known < bound {
                    next.push(Label { value, bound, room });
                }
            }
            effort.left = effort.left.saturating_sub(to_usize(fits) + 1);
        }
        next
    }

    /// Keeps the most promising contents, none that another one covers. Returns whether nothing is conceded.
    fn select(&mut self, labels: &mut Vec<Label>) -> bool {
        let mut kept: Vec<Label> = Vec::with_capacity(self.width);
        let mut conceded = None;
        for label in labels.iter().filter(|label| self.known < label.bound) {
            if kept.iter().any(|other| other.covers(label, self.knapsack.dims)) {
                continue;
            }
            if kept.len() == self.width {
                conceded = Some(label.bound);
                break;
            }
            kept.push(*label);
        }
        self.known = self.known.max(conceded.unwrap_or(0));
        kept.retain(|label| self.known < label.bound);
        *labels = kept;
        conceded.is_none()
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
        let prices = prices::search(&suffix, 0);
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

fn to_count(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn to_usize(value: i64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
