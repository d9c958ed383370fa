//! What a plan saved, and why it is not what was promised.

/// What a fleet costs over the same hours under three assumptions, nano-USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FleetCost {
    /// As it was planned, at the prices of the plan.
    pub as_planned: i64,
    /// As it was planned, at the prices of each hour.
    pub at_prices: i64,
    /// With the demand of each hour, at its prices: see [`super::replay()`].
    pub at_demand: i64,
}

/// Promised and realised savings and what lies between them, nano-USD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Savings {
    /// What the plan's saving comes to over these hours.
    pub promised: i64,
    /// What the fleet from before would have cost, less what was spent; negative if more was spent.
    pub realised: i64,
    /// For demand came otherwise: the old fleet would have grown by more than the new one should have, or by less.
    pub demand: i64,
    /// For prices changed, of the old fleet and of the new one.
    pub price: i64,
    /// For the new fleet is not what was planned: moves, interruptions, machines that lingered.
    pub execution: i64,
}

/// Explains a saving: `demand + price + execution` is `realised - promised`, exactly, as long as no figure is beyond
/// what any cluster costs (then they saturate). Where the new fleet cannot be replayed, give its `at_prices` as
/// `at_demand`: what demand did to it then counts as execution.
pub fn explain(old: &FleetCost, new: &FleetCost, actual: i64) -> Savings {
    let gap = |of: fn(&FleetCost) -> i64| of(old).saturating_sub(of(new));
    let promised = gap(|cost| cost.as_planned);
    let at_prices = gap(|cost| cost.at_prices);
    let at_demand = gap(|cost| cost.at_demand);
    Savings {
        promised,
        realised: old.at_demand.saturating_sub(actual),
        demand: at_demand.saturating_sub(at_prices),
        price: at_prices.saturating_sub(promised),
        execution: new.at_demand.saturating_sub(actual),
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn causes_sum_to_the_difference() {
        let mut random = SmallRng::seed_from_u64(4);
        let mut cost = || FleetCost {
            as_planned: random.random_range(0..1_000_000_000_000_000),
            at_prices: random.random_range(0..1_000_000_000_000_000),
            at_demand: random.random_range(0..1_000_000_000_000_000),
        };
        for actual in (0..500).map(|round| round * 7_777_777_777) {
            let found = explain(&cost(), &cost(), actual);
            assert_eq!(found.demand + found.price + found.execution, found.realised - found.promised);
        }
    }

    #[test]
    fn each_cause_is_what_it_says() {
        let (old, new) = (
            FleetCost { as_planned: 100, at_prices: 100, at_demand: 100 },
            FleetCost { as_planned: 60, at_prices: 60, at_demand: 60 },
        );
        let check = |old: FleetCost, new: FleetCost, actual: i64, want: [i64; 5]| {
            let found = explain(&old, &new, actual);
            let got = [found.promised, found.realised, found.demand, found.price, found.execution];
            assert_eq!(got, want);
        };
        check(old, new, 60, [40, 40, 0, 0, 0]);
        check(old, new, 70, [40, 30, 0, 0, -10]);
        let grown = FleetCost { at_demand: 130, ..old };
        check(grown, FleetCost { at_demand: 78, ..new }, 78, [40, 52, 12, 0, 0]);
        let cheaper = FleetCost { at_prices: 50, at_demand: 50, ..old };
        check(cheaper, FleetCost { at_prices: 30, at_demand: 30, ..new }, 30, [40, 20, 0, -20, 0]);
    }
}
