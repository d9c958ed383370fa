//! The best integer content of a node, by label setting.
//!
//! Counts that cannot lie in any content worth more than the threshold are fixed first; what is left is
//! decided entry by entry, keeping the labels that no other dominates. A label is bounded by the prices of
//! resources of several stages. Where there are more labels than the width allows, the best of those dropped
//! raises the bound returned, so that it is one in any case.

use super::core::{Core, fitting, reduce};
use super::lp::{View, multipliers, of_view};
use super::{Content, Knapsack};

/// How hard to search.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Only contents worth more than this matter, USD per hour.
    pub threshold: f64,
    /// Labels kept at each stage, 1 or more.
    pub width: usize,
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Priced {
    /// No content is worth more than this, or than the threshold.
    pub upper: f64,
    /// The best content found that is worth more than the threshold, and its value.
    pub best: Option<(f64, Content)>,
}

/// Prices that bound a label, at most: the first and the latest.
const PRICES_MAX: usize = 4;
/// From this width on, every stage finds prices of its own; below, every so many stages.
const PRICED_WIDTH_MIN: usize = 20;
const PRICED_STAGES: usize = 5;

#[derive(Clone, Copy)]
struct Label {
    value: f64,
    bound: f64,
    parent: u32,
    count: u32,
    /// Where its room starts.
    at: usize,
}

#[derive(Default)]
struct Layer {
    labels: Vec<Label>,
    rooms: Vec<f64>,
}

/// Prices of the rows, and what entries from each stage on gain at most at them.
struct Prices {
    lambda: Vec<f64>,
    gains: Vec<f64>,
}

/// Finds the best content worth more than the threshold. `lambda` are prices of the rows, best those of
/// [`multipliers`].
pub fn search(knapsack: &Knapsack, lambda: &[f64], options: &Options) -> Priced {
    let bound = knapsack.bound(lambda);
    if bound <= options.threshold {
        return Priced { upper: bound, best: None };
    }
    let mut priced = Priced { upper: options.threshold, best: None };
    let rounded = round(knapsack, lambda);
    if rounded.0 > options.threshold {
        priced.upper = rounded.0;
        priced.best = Some(rounded);
    }
    let Some(core) = reduce(knapsack, lambda, priced.upper) else { return priced };
    let mut search = Search::new(&core, priced.upper);
    search.run(options.width.max(1));
    let found = search.best();
    priced.upper = priced.upper.max(search.dropped).max(found.as_ref().map_or(0.0, |(value, _)| *value));
    priced.upper = priced.upper.min(core.bound.max(options.threshold));
    priced.best = found.or(priced.best);
    priced
}

/// Looks for contents better than a rounded one only where they come this near to the bound.
const FILL_RATIO_MIN: f64 = 0.9;

/// A good content of a node, not necessarily the best, and its value.
pub fn fill(knapsack: &Knapsack, width: usize) -> (f64, Content) {
    let lambda = multipliers(knapsack);
    let rounded = round(knapsack, &lambda);
    if width == 0 {
        return rounded;
    }
    let threshold = rounded.0.max(knapsack.bound(&lambda) * FILL_RATIO_MIN);
    search(knapsack, &lambda, &Options { threshold, width }).best.unwrap_or(rounded)
}

/// Takes entries by falling surplus, as many as fit.
fn round(knapsack: &Knapsack, lambda: &[f64]) -> (f64, Content) {
    let rank = |entry: usize| (knapsack.surplus(entry, lambda) / knapsack.values[entry], entry);
    let mut order: Vec<(f64, usize)> = (0..knapsack.len()).map(rank).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut room = knapsack.capacity.clone();
    let (mut value, mut content) = (0.0, Content::new());
    for (_, entry) in order {
        let weight = knapsack.weight(entry);
        let count = fitting(weight, &room, knapsack.most[entry]);
        if count > 0 {
            room.iter_mut().zip(weight).for_each(|(room, weight)| *room -= weight * f64::from(count));
            value += knapsack.values[entry] * f64::from(count);
            content.push((entry as u32, count));
        }
    }
    content.sort_unstable();
    (value, content)
}

struct Search<'a> {
    core: &'a Core,
    rest: &'a Knapsack,
    threshold: f64,
    prices: Vec<Prices>,
    layers: Vec<Layer>,
    dropped: f64,
}

impl<'a> Search<'a> {
    fn new(core: &'a Core, threshold: f64) -> Self {
        let dropped = f64::NEG_INFINITY;
        Self { core, rest: &core.rest, threshold, prices: Vec::new(), layers: Vec::new(), dropped }
    }

    fn run(&mut self, width: usize) {
        let wants = self.wants();
        let room = self.rest.capacity.clone();
        self.find_prices(0, &room);
        let root = Label { value: self.core.base_value, bound: self.core.bound, parent: 0, count: 0, at: 0 };
        self.layers.push(Layer { labels: vec![root], rooms: room });
        for stage in 0..self.rest.len() {
            let children = self.expand(stage, &wants[stage + 1]);
            let layer = self.select(children, width);
            self.reprice(stage + 1, &layer, width);
            let is_dead = layer.labels.is_empty();
            self.layers.push(layer);
            if is_dead {
                break;
            }
        }
    }

