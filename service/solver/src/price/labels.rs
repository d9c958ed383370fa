//! The best integer content of a node, by label setting.
//!
//! Counts that cannot lie in any content worth more than the threshold are fixed by their reduced value;
//! what is left (the core) is decided entry by entry, keeping the labels that no other dominates. Where
//! there are more labels than the width allows, the best of those dropped raises the bound returned, so
//! that it is one in any case.

use super::lp::multipliers;
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

/// Children kept before looking for dominance, as a multiple of the width.
const CHILDREN_FACTOR: usize = 4;

/// An entry whose count is not decided yet.
struct Core {
    entry: usize,
    /// Counts above the least one.
    range: u32,
    least: u32,
    surplus: f64,
    rank: f64,
}

#[derive(Clone, Copy)]
struct Label {
    value: f64,
    loss: f64,
    bound: f64,
    parent: u32,
    count: u32,
    /// Where its residuals start.
    at: usize,
}

#[derive(Default)]
struct Layer {
    labels: Vec<Label>,
    residuals: Vec<f64>,
}

/// Finds the best content worth more than the threshold. `lambda` are prices of the rows, best those of
/// [`super::lp::multipliers`].
pub fn search(knapsack: &Knapsack, lambda: &[f64], options: &Options) -> Priced {
    let bound = knapsack.bound(lambda);
    if bound <= options.threshold {
        return Priced { upper: bound, best: None };
    }
    let mut priced = Priced { upper: options.threshold, best: None };
    let greedy = greedy(knapsack, lambda);
    if greedy.0 > options.threshold {
        priced.upper = greedy.0;
        priced.best = Some(greedy);
    }
    let gap = bound - priced.upper;
    if gap <= 0.0 {
        return priced;
    }
    let mut search = Search::new(knapsack, lambda, bound, priced.upper);
    if search.base_fits() {
        search.run(options.width.max(1));
        priced.upper = priced.upper.max(search.dropped);
        if let Some((value, content)) = search.best() {
            priced.upper = priced.upper.max(value);
            priced.best = Some((value, content));
        }
    }
    priced.upper = priced.upper.min(bound);
    priced
}

/// Looks for contents better than a rounded one only where they come this near to the bound.
const FILL_RATIO_MIN: f64 = 0.9;

/// A good content of a node, not necessarily the best, and its value.
pub fn fill(knapsack: &Knapsack, width: usize) -> (f64, Content) {
    let lambda = multipliers(knapsack);
    let rounded = greedy(knapsack, &lambda);
    if width == 0 {
        return rounded;
    }
    let threshold = rounded.0.max(knapsack.bound(&lambda) * FILL_RATIO_MIN);
    search(knapsack, &lambda, &Options { threshold, width }).best.unwrap_or(rounded)
}

/// Takes entries by falling surplus, as many as fit.
fn greedy(knapsack: &Knapsack, lambda: &[f64]) -> (f64, Content) {
    let mut order: Vec<(f64, usize)> = (0..knapsack.len())
        .map(|entry| (knapsack.surplus(entry, lambda) / knapsack.values[entry], entry))
        .collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut residual = knapsack.capacity.clone();
    let (mut value, mut content) = (0.0, Content::new());
    for (_, entry) in order {
        let count = fitting(knapsack.weight(entry), &residual, knapsack.most[entry]);
        if count > 0 {
            take(&mut residual, knapsack.weight(entry), count);
            value += knapsack.values[entry] * f64::from(count);
            content.push((entry as u32, count));
        }
    }
    content.sort_unstable();
    (value, content)
}

fn fitting(weight: &[f64], residual: &[f64], most: u32) -> u32 {
    let fits = |(weight, residual): (&f64, &f64)| (residual / weight).floor().max(0.0);
    let rows = weight.iter().zip(residual).filter(|(weight, _)| **weight > 0.0);
    rows.map(fits).fold(f64::from(most), f64::min) as u32
}

fn take(residual: &mut [f64], weight: &[f64], count: u32) {
    residual.iter_mut().zip(weight).for_each(|(residual, weight)| *residual -= weight * f64::from(count));
}

struct Search<'a> {
    knapsack: &'a Knapsack,
    lambda: &'a [f64],
    bound: f64,
    threshold: f64,
    core: Vec<Core>,
    /// What every content worth while holds.
    base: Content,
    base_value: f64,
    base_room: Vec<f64>,
    layers: Vec<Layer>,
    dropped: f64,
}

impl<'a> Search<'a> {
    fn new(knapsack: &'a Knapsack, lambda: &'a [f64], bound: f64, threshold: f64) -> Self {
        let gap = bound - threshold;
        let (mut core, mut base) = (Vec::new(), Content::new());
        let mut base_room = knapsack.capacity.clone();
        let mut base_value = 0.0;
        for entry in 0..knapsack.len() {
            let surplus = knapsack.surplus(entry, lambda);
            let most = knapsack.most[entry];
            let slack = if surplus == 0.0 { most } else { (gap / surplus.abs()).min(f64::from(most)) as u32 };
            let (least, range) = if surplus > 0.0 { (most - slack, slack) } else { (0, slack) };
            if least > 0 {
                base.push((entry as u32, least));
                base_value += knapsack.values[entry] * f64::from(least);
                take(&mut base_room, knapsack.weight(entry), least);
            }
            if range > 0 {
                let size = knapsack.weight(entry).iter().zip(&knapsack.capacity);
                let size = size.map(|(weight, capacity)| weight / capacity.max(1.0)).fold(0.0, f64::max);
                core.push(Core { entry, range, least, surplus, rank: size + surplus.abs() / gap });
            }
        }
        core.sort_by(|a, b| b.rank.total_cmp(&a.rank).then(a.entry.cmp(&b.entry)));
        Self {
            knapsack,
            lambda,
            bound,
            threshold,
            core,
            base,
            base_value,
            base_room,
            layers: Vec::new(),
            dropped: f64::NEG_INFINITY,
        }
    }

