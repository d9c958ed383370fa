//! What machines cost in one hour of a rehearsal: their lives, times what was asked for them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::units::HourlyRate;
use plimsoll_domain::world::{MachineLife, SpotChange};

const HOUR_MILLIS: i128 = 3_600_000;

/// The prices of one hour.
pub struct Tariff<'a> {
    catalog: &'a Catalog,
    /// By type and zone: from when on which price.
    spot: BTreeMap<(&'a str, &'a str), Vec<(Timestamp, HourlyRate)>>,
}

impl<'a> Tariff<'a> {
    /// Prices of a catalog, and spot prices as they changed. Where no change is known, the catalog's holds.
    pub fn new(catalog: &'a Catalog, changes: &'a [SpotChange]) -> Self {
        let mut spot: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for change in changes {
            let pool = (change.instance_type.as_str(), change.zone.as_str());
            spot.entry(pool).or_default().push((change.time, change.rate));
        }
        Self { catalog, spot }
    }

    /// What a machine cost between two times, in nano-USD, rounded down; none if nobody knows its price.
    ///
    /// By the millisecond. AWS bills a minute at least, which no machine here lives shorter than.
    pub fn cost(&self, life: &MachineLife, from: Timestamp, to: Timestamp) -> Option<i128> {
        let begin = life.launch_time.max(from);
        let end = life.end.map_or(to, |end| end.time.min(to));
        let listed = self.catalog.price(&life.instance_type, &life.zone, life.kind);
        let changes = match life.kind {
            CapacityKind::Spot => self.spot.get(&(life.instance_type.as_str(), life.zone.as_str())),
            CapacityKind::OnDemand => None,
        };
        let Some(changes) = changes.filter(|changes| !changes.is_empty()) else {
            return Some(part(listed?, begin, end) / HOUR_MILLIS);
        };
        let mut sum = 0;
        for (index, (time, rate)) in changes.iter().enumerate() {
            // The first price known also holds before it.
            let since = if index == 0 { begin } else { begin.max(*time) };
            let until = changes.get(index + 1).map_or(end, |(next, _)| end.min(*next));
            sum += part(*rate, since, until);
        }
        Some(sum / HOUR_MILLIS)
    }
}

/// Nano-USD times milliseconds in an hour.
fn part(rate: HourlyRate, from: Timestamp, to: Timestamp) -> i128 {
    i128::from(rate.nano_usd()) * to.duration_since(from).as_millis().max(0)
}

/// What an hour cost in all, in nano-USD, and the types whose price nobody knows.
pub fn hour(
    tariff: &Tariff<'_>,
    lives: &[MachineLife],
    (from, to): (Timestamp, Timestamp),
    unpriced: &mut BTreeSet<String>,
) -> i64 {
    let mut sum = 0;
    for life in lives {
        match tariff.cost(life, from, to) {
            Some(cost) => sum += cost,
            None => {
                unpriced.insert(life.instance_type.clone());
            }
        }
    }
    i64::try_from(sum).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use plimsoll_domain::world::End;

    use super::*;

    const RATE: i64 = 96_000_000;
    const SPOT: i64 = 36_000_000;

    fn minute(number: i64) -> Timestamp {
        Timestamp::from_second(60 * number).expect("in range")
    }

    fn rate(nano_usd: i64) -> HourlyRate {
        HourlyRate::from_nano_usd(nano_usd).expect("not negative")
    }

    fn life(kind: CapacityKind, launch: i64, end: Option<i64>) -> MachineLife {
        MachineLife {
            provider_id: "aws:///z/i".into(),
            instance_type: "t".into(),
            zone: "z".into(),
            kind,
            group: String::new(),
            launch_time: minute(launch),
            end: end.map(|end| End { time: minute(end), reclaimed: false }),
        }
    }

    #[track_caller]
    fn check(life: &MachineLife, want: Option<i128>) {
        let catalog = Catalog { on_demand: [("t".to_owned(), rate(RATE))].into(), ..Catalog::default() };
        let change = |at: i64, nano_usd: i64| SpotChange {
            instance_type: "t".into(),
            zone: "z".into(),
            time: minute(at),
            rate: rate(nano_usd),
        };
        let changes = [change(0, SPOT), change(90, 2 * SPOT)];
        assert_eq!(Tariff::new(&catalog, &changes).cost(life, minute(60), minute(120)), want, "{life:?}");
    }

    #[test]
    fn a_machine_costs_what_it_ran_at_the_price_of_the_time() {
        let (on_demand, spot) = (CapacityKind::OnDemand, CapacityKind::Spot);
        check(&life(on_demand, 0, None), Some(RATE.into()));
        check(&life(on_demand, 75, None), Some(i128::from(RATE) * 3 / 4));
        check(&life(on_demand, 0, Some(70)), Some(i128::from(RATE) / 6));
        check(&life(on_demand, 10, Some(30)), Some(0));
        check(&life(on_demand, 130, None), Some(0));
        // Half an hour at one price, half an hour at twice that.
        check(&life(spot, 0, None), Some(i128::from(SPOT) * 3 / 2));
        check(&life(spot, 95, Some(100)), Some(i128::from(SPOT) / 6));
        let unknown = MachineLife { instance_type: "u".into(), ..life(on_demand, 0, None) };
        check(&unknown, None);
    }
}
