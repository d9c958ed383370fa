use super::*;

pub(super) const FILE: &str = r#"{
  "instance_types": {"m5.large": {"emr": true, "cores": 2, "ram_gb": 8.0}},
  "ranges": [{"index": 0, "label": "<5%", "dots": 0, "max": 5}],
  "spot_advisor": {
    "eu-west-1": {"Linux": {"m5.large": {"s": 10, "r": 0}}},
    "us-east-1": {"Windows": {"m5.large": {"s": 20, "r": 1}}, "Linux": {"m5.large": {"s": 50, "r": 2}}}
  }
}"#;

#[track_caller]
fn check(from: &str, to: &str, want: &str) {
    expect_refused(&FILE.replace(from, to), want);
}

#[test]
fn spot_is_estimated_from_the_savings_of_the_region() {
    let outcome = imported(FILE);
    let catalog = &outcome.0;
    expect_price(catalog, "m5.large", "us-east-1a", CapacityKind::Spot, Some(48_000_000));
    expect_price(catalog, "m5.xlarge", "us-east-1a", CapacityKind::Spot, None);
    assert_eq!(catalog.interruption_rate("m5.large"), 0.15);
    assert_eq!(catalog.price_time.to_string(), "2026-07-20T00:00:00Z");
    expect_codes(&outcome, &[]);
}

#[test]
fn savings_and_bands_that_are_none_are_refused() {
    check(
        "\"s\": 50",
        "\"s\": 100",
        "line 6, column 103: spot_advisor.us-east-1.Linux.m5.large: a saving of 100 % leaves no price",
    );
    check(
        "\"s\": 50",
        "\"s\": -1",
        "line 6, column 93: spot_advisor.us-east-1.Linux.m5.large.s: invalid value: integer `-1`, expected u8",
    );
    check(
        "\"r\": 2",
        "\"r\": 5",
        "line 6, column 102: spot_advisor.us-east-1.Linux.m5.large: the Spot Advisor has interruption bands 0 to 4, not 5",
    );
    check("us-east-1", "us-west-1", "spot_advisor: says nothing of Linux in us-east-1");
}

#[test]
fn the_file_of_the_data_folder_gives_the_built_in_estimates() {
    let Some(file) = data("ec2/spot-advisor-2025-07.json") else { return };
    let (catalog, _) = import(file.as_slice()).unwrap();
    let builtin = Catalog::builtin();
    assert_eq!(catalog.interruption_bands, builtin.interruption_bands);
    assert_eq!(catalog.spot, builtin.spot);
}
