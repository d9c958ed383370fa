//! The restricted linear program, alive between rounds.

use highs::{ColProblem, HighsModelStatus, HighsStatus, Model as Lp, Row, Sense, SolvedModel};

use super::Column;
use crate::bound::FloatDuals;
use crate::model::Model;

/// The linear program over the columns so far. HiGHS's models may not change threads, so this is built,
/// used and dropped in one function.
pub(super) struct Master<'a> {
    model: &'a Model,
    rows: Rows,
    /// None only while it solves, and after HiGHS failed.
    lp: Option<Lp>,
    /// Seconds spent in HiGHS, whose own limit counts from its first run.
    spent: f64,
}

/// A row and its place, which is where its dual stands.
#[derive(Clone, Copy)]
struct Placed {
    row: Row,
    at: usize,
}

struct Rows {
    items: Vec<Placed>,
    /// By supply; none: no limit.
    quantities: Vec<Option<Placed>>,
    spot_share: Option<Placed>,
    moved_pods: Option<Placed>,
}

impl Rows {
    fn new(model: &Model, problem: &mut ColProblem) -> Self {
        let mut rows = 0;
        let mut place = |row: Row| {
            rows += 1;
            Placed { row, at: rows - 1 }
        };
        let items = model.items.iter().map(|item| place(problem.add_row(f64::from(item.count)..)));
        let items = items.collect();
        let mut limit = |quantity: u32| place(problem.add_row(..=f64::from(quantity)));
        let quantities = model.supplies.iter().map(|supply| supply.quantity.map(&mut limit)).collect();
        let spot_share = model.limits_spot().then(|| place(problem.add_row(..=0.0)));
        let stays = |most: u32| model.resident_count as f64 - f64::from(most);
        let moved_pods = model.rules.moved_pods_max.map(|most| place(problem.add_row(stays(most)..)));
        Self { items, quantities, spot_share, moved_pods }
    }
}

/// An optimum of the restricted program.
#[derive(Clone, Debug, Default)]
pub(super) struct Optimum {
    pub value: f64,
    pub duals: FloatDuals,
    /// By supply: what one more of a limited supply would save, 0 or more.
    pub quantities: Vec<f64>,
    /// By column, in the order they were added.
    pub shares: Vec<f64>,
    /// How much of the demand no column carries.
    pub missing: f64,
}

impl<'a> Master<'a> {
    /// A program without columns but one for each item, at `penalty` times its price in `guide`, so that it
    /// has a solution.
    pub fn new(model: &'a Model, guide: &[f64], penalty: f64) -> Result<Self, HighsStatus> {
        let mut problem = ColProblem::new();
        let rows = Rows::new(model, &mut problem);
        let dearest = guide.iter().copied().fold(0.0, f64::max);
        for (item, price) in rows.items.iter().zip(guide) {
            problem.add_column(price.max(dearest * 1e-3) * penalty, 0.0.., [(item.row, 1.0)]);
        }
        if let Some(moved) = rows.moved_pods {
            problem.add_column(dearest * penalty, 0.0.., [(moved.row, 1.0)]);
        }
        let mut lp = Lp::try_new(problem)?;
        lp.set_sense(Sense::Minimise);
        for (option, value) in [("presolve", "off"), ("solver", "simplex"), ("parallel", "off")] {
            lp.set_option(option, value);
        }
        lp.set_option("threads", 1);
        lp.set_option("simplex_strategy", PRIMAL_SIMPLEX);
        Ok(Self { model, rows, lp: Some(lp), spent: 0.0 })
    }

    /// Columns that stand for demand that nothing carries.
    fn fillers(&self) -> usize {
        self.rows.items.len() + usize::from(self.rows.moved_pods.is_some())
    }

    /// Adds a column.
    pub fn add(&mut self, column: &Column) -> Result<(), HighsStatus> {
        let supply = &self.model.supplies[column.supply as usize];
        let rows = &self.rows;
        let mut factors: Vec<(Row, f64)> = column
            .content
            .iter()
            .map(|(item, count)| (rows.items[*item as usize].row, f64::from(*count)))
            .collect();
        factors.extend(rows.quantities[column.supply as usize].map(|limit| (limit.row, 1.0)));
        factors.extend(
            rows.spot_share.map(|share| (share.row, self.model.spot_load(supply) as f64 * SPOT_SCALE)),
        );
        factors.extend(
            rows.moved_pods.filter(|_| column.stays > 0).map(|moved| (moved.row, f64::from(column.stays))),
        );
        let lp = self.lp.as_mut().ok_or(HighsStatus::Error)?;
        lp.try_add_column(column.cost, 0.0.., factors).map(|_| ())
    }

    /// Solves it within `seconds`. None: HiGHS ran out of time or failed; the program is of no more use.
    pub fn solve(&mut self, seconds: f64, elapsed: &dyn Fn() -> f64) -> Option<Optimum> {
        let mut lp = self.lp.take()?;
        lp.set_option("time_limit", self.spent + seconds);
        let begun = elapsed();
        let solved = lp.try_solve().ok()?;
        self.spent += elapsed() - begun;
        if solved.status() != HighsModelStatus::Optimal {
            return None;
        }
        let optimum = self.read(&solved);
        self.lp = Some(solved.into());
        Some(optimum)
    }

    fn read(&self, solved: &SolvedModel) -> Optimum {
        let solution = solved.get_solution();
        let dual = |row: Placed| solution.dual_rows()[row.at];
        let of = |row: Option<Placed>, sign: f64| row.map_or(0.0, |row| (sign * dual(row)).max(0.0));
        let fillers = self.fillers();
        Optimum {
            value: solved.objective_value(),
            duals: FloatDuals {
                items: self.rows.items.iter().map(|row| dual(*row).max(0.0)).collect(),
                resources: Vec::new(),
                spot_share: of(self.rows.spot_share, -1.0) * SPOT_SCALE,
                moved_pods: of(self.rows.moved_pods, 1.0),
            },
            quantities: self.rows.quantities.iter().map(|row| of(*row, -1.0)).collect(),
            shares: solution.columns()[fillers..].to_vec(),
            missing: solution.columns()[..fillers].iter().sum(),
        }
    }
}

/// HiGHS's number for the primal simplex, which takes half the time after columns were added.
const PRIMAL_SIMPLEX: i32 = 4;
/// Brings capacity times permille to the size of the other factors.
const SPOT_SCALE: f64 = 1e-6;
