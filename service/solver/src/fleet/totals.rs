//! Sums over the whole fleet: its cost, and the rules that bind all of it.

use std::ops::AddAssign;

use super::terms::Terms;

/// Sums over the open nodes.
#[derive(Clone, Debug)]
pub(super) struct Totals {
    /// The objective, nano-USD per hour.
    pub(super) cost: i128,
    pub(super) unplaced: u64,
    pub(super) moved: u64,
    pub(super) nodes: u32,
    pub(super) on_demand: u32,
    size: i128,
    spot_size: i128,
    zone_size: Vec<i128>,
    /// By place: bought nodes.
    pub(super) bought: Vec<u32>,
    new_groups: u32,
    /// By existing group: nodes that stay.
    group_nodes: Vec<u32>,
    old_groups: u32,
}

/// How much worse one broken rule is than another. Rules come before cost.
mod weight {
    pub(super) const UNPLACED: u64 = 1_000_000;
    pub(super) const COUNT: u64 = 10_000;
    pub(super) const POD: u64 = 1_000;
    pub(super) const PERMILLE: u64 = 10;
}

const PERMILLE: i128 = 1000;

impl Totals {
    pub(super) fn new(terms: &Terms<'_>) -> Self {
        let problem = terms.problem;
        let leaving = problem.nodes.iter().map(|node| i128::from(node.drain_cost.nano_usd()));
        let homes = terms.shapes.iter().flat_map(|shape| shape.homes.iter().map(move |home| (shape, home.1)));
        let moves = homes.clone().map(|(shape, count)| i128::from(shape.move_cost) * i128::from(count));
        Self {
            cost: leaving.chain(moves).sum(),
            unplaced: problem.pod_count(),
            moved: homes.map(|(_, count)| u64::from(count)).sum(),
            nodes: 0,
            on_demand: 0,
            size: 0,
            spot_size: 0,
            zone_size: vec![0; terms.zones],
            bought: vec![0; terms.places.len()],
            new_groups: 0,
            group_nodes: vec![0; terms.groups],
            old_groups: 0,
        }
    }

    pub(super) fn node_opened(&mut self, terms: &Terms<'_>, place: usize, node: Option<usize>) {
        self.node_changed(terms, place, node, 1);
        match node {
            None => {
                let before = self.groups_of(terms, place);
                self.bought[place] += 1;
                self.new_groups += self.groups_of(terms, place) - before;
            }
            Some(node) => {
                if let Some(group) = terms.group_of_node[node] {
                    self.old_groups += u32::from(self.group_nodes[group] == 0);
                    self.group_nodes[group] += 1;
                }
            }
        }
    }

    pub(super) fn node_closed(&mut self, terms: &Terms<'_>, place: usize, node: Option<usize>) {
        self.node_changed(terms, place, node, -1);
        match node {
            None => {
                let before = self.groups_of(terms, place);
                self.bought[place] -= 1;
                self.new_groups -= before - self.groups_of(terms, place);
            }
            Some(node) => {
                if let Some(group) = terms.group_of_node[node] {
                    self.group_nodes[group] -= 1;
                    self.old_groups -= u32::from(self.group_nodes[group] == 0);
                }
            }
        }
    }

    fn node_changed(&mut self, terms: &Terms<'_>, index: usize, node: Option<usize>, sign: i32) {
        let place = &terms.places[index];
        let drain = node.map_or(0, |node| terms.problem.nodes[node].drain_cost.nano_usd());
        self.cost += i128::from(sign) * (i128::from(place.price) - i128::from(drain));
        let size = i128::from(sign) * i128::from(place.size);
        self.size += size;
        self.zone_size[place.zone] += size;
        self.nodes = self.nodes.wrapping_add_signed(sign);
        match place.spot {
            true => self.spot_size += size,
            false => self.on_demand = self.on_demand.wrapping_add_signed(sign),
        }
    }

    /// New groups that the bought nodes of a place need.
    fn groups_of(&self, terms: &Terms<'_>, place: usize) -> u32 {
        match terms.problem.rules.nodes_per_group_max {
            0 => u32::from(0 < self.bought[place]),
            most => self.bought[place].div_ceil(most),
        }
    }

    /// `residents`: how many of the demand lived on the node whose content changed.
    pub(super) fn pods_changed(
        &mut self,
        terms: &Terms<'_>,
        demand: usize,
        residents: u32,
        have: u32,
        then: u32,
    ) {
        self.unplaced = self.unplaced + u64::from(have) - u64::from(then);
        let (gone, goes) = (residents.saturating_sub(have), residents.saturating_sub(then));
        self.moved = self.moved + u64::from(goes) - u64::from(gone);
        self.cost += (i128::from(goes) - i128::from(gone)) * i128::from(terms.shapes[demand].move_cost);
    }

    /// What may still be moved off its node; the largest number without a limit.
    pub(super) fn moves_left(&self, terms: &Terms<'_>) -> u64 {
        terms.problem.rules.moved_pods_max.map_or(u64::MAX, |most| u64::from(most).saturating_sub(self.moved))
    }