    /// What all entries from each stage on could take.
    fn wants(&self) -> Vec<Vec<f64>> {
        let mut wants = vec![vec![0.0; self.rest.rows]; self.rest.len() + 1];
        for stage in (0..self.rest.len()).rev() {
            let most = f64::from(self.rest.most[stage]);
            let rows = wants[stage + 1].iter().zip(self.rest.weight(stage));
            wants[stage] = rows.map(|(want, weight)| want + weight * most).collect();
        }
        wants
    }

    /// Finds prices for what the most promising label can still become.
    fn reprice(&mut self, stage: usize, layer: &Layer, width: usize) {
        let is_due = width >= PRICED_WIDTH_MIN || stage.is_multiple_of(PRICED_STAGES);
        if !is_due || layer.labels.len() < 2 || stage >= self.rest.len() {
            return;
        }
        let first = &layer.labels[0];
        self.find_prices(stage, &layer.rooms[first.at..first.at + self.rest.rows]);
    }

    fn find_prices(&mut self, stage: usize, room: &[f64]) {
        let rows = self.rest.rows;
        let lambda = of_view(View {
            rows,
            capacity: room,
            weights: &self.rest.weights[stage * rows..],
            values: &self.rest.values[stage..],
            most: &self.rest.most[stage..],
        });
        let mut gains = vec![0.0; self.rest.len() + 1];
        for entry in (stage..self.rest.len()).rev() {
            let gain = self.rest.surplus(entry, &lambda).max(0.0) * f64::from(self.rest.most[entry]);
            gains[entry] = gains[entry + 1] + gain;
        }
        if self.prices.len() == PRICES_MAX {
            self.prices.remove(1);
        }
        self.prices.push(Prices { lambda, gains });
    }

    fn bound(&self, stage: usize, value: f64, room: &[f64]) -> f64 {
        let of = |prices: &Prices| {
            prices.gains[stage] + room.iter().zip(&prices.lambda).map(|(room, l)| room * l).sum::<f64>()
        };
        value + self.prices.iter().map(of).fold(f64::INFINITY, f64::min)
    }

    fn expand(&self, stage: usize, want: &[f64]) -> Layer {
        let from = &self.layers[stage];
        let weight = self.rest.weight(stage);
        let rows = self.rest.rows;
        let mut layer = Layer::default();
        for (parent, label) in (0u32..).zip(&from.labels) {
            let room = &from.rooms[label.at..label.at + rows];
            for count in 0..=fitting(weight, room, self.rest.most[stage]) {
                let at = layer.rooms.len();
                for row in 0..rows {
                    layer.rooms.push((room[row] - weight[row] * f64::from(count)).min(want[row]));
                }
                let value = label.value + self.rest.values[stage] * f64::from(count);
                let bound = self.bound(stage + 1, value, &layer.rooms[at..]);
                if bound > self.threshold {
                    layer.labels.push(Label { value, bound, parent, count, at });
                } else {
                    layer.rooms.truncate(at);
                }
            }
        }
        layer
    }

    /// Keeps the `width` labels of the best bounds that no other dominates, and remembers the best of the
    /// rest. A label that dominates another has no lesser bound, so it comes first.
    fn select(&mut self, mut children: Layer, width: usize) -> Layer {
        let rows = self.rest.rows;
        children.labels.sort_by(|a, b| {
            let by_value = || b.value.total_cmp(&a.value);
            let by_origin = || (a.parent, a.count).cmp(&(b.parent, b.count));
            b.bound.total_cmp(&a.bound).then_with(by_value).then_with(by_origin)
        });
        let mut layer = Layer::default();
        for label in &children.labels {
            let room = &children.rooms[label.at..label.at + rows];
            let covers = |other: &Label| {
                let others = &layer.rooms[other.at..other.at + rows];
                other.value >= label.value && others.iter().zip(room).all(|(other, own)| other >= own)
            };
            if layer.labels.iter().any(covers) {
                continue;
            }
            if layer.labels.len() == width {
                self.dropped = self.dropped.max(label.bound);
                break;
            }
            let at = layer.rooms.len();
            layer.rooms.extend_from_slice(room);
            layer.labels.push(Label { at, ..*label });
        }
        layer
    }

    fn best(&self) -> Option<(f64, Content)> {
        if self.layers.len() != self.rest.len() + 1 {
            return None;
        }
        let labels = &self.layers[self.rest.len()].labels;
        let mut best = 0;
        for (index, label) in labels.iter().enumerate() {
            if label.value > labels[best].value {
                best = index;
            }
        }
        let value = labels.get(best)?.value;
        (value > self.threshold).then(|| (value, self.content(best)))
    }

    fn content(&self, last: usize) -> Content {
        let mut content = self.core.base.clone();
        let mut index = last;
        for stage in (0..self.rest.len()).rev() {
            let label = &self.layers[stage + 1].labels[index];
            index = label.parent as usize;
            if label.count == 0 {
                continue;
            }
            let entry = self.rest.entries[stage];
            match content.binary_search_by_key(&entry, |(entry, _)| *entry) {
                Ok(at) => content[at].1 += label.count,
                Err(at) => content.insert(at, (entry, label.count)),
            }
        }
        content
    }
}
