//! The counts behind rules on spreading, and how far they are from being kept.

use super::state::State;
use super::terms::{SpreadTerms, Terms};

/// For rules over zones: pods and domains by rule and zone.
pub(super) struct ZoneCounts {
    zones: usize,
    /// Counted pods.
    counted: Vec<u32>,
    /// Pods of demands that declare the rule.
    members: Vec<u32>,
    /// Nodes that make the zone a domain.
    nodes: Vec<u32>,
}

impl ZoneCounts {
    pub(super) fn new(terms: &Terms<'_>) -> Self {
        let cells = vec![0; terms.zone_spreads.len() * terms.zones];
        Self { zones: terms.zones, counted: cells.clone(), members: cells.clone(), nodes: cells }
    }

    pub(super) fn node_opened(&mut self, terms: &Terms<'_>, place: usize) {
        for cell in self.domain_cells(terms, place) {
            self.nodes[cell] += 1;
        }
    }

    pub(super) fn node_closed(&mut self, terms: &Terms<'_>, place: usize) {
        for cell in self.domain_cells(terms, place) {
            self.nodes[cell] -= 1;
        }
    }

    fn domain_cells<'t>(&self, terms: &'t Terms<'_>, place: usize) -> impl Iterator<Item = usize> + use<'t> {
        let (zones, zone) = (self.zones, terms.places[place].zone);
        let rules = terms.zone_spreads.iter().enumerate();
        rules.filter(move |(_, rule)| rule.domain[place]).map(move |(rule, _)| rule * zones + zone)
    }

    pub(super) fn pods_changed(
        &mut self,
        terms: &Terms<'_>,
        demand: usize,
        zone: usize,
        have: u32,
        then: u32,
    ) {
        for rule in &terms.shapes[demand].zone_spreads {
            let cell = rule * self.zones + zone;
            let spread = &terms.zone_spreads[*rule];
            if spread.counted[demand] {
                self.counted[cell] = self.counted[cell] - have + then;
            }
            if spread.member[demand] {
                self.members[cell] = self.members[cell] - have + then;
            }
        }
    }

    /// Pods too many, over all rules.
    pub(super) fn excess(&self, terms: &Terms<'_>) -> u64 {
        let excess =
            |(rule, spread)| self.surplus(spread, rule).map(|(_, count)| u64::from(count)).sum::<u64>();
        terms.zone_spreads.iter().enumerate().map(|(rule, spread)| excess((rule, spread))).sum()
    }

    /// Rule, zone and number of pods too many there.
    pub(super) fn overfull(&self, terms: &Terms<'_>) -> Vec<(usize, usize, u32)> {
        let rules = terms.zone_spreads.iter().enumerate();
        rules
            .flat_map(|(rule, spread)| {
                self.surplus(spread, rule).map(move |(zone, count)| (rule, zone, count))
            })
            .collect()
    }

    /// Zones that hold too many pods of a rule, and how many too many.
    fn surplus(&self, spread: &SpreadTerms, rule: usize) -> impl Iterator<Item = (usize, u32)> {
        let start = rule * self.zones;
        let domains = (start..start + self.zones).filter(|cell| 0 < self.nodes[*cell]);
        let (mut number, mut emptiest) = (0, u32::MAX);
        for cell in domains.clone() {
            number += 1;
            emptiest = emptiest.min(self.counted[cell]);
        }
        if number < spread.domains_min {
            emptiest = 0;
        }
        let most = emptiest.saturating_add(spread.skew);
        let full = domains.filter(|cell| 0 < self.members[*cell]);
        full.map(move |cell| (cell - start, self.counted[cell].saturating_sub(most)))
            .filter(|(_, count)| 0 < *count)
    }

