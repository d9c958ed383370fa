//! The best plan made of known contents only, as a small integer program. Where pods are of few kinds it is
//! often better than any rounding; where they are of many it never ends.

use std::collections::BTreeMap;

use good_lp::solvers::highs::highs;
use good_lp::{
    Expression, Solution, SolverModel, Variable, WithInitialSolution, WithTimeLimit, constraint, variable,
    variables,
};

use super::round::put;
use super::{Load, Packing, Shop};
use crate::columns::{Column, Generated};

/// Kinds of pods above which it is not tried.
const ITEMS_MAX: usize = 80;
/// Contents that take part, at most: those that are nearest to their price.
const COLUMNS_MAX: usize = 500;
/// Nodes of the search tree.
const BRANCHES_MAX: i32 = 5_000;
/// Longest that HiGHS runs: nobody who cancels waits longer.
const SECONDS_MAX: f64 = 0.9;
/// A number of nodes this near to a whole number is one.
const WHOLE_TOLERANCE: f64 = 1e-4;

/// A better packing than `best` of the columns that generation left and those of `best` itself, if one is
/// found.
pub(super) fn combine(shop: &Shop<'_>, made: &Generated, best: &Packing, seconds: f64) -> Option<Packing> {
    let is_limited = shop.model.supplies.iter().any(|supply| supply.quantity.is_some());
    if shop.model.items.len() > ITEMS_MAX || is_limited || made.columns.is_empty() {
        return None;
    }
    let (columns, counts) = candidates(shop, made, best);
    let numbers = solve(shop, &columns, &counts, seconds.min(SECONDS_MAX))?;
    let packing = assemble(shop, &columns, &numbers)?;
    (packing.cost_nano < best.cost_nano).then_some(packing)
}

/// The contents that take part, and how many of each `best` has.
fn candidates(shop: &Shop<'_>, made: &Generated, best: &Packing) -> (Vec<Column>, Vec<u32>) {
    let mut counted: BTreeMap<&Load, u32> = BTreeMap::new();
    best.loads.iter().for_each(|load| *counted.entry(load).or_default() += 1);
    let mut columns: Vec<Column> = counted.keys().map(|load| Column::of_load(shop.model, load)).collect();
    let mut counts: Vec<u32> = counted.values().copied().collect();
    let reduced = |column: &Column| column.cost - column.worth(&made.duals.items);
    let mut ranked: Vec<(f64, &Column)> =
        made.columns.iter().map(|column| (reduced(column), column)).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let room = COLUMNS_MAX.saturating_sub(columns.len());
    columns.extend(ranked.into_iter().take(room).map(|(_, column)| column.clone()));
    counts.resize(columns.len(), 0);
    (columns, counts)
}

/// How many nodes of each content, starting from `counts`.
fn solve(shop: &Shop<'_>, columns: &[Column], counts: &[u32], seconds: f64) -> Option<Vec<u32>> {
    let mut program = variables!();
    let nodes: Vec<Variable> = columns.iter().map(|_| program.add(variable().integer().min(0))).collect();
    let dearest = columns.iter().map(|column| column.cost).fold(0.0, f64::max).max(1e-12);
    let cost: Expression =
        columns.iter().zip(&nodes).map(|(column, node)| *node * (column.cost / dearest)).sum();
    let mut carried = vec![Expression::default(); shop.model.items.len()];
    for (column, node) in columns.iter().zip(&nodes) {
        for (item, count) in &column.content {
            carried[*item as usize] += *node * f64::from(*count);
        }
    }
    let mut model =
        program.minimise(cost).using(highs).set_option("mip_max_nodes", BRANCHES_MAX).set_threads(1);
    for (item, carried) in shop.model.items.iter().zip(carried) {
        model.add_constraint(constraint!(carried >= f64::from(item.count)));
    }
    let start = nodes.iter().zip(counts).map(|(node, count)| (*node, f64::from(*count)));
    let solution = model.with_initial_solution(start).with_time_limit(seconds).solve().ok()?;
    let number = |node: &Variable| (solution.value(*node) + WHOLE_TOLERANCE).floor().max(0.0) as u32;
    Some(nodes.iter().map(number).collect())
}

/// The nodes, without the pods that are carried twice. None: rounding lost some.
fn assemble(shop: &Shop<'_>, columns: &[Column], numbers: &[u32]) -> Option<Packing> {
    let mut remaining: Vec<u32> = shop.model.items.iter().map(|item| item.count).collect();
    let mut left = shop.quantities();
    let mut packing = Packing::default();
    for (column, number) in columns.iter().zip(numbers) {
        for _ in 0..*number {
            put(shop, column, &mut packing, &mut remaining, &mut left);
        }
    }
    remaining.iter().all(|count| *count == 0).then_some(packing)
}
