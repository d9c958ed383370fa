//! The best prices of resources: the dual of a knapsack whose items may be cut, by the simplex method.
//!
//! Numbers with a fixed point guide the way, and may be a little off; [`Prices`] are judged exactly.

use super::fixed::{self, Matrix, ONE, POINT, Vector};
use super::knapsack::{CAPACITY_BITS, Knapsack, RESOURCES_MAX};
use super::prices::Prices;

/// Most changes of the basis. The planning instances need 80 at most.
const PIVOTS_MAX: usize = 300;
/// What is lower is taken for 0.
const NOISE: i128 = ONE >> 40;
/// A lower divisor would make noise of the next basis.
const DIVISOR_MIN: i128 = ONE >> 30;
/// Bits of the greatest worth that is not rounded.
const SCALE_BITS: u32 = 64;

/// The prices with the lowest bound.
pub fn prices(knapsack: &Knapsack) -> Prices {
    let mut simplex = Simplex::new(knapsack);
    simplex.fill();
    let mut duals = Vector::default();
    for _ in 0..PIVOTS_MAX {
        let Some(found) = simplex.duals() else { break };
        duals = found;
        if !simplex.pivot(&duals).unwrap_or(false) {
            break;
        }
    }
    let first = Prices::new(knapsack, simplex.unscaled(&duals));
    let refined = simplex.refined(&first).map(|of| Prices::new(knapsack, of));
    refined.filter(|refined| refined.bound < first.bound).unwrap_or(first)
}

/// Where a variable is: an item, from none to all of its count; or a resource's slack.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variable {
    Item(usize),
    Slack(usize),
}

/// All of an item: its part of each resource, and its worth.
struct Column {
    size: Vector,
    worth: i128,
}

struct Simplex<'a> {
    knapsack: &'a Knapsack,
    columns: Vec<Column>,
    room: Vector,
    /// What is worth 1.
    scale: i128,
    /// By item: whether all of it is in, if it is not in the basis.
    full: Vec<bool>,
    /// By item: whether it is in the basis.
    basic: Vec<bool>,
    basis: [Variable; RESOURCES_MAX],
}

impl<'a> Simplex<'a> {
    fn new(knapsack: &'a Knapsack) -> Self {
        let worths = knapsack.entries.iter().map(|entry| entry.value * i128::from(entry.count));
        let scale = worths.clone().max().unwrap_or(1);
        let coarse = (128 - scale.leading_zeros()).saturating_sub(SCALE_BITS);
        let mut columns = Vec::with_capacity(knapsack.entries.len());
        for (entry, worth) in knapsack.entries.iter().zip(worths) {
            let worth = ((worth >> coarse) << POINT) / (scale >> coarse);
            let part = |size: i64| i128::from(size * entry.count) << (POINT - CAPACITY_BITS);
            columns.push(Column { size: entry.size.map(part), worth });
        }
        Self {
            knapsack,
            room: knapsack.room.map(|room| i128::from(room) << (POINT - CAPACITY_BITS)),
            scale,
            full: vec![false; columns.len()],
            basic: vec![false; columns.len()],
            columns,
            basis: std::array::from_fn(Variable::Slack),
        }
    }

    fn dims(&self) -> usize {
        self.knapsack.dims
    }

    /// Starts with all of the items that are worth most by what they take, as far as they fit.
    fn fill(&mut self) {
        let rate = |index: usize| {
            let Column { size, worth } = &self.columns[index];
            let parts = size.iter().zip(&self.room).map(|(size, room)| (size << POINT) / (*room).max(1));
            let taken: i128 = parts.take(self.dims()).sum();
            (worth << POINT) / taken.max(1)
        };
        let mut order: Vec<_> = (0..self.columns.len()).collect();
        order.sort_by_cached_key(|index| (-rate(*index), *index));
        let mut left = self.room;
        for index in order {
            let size = &self.columns[index].size;
            self.full[index] = size.iter().zip(&left).all(|(size, left)| size <= left);
            if self.full[index] {
                left.iter_mut().zip(size).for_each(|(left, size)| *left -= size);
            }
        }
    }

    /// Prices at which nothing in the basis gains or loses.
    fn duals(&self) -> Option<Vector> {
        let worth = |variable: &Variable| match variable {
            Variable::Item(index) => self.columns[*index].worth,
            Variable::Slack(_) => 0,
        };
        self.solve_transposed(self.basis.each_ref().map(worth))
    }

    fn solve_transposed(&self, mut right: Vector) -> Option<Vector> {
        let mut rows = Matrix::default();
        for (place, row) in rows.iter_mut().enumerate().take(self.dims()) {
            *row = self.size(self.basis[place]);
            let largest = row.iter().max().copied().unwrap_or(0).max(1);
            let shift = largest.leading_zeros().saturating_sub(127 - POINT);
            row.iter_mut().for_each(|part| *part <<= shift);
            right[place] = right[place].checked_mul(1 << shift)?;
        }
        fixed::solve(rows, right, self.dims())
    }

