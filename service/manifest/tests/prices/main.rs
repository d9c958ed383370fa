//! What the price readers make of whole files, and what a refusal says.

#![allow(clippy::unwrap_used, reason = "a test stops where it finds something else than it expects")]

mod advisor;
mod ec2_table;
#[path = "../../../../tests/data.rs"]
mod folder;
mod offer;
mod price_table;
mod products;
mod spot_history;

use std::io::Read;

use jiff::Timestamp;
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::units::HourlyRate;

use plimsoll_manifest::price::{Import, Outcome, read};

/// Reads a file over the built-in catalog, as received on 2026-11-22.
fn import(file: impl Read) -> Result<Outcome, String> {
    let time: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    let import = Import { base: &Catalog::builtin(), origin: "file", time };
    read(file, &import).map_err(|error| error.to_string())
}

#[track_caller]
fn imported(file: &str) -> Outcome {
    import(file.as_bytes()).unwrap()
}

#[track_caller]
fn expect_refused(file: &str, want: &str) {
    let told = import(file.as_bytes()).map(|(_, findings)| findings).unwrap_err();
    assert_eq!(told, want, "of {file}");
}

#[track_caller]
fn expect_price(catalog: &Catalog, name: &str, zone: &str, kind: CapacityKind, nano_usd: Option<i64>) {
    let price = catalog.price(name, zone, kind).map(HourlyRate::nano_usd);
    assert_eq!(price, nano_usd, "{name} in {zone} {kind:?}");
}

#[track_caller]
fn expect_codes((_, findings): &Outcome, want: &[&str]) {
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, want, "{findings:#?}");
}

/// A file of the data folder; none if there is no such folder.
fn data(path: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(folder::path(path)?).unwrap())
}

#[test]
fn what_is_no_price_file_is_refused() {
    let want = "is no price file: expected an AWS price list, a spot price history, the Spot Advisor's file, \
                an EC2 table or a price table";
    for file in ["", "{}", "[]", "a,b\n1,2\n", "\u{0}\u{0}"] {
        expect_refused(file, want);
    }
}

/// Each format, cut off or damaged at any place, is refused or read, but never a panic.
#[test]
fn a_damaged_file_never_panics() {
    const STEP: usize = 7;
    let files = [offer::FILE, spot_history::FILE, advisor::FILE, price_table::FILE, ec2_table::FILE];
    for file in files {
        for at in (0..file.len()).step_by(STEP) {
            let cut = import(&file.as_bytes()[..at]);
            assert!(cut.is_ok() || cut.is_err_and(|told| !told.is_empty()));
            let mut damaged = file.as_bytes().to_vec();
            damaged[at] = [b'"', b'-', b',', 0xff, b'9'][at % 5];
            let _ = import(damaged.as_slice());
        }
    }
}
