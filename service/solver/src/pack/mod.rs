//! Packs pods that nothing but capacity, eligibility and limits per node constrains.

mod greedy;
mod improve;
mod integer;
mod plan;
mod recreate;
mod round;
mod ruin;
mod shop;
mod split;
mod state;

pub use greedy::greedy;
pub(crate) use plan::gcd;
pub use plan::{Plan, plan};
pub use shop::Shop;
pub use split::bins;

/// One node: its supply and what it holds, by ascending item.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Load {
    /// Index into [`crate::model::Model::supplies`].
    pub supply: u32,
    /// Item and how many of it, at least 1.
    pub content: Vec<(u32, u32)>,
}

/// A plan for some items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packing {
    /// The nodes.
    pub loads: Vec<Load>,
    /// What they cost, nano-USD per hour.
    pub cost_nano: i64,
}
