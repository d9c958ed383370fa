//! A fleet under construction: nodes, contents and every count that a rule looks at, kept up to date
//! pod by pod, with a journal to take back what did not pay.

use super::spread::{NodeCounts, ZoneCounts};
use super::terms::Terms;
use super::totals::Totals;

/// One node, open or not. The running nodes come first, in their order; bought ones follow.
#[derive(Clone, Debug)]
pub(super) struct Bin {
    pub(super) place: usize,
    /// Which running node it is.
    pub(super) node: Option<usize>,
    pub(super) is_open: bool,
    /// Demand and number of pods, by ascending demand.
    pub(super) content: Vec<(usize, u32)>,
}

/// A reversible change.
#[derive(Clone, Copy, Debug)]
enum Change {
    Opened(usize),
    /// Bin and what it was.
    Closed(usize, usize),
    Added(usize, usize, u32),
    Removed(usize, usize, u32),
}

/// The fleet.
pub(super) struct State<'a> {
    pub(super) terms: &'a Terms<'a>,
    pub(super) bins: Vec<Bin>,
    /// By bin and resource.
    free: Vec<i64>,
    /// By bin: its free room, as a share of everything that is asked for, summed over resources.
    slack: Vec<f64>,
    /// By demand: pods that are nowhere.
    pub(super) unplaced: Vec<u32>,
    /// By demand and zone: pods.
    zone_pods: Vec<u32>,
    pub(super) zone_counts: ZoneCounts,
    pub(super) node_counts: NodeCounts,
    pub(super) totals: Totals,
    /// Bins of bought nodes that are closed.
    vacant: Vec<usize>,
    journal: Vec<Change>,
}

impl<'a> State<'a> {
    /// No node is open, no pod is placed.
    pub(super) fn new(terms: &'a Terms<'a>) -> Self {
        let closed = |(node, place): (usize, &usize)| Bin {
            place: *place,
            node: Some(node),
            is_open: false,
            content: Vec::new(),
        };
        Self {
            terms,
            bins: terms.place_of_node.iter().enumerate().map(closed).collect(),
            free: vec![0; terms.place_of_node.len() * terms.width],
            slack: vec![0.0; terms.place_of_node.len()],
            unplaced: terms.shapes.iter().map(|shape| shape.count).collect(),
            zone_pods: vec![0; terms.shapes.len() * terms.zones],
            zone_counts: ZoneCounts::new(terms),
            node_counts: NodeCounts::new(terms),
            totals: Totals::new(terms),
            vacant: Vec::new(),
            journal: Vec::new(),
        }
    }

    pub(super) fn free(&self, bin: usize) -> &[i64] {
        &self.free[bin * self.terms.width..(bin + 1) * self.terms.width]
    }

    /// Free room of an open bin, as a share of everything that is asked for, summed over resources.
    pub(super) fn slack(&self, bin: usize) -> f64 {
        self.slack[bin]
    }

    pub(super) fn zone_of(&self, bin: usize) -> usize {
        self.terms.places[self.bins[bin].place].zone
    }

    pub(super) fn zone_pods(&self, demand: usize, zone: usize) -> u32 {
        self.zone_pods[demand * self.terms.zones + zone]
    }

    pub(super) fn count(&self, bin: usize, demand: usize) -> u32 {
        count_in(&self.bins[bin].content, demand)
    }

    /// How many of a demand a running node had.
    pub(super) fn residents(&self, node: usize, demand: usize) -> u32 {
        let residents = &self.terms.problem.nodes[node].residents;
        residents.iter().find(|entry| entry.demand as usize == demand).map_or(0, |entry| entry.count)
    }

