//! Vector bin packing instances with known optima: no floor is above one, no plan below.
//!
//! All of them: `cargo test -p plimsoll-solver --test published -- --ignored --nocapture`, with
//! `PUBLISHED_SECONDS` for each.

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use plimsoll_domain::problem::{Demand, Offering, Problem};
use plimsoll_domain::units::HourlyRate;
use support::run::{cost, expect_sound, solved};

/// Price of a bin, nano-USD per hour.
const BIN_NANO: i64 = 1_000_000_000;
/// Size of a block of a tar archive.
const BLOCK: usize = 512;

/// What came of a set of instances.
#[derive(Debug, Default)]
struct Tally {
    instances: usize,
    floors_at_optimum: usize,
    plans_at_optimum: usize,
    plans_at_best_known: usize,
    best_known_at_optimum: usize,
}

/// What is published of an instance.
struct Known {
    optimum: i64,
    best: i64,
}

/// Regular files of a tar archive: name without folders and suffix, content.
fn files(tar: &[u8]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut at = 0;
    while at + BLOCK <= tar.len() && tar[at] != 0 {
        let text = |from: usize, to: usize| {
            String::from_utf8_lossy(&tar[at + from..at + to]).trim_end_matches(['\0', ' ']).to_owned()
        };
        let size = usize::from_str_radix(text(124, 136).trim(), 8).expect("sizes are octal");
        let name = text(0, 100);
        if let Some(stem) = name.rsplit('/').next().and_then(|file| file.strip_suffix(".vbp")) {
            let body = &tar[at + BLOCK..at + BLOCK + size];
            files.push((stem.to_owned(), String::from_utf8_lossy(body).into_owned()));
        }
        at += BLOCK + size.div_ceil(BLOCK) * BLOCK;
    }
    files
}

/// Dimensions, the bin, the number of kinds, then each kind's size and count.
fn problem(text: &str) -> Problem {
    let mut numbers = text.split_whitespace().map(|word| word.parse::<i64>().expect("a number"));
    let dimensions = numbers.next().expect("dimensions") as usize;
    let mut take = |count: usize| -> Vec<i64> { numbers.by_ref().take(count).collect() };
    let capacity = take(dimensions);
    let kinds = take(1)[0];
    let demand = |index: i64| {
        let row = take(dimensions + 1);
        let (count, request) = row.split_last().expect("a row");
        let id = format!("kind-{index}");
        let (count, request) = (*count as u32, request.to_vec());
        Demand { id, count, request, offerings: vec![0], ..Demand::default() }
    };
    let demands = (0..kinds).map(demand).collect();
    let price = HourlyRate::from_nano_usd(BIN_NANO).expect("not negative");
    let bin = Offering { id: "bin".into(), capacity, price, ..Offering::default() };
    let resources = (0..dimensions).map(|index| format!("dimension-{index}")).collect();
    Problem { resources, offerings: vec![bin], demands, ..Problem::default() }
}

fn known(csv: &str) -> BTreeMap<String, Known> {
    let known = |line: &str| {
        let fields: Vec<&str> = line.split(['\t', ',']).collect();
        let number = |at: usize| fields.get(at)?.trim().parse::<i64>().ok();
        Some((fields.first()?.to_string(), Known { optimum: number(2)?, best: number(3)? }))
    };
    csv.lines().skip(1).filter_map(known).filter(|(_, known)| known.optimum > 0).collect()
}

fn tally(wanted: impl Fn(&str) -> bool, seconds: f64) -> Option<Tally> {
    let folder = support::data::path("vectorpack")?;
    let csv = std::fs::read_to_string(folder.join("New_summary_known.csv")).expect("the folder is complete");
    let known = known(&csv);
    let mut tally = Tally::default();
    let mut instances = files(&support::unpack(&folder.join("New_instances.tar.gz")));
    instances.sort();
    for (name, text) in instances.iter().filter(|(name, _)| wanted(name)) {
        let Some(Known { optimum, best }) = known.get(name) else { continue };
        let problem = problem(text);
        let solution = solved(&problem, seconds, 1);
        expect_sound(&problem, &solution);
        let bins = cost(&problem, &solution) / BIN_NANO;
        let floor = (solution.floor_nano_usd + BIN_NANO - 1) / BIN_NANO;
        assert!(floor <= *optimum, "{name}: floor {floor}, optimum {optimum}");
        assert!(*optimum <= bins, "{name}: plan {bins}, optimum {optimum}");
        tally.instances += 1;
        tally.floors_at_optimum += usize::from(floor == *optimum);
        tally.plans_at_optimum += usize::from(bins == *optimum);
        tally.plans_at_best_known += usize::from(bins <= *best);
        tally.best_known_at_optimum += usize::from(best == optimum);
    }
    Some(tally)
}

#[test]
fn a_sample_keeps_its_optima() {
    let wanted = |name: &str| name.ends_with("_1") && !name.contains("_500_") && !name.contains("_250_");
    let Some(tally) = tally(wanted, 0.5) else { return };
    println!("{tally:?}");
    assert!(tally.instances > 20, "the sample is too small: {tally:?}");
    assert!(tally.plans_at_optimum * 10 >= tally.instances * 6, "{tally:?}");
    assert!(tally.floors_at_optimum * 10 >= tally.instances * 4, "{tally:?}");
}

#[test]
#[ignore = "minutes to an hour: `make prove`"]
fn all_keep_their_optima() {
    let seconds = std::env::var("PUBLISHED_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5.0);
    println!("{:?}", tally(|_| true, seconds));
}
