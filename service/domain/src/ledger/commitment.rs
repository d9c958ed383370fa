//! An hour of commitments: what Reserved Instances and Savings Plans pay for, in AWS's order.
//!
//! Reserved Instances come first, those of one zone before those of the region; then EC2 Instance Savings Plans, then
//! Compute Savings Plans. Within one: the uses of its owner's account first, then those where it saves most, then the
//! lower rate. What is not used in an hour is lost. Source: AWS, "Understanding how Savings Plans apply to your usage",
//! 2025. That a regional Reserved Instance also counts for other sizes of its family is not modelled.

use super::money::{HOUR_SECONDS, divide_half_even};

use std::collections::BTreeMap;

/// What a commitment is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cover {
    /// So many instances of a type; of one zone, or of the region.
    Reserved {
        /// Instance type.
        instance_type: String,
        /// Its zone; none: any.
        zone: Option<String>,
        /// How many.
        count: u32,
        /// What one costs in an hour, with what was paid upfront spread over the term: nano-USD.
        nano_usd_per_hour: i64,
    },
    /// So much money in an hour for one instance family.
    InstancePlan {
        /// Family, `m5`.
        family: String,
        /// What may be used, nano-USD per hour.
        nano_usd_per_hour: i64,
        /// Rates by instance type, nano-USD per hour.
        rates: BTreeMap<String, i64>,
    },
    /// So much money in an hour for anything that has a rate.
    ComputePlan {
        /// What may be used, nano-USD per hour.
        nano_usd_per_hour: i64,
        /// Rates by instance type, nano-USD per hour.
        rates: BTreeMap<String, i64>,
    },
}

/// A commitment in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// Its id; unique.
    pub id: String,
    /// Account that bought it.
    pub account: String,
    /// What it is for.
    pub cover: Cover,
}

/// An on-demand instance in the hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// `i-0123...`; unique.
    pub resource_id: String,
    /// Account that runs it.
    pub account: String,
    /// Instance type.
    pub instance_type: String,
    /// Zone.
    pub zone: String,
    /// Seconds of the hour that are billed, 0..=3600.
    pub seconds: i64,
    /// On-demand price, after private pricing: nano-USD per hour.
    pub nano_usd_per_hour: i64,
}

/// Part of a use that a commitment pays for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Which use.
    pub resource_id: String,
    /// Which commitment.
    pub commitment: String,
    /// What it would have cost on demand, nano-USD.
    pub on_demand: i64,
    /// What it takes of the commitment, nano-USD.
    pub used: i64,
}

/// What became of a commitment in the hour: used and unused are all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Which commitment.
    pub commitment: String,
    /// What was used, nano-USD.
    pub used: i64,
    /// What was lost, nano-USD.
    pub unused: i64,
}

/// An hour of commitments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waterfall {
    /// What is covered, in the order in which it was.
    pub covered: Vec<Covered>,
    /// What became of each commitment, in the order in which they apply.
    pub balances: Vec<Balance>,
    /// What is left to pay on demand, by resource: nano-USD.
    pub left: BTreeMap<String, i64>,
    /// All uses at on-demand prices, nano-USD.
    pub eligible: i64,
}

impl Waterfall {
    /// What the hour costs: all commitments, and what is left. Nano-USD.
    pub fn cost(&self) -> i64 {
        let committed = self.balances.iter().map(|one| one.used.saturating_add(one.unused));
        committed.chain(self.left.values().copied()).fold(0, i64::saturating_add)
    }

    /// What the commitments save; negative if they cost more. Nano-USD.
    pub fn saving(&self) -> i64 {
        self.eligible.saturating_sub(self.cost())
    }

    /// Covered part of all uses, at on-demand value, 0..=1; none without uses.
    pub fn coverage_ratio(&self) -> Option<f64> {
        let left = self.left.values().copied().fold(0, i64::saturating_add);
        (0 < self.eligible).then(|| (self.eligible - left) as f64 / self.eligible as f64)
    }

