//! Everything that AWS sells in a region, read over the wire: prices to the nano-dollar, facts, zones, and how long it takes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "../../../tests/data.rs"]
mod data;
mod wire;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::units::{HourlyRate, parse_usd_per_hour};
use plimsoll_domain::world::{CloudError, Prices};
use plimsoll_props::aws::{FakeAws, Manners};

const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
/// Longest that a whole region may take, where `PLIMSOLL_QUOTES=timed` says that times count.
const TIME_MAX: Duration = Duration::from_secs(2);

async fn region() -> FakeAws {
    FakeAws::start("prod", &ZONES, Manners::default(), wire::nobody()).await
}

/// On-demand prices of the data folder's table, in the text that it has them in.
fn table() -> Option<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(data::path("ec2/ec2_us_east_1.csv")?).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let price = head.iter().position(|column| *column == "od_price").unwrap();
    Some(lines.map(|row| (row[0].to_owned(), row[price].to_owned())).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_of_1340_types_in_three_zones_is_read_in_less_than_two_seconds() {
    let fake = region().await;
    let aws = wire::aws("prod", fake.url()).await;
    let begun = Instant::now();
    let quotes = aws.quotes(&wire::id("prod")).await.unwrap();
    let next = Catalog::builtin().quoted(quotes).unwrap();
    let took = begun.elapsed();
    let pools: usize = next.zones.values().map(|zones| zones.len()).sum();
    println!(
        "{} types, {pools} pools of type and zone, {} calls: {took:?}",
        next.on_demand.len(),
        fake.log().len()
    );
    assert_eq!(next.on_demand.len(), 1340);
    let timed = std::env::var("PLIMSOLL_QUOTES").is_ok_and(|value| value == "timed");
    assert!(!timed || took < TIME_MAX, "{took:?}");

    let builtin = Catalog::builtin();
    for (name, facts) in &builtin.types {
        assert_eq!(next.types[name], *facts);
        for zone in ZONES {
            let sold = facts.accelerator.is_none() || zone != "us-east-1c";
            assert_eq!(next.is_sold_in(name, zone), sold, "{name} in {zone}");
            let spot = next.price(name, zone, CapacityKind::Spot).map(HourlyRate::nano_usd);
            let wanted = builtin.price(name, zone, CapacityKind::Spot).filter(|_| sold);
            // A spot price has six decimals.
            let near = match (spot, wanted) {
                (Some(spot), Some(wanted)) => (spot - wanted.nano_usd()).abs() <= 500,
                (spot, wanted) => spot.is_none() && wanted.is_none(),
            };
            assert!(near, "{name} in {zone}: {spot:?}, not {wanted:?}");
        }
    }
    if let Some(faults) = fake.faults_on_the_wire() {
        assert_eq!(faults, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_are_those_of_the_price_list_to_the_nano_dollar() {
    let Some(table) = table() else { return };
    let fake = region().await;
    let aws = wire::aws("prod", fake.url()).await;
    let quotes = aws.quotes(&wire::id("prod")).await.unwrap();
    assert_eq!(quotes.on_demand.len(), table.len());
    for (name, text) in table {
        assert_eq!(quotes.on_demand[&name], parse_usd_per_hour(&text).unwrap().rate, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_no_price_list() {
    let fake = region().await;
    let aws = wire::aws("prod", fake.url()).await;
    fake.refuse("pricing:GetProducts", "AccessDeniedException", 1);
    let refused = aws.quotes(&wire::id("prod")).await.unwrap_err();
    let CloudError::Failed(words) = &refused else { panic!("{refused:?}") };
    assert!(words.contains("allow pricing:GetProducts, see k8s/iam"), "{words}");
    let strange = aws.quotes(&wire::id("other")).await.unwrap_err();
    assert_eq!(strange, CloudError::Failed("there is no cluster other".into()));
}
