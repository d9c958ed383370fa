//! What a problem must keep before anybody computes with it.

use std::collections::BTreeSet;

use crate::problem::{Demand, DemandIndex, ExistingNode, Offering, Problem, Rules, Spread};
use crate::solution::DUALS_PER_NANO_USD;

/// Largest price or risk of an offering, nano-USD per hour (about 9,200 USD/h): times
/// [`DUALS_PER_NANO_USD`] it still fits into 64 bits.
const RATE_MAX_NANO_USD: i64 = i64::MAX / DUALS_PER_NANO_USD / 2;
/// Most resources: the arrays of the solver are dense.
const RESOURCES_MAX: usize = 64;
/// Largest amount of any resource, one node's or all demands' together: room for sums of two.
const AMOUNT_MAX: i64 = i64::MAX / 4;

/// Why a value is no problem. The text names the element.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemError {
    /// An index points outside its list.
    #[error("{place}: {what} {index} does not exist")]
    OutOfRange {
        /// Element that refers.
        place: String,
        /// What it refers to.
        what: &'static str,
        /// The index.
        index: u32,
    },
    /// A list is not ascending, or names something twice.
    #[error("{place}: {what} are not in ascending order, each once")]
    Unordered {
        /// Element that has the list.
        place: String,
        /// The list.
        what: &'static str,
    },
    /// An id, or a resource's name, is empty or used twice.
    #[error("{what} {id:?} is empty or used twice")]
    Id {
        /// `resource`, `offering`, `demand` or `node`.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// A vector does not have one entry for each resource; or there are none, or more than 64, resources.
    #[error("{place}: {len} amounts for {resources} resources")]
    Length {
        /// Element that has the vector.
        place: String,
        /// Its length.
        len: usize,
        /// Number of resources.
        resources: usize,
    },
    /// A conflict that the other side does not know of, or of a demand with itself.
    #[error("{place}: the conflict with demand {other} is not mutual")]
    OneSided {
        /// Demand that has the conflict.
        place: String,
        /// The other.
        other: DemandIndex,
    },
    /// A number outside its range: negative, zero where something must be, or too large to add up.
    #[error("{place}: {what} is {value}, which is out of range")]
    Number {
        /// Element that has the number.
        place: String,
        /// The field.
        what: &'static str,
        /// The value.
        value: i128,
    },
    /// `together` starts neither with `zone/` nor with `node/`, or `pods` is neither empty nor complete.
    #[error("{place}: {what} is malformed")]
    Malformed {
        /// Element that has the field.
        place: String,
        /// The field.
        what: &'static str,
    },
}