    /// Used part of all commitments, 0..=1; none without commitments.
    pub fn utilisation_ratio(&self) -> Option<f64> {
        let used = self.balances.iter().map(|one| one.used).fold(0, i64::saturating_add);
        let all = self.balances.iter().map(|one| one.unused).fold(used, i64::saturating_add);
        (0 < all).then(|| used as f64 / all as f64)
    }
}

/// Applies commitments to the on-demand instances of an hour.
pub fn apply(commitments: &[Commitment], uses: &[Use]) -> Waterfall {
    let mut order: Vec<&Commitment> = commitments.iter().collect();
    order.sort_by(|one, other| (rank(&one.cover), &one.id).cmp(&(rank(&other.cover), &other.id)));
    let value = |one: &Use| (one.resource_id.clone(), at_rate(one.nano_usd_per_hour, one.seconds));
    let left: BTreeMap<String, i64> = uses.iter().map(value).collect();
    let eligible = left.values().copied().fold(0, i64::saturating_add);
    let mut hour = Waterfall { left, eligible, ..Waterfall::default() };
    for commitment in order {
        spend(commitment, uses, &mut hour);
    }
    hour
}

fn rank(cover: &Cover) -> u8 {
    match cover {
        Cover::Reserved { zone: Some(_), .. } => 0,
        Cover::Reserved { zone: None, .. } => 1,
        Cover::InstancePlan { .. } => 2,
        Cover::ComputePlan { .. } => 3,
    }
}

fn at_rate(nano_usd_per_hour: i64, seconds: i64) -> i64 {
    divide_half_even(i128::from(nano_usd_per_hour) * i128::from(seconds), i128::from(HOUR_SECONDS))
}

/// What a commitment asks for an hour of a use; none if it is not for it.
fn rate(cover: &Cover, used: &Use) -> Option<i64> {
    match cover {
        Cover::Reserved { instance_type, zone, nano_usd_per_hour, .. } => {
            let fits =
                *instance_type == used.instance_type && zone.as_ref().is_none_or(|zone| *zone == used.zone);
            fits.then_some(*nano_usd_per_hour)
        }
        Cover::InstancePlan { family, rates, .. } => {
            let of_family = used.instance_type.split_once('.').is_some_and(|(there, _)| there == family);
            rates.get(&used.instance_type).copied().filter(|_| of_family)
        }
        Cover::ComputePlan { rates, .. } => rates.get(&used.instance_type).copied(),
    }
}

fn committed(cover: &Cover) -> i64 {
    match cover {
        Cover::Reserved { count, nano_usd_per_hour, .. } => {
            nano_usd_per_hour.saturating_mul(i64::from(*count))
        }
        Cover::InstancePlan { nano_usd_per_hour, .. } | Cover::ComputePlan { nano_usd_per_hour, .. } => {
            *nano_usd_per_hour
        }
    }
}