    /// Whether, `before` pods of a demand having joined its zone, a place admits another: whether there is
    /// still a way to keep a rule, if all `waiting` counted pods (these included) may go where they are
    /// needed most. A zone that is too full in any case is no reason to refuse another.
    pub(super) fn admits(&self, terms: &Terms<'_>, rule: usize, ask: &Ask, waiting: u32) -> bool {
        let spread = &terms.zone_spreads[rule];
        let joining = if spread.counted[ask.demand] { ask.before + 1 } else { 0 };
        let here = rule * self.zones + terms.places[ask.place].zone;
        let cells = rule * self.zones..(rule + 1) * self.zones;
        let is_domain = |cell: &usize| 0 < self.nodes[*cell] || *cell == here && spread.domain[ask.place];
        let height = |cell: usize| self.counted[cell] + if cell == here { joining } else { 0 };
        let most = |height: &dyn Fn(usize) -> u32, waiting: u32| {
            let mut heights: Vec<u32> = cells.clone().filter(is_domain).map(height).collect();
            heights.sort_unstable();
            let is_few = heights.len() < spread.domains_min as usize;
            let emptiest = if is_few { 0 } else { water_level(&heights, waiting) };
            emptiest.saturating_add(spread.skew)
        };
        let then = most(&height, waiting.saturating_sub(joining));
        let is_kept = |cell: usize| height(cell) <= then;
        if spread.member[ask.demand] && is_domain(&here) && !is_kept(here) {
            return false;
        }
        let held = |cell: &usize| is_domain(cell) && 0 < self.members[*cell];
        let broken = |cell: &usize| !is_kept(*cell);
        let mut spoilt = cells.clone().filter(held).filter(broken).peekable();
        if spoilt.peek().is_none() {
            return true;
        }
        let now = most(&|cell| self.counted[cell], waiting);
        spoilt.all(|cell| now < self.counted[cell])
    }
}

/// Whether one more pod of a demand may go to a place.
pub(super) struct Ask {
    pub(super) demand: usize,
    pub(super) place: usize,
    /// Pods of the demand that were let into the same zone before, and are not counted yet.
    pub(super) before: u32,
}

/// How high the lowest of some ascending heights can be raised with so many units.
fn water_level(heights: &[u32], units: u32) -> u32 {
    let Some(first) = heights.first() else { return 0 };
    let (mut level, mut left) = (*first, units);
    for (wide, next) in (1..).zip(heights.iter().skip(1).copied().chain([u32::MAX])) {
        let raise = (next - level).min(left / wide);
        level += raise;
        left -= raise * wide;
        if level < next {
            break;
        }
    }
    level
}

/// What a node holds: demands and counts.
type Content<'a> = &'a [(usize, u32)];

/// For rules over nodes: how many nodes hold how many counted pods.
pub(super) struct NodeCounts {
    rules: Vec<NodeRule>,
}

#[derive(Clone, Default)]
struct NodeRule {
    /// By number of counted pods: nodes that are domains.
    all: Vec<u32>,
    /// The same, of those that hold a pod of a demand that declares the rule.
    members: Vec<u32>,
}

impl NodeCounts {
    pub(super) fn new(terms: &Terms<'_>) -> Self {
        Self { rules: vec![NodeRule::default(); terms.node_spreads.len()] }
    }

    pub(super) fn node_opened(&mut self, terms: &Terms<'_>, place: usize) {
        let all = 0..self.rules.len();
        self.at(terms, place, all, |rule, spread| rule.enter(spread, &[]));
    }

    pub(super) fn node_closed(&mut self, terms: &Terms<'_>, place: usize) {
        let all = 0..self.rules.len();
        self.at(terms, place, all, |rule, spread| rule.leave(spread, &[]));
    }

    pub(super) fn content_leaves(
        &mut self,
        terms: &Terms<'_>,
        place: usize,
        demand: usize,
        content: Content<'_>,
    ) {
        let rules = terms.shapes[demand].node_spreads.iter().copied();
        self.at(terms, place, rules, |rule, spread| rule.leave(spread, content));
    }

    pub(super) fn content_returns(
        &mut self,
        terms: &Terms<'_>,
        place: usize,
        demand: usize,
        content: Content<'_>,
    ) {
        let rules = terms.shapes[demand].node_spreads.iter().copied();
        self.at(terms, place, rules, |rule, spread| rule.enter(spread, content));
    }

    /// Changes those of some rules that a place is a domain of.
    fn at(
        &mut self,
        terms: &Terms<'_>,
        place: usize,
        rules: impl Iterator<Item = usize>,
        change: impl Fn(&mut NodeRule, &SpreadTerms),
    ) {
        for rule in rules.filter(|rule| terms.node_spreads[*rule].domain[place]) {
            change(&mut self.rules[rule], &terms.node_spreads[rule]);
        }
    }

