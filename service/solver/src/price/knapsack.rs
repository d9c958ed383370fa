//! One node of a supply, with a value for everything that could go onto it.

use crate::model::{Model, Supply};

/// What is in a node: index into [`Knapsack::entries`] and how many, at least 1.
pub type Content = Vec<(u32, u32)>;

/// A bounded knapsack with several resources. Only entries of positive value are in it, and only
/// resources that all of them together could exhaust.
#[derive(Clone, Debug, Default)]
pub struct Knapsack {
    /// How many resources can bind.
    pub rows: usize,
    /// What is free, by resource that can bind.
    pub capacity: Vec<f64>,
    /// What each entry takes, by entry and resource.
    pub weights: Vec<f64>,
    /// Value of one of each entry, USD per hour; above 0.
    pub values: Vec<f64>,
    /// Most of each entry.
    pub most: Vec<u32>,
    /// Index of each entry in the supply.
    pub entries: Vec<u32>,
    /// Which resource of the model each row is.
    pub resources: Vec<usize>,
}

impl Knapsack {
    /// Fills `self` with a supply. `worth` prices the items, `limit` bounds their number beside
    /// [`crate::model::Entry::most`]; `moved_pods` is the price of a move beside its cost.
    pub fn load(
        &mut self,
        model: &Model,
        supply: &Supply,
        worth: &[f64],
        moved_pods: f64,
        limit: Option<&[u32]>,
    ) {
        self.values.clear();
        self.most.clear();
        self.entries.clear();
        for (index, entry) in supply.entries.iter().enumerate() {
            let item = entry.item as usize;
            let bonus = if entry.resident { entry.bonus_nano as f64 * 1e-9 + moved_pods } else { 0.0 };
            let value = worth[item] + bonus;
            let most = limit.map_or(entry.most, |limit| entry.most.min(limit[item]));
            if value > 0.0 && most > 0 {
                self.values.push(value);
                self.most.push(most);
                self.entries.push(index as u32);
            }
        }
        self.load_rows(model, supply);
    }

    /// As [`Knapsack::load`] for new nodes, of the items of a pool only: item and how many of it.
    pub fn load_pool(&mut self, model: &Model, supply: &Supply, worth: &[f64], pool: &[(u32, u32)]) {
        self.values.clear();
        self.most.clear();
        self.entries.clear();
        for &(item, count) in pool {
            let value = worth[item as usize];
            let Ok(index) = supply.entries.binary_search_by_key(&item, |entry| entry.item) else { continue };
            if value > 0.0 {
                self.values.push(value);
                self.most.push(supply.entries[index].most.min(count));
                self.entries.push(index as u32);
            }
        }
        self.load_rows(model, supply);
    }

    fn load_rows(&mut self, model: &Model, supply: &Supply) {
        let weight = |entry: &u32, r: usize| {
            model.items[supply.entries[*entry as usize].item as usize].weight[r] as f64
        };
        let total = |r: usize| -> f64 {
            self.entries.iter().zip(&self.most).map(|(entry, most)| weight(entry, r) * f64::from(*most)).sum()
        };
        self.resources = (0..model.resources).filter(|&r| total(r) > supply.capacity[r] as f64).collect();
        self.rows = self.resources.len();
        self.capacity = self.resources.iter().map(|&r| supply.capacity[r] as f64).collect();
        self.weights.clear();
        for entry in &self.entries {
            self.weights.extend(self.resources.iter().map(|&r| weight(entry, r)));
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether nothing of value can go onto the node.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// What one of an entry takes.
    pub fn weight(&self, entry: usize) -> &[f64] {
        &self.weights[entry * self.rows..(entry + 1) * self.rows]
    }

    /// Value of one of an entry beyond what its resources cost at `lambda`.
    pub fn surplus(&self, entry: usize, lambda: &[f64]) -> f64 {
        let cost: f64 = self.weight(entry).iter().zip(lambda).map(|(w, l)| w * l).sum();
        self.values[entry] - cost
    }

    /// A bound of the value of every content, from any prices of resources that are 0 or more.
    pub fn bound(&self, lambda: &[f64]) -> f64 {
        let room: f64 = self.capacity.iter().zip(lambda).map(|(c, l)| c * l).sum();
        let surplus = |entry| self.surplus(entry, lambda).max(0.0) * f64::from(self.most[entry]);
        room + (0..self.len()).map(surplus).sum::<f64>()
    }

    /// The prices of this knapsack's rows, from prices of all resources.
    pub fn rows_of(&self, lambda: &[f64]) -> Vec<f64> {
        self.resources.iter().map(|&r| lambda[r].max(0.0)).collect()
    }
}
