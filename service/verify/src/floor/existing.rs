//! Nodes that run now: what their pods are worth where they are.

use super::DUALS_PER_NANO_USD;
use super::best::{Effort, Worth};
use super::duals::Duals;
use super::knapsack::{Item, Knapsack};
use crate::problem::{ExistingNode, Placed};
use crate::wellformed::{Sound, at};

/// What is due if every existing node left. Where it is beyond all numbers, less.
pub fn if_all_left(problem: &Sound, duals: &Duals) -> i128 {
    let moves = |resident: &Placed| {
        let cost = move_cost(problem, duals, at(resident.demand));
        cost.saturating_mul(resident.count.into())
    };
    problem.nodes.iter().fold(0, |sum: i128, node| {
        let moves = node.residents.iter().map(moves).fold(0, i128::saturating_add);
        sum.saturating_add(drain_cost(node)).saturating_add(moves)
    })
}

/// What the best contents of existing nodes are worth above their prices, in total. None: beyond all numbers.
pub fn excess(problem: &Sound, duals: &Duals, eligible: &[Vec<usize>], effort: &mut Effort) -> Option<i128> {
    let mut sum = 0_i128;
    for node in &problem.nodes {
        let offering = at(node.offering);
        let price = duals.price(problem, offering)?.checked_sub(drain_cost(node))?;
        let items = items(problem, duals, node, &eligible[offering]);
        let knapsack = Knapsack::new(&problem.offerings[offering].capacity, items)?;
        let worth = Worth::above(knapsack, price, effort);
        sum = sum.checked_add(worth.most.checked_sub(price)?)?;
    }
    Some(sum)
}

/// Residents that stay are worth their move, too; newcomers come beside them.
fn items<'b>(problem: &'b Sound, duals: &Duals, node: &ExistingNode, demands: &[usize]) -> Vec<Item<'b>> {
    let mut items = Vec::new();
    for index in demands.iter().copied() {
        let demand = &problem.demands[index];
        let most = i64::from(demand.max_per_node.unwrap_or(demand.count).min(demand.count));
        let staying = residents(node, index).min(most);
        let newcomers = if node.sealed { 0 } else { most - staying };
        let value = i128::from(duals.pods[index]);
        let stay = value + move_cost(problem, duals, index);
        items.push(Item { demand: index, value: stay, count: staying, request: &demand.request });
        items.push(Item { demand: index, value, count: newcomers, request: &demand.request });
    }
    items
}

fn residents(node: &ExistingNode, demand: usize) -> i64 {
    let found = node.residents.binary_search_by_key(&demand, |resident| at(resident.demand));
    found.map_or(0, |index| node.residents[index].count.into())
}

fn move_cost(problem: &Sound, duals: &Duals, demand: usize) -> i128 {
    let cost = i128::from(problem.demands[demand].move_cost_nano_usd_per_hour);
    cost * DUALS_PER_NANO_USD + i128::from(duals.moved_pods)
}

fn drain_cost(node: &ExistingNode) -> i128 {
    i128::from(node.drain_cost_nano_usd_per_hour) * DUALS_PER_NANO_USD
}