fn spend(commitment: &Commitment, uses: &[Use], hour: &mut Waterfall) {
    let mut fitting: Vec<(&Use, i64)> =
        uses.iter().filter_map(|used| Some((used, rate(&commitment.cover, used)?))).collect();
    // Savings in percent compare as rates times the other's price, without rounding.
    fitting.sort_by(|(one, rate), (other, other_rate)| {
        let foreign = |used: &Use| used.account != commitment.account;
        let cost = i128::from(*rate) * i128::from(other.nano_usd_per_hour);
        let other_cost = i128::from(*other_rate) * i128::from(one.nano_usd_per_hour);
        (foreign(one), cost, rate, &one.resource_id).cmp(&(
            foreign(other),
            other_cost,
            other_rate,
            &other.resource_id,
        ))
    });
    let all = committed(&commitment.cover);
    let mut budget = all;
    for (used, rate) in fitting {
        let left = hour.left.get(&used.resource_id).copied().unwrap_or(0);
        if left <= 0 || budget <= 0 || used.nano_usd_per_hour <= 0 {
            continue;
        }
        let price = i128::from(used.nano_usd_per_hour);
        let asked = divide_half_even(i128::from(left) * i128::from(rate), price);
        let (on_demand, taken) = if asked <= budget {
            (left, asked)
        } else {
            (divide_half_even(i128::from(left) * i128::from(budget), i128::from(asked)), budget)
        };
        budget -= taken;
        hour.left.insert(used.resource_id.clone(), left - on_demand);
        hour.covered.push(Covered {
            resource_id: used.resource_id.clone(),
            commitment: commitment.id.clone(),
            on_demand,
            used: taken,
        });
    }
    hour.balances.push(Balance { commitment: commitment.id.clone(), used: all - budget, unused: budget });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(id: &str, account: &str, instance_type: &str, price: i64) -> Use {
        Use {
            resource_id: id.into(),
            account: account.into(),
            instance_type: instance_type.into(),
            zone: "a".into(),
            seconds: 3600,
            nano_usd_per_hour: price,
        }
    }

    fn plan(id: &str, cover: Cover) -> Commitment {
        Commitment { id: id.into(), account: "1".into(), cover }
    }

    fn rates(of: &[(&str, i64)]) -> BTreeMap<String, i64> {
        of.iter().map(|(name, rate)| ((*name).to_owned(), *rate)).collect()
    }

    fn compute(nano_usd_per_hour: i64, of: &[(&str, i64)]) -> Cover {
        Cover::ComputePlan { nano_usd_per_hour, rates: rates(of) }
    }

    #[track_caller]
    fn check(commitments: &[Commitment], uses: &[Use], want: &[(&str, &str, i64)]) {
        let hour = apply(commitments, uses);
        let got: Vec<(&str, &str, i64)> = hour
            .covered
            .iter()
            .map(|one| (one.commitment.as_str(), one.resource_id.as_str(), one.used))
            .collect();
        assert_eq!(got, want);
        let on_demand: i64 = hour.covered.iter().map(|one| one.on_demand).sum();
        assert_eq!(on_demand + hour.left.values().sum::<i64>(), hour.eligible);
        assert_eq!(hour.balances.len(), commitments.len());
    }

    #[test]
    fn the_order_is_reserved_then_family_then_all() {
        let reserved = |zone: Option<&str>| Cover::Reserved {
            instance_type: "m5.large".into(),
            zone: zone.map(str::to_owned),
            count: 1,
            nano_usd_per_hour: 60,
        };
        let family = Cover::InstancePlan {
            family: "m5".into(),
            nano_usd_per_hour: 55,
            rates: rates(&[("m5.large", 55), ("c5.large", 1)]),
        };
        let all = compute(1000, &[("m5.large", 70), ("c5.large", 50)]);
        let commitments = [
            plan("d", all),
            plan("c", family),
            plan("b", reserved(None)),
            plan("a", reserved(Some("a"))),
            plan("e", reserved(Some("elsewhere"))),
        ];
        let uses = ["1", "2", "3", "4"].map(|id| used(id, "1", "m5.large", 100));
        check(&commitments, &uses, &[("a", "1", 60), ("b", "2", 60), ("c", "3", 55), ("d", "4", 70)]);
    }

    #[test]
    fn the_owner_comes_first_then_who_saves_most_then_the_lower_rate() {
        let rates = [("m5.large", 70), ("c5.large", 50), ("t3.large", 35)];
        let uses = [
            used("other", "2", "c5.large", 100),
            used("large", "1", "m5.large", 100),
            used("small", "1", "t3.large", 50),
            used("best", "1", "c5.large", 100),
        ];
        let want = [("p", "best", 50), ("p", "small", 35), ("p", "large", 70), ("p", "other", 45)];
        check(&[plan("p", compute(200, &rates))], &uses, &want);
    }

    #[test]
    fn nothing_carries_over_and_nothing_is_covered_twice() {
        let hour = apply(&[plan("p", compute(200, &[("m5.large", 70)]))], &[]);
        assert_eq!((hour.cost(), hour.saving(), hour.coverage_ratio()), (200, -200, None));
        assert_eq!(hour.utilisation_ratio(), Some(0.0));
        let part = Use { seconds: 1800, ..used("i", "1", "m5.large", 100) };
        check(
            &[plan("p", compute(35, &[("m5.large", 70)])), plan("q", compute(35, &[("m5.large", 70)]))],
            &[part],
            &[("p", "i", 35)],
        );
    }
}
