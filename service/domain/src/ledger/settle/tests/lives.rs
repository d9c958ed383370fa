//! What instances cost, hour by hour and in sum.

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use super::{Given, at, change, life, only, spot};
use crate::catalog::Catalog;
use crate::fleet::CapacityKind;
use crate::ledger::money::{divide_half_even, largest_remainder};
use crate::ledger::settle::{SpotSteps, life_cost};
use crate::ledger::{Item, Quality};
use crate::units::HourlyRate;
use crate::world::{End, MachineLife, SpotChange};

const DAY: i64 = 86_400;

#[test]
fn an_hour_that_goes_on_has_cost_so_far() {
    let given = Given::lives(&[life("m5.large", "10:00:00", None)]);
    let cost = |until: &str| {
        let rows = given.settle_until(at("10:00:00"), at(until));
        rows.charges.iter().find(|charge| charge.item == Item::Instance).map(|charge| charge.list_cost)
    };
    assert_eq!(cost("10:15:00"), Some(24_000_000));
    assert_eq!(cost("10:30:00"), Some(48_000_000));
    assert_eq!(cost("11:15:00"), Some(96_000_000));
}

#[test]
fn instances_are_billed_by_the_second_and_at_least_for_a_minute_of_their_life() {
    let cases = [
        ("61 s", "10:00:00", "10:01:01", [0, 1_626_667]),
        ("59 s", "10:00:00", "10:00:59", [0, 1_600_000]),
        ("no second", "10:00:00", "10:00:00", [0, 1_600_000]),
        // 10 s are billed when they pass, what is missing to a minute when it ends.
        ("20 s over the hour", "09:59:50", "10:00:10", [266_667, 1_333_333]),
        ("it ends with the hour", "09:59:50", "10:00:00", [1_600_000, 0]),
        ("half an hour", "09:30:00", "10:30:00", [48_000_000, 48_000_000]),
    ];
    for (what, launch, end, want) in cases {
        let given = Given::lives(&[life("m5.large", launch, Some(end))]);
        let costs = ["09:00:00", "10:00:00"].map(|hour| given.instance_cost(hour).unwrap_or(0));
        assert_eq!(costs, want, "{what}");
        assert_eq!(given.instance_cost("11:00:00"), None, "{what}");
    }
}

#[test]
fn spot_costs_what_was_in_force_second_by_second() {
    let mut given = Given::lives(&[spot("09:00:00", None, false)]);
    given.spot = vec![change("10:20:00", 41_000_000), change("08:00:00", 35_000_000)];
    let rows = given.settle(at("10:00:00"));
    let charge = only(&rows, Item::Instance);
    assert_eq!(charge.list_cost, 39_000_000);
    assert_eq!(charge.list_unit_price, 39_000_000);
    assert_eq!((charge.meter.as_str(), charge.quality), ("SpotUsage:m5.large", Quality::Measured));
}

#[test]
fn a_first_hour_is_free_only_if_the_cloud_ends_it() {
    let cases = [
        ("by EC2", "10:47:00", true, 0),
        ("by the user", "10:47:00", false, 30_628_333),
        ("by EC2, later", "11:00:00", true, 39_100_000),
    ];
    for (what, end, reclaimed, want) in cases {
        let mut given = Given::lives(&[spot("10:00:00", Some(end), reclaimed)]);
        given.spot = vec![change("09:00:00", 39_100_000)];
        assert_eq!(given.instance_cost("10:00:00"), Some(want), "{what}");
    }
}

#[test]
fn private_pricing_is_off_the_list_but_not_off_spot() {
    let mut given = Given::lives(&[life("m5.large", "09:00:00", None)]);
    given.discount_ratio = 0.05;
    let rows = given.settle(at("10:00:00"));
    let charge = only(&rows, Item::Instance);
    assert_eq!(
        (charge.list_cost, charge.contracted_cost, charge.billed_cost),
        (96_000_000, 91_200_000, 91_200_000)
    );
    let mut given = Given { lives: vec![spot("09:00:00", None, false)], ..given };
    given.spot = vec![change("09:00:00", 40_000_000)];
    assert_eq!(only(&given.settle(at("10:00:00")), Item::Instance).contracted_cost, 40_000_000);
}

#[test]
fn what_a_price_rests_on_is_said() {
    let check = |what: &str, lives: MachineLife, cost: i64, quality: Quality, source: &str| {
        let mut given = Given::lives(&[lives]);
        given.catalog.spot.remove("t2.micro");
        let rows = given.settle(at("10:00:00"));
        let charge = only(&rows, Item::Instance);
        assert_eq!((charge.list_cost, charge.quality), (cost, quality), "{what}");
        assert!(charge.price_source.contains(source), "{what}: {}", charge.price_source);
    };
    let spot = |name: &str| MachineLife { kind: CapacityKind::Spot, ..life(name, "09:00:00", None) };
    check("listed", life("m5.large", "09:00:00", None), 96_000_000, Quality::Measured, "price list");
    check("unseen spot", spot("m5.large"), 32_640_000, Quality::Estimated, "Advisor");
    check("no spot at all", spot("t2.micro"), 11_600_000, Quality::Estimated, "price list");
    check("unknown", life("no.such", "09:00:00", None), 0, Quality::Gap, "no price known");
}