    /// Pods too many, over all rules.
    pub(super) fn excess(&self, terms: &Terms<'_>) -> u64 {
        self.rules.iter().zip(&terms.node_spreads).map(|(rule, spread)| rule.excess(spread)).sum()
    }

    /// Rules that are broken.
    pub(super) fn broken(&self, terms: &Terms<'_>) -> impl Iterator<Item = usize> {
        (0..self.rules.len()).filter(|rule| 0 < self.rules[*rule].excess(&terms.node_spreads[*rule]))
    }

    /// Nodes that hold too many pods of a rule, and how many too many.
    pub(super) fn overfull(&self, state: &State<'_>, rule: usize) -> Vec<(usize, u32)> {
        let spread = &state.terms.node_spreads[rule];
        let most = self.rules[rule].most(spread);
        let domains = state.open_bins().filter(|bin| spread.domain[state.bins[*bin].place]);
        let held = domains.filter(|bin| has_member(spread, &state.bins[*bin].content));
        held.map(|bin| (bin, counted_in(spread, &state.bins[bin].content).saturating_sub(most)))
            .filter(|(_, count)| 0 < *count)
            .collect()
    }

    /// How many more pods of a demand a node with this content may take now.
    pub(super) fn room(
        &self,
        terms: &Terms<'_>,
        place: usize,
        demand: usize,
        content: &[(usize, u32)],
    ) -> u32 {
        let rules = terms.shapes[demand].node_spreads.iter();
        let room = rules.map(|rule| {
            let spread = &terms.node_spreads[*rule];
            if !(spread.domain[place] && spread.counted[demand]) {
                return u32::MAX;
            }
            self.rules[*rule].most(spread).saturating_sub(counted_in(spread, content))
        });
        room.min().unwrap_or(u32::MAX)
    }
}

impl NodeRule {
    fn enter(&mut self, spread: &SpreadTerms, content: &[(usize, u32)]) {
        let count = counted_in(spread, content) as usize;
        if self.all.len() <= count {
            self.all.resize(count + 1, 0);
            self.members.resize(count + 1, 0);
        }
        self.all[count] += 1;
        self.members[count] += u32::from(has_member(spread, content));
    }

    fn leave(&mut self, spread: &SpreadTerms, content: &[(usize, u32)]) {
        let count = counted_in(spread, content) as usize;
        self.all[count] -= 1;
        self.members[count] -= u32::from(has_member(spread, content));
    }

    /// Most counted pods on a node that holds a member.
    fn most(&self, spread: &SpreadTerms) -> u32 {
        let domains: u32 = self.all.iter().sum();
        let emptiest = match domains < spread.domains_min {
            true => 0,
            false => self.all.iter().position(|nodes| 0 < *nodes).unwrap_or(0) as u32,
        };
        emptiest.saturating_add(spread.skew)
    }

    fn excess(&self, spread: &SpreadTerms) -> u64 {
        let most = self.most(spread);
        let above = self.members.iter().enumerate().skip(most as usize + 1);
        above.map(|(count, nodes)| u64::from(*nodes) * (count as u64 - u64::from(most))).sum()
    }
}

fn counted_in(spread: &SpreadTerms, content: &[(usize, u32)]) -> u32 {
    content.iter().filter(|(demand, _)| spread.counted[*demand]).map(|(_, count)| count).sum()
}

fn has_member(spread: &SpreadTerms, content: &[(usize, u32)]) -> bool {
    content.iter().any(|(demand, _)| spread.member[*demand])
}

#[cfg(test)]
mod tests {
    use super::water_level;

    #[track_caller]
    fn check(heights: &[u32], units: u32, level: u32) {
        assert_eq!(water_level(heights, units), level, "{heights:?} with {units}");
    }

    #[test]
    fn water_rises_over_the_lowest_first() {
        check(&[], 5, 0);
        check(&[0, 3], 2, 2);
        check(&[0, 3], 5, 4);
        check(&[1, 1, 4], 3, 2);
        check(&[2], 7, 9);
        check(&[0, 0, 0], 2, 0);
    }
}
