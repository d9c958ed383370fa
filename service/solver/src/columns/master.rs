//! The restricted linear program, alive between rounds.

use highs::{Col, ColProblem, HighsModelStatus, HighsStatus, Model as Lp, Row, Sense, SolvedModel};

use super::Column;
use crate::bound::FloatDuals;
use crate::model::Model;

/// The linear program over the columns so far. HiGHS's models may not change threads, so this is built,
/// used and dropped in one function.
pub(super) struct Master<'a> {
    model: &'a Model,
    rows: Rows,
    /// Columns that stand for demand that nothing carries, and what one of it costs. They keep the prices of
    /// the first rounds near those that are proven.
    fillers: Vec<(Col, f64)>,
    /// HiGHS sees costs times this, so that its tolerances suit cheap fleets and dear ones.
    scale: f64,
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
    /// How much of each row's demand no column carries, in the order of the fillers.
    missing: Vec<f64>,
}

impl<'a> Master<'a> {
    /// A program without columns but a filler for each item, at `penalties`, USD per hour. Items come first;
    /// the last penalty is that of a move too many.
    pub fn new(model: &'a Model, penalties: &[f64]) -> Result<Self, HighsStatus> {
        let mut problem = ColProblem::new();
        let rows = Rows::new(model, &mut problem);
        let mut lp = Lp::try_new(problem)?;
        lp.set_sense(Sense::Minimise);
        for (option, value) in [("presolve", "off"), ("solver", "simplex"), ("parallel", "off")] {
            lp.set_option(option, value);
        }
        lp.set_option("threads", 1);
        lp.set_option("simplex_strategy", PRIMAL_SIMPLEX);
        let dearest = penalties.iter().copied().fold(0.0, f64::max);
        let scale = if dearest > 0.0 { COST_SIZE / dearest } else { 1.0 };
        let mut fillers = Vec::new();
        for (row, penalty) in rows.items.iter().chain(&rows.moved_pods).zip(penalties) {
            fillers.push((lp.try_add_column(*penalty * scale, 0.0.., [(row.row, 1.0)])?, *penalty));
        }
        Ok(Self { model, rows, fillers, scale, lp: Some(lp), spent: 0.0 })
    }

    /// What the fillers cost now.
    pub fn penalties(&self) -> Vec<f64> {
        self.fillers.iter().map(|(_, penalty)| *penalty).collect()
    }

    /// Makes the fillers dearer that an optimum uses. Says whether it uses any.
    pub fn raise(&mut self, optimum: &Optimum, factor: f64) -> bool {
        let Some(lp) = self.lp.as_mut() else { return false };
        let used =
            self.fillers.iter_mut().zip(&optimum.missing).filter(|(_, missing)| **missing > MISSING_MAX);
        let mut is_any = false;
        for ((column, penalty), _) in used {
            *penalty *= factor;
            lp.change_column_cost(*column, *penalty * self.scale);
            is_any = true;
        }
        is_any
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
        lp.try_add_column(column.cost * self.scale, 0.0.., factors).map(|_| ())
    }

    /// Solves it. None: it was stopped, or HiGHS failed; the program is of no more use.
    pub fn solve(&mut self, elapsed: &dyn Fn() -> f64, is_over: &dyn Fn() -> bool) -> Option<Optimum> {
        let mut lp = self.lp.take()?;
        while !is_over() {
            lp.set_option("time_limit", self.spent + SLICE_SECONDS);
            let begun = elapsed();
            let solved = lp.try_solve().ok()?;
            self.spent += elapsed() - begun;
            match solved.status() {
                HighsModelStatus::Optimal => {
                    let optimum = self.read(&solved);
                    self.lp = Some(solved.into());
                    return Some(optimum);
                }
                // It goes on where it stopped.
                HighsModelStatus::ReachedTimeLimit => lp = solved.into(),
                _ => return None,
            }
        }
        None
    }

    fn read(&self, solved: &SolvedModel) -> Optimum {
        let solution = solved.get_solution();
        let dual = |row: Placed| solution.dual_rows()[row.at] / self.scale;
        let of = |row: Option<Placed>, sign: f64| row.map_or(0.0, |row| (sign * dual(row)).max(0.0));
        let fillers = self.fillers.len();
        Optimum {
            value: solved.objective_value() / self.scale,
            duals: FloatDuals {
                items: self.rows.items.iter().map(|row| dual(*row).max(0.0)).collect(),
                resources: Vec::new(),
                spot_share: of(self.rows.spot_share, -1.0) * SPOT_SCALE,
                moved_pods: of(self.rows.moved_pods, 1.0),
            },
            quantities: self.rows.quantities.iter().map(|row| of(*row, -1.0)).collect(),
            shares: solution.columns()[fillers..].to_vec(),
            missing: solution.columns()[..fillers].to_vec(),
        }
    }
}

impl Optimum {
    /// Whether the columns carry everything, so that the value stands for all of it.
    pub fn is_complete(&self) -> bool {
        self.missing.iter().all(|missing| *missing <= MISSING_MAX)
    }
}

/// Pods of an item that no column carries, below which it counts as carried.
const MISSING_MAX: f64 = 1e-6;
/// Cost of the dearest pod as HiGHS sees it.
const COST_SIZE: f64 = 10.0;
/// Longest that HiGHS runs at a time: nobody who cancels waits longer.
const SLICE_SECONDS: f64 = 0.5;
/// HiGHS's number for the primal simplex, which takes half the time after columns were added.
const PRIMAL_SIMPLEX: i32 = 4;
/// Brings capacity times permille to the size of the other factors.
const SPOT_SCALE: f64 = 1e-6;