/// A life of up to three days in a random world, and its prices.
fn random_life(random: &mut SmallRng) -> (MachineLife, Vec<SpotChange>) {
    let start = at("00:00:00").as_second();
    let second = |second: i64| jiff::Timestamp::from_second(second).expect("a time");
    let launch = start + random.random_range(0..DAY);
    let length =
        if random.random_bool(0.3) { random.random_range(0..130) } else { random.random_range(0..3 * DAY) };
    let kind = if random.random_bool(0.5) { CapacityKind::Spot } else { CapacityKind::OnDemand };
    let end = End { time: second(launch + length), reclaimed: random.random_bool(0.5) };
    let mut changes: Vec<SpotChange> = (0..random.random_range(0..30))
        .map(|_| SpotChange {
            time: second(start + random.random_range(0..4 * DAY)),
            rate: HourlyRate::from_nano_usd(random.random_range(0..5_000_000_000)).expect("not negative"),
            ..change("00:00:00", 0)
        })
        .collect();
    changes.push(SpotChange { time: second(start - 1), ..change("00:00:00", 31_415_927) });
    let life = MachineLife {
        launch_time: second(launch),
        kind,
        end: random.random_bool(0.9).then_some(end),
        ..life("m5.large", "00:00:00", None)
    };
    (life, changes)
}

/// The unrounded cost times 3600, second by second.
fn by_seconds(life: &MachineLife, steps: &SpotSteps, rate: i64, until: i64) -> i128 {
    let launch = life.launch_time.as_second();
    let end = life.end.map_or(until, |end| end.time.as_second());
    let free = life.end.is_some_and(|end| end.reclaimed) && end - launch < 3600;
    if free && life.kind == CapacityKind::Spot {
        return 0;
    }
    let billed = if life.end.is_some() { end.max(launch + 60) } else { end };
    let price = |second: i64| match life.kind {
        CapacityKind::OnDemand => rate,
        CapacityKind::Spot => {
            steps.at("m5.large", "us-east-1a", second.min(end - 1).max(launch)).expect("a price")
        }
    };
    (launch..billed).map(|second| i128::from(price(second))).sum()
}

/// Hours of a life, settled one by one, sum to the price of the life, which is that of its seconds.
#[test]
fn hours_sum_to_the_life() {
    let mut random = SmallRng::seed_from_u64(7);
    let start = at("00:00:00").as_second();
    for round in 0..60 {
        let (life, mut changes) = random_life(&mut random);
        let rate = random.random_range(1..40_000_000_000_i64);
        let mut given = Given::lives(std::slice::from_ref(&life));
        // The rest of the world is of no matter, and a small one is faster.
        given.catalog = Catalog::default();
        given.catalog.on_demand.insert("m5.large".into(), HourlyRate::from_nano_usd(rate).expect("a price"));
        let steps = SpotSteps::new(&changes);
        changes.shuffle(&mut random);
        given.spot = changes;
        let hours = 4 * 24 + 1;
        let until = start + hours * 3600;
        let sum: i64 = (0..hours)
            .map(|hour| {
                let hour = jiff::Timestamp::from_second(start + hour * 3600).expect("a time");
                let rows = given.settle(hour);
                rows.charges
                    .iter()
                    .filter(|one| one.item == Item::Instance)
                    .map(|one| one.list_cost)
                    .sum::<i64>()
            })
            .sum();
        assert_eq!(Some(sum), life_cost(&life, &steps, Some(rate), until), "round {round}: {life:?}");
        let exact = by_seconds(&life, &steps, rate, until);
        let prices = if life.kind == CapacityKind::Spot { given.spot.len() as i128 + 1 } else { 1 };
        let off = (i128::from(sum) * 3600 - exact).abs();
        assert!(off <= prices * 3600, "round {round}: {off} of {exact}");
        if prices == 1 {
            assert_eq!(sum, divide_half_even(exact, 3600), "round {round}: {life:?}");
        }
    }
}

#[test]
fn a_part_is_what_its_weight_says() {
    assert_eq!(
        largest_remainder(100_000_000, &[(1, 1), (2, 1), (3, 1)]),
        [33_333_334, 33_333_333, 33_333_333]
    );
}

#[test]
fn quantity_times_price_is_the_cost() {
    let mut random = SmallRng::seed_from_u64(8);
    for _ in 0..50 {
        let (life, changes) = random_life(&mut random);
        let mut given = Given::lives(&[life]);
        given.spot = changes;
        for hour in [0, 5, 11, 23, 30] {
            let hour = at("00:00:00").as_second() + hour * 3600;
            let rows = given.settle(jiff::Timestamp::from_second(hour).expect("a time"));
            for charge in &rows.charges {
                let product = charge.quantity.0 * i128::from(charge.list_unit_price);
                let off = product - i128::from(charge.list_cost) * 1_000_000_000_000_000_000;
                assert!(off.abs() <= 1_001_000_000_000_000_000, "{charge:?}");
            }
        }
    }
}