    fn base_fits(&self) -> bool {
        self.base_room.iter().all(|room| *room >= 0.0)
    }

    fn run(&mut self, width: usize) {
        let rests = self.rests();
        let root = Label { value: self.base_value, loss: 0.0, bound: self.bound, parent: 0, count: 0, at: 0 };
        self.layers.push(Layer { labels: vec![root], residuals: self.base_room.clone() });
        for stage in 0..self.core.len() {
            let mut children = self.expand(stage, &rests[stage + 1]);
            self.cut(&mut children.labels, CHILDREN_FACTOR * width);
            let mut layer = self.undominated(children);
            self.cut(&mut layer.labels, width);
            let is_dead = layer.labels.is_empty();
            self.layers.push(layer);
            if is_dead {
                break;
            }
        }
    }

    /// What all entries from each stage on could take.
    fn rests(&self) -> Vec<Vec<f64>> {
        let mut rests = vec![vec![0.0; self.knapsack.rows]; self.core.len() + 1];
        for stage in (0..self.core.len()).rev() {
            let core = &self.core[stage];
            let weight = self.knapsack.weight(core.entry);
            rests[stage] = rests[stage + 1]
                .iter()
                .zip(weight)
                .map(|(rest, w)| rest + w * f64::from(core.range))
                .collect();
        }
        rests
    }

    fn expand(&self, stage: usize, rest: &[f64]) -> Layer {
        let (core, from) = (&self.core[stage], &self.layers[stage]);
        let weight = self.knapsack.weight(core.entry);
        let rows = self.knapsack.rows;
        let mut layer = Layer::default();
        for (parent, label) in from.labels.iter().enumerate() {
            let residual = &from.residuals[label.at..label.at + rows];
            let most = fitting(weight, residual, core.range);
            for count in 0..=most {
                let off = if core.surplus > 0.0 { core.range - count } else { count };
                let loss = label.loss + f64::from(off) * core.surplus.abs();
                let at = layer.residuals.len();
                let mut waste = 0.0;
                for row in 0..rows {
                    let left = residual[row] - weight[row] * f64::from(count);
                    waste += (left - rest[row]).max(0.0) * self.lambda[row];
                    layer.residuals.push(left.min(rest[row]));
                }
                let bound = self.bound - loss - waste;
                if bound <= self.threshold {
                    layer.residuals.truncate(at);
                    continue;
                }
                let value = label.value + self.knapsack.values[core.entry] * f64::from(count);
                layer.labels.push(Label {
                    value,
                    loss: loss + waste,
                    bound,
                    parent: parent as u32,
                    count,
                    at,
                });
            }
        }
        layer
    }

    /// Keeps the `width` labels of the best bounds, and remembers the best of the others.
    fn cut(&mut self, labels: &mut Vec<Label>, width: usize) {
        if labels.len() <= width {
            return;
        }
        labels.select_nth_unstable_by(width, |a, b| {
            b.bound.total_cmp(&a.bound).then(a.parent.cmp(&b.parent)).then(a.count.cmp(&b.count))
        });
        self.dropped = labels[width..].iter().map(|label| label.bound).fold(self.dropped, f64::max);
        labels.truncate(width);
    }

    fn undominated(&self, mut children: Layer) -> Layer {
        let rows = self.knapsack.rows;
        children.labels.sort_by(|a, b| {
            b.value.total_cmp(&a.value).then(a.parent.cmp(&b.parent)).then(a.count.cmp(&b.count))
        });
        let mut layer = Layer::default();
        for label in &children.labels {
            let residual = &children.residuals[label.at..label.at + rows];
            let covers = |other: &Label| {
                let other = &layer.residuals[other.at..other.at + rows];
                other.iter().zip(residual).all(|(other, own)| other >= own)
            };
            if layer.labels.iter().any(covers) {
                continue;
            }
            let at = layer.residuals.len();
            layer.residuals.extend_from_slice(residual);
            layer.labels.push(Label { at, ..*label });
        }
        layer
    }

    fn best(&self) -> Option<(f64, Content)> {
        if self.layers.len() != self.core.len() + 1 {
            return None;
        }
        let labels = &self.layers[self.core.len()].labels;
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
        let mut counts = vec![0; self.knapsack.len()];
        self.base.iter().for_each(|(entry, count)| counts[*entry as usize] = *count);
        let mut index = last;
        for stage in (0..self.core.len()).rev() {
            let label = &self.layers[stage + 1].labels[index];
            counts[self.core[stage].entry] = self.core[stage].least + label.count;
            index = label.parent as usize;
        }
        (0u32..).zip(counts).filter(|(_, count)| *count > 0).collect()
    }
}
