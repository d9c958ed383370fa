//! Where to buy what: lookups over the supplies of a model.

use crate::model::Model;

/// A model with an index from items to the supplies that can carry them.
pub struct Shop<'a> {
    /// The model.
    pub model: &'a Model,
    words: usize,
    /// By item: bit k is set if supply k can carry one.
    carriers: Vec<u64>,
}

impl<'a> Shop<'a> {
    /// Indexes a model.
    pub fn new(model: &'a Model) -> Self {
        let words = model.supplies.len().div_ceil(64);
        let mut carriers = vec![0; words * model.items.len()];
        for (index, supply) in model.supplies.iter().enumerate() {
            for entry in &supply.entries {
                carriers[entry.item as usize * words + index / 64] |= 1 << (index % 64);
            }
        }
        Self { model, words, carriers }
    }

    /// Whether a supply can carry an item at all.
    pub fn carries(&self, supply: u32, item: u32) -> bool {
        self.carriers[item as usize * self.words + supply as usize / 64] >> (supply % 64) & 1 == 1
    }

    /// The cheapest supply, of those with `left` nodes, that holds a content in one node.
    pub fn cheapest(&self, content: &[(u32, u32)], left: &[u32]) -> Option<u32> {
        let size = self.size(content);
        (0..self.words).find_map(|word| {
            let mut bits = content
                .iter()
                .fold(u64::MAX, |bits, (item, _)| bits & self.carriers[*item as usize * self.words + word]);
            while bits != 0 {
                let supply = (word * 64) as u32 + bits.trailing_zeros();
                bits &= bits - 1;
                if left[supply as usize] > 0 && self.holds(supply, &size, content) {
                    return Some(supply);
                }
            }
            None
        })
    }

    /// What a content asks for, by resource.
    pub fn size(&self, content: &[(u32, u32)]) -> Vec<i64> {
        let mut size = vec![0i64; self.model.resources];
        for (item, count) in content {
            let weight = &self.model.items[*item as usize].weight;
            size.iter_mut()
                .zip(weight)
                .for_each(|(size, w)| *size = size.saturating_add(w.saturating_mul(i64::from(*count))));
        }
        size
    }

    fn holds(&self, supply: u32, size: &[i64], content: &[(u32, u32)]) -> bool {
        let capacity = &self.model.supplies[supply as usize].capacity;
        size.iter().zip(capacity).all(|(size, capacity)| size <= capacity)
            && content.iter().all(|(item, count)| *count <= self.model.items[*item as usize].cap)
    }

    /// How many nodes of each supply there may be.
    pub fn quantities(&self) -> Vec<u32> {
        self.model.supplies.iter().map(|supply| supply.quantity.unwrap_or(u32::MAX)).collect()
    }

    /// Price of a supply, nano-USD per hour.
    pub fn price_nano(&self, supply: u32) -> i64 {
        self.model.supplies[supply as usize].price_nano
    }
}