    /// Solves for parts of the variables in the basis that add up to `right`.
    fn solve(&self, right: Vector) -> Option<Vector> {
        let mut rows = Matrix::default();
        for place in 0..self.dims() {
            for (row, part) in rows.iter_mut().zip(self.size(self.basis[place])) {
                row[place] = part;
            }
        }
        fixed::solve(rows, right, self.dims())
    }

    fn size(&self, variable: Variable) -> Vector {
        match variable {
            Variable::Item(index) => self.columns[index].size,
            Variable::Slack(dim) => std::array::from_fn(|other| if other == dim { ONE } else { 0 }),
        }
    }

    /// Lets the variable that gains most change, until something is at its end. Returns false if none gains.
    fn pivot(&mut self, duals: &Vector) -> Option<bool> {
        let Some((entering, rises)) = self.entering(duals) else { return Some(false) };
        let change = self.solve(self.size(entering))?;
        let change = if rises { change } else { change.map(|part| -part) };
        let now = self.solve(self.left())?;
        let mut step = if matches!(entering, Variable::Item(_)) { ONE } else { i128::MAX };
        let mut leaving = None;
        for place in 0..self.dims() {
            let reach = match (self.basis[place], change[place]) {
                (_, change) if DIVISOR_MIN < change => (now[place].max(0) << POINT) / change,
                (Variable::Item(_), change) if change < -DIVISOR_MIN => {
                    ((ONE - now[place]).max(0) << POINT) / -change
                }
                _ => continue,
            };
            if reach < step {
                (step, leaving) = (reach, Some(place));
            }
        }
        match (leaving, entering) {
            (Some(place), _) => self.exchange(place, entering, change[place] < 0),
            (None, Variable::Item(index)) => self.full[index] = rises,
            (None, Variable::Slack(_)) => return None,
        }
        Some(true)
    }

    /// The variable outside the basis that gains most by a change, and whether it rises.
    fn entering(&self, duals: &Vector) -> Option<(Variable, bool)> {
        let mut best = (NOISE, None);
        for (index, column) in self.columns.iter().enumerate() {
            let cost: i128 = column.size.iter().zip(duals).map(|(size, dual)| (size * dual) >> POINT).sum();
            let gain = if self.full[index] { cost - column.worth } else { column.worth - cost };
            if best.0 < gain && !self.basic[index] {
                best = (gain, Some((Variable::Item(index), !self.full[index])));
            }
        }
        for (dim, dual) in duals.iter().enumerate().take(self.dims()) {
            if best.0 < -dual && !self.basis.contains(&Variable::Slack(dim)) {
                best = (-dual, Some((Variable::Slack(dim), true)));
            }
        }
        best.1
    }

    /// What the items that are all in leave.
    fn left(&self) -> Vector {
        let mut left = self.room;
        for (column, _) in self.columns.iter().zip(&self.full).filter(|(_, full)| **full) {
            left.iter_mut().zip(&column.size).for_each(|(left, size)| *left -= size);
        }
        left
    }

    fn exchange(&mut self, place: usize, entering: Variable, leaves_full: bool) {
        if let Variable::Item(index) = self.basis[place] {
            self.basic[index] = false;
            self.full[index] = leaves_full;
        }
        if let Variable::Item(index) = entering {
            self.basic[index] = true;
            self.full[index] = false;
        }
        self.basis[place] = entering;
    }

    /// Prices in the knapsack's units of worth.
    fn unscaled(&self, duals: &Vector) -> Vector {
        let coarse = (128 - self.scale.leading_zeros()).saturating_sub(SCALE_BITS - 10);
        duals.map(|dual| (dual.clamp(0, ONE << 22) * (self.scale >> coarse)) >> POINT << coarse)
    }

    /// Prices with what rounding did to them put right.
    fn refined(&self, prices: &Prices) -> Option<Vector> {
        let gain = |variable: &Variable| match variable {
            Variable::Item(index) => {
                let entry = &self.knapsack.entries[*index];
                prices.gain(entry).checked_mul(entry.count.into())
            }
            Variable::Slack(_) => Some(0),
        };
        let mut gains = Vector::default();
        for (gains, variable) in gains.iter_mut().zip(&self.basis).take(self.dims()) {
            *gains = gain(variable)?;
        }
        let largest = gains.iter().map(|gain| gain.unsigned_abs()).max()?;
        let shift = largest.leading_zeros().checked_sub(128 - POINT)?;
        gains.iter_mut().for_each(|gain| *gain <<= shift);
        let change = self.solve_transposed(gains)?;
        let mut of = *prices.of();
        for (of, change) in of.iter_mut().zip(&change).take(self.dims()) {
            *of += change >> shift;
        }
        Some(of)
    }
}