impl Problem {
    /// Whether every index, order and number is as the contract demands, so that [`super::check`] and
    /// a solver may index and add without looking.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), ProblemError> {
        if self.resources.is_empty() || RESOURCES_MAX < self.resources.len() {
            let len = self.resources.len();
            return Err(ProblemError::Length { place: "resources".into(), len, resources: len });
        }
        ids("resource", self.resources.iter())?;
        ids("offering", self.offerings.iter().map(|offering| &offering.id))?;
        ids("demand", self.demands.iter().map(|demand| &demand.id))?;
        ids("node", self.nodes.iter().map(|node| &node.name))?;
        self.offerings.iter().try_for_each(|offering| self.offering(offering))?;
        self.demands.iter().try_for_each(|demand| self.demand(demand))?;
        self.nodes.iter().try_for_each(|node| self.node(node))?;
        self.mutual(|demand| &demand.conflicts)?;
        self.mutual(|demand| &demand.zone_conflicts)?;
        self.sums()?;
        rules(&self.rules)
    }

    fn offering(&self, offering: &Offering) -> Result<(), ProblemError> {
        let place = || format!("offering {}", offering.id);
        self.amounts(&place, "capacity", &offering.capacity)?;
        let rates = [("price", offering.price.nano_usd()), ("risk", offering.risk.nano_usd())];
        rates.into_iter().try_for_each(|(what, rate)| within(&place, what, rate, 0, RATE_MAX_NANO_USD))
    }

    fn demand(&self, demand: &Demand) -> Result<(), ProblemError> {
        let place = || format!("demand {}", demand.id);
        self.amounts(&place, "request", &demand.request)?;
        within(&place, "count", i64::from(demand.count), 1, i64::from(u32::MAX))?;
        within(&place, "move cost", demand.move_cost.nano_usd(), 0, RATE_MAX_NANO_USD)?;
        for (what, cap) in [("max_per_node", demand.max_per_node), ("max_per_zone", demand.max_per_zone)] {
            within(&place, what, i64::from(cap.unwrap_or(1)), 1, i64::from(u32::MAX))?;
        }
        self.offering_list(&place, &demand.offerings)?;
        self.demand_list(&place, "conflicts", &demand.conflicts)?;
        self.demand_list(&place, "zone conflicts", &demand.zone_conflicts)?;
        demand.spreads.iter().try_for_each(|spread| self.spread(&place, spread))?;
        let prefixed = |key: &String| key.starts_with("zone/") || key.starts_with("node/");
        if !demand.together.as_ref().is_none_or(prefixed) {
            return Err(ProblemError::Malformed { place: place(), what: "together" });
        }
        if !demand.pods.is_empty() && demand.pods.len() != demand.count as usize {
            return Err(ProblemError::Malformed { place: place(), what: "pods" });
        }
        Ok(())
    }

    fn spread(&self, place: &impl Fn() -> String, spread: &Spread) -> Result<(), ProblemError> {
        within(place, "max_skew", i64::from(spread.max_skew), 1, i64::from(u32::MAX))?;
        within(place, "min_domains", i64::from(spread.min_domains), 1, i64::from(u32::MAX))?;
        self.demand_list(place, "counted demands", &spread.counted)?;
        self.offering_list(place, &spread.domain_offerings)
    }

    fn node(&self, node: &ExistingNode) -> Result<(), ProblemError> {
        let place = || format!("node {}", node.name);
        self.offering_list(&place, &[node.offering])?;
        within(&place, "drain cost", node.drain_cost.nano_usd(), 0, RATE_MAX_NANO_USD)?;
        let residents: Vec<u32> = node.residents.iter().map(|entry| entry.demand).collect();
        self.demand_list(&place, "residents", &residents)?;
        let counts = node.residents.iter().map(|entry| i64::from(entry.count));
        counts.into_iter().try_for_each(|count| within(&place, "count", count, 1, i64::from(u32::MAX)))
    }

    /// What all demands ask for, what all nodes and moves may cost, and how many of a demand live somewhere.
    fn sums(&self) -> Result<(), ProblemError> {
        for (number, resource) in self.resources.iter().enumerate() {
            let asks = |demand: &Demand| i128::from(demand.request[number]) * i128::from(demand.count);
            let sum: i128 = self.demands.iter().map(asks).sum();
            wide(&|| format!("resource {resource}"), "sum of requests", sum, i128::from(AMOUNT_MAX))?;
        }
        let pods = i128::from(self.pod_count());
        wide(&|| "demands".into(), "number of pods", pods, i128::from(u32::MAX))?;
        let rates =
            self.offerings.iter().map(|offering| offering.price.nano_usd() + offering.risk.nano_usd());
        let nodes_at_most = pods + self.nodes.len() as i128;
        let sum = i128::from(rates.max().unwrap_or(0)) * nodes_at_most;
        wide(&|| "offerings".into(), "largest sum of prices", sum, i128::from(AMOUNT_MAX))?;
        let moves = |demand: &Demand| i128::from(demand.move_cost.nano_usd()) * i128::from(demand.count);
        let drains = self.nodes.iter().map(|node| i128::from(node.drain_cost.nano_usd()));
        let sum = self.demands.iter().map(moves).chain(drains).sum();
        wide(&|| "demands".into(), "sum of moving costs", sum, i128::from(AMOUNT_MAX))?;
        self.residents()
    }

    fn residents(&self) -> Result<(), ProblemError> {
        let mut residents = vec![0_u64; self.demands.len()];
        for entry in self.nodes.iter().flat_map(|node| &node.residents) {
            residents[entry.demand as usize] += u64::from(entry.count);
        }
        for (demand, count) in self.demands.iter().zip(residents) {
            let place = || format!("demand {}", demand.id);
            wide(&place, "number of residents", i128::from(count), i128::from(demand.count))?;
        }
        Ok(())
    }

    fn amounts(
        &self,
        place: &impl Fn() -> String,
        what: &'static str,
        amounts: &[i64],
    ) -> Result<(), ProblemError> {
        let (len, resources) = (amounts.len(), self.resources.len());
        if len != resources {
            return Err(ProblemError::Length { place: place(), len, resources });
        }
        amounts.iter().try_for_each(|amount| within(place, what, *amount, 0, AMOUNT_MAX))
    }

    fn offering_list(&self, place: &impl Fn() -> String, list: &[u32]) -> Result<(), ProblemError> {
        ascending(place, "offerings", list, self.offerings.len())
    }

    fn demand_list(
        &self,
        place: &impl Fn() -> String,
        what: &'static str,
        list: &[u32],
    ) -> Result<(), ProblemError> {
        ascending(place, what, list, self.demands.len())
    }

    fn mutual(&self, conflicts: impl Fn(&Demand) -> &Vec<DemandIndex>) -> Result<(), ProblemError> {
        for (index, demand) in (0_u32..).zip(&self.demands) {
            let knows = |other: &u32| conflicts(&self.demands[*other as usize]).binary_search(&index).is_ok();
            let one_sided = |other: &&u32| **other == index || !knows(other);
            if let Some(other) = conflicts(demand).iter().find(one_sided) {
                return Err(ProblemError::OneSided { place: format!("demand {}", demand.id), other: *other });
            }
        }
        Ok(())
    }
}

fn rules(rules: &Rules) -> Result<(), ProblemError> {
    let place = || "rules".to_owned();
    within(&place, "spot_share_max_permille", i64::from(rules.spot_share_max_permille), 0, 1000)?;
    within(&place, "zone_share_max_permille", i64::from(rules.zone_share_max_permille), 0, 1000)
}

fn ids<'a>(what: &'static str, all: impl Iterator<Item = &'a String>) -> Result<(), ProblemError> {
    let mut seen = BTreeSet::new();
    for id in all {
        if id.is_empty() || !seen.insert(id) {
            return Err(ProblemError::Id { what, id: id.clone() });
        }
    }
    Ok(())
}

fn ascending(
    place: &impl Fn() -> String,
    what: &'static str,
    list: &[u32],
    len: usize,
) -> Result<(), ProblemError> {
    if let Some(index) = list.iter().find(|index| len <= **index as usize) {
        return Err(ProblemError::OutOfRange { place: place(), what, index: *index });
    }
    if list.windows(2).any(|pair| pair[1] <= pair[0]) {
        return Err(ProblemError::Unordered { place: place(), what });
    }
    Ok(())
}

fn within(
    place: &impl Fn() -> String,
    what: &'static str,
    value: i64,
    min: i64,
    max: i64,
) -> Result<(), ProblemError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(ProblemError::Number { place: place(), what, value: i128::from(value) })
}

fn wide(place: &dyn Fn() -> String, what: &'static str, value: i128, max: i128) -> Result<(), ProblemError> {
    if value <= max {
        return Ok(());
    }
    Err(ProblemError::Number { place: place(), what, value })
}
