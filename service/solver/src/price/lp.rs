//! The linear program of a knapsack, by a simplex with bounded variables: as many rows as resources,
//! so the basis is tiny and its inverse is kept in full.

use super::Knapsack;

/// Pivots and flips per entry and row before giving up; what is reached then is a bound as well.
const STEPS_PER_COLUMN_MAX: usize = 8;
/// A reduced value below this part of the largest value counts as zero.
const TOLERANCE: f64 = 1e-11;
/// A pivot below this is none.
const PIVOT_MIN: f64 = 1e-11;

#[derive(Clone, Copy, PartialEq)]
enum At {
    Lower,
    Upper,
    Basis,
}

/// Some entries of a knapsack, and what room there is for them.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub rows: usize,
    pub capacity: &'a [f64],
    pub weights: &'a [f64],
    pub values: &'a [f64],
    pub most: &'a [u32],
}

impl View<'_> {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn surplus(&self, entry: usize, lambda: &[f64]) -> f64 {
        let weight = &self.weights[entry * self.rows..(entry + 1) * self.rows];
        self.values[entry] - weight.iter().zip(lambda).map(|(w, l)| w * l).sum::<f64>()
    }
}

struct Simplex<'a> {
    knapsack: View<'a>,
    rows: usize,
    /// Entries first, then one slack by row.
    at: Vec<At>,
    basis: Vec<usize>,
    inverse: Vec<f64>,
    values: Vec<f64>,
    duals: Vec<f64>,
    column: Vec<f64>,
}

/// Prices of the resources at which [`Knapsack::bound`] is least, USD per hour and unit.
pub fn multipliers(knapsack: &Knapsack) -> Vec<f64> {
    of_view(View {
        rows: knapsack.rows,
        capacity: &knapsack.capacity,
        weights: &knapsack.weights,
        values: &knapsack.values,
        most: &knapsack.most,
    })
}

/// As [`multipliers`], for a part of a knapsack.
pub(super) fn of_view(knapsack: View<'_>) -> Vec<f64> {
    let mut simplex = Simplex::new(knapsack);
    let scale = knapsack.values.iter().copied().fold(0.0, f64::max);
    let steps = STEPS_PER_COLUMN_MAX * (knapsack.len() + knapsack.rows);
    for _ in 0..steps {
        simplex.price_rows();
        let Some(entering) = simplex.entering(scale * TOLERANCE) else { break };
        simplex.step(entering);
    }
    simplex.price_rows();
    let relative = simplex.duals.iter().zip(knapsack.capacity);
    relative.map(|(dual, capacity)| dual.max(0.0) / capacity.max(1.0)).collect()
}

impl<'a> Simplex<'a> {
    fn new(knapsack: View<'a>) -> Self {
        let (rows, len) = (knapsack.rows, knapsack.len());
        let mut at = vec![At::Lower; len];
        at.resize(len + rows, At::Basis);
        let mut inverse = vec![0.0; rows * rows];
        (0..rows).for_each(|row| inverse[row * rows + row] = 1.0);
        Self {
            knapsack,
            rows,
            at,
            basis: (len..len + rows).collect(),
            inverse,
            values: knapsack.capacity.iter().map(|capacity| capacity / capacity.max(1.0)).collect(),
            duals: vec![0.0; rows],
            column: vec![0.0; rows],
        }
    }

    fn value_of(&self, variable: usize) -> f64 {
        self.knapsack.values.get(variable).copied().unwrap_or(0.0)
    }

    fn most_of(&self, variable: usize) -> f64 {
        self.knapsack.most.get(variable).map_or(f64::INFINITY, |most| f64::from(*most))
    }

    /// The part of the capacity of `row` that one of `variable` takes.
    fn weight(&self, variable: usize, row: usize) -> f64 {
        if variable < self.knapsack.len() {
            self.knapsack.weights[variable * self.rows + row] / self.knapsack.capacity[row].max(1.0)
        } else {
            f64::from(u8::from(variable - self.knapsack.len() == row))
        }
    }

    fn price_rows(&mut self) {
        for row in 0..self.rows {
            let of = |(slot, &variable): (usize, &usize)| {
                self.value_of(variable) * self.inverse[slot * self.rows + row]
            };
            self.duals[row] = self.basis.iter().enumerate().map(of).sum();
        }
    }

    fn entering(&self, tolerance: f64) -> Option<usize> {
        let len = self.knapsack.len();
        let scaled: Vec<f64> =
            self.duals.iter().zip(self.knapsack.capacity).map(|(d, c)| d / c.max(1.0)).collect();
        let gain = |variable: usize| {
            let reduced = if variable < len {
                self.knapsack.surplus(variable, &scaled)
            } else {
                -self.duals[variable - len]
            };
            match self.at[variable] {
                At::Lower => reduced,
                At::Upper => -reduced,
                At::Basis => 0.0,
            }
        };
        let mut best = None;
        let mut most = tolerance;
        for variable in 0..len + self.rows {
            let gain = gain(variable);
            if gain > most {
                most = gain;
                best = Some(variable);
            }
        }
        best
    }

    fn step(&mut self, entering: usize) {
        let direction = if self.at[entering] == At::Lower { 1.0 } else { -1.0 };
        for slot in 0..self.rows {
            let of = |row: usize| self.inverse[slot * self.rows + row] * self.weight(entering, row);
            self.column[slot] = (0..self.rows).map(of).sum();
        }
        let (length, leaving) = self.ratio(entering, direction);
        for slot in 0..self.rows {
            self.values[slot] -= direction * length * self.column[slot];
        }
        match leaving {
            None => self.at[entering] = if direction > 0.0 { At::Upper } else { At::Lower },
            Some(slot) => self.pivot(slot, entering, direction, length),
        }
    }

    /// How far the entering variable can go, and which basic variable stops it.
    fn ratio(&self, entering: usize, direction: f64) -> (f64, Option<usize>) {
        let mut length = self.most_of(entering);
        let mut leaving = None;
        for slot in 0..self.rows {
            let rate = direction * self.column[slot];
            let room = if rate > PIVOT_MIN {
                self.values[slot].max(0.0) / rate
            } else if rate < -PIVOT_MIN {
                (self.most_of(self.basis[slot]) - self.values[slot]).max(0.0) / -rate
            } else {
                continue;
            };
            if room < length {
                length = room;
                leaving = Some(slot);
            }
        }
        if length.is_finite() { (length, leaving) } else { (0.0, None) }
    }

    fn pivot(&mut self, slot: usize, entering: usize, direction: f64, length: f64) {
        let leaving = self.basis[slot];
        let went_down = direction * self.column[slot] > 0.0;
        self.at[leaving] = if went_down { At::Lower } else { At::Upper };
        let start = if direction > 0.0 { 0.0 } else { self.most_of(entering) };
        self.values[slot] = start + direction * length;
        self.at[entering] = At::Basis;
        self.basis[slot] = entering;
        let rows = self.rows;
        let pivot = self.column[slot];
        (0..rows).for_each(|row| self.inverse[slot * rows + row] /= pivot);
        for other in (0..rows).filter(|&other| other != slot) {
            let factor = self.column[other];
            for row in 0..rows {
                self.inverse[other * rows + row] -= factor * self.inverse[slot * rows + row];
            }
        }
    }
}