    pub(super) fn open_bins(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.bins.len()).filter(|bin| self.bins[*bin].is_open)
    }

    /// How far the fleet is from keeping every rule, unplaced pods included; 0: it keeps them.
    pub(super) fn excess(&self) -> u64 {
        let spread = self.zone_counts.excess(self.terms) + self.node_counts.excess(self.terms);
        self.totals.excess(self.terms, spread)
    }

    /// Whether a rule is broken, other than by pods that are nowhere.
    pub(super) fn has_faults(&self) -> bool {
        let spread = self.zone_counts.excess(self.terms) + self.node_counts.excess(self.terms);
        0 < spread || self.totals.has_faults(self.terms)
    }

    /// Opens a new node of a place, and says which bin it is.
    pub(super) fn buy(&mut self, place: usize) -> usize {
        let bin = self.vacant.last().copied().unwrap_or(self.bins.len());
        if bin == self.bins.len() {
            self.bins.push(Bin { place, node: None, is_open: false, content: Vec::new() });
            self.free.resize(self.bins.len() * self.terms.width, 0);
            self.slack.push(0.0);
            self.vacant.push(bin);
        }
        self.bins[bin].place = place;
        self.open(bin);
        bin
    }

    /// Opens a bin that is closed.
    pub(super) fn open(&mut self, bin: usize) {
        self.set_open(bin);
        self.journal.push(Change::Opened(bin));
    }

    /// Closes an empty bin.
    pub(super) fn close(&mut self, bin: usize) {
        self.set_closed(bin);
        self.journal.push(Change::Closed(bin, self.bins[bin].place));
    }

    /// Puts pods that are nowhere into an open bin. Whether they may be there is for the caller to ask.
    pub(super) fn add(&mut self, bin: usize, demand: usize, count: u32) {
        self.put(bin, demand, count);
        self.journal.push(Change::Added(bin, demand, count));
    }

    /// Takes pods out of a bin.
    pub(super) fn remove(&mut self, bin: usize, demand: usize, count: u32) {
        self.take(bin, demand, count);
        self.journal.push(Change::Removed(bin, demand, count));
    }

    /// Takes everything out of a bin and closes it.
    pub(super) fn empty_and_close(&mut self, bin: usize) {
        while let Some((demand, count)) = self.bins[bin].content.last().copied() {
            self.remove(bin, demand, count);
        }
        self.close(bin);
    }

    /// Where the journal stands, for [`Self::undo_to`].
    pub(super) fn mark(&self) -> usize {
        self.journal.len()
    }

    /// Takes back every change since a mark.
    pub(super) fn undo_to(&mut self, mark: usize) {
        while mark < self.journal.len() {
            match self.journal.pop().expect("longer than the mark") {
                Change::Opened(bin) => self.set_closed(bin),
                Change::Closed(bin, place) => {
                    self.bins[bin].place = place;
                    self.set_open(bin);
                }
                Change::Added(bin, demand, count) => self.take(bin, demand, count),
                Change::Removed(bin, demand, count) => self.put(bin, demand, count),
            }
        }
    }

    /// Forgets how to take back.
    pub(super) fn commit(&mut self) {
        self.journal.clear();
    }

    /// Bins that changed since a mark, ascending, each once.
    pub(super) fn touched_since(&self, mark: usize) -> Vec<usize> {
        let bin_of = |change: &Change| match *change {
            Change::Opened(bin) | Change::Closed(bin, _) => bin,
            Change::Added(bin, ..) | Change::Removed(bin, ..) => bin,
        };
        let mut bins: Vec<usize> = self.journal[mark..].iter().map(bin_of).collect();
        bins.sort_unstable();
        bins.dedup();
        bins
    }

    fn set_open(&mut self, bin: usize) {
        let (terms, place, node) = (self.terms, self.bins[bin].place, self.bins[bin].node);
        let width = terms.width;
        self.free[bin * width..(bin + 1) * width].copy_from_slice(&terms.places[place].capacity);
        self.weigh(bin);
        self.bins[bin].is_open = true;
        if node.is_none() {
            self.vacant.retain(|other| *other != bin);
        }
        self.zone_counts.node_opened(terms, place);
        self.node_counts.node_opened(terms, place);
        self.totals.node_opened(terms, place, node);
    }

    fn set_closed(&mut self, bin: usize) {
        debug_assert!(self.bins[bin].content.is_empty(), "only an empty node is closed");
        let (terms, place, node) = (self.terms, self.bins[bin].place, self.bins[bin].node);
        self.bins[bin].is_open = false;
        if node.is_none() {
            self.vacant.push(bin);
        }
        self.zone_counts.node_closed(terms, place);
        self.node_counts.node_closed(terms, place);
        self.totals.node_closed(terms, place, node);
    }

    fn put(&mut self, bin: usize, demand: usize, count: u32) {
        let terms = self.terms;
        self.shift(bin, demand, |have| have + count);
        self.unplaced[demand] -= count;
        self.change_free(bin, &terms.shapes[demand].request, -i64::from(count));
    }

    fn take(&mut self, bin: usize, demand: usize, count: u32) {
        let terms = self.terms;
        self.shift(bin, demand, |have| have - count);
        self.unplaced[demand] += count;
        self.change_free(bin, &terms.shapes[demand].request, i64::from(count));
    }

    fn change_free(&mut self, bin: usize, request: &[i64], copies: i64) {
        let width = self.terms.width;
        for (free, ask) in self.free[bin * width..(bin + 1) * width].iter_mut().zip(request) {
            *free += ask * copies;
        }
        self.weigh(bin);
    }

    fn weigh(&mut self, bin: usize) {
        let free = self.free(bin).iter().zip(&self.terms.scale);
        self.slack[bin] = free.map(|(free, scale)| *free as f64 * scale).sum();
    }

    /// Changes how many of a demand a bin holds, in every count.
    fn shift(&mut self, bin: usize, demand: usize, next: impl Fn(u32) -> u32) {
        let terms = self.terms;
        let (place, node) = (self.bins[bin].place, self.bins[bin].node);
        let zone = terms.places[place].zone;
        let have = self.count(bin, demand);
        let then = next(have);
        self.node_counts.content_leaves(terms, place, demand, &self.bins[bin].content);
        set_count(&mut self.bins[bin].content, demand, then);
        self.node_counts.content_returns(terms, place, demand, &self.bins[bin].content);
        self.zone_counts.pods_changed(terms, demand, zone, have, then);
        let cell = &mut self.zone_pods[demand * terms.zones + zone];
        *cell = *cell - have + then;
        let residents = node.map_or(0, |node| self.residents(node, demand));
        self.totals.pods_changed(terms, demand, residents, have, then);
    }
}

/// How many of a demand a content holds.
pub(super) fn count_in(content: &[(usize, u32)], demand: usize) -> u32 {
    content.binary_search_by_key(&demand, |entry| entry.0).map_or(0, |at| content[at].1)
}

fn set_count(content: &mut Vec<(usize, u32)>, demand: usize, count: u32) {
    match content.binary_search_by_key(&demand, |entry| entry.0) {
        Ok(at) if count == 0 => drop(content.remove(at)),
        Ok(at) => content[at].1 = count,
        Err(at) if 0 < count => content.insert(at, (demand, count)),
        Err(_) => {}
    }
}