    /// Whether a node of a place may be bought without breaking a rule that cannot mend by itself.
    pub(super) fn may_buy(&self, terms: &Terms<'_>, index: usize) -> bool {
        let is_left = terms.places[index].quantity_max.is_none_or(|most| self.bought[index] < most);
        is_left
            && self.has_node_left(terms)
            && (!self.starts_group(terms, index) || self.has_group_left(terms))
    }

    /// Whether a node that had been left out may be opened again.
    pub(super) fn may_reopen(&self, terms: &Terms<'_>, node: usize) -> bool {
        self.has_node_left(terms) && (!self.revives_group(terms, node) || self.has_group_left(terms))
    }

    /// Whether a running node would be the only one that its group keeps.
    pub(super) fn revives_group(&self, terms: &Terms<'_>, node: usize) -> bool {
        terms.group_of_node[node].is_some_and(|group| self.group_nodes[group] == 0)
    }

    /// Whether the next node of a place is the first of a group.
    pub(super) fn starts_group(&self, terms: &Terms<'_>, place: usize) -> bool {
        match terms.problem.rules.nodes_per_group_max {
            0 => self.bought[place] == 0,
            most => self.bought[place].is_multiple_of(most),
        }
    }

    fn has_group_left(&self, terms: &Terms<'_>) -> bool {
        let most = terms.problem.rules.groups_max;
        most == 0 || self.groups() < most
    }

    /// Whether groups are so many that a new one should be worth it.
    pub(super) fn is_short_of_groups(&self, terms: &Terms<'_>) -> bool {
        const FEW: u32 = 3;
        let most = terms.problem.rules.groups_max;
        0 < most && most <= self.groups().saturating_add(FEW)
    }

    fn has_node_left(&self, terms: &Terms<'_>) -> bool {
        let most = terms.problem.rules.nodes_max;
        most == 0 || self.nodes < most
    }

    /// Whether a node of a place keeps to the shares and the on-demand base, once all pods have a node.
    pub(super) fn keeps_shares(&self, terms: &Terms<'_>, index: usize) -> bool {
        let (place, rules) = (&terms.places[index], &terms.problem.rules);
        let size = i128::from(place.size);
        let whole = (self.size + size).max(terms.asked);
        let within = |part: i128, most: u32| part * PERMILLE <= i128::from(most) * whole;
        let is_base = !place.spot || rules.on_demand_base_count <= self.on_demand;
        is_base
            && (!place.spot || within(self.spot_size + size, rules.spot_share_max_permille))
            && (rules.zone_share_max_permille == 0
                || within(self.zone_size[place.zone] + size, rules.zone_share_max_permille))
    }

    /// Groups with a node, new and old.
    pub(super) fn groups(&self) -> u32 {
        self.new_groups + self.old_groups
    }

    pub(super) fn lacks_on_demand(&self, terms: &Terms<'_>) -> bool {
        self.on_demand < terms.problem.rules.on_demand_base_count
    }

    /// How far the rules over the fleet are from being kept; 0: they are.
    pub(super) fn excess(&self, terms: &Terms<'_>, spread_excess: u64) -> u64 {
        let rules = &terms.problem.rules;
        let above = |have: u32, most: u32| if most == 0 { 0 } else { u64::from(have.saturating_sub(most)) };
        let mut sum = Sum(0);
        sum += self.unplaced.saturating_mul(weight::UNPLACED);
        sum += spread_excess.saturating_mul(weight::POD);
        let moved_max = rules.moved_pods_max.map_or(u64::MAX, u64::from);
        sum += self.moved.saturating_sub(moved_max).saturating_mul(weight::POD);
        let counts = above(self.nodes, rules.nodes_max)
            + above(self.groups(), rules.groups_max)
            + u64::from(rules.on_demand_base_count.saturating_sub(self.on_demand));
        sum += counts.saturating_mul(weight::COUNT);
        let mut shares = self.above_share(self.spot_size, rules.spot_share_max_permille);
        if 0 < rules.zone_share_max_permille {
            let zones = self.zone_size.iter();
            shares += zones.map(|part| self.above_share(*part, rules.zone_share_max_permille)).sum::<u64>();
        }
        sum += shares * weight::PERMILLE;
        sum.0
    }

    /// Whether a rule over the fleet is broken that mending can do something about.
    pub(super) fn has_faults(&self, terms: &Terms<'_>) -> bool {
        self.excess(terms, 0) != self.unplaced.saturating_mul(weight::UNPLACED)
    }

    pub(super) fn is_above_spot_share(&self, terms: &Terms<'_>) -> bool {
        0 < self.above_share(self.spot_size, terms.problem.rules.spot_share_max_permille)
    }

    pub(super) fn is_above_zone_share(&self, terms: &Terms<'_>, zone: usize) -> bool {
        let most = terms.problem.rules.zone_share_max_permille;
        0 < most && 0 < self.above_share(self.zone_size[zone], most)
    }

    /// By how many permille of the whole a part is above its share, rounded up.
    fn above_share(&self, part: i128, most_permille: u32) -> u64 {
        let above = part * PERMILLE - i128::from(most_permille) * self.size;
        if above <= 0 { 0 } else { ((above - 1) / self.size.max(1) + 1) as u64 }
    }
}

/// A sum that stops at the largest number.
struct Sum(u64);

impl AddAssign<u64> for Sum {
    fn add_assign(&mut self, other: u64) {
        self.0 = self.0.saturating_add(other);
    }
}
