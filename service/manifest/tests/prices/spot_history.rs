use super::*;

pub(super) const FILE: &str = r#"{
    "SpotPriceHistory": [
        {"AvailabilityZone": "us-east-1a", "InstanceType": "m5.large", "ProductDescription": "Linux/UNIX",
         "SpotPrice": "0.0300", "Timestamp": "2026-11-20T10:00:00+00:00"},
        {"AvailabilityZone": "us-east-1a", "InstanceType": "m5.large", "ProductDescription": "Linux/UNIX",
         "SpotPrice": "0.0345670", "Timestamp": "2026-11-21T10:00:00.000Z"},
        {"AvailabilityZone": "us-east-1a", "InstanceType": "m5.large", "ProductDescription": "Linux/UNIX",
         "SpotPrice": "0.0500", "Timestamp": "2026-11-19T10:00:00Z"},
        {"AvailabilityZone": "us-east-1b", "InstanceType": "m5.large", "ProductDescription": "Windows",
         "SpotPrice": "0.1300", "Timestamp": "2026-11-21T11:00:00Z"},
        {"AvailabilityZone": "us-east-1b", "InstanceType": "m5.large", "ProductDescription": "Linux/UNIX (Amazon VPC)",
         "SpotPrice": "0.0411", "Timestamp": "2026-11-18T10:00:00Z", "AvailabilityZoneId": "use1-az2"},
        {"AvailabilityZone": "us-east-1b", "InstanceType": "x99.large", "ProductDescription": "Linux/UNIX",
         "SpotPrice": "0.0411", "Timestamp": "2026-11-18T10:00:00Z"}
    ]
}"#;

/// One entry with these fields, as a whole file.
fn file(zone: &str, price: &str, time: &str) -> String {
    format!(
        "{{\"SpotPriceHistory\": [{{\"AvailabilityZone\": {zone}, \"InstanceType\": \"m5.large\", \
         \"ProductDescription\": \"Linux/UNIX\", \"SpotPrice\": {price}, \"Timestamp\": {time}}}]}}"
    )
}

#[track_caller]
fn check(zone: &str, price: &str, time: &str, want: &str) {
    let told = import(file(zone, price, time).as_bytes()).map(|(_, findings)| findings).unwrap_err();
    assert!(told.contains(want), "{told}\nlacks: {want}");
}

#[test]
fn the_newest_price_of_a_zone_is_in_force() {
    let outcome = imported(FILE);
    let catalog = &outcome.0;
    expect_price(catalog, "m5.large", "us-east-1a", CapacityKind::Spot, Some(34_567_000));
    expect_price(catalog, "m5.large", "us-east-1b", CapacityKind::Spot, Some(41_100_000));
    expect_price(catalog, "m5.large", "us-east-1c", CapacityKind::Spot, None);
    expect_price(catalog, "m5.xlarge", "us-east-1c", CapacityKind::Spot, Some(65_280_000));
    expect_price(catalog, "m5.large", "us-east-1a", CapacityKind::OnDemand, Some(96_000_000));
    expect_codes(&outcome, &["PRICE_OTHER_SYSTEM", "PRICE_TYPE_UNKNOWN"]);
    let source = catalog.sources.last().unwrap();
    assert_eq!((source.what.as_str(), source.origin.as_str()), ("spot prices", "file"));
    assert_eq!(source.time.to_string(), "2026-11-21T10:00:00Z");
}

#[test]
fn a_page_of_several_is_told() {
    let page = FILE.replacen('{', "{\"NextToken\": \"abc\", ", 1);
    expect_codes(&imported(&page), &["PRICE_OTHER_SYSTEM", "PRICE_HISTORY_CUT", "PRICE_TYPE_UNKNOWN"]);
    let last = FILE.replacen('{', "{\"NextToken\": \"\", ", 1);
    expect_codes(&imported(&last), &["PRICE_OTHER_SYSTEM", "PRICE_TYPE_UNKNOWN"]);
}

#[test]
fn more_than_nine_decimals_are_rounded_and_told() {
    let outcome =
        import(file("\"us-east-1a\"", "\"0.03456700005\"", "\"2026-11-20T10:00:00Z\"").as_bytes()).unwrap();
    expect_price(&outcome.0, "m5.large", "us-east-1a", CapacityKind::Spot, Some(34_567_000));
    expect_codes(&outcome, &["PRICE_ROUNDED"]);
}

#[test]
fn what_is_no_price_is_refused_with_its_place() {
    let (zone, time) = ("\"us-east-1a\"", "\"2026-11-20T10:00:00Z\"");
    let price = "SpotPriceHistory[0].SpotPrice: ";
    check(zone, "\"-0.1\"", time, &format!("{price}\"-0.1\" is negative"));
    check(zone, "\"NaN\"", time, &format!("{price}\"NaN\" is not a decimal number"));
    check(zone, "\"1e400\"", time, &format!("{price}\"1e400\" is not a decimal number"));
    check(zone, "\"0.0000\"", time, &format!("{price}\"0.0000\" is no price: it must be above zero"));
    check(zone, "0.03", time, &format!("{price}invalid type: floating point `0.03`, expected a string"));
    check(zone, "1e400", time, "number out of range");
    check(zone, "\"0.1\"", "\"yesterday\"", "SpotPriceHistory[0].Timestamp: ");
    let elsewhere = "SpotPriceHistory[0]: \"eu-west-1a\" is no zone of us-east-1, the region of the catalog";
    check("\"eu-west-1a\"", "\"0.1\"", time, elsewhere);
    check("\"us-east-11a\"", "\"0.1\"", time, "is no zone of us-east-1");
}

#[test]
fn a_file_cut_off_or_without_prices_is_refused() {
    let cut = import(&FILE.as_bytes()[..300]).unwrap_err();
    assert_eq!(cut, "line 5, column 90: SpotPriceHistory[1]: EOF while parsing a string");
    expect_refused("{\"SpotPriceHistory\": []}", "there are no spot prices for Linux/UNIX in it");
    let missing = FILE.replacen("\"SpotPrice\": \"0.0300\", ", "", 1);
    expect_refused(&missing, "line 4, column 50: SpotPriceHistory[0]: missing field `SpotPrice`");
}

#[test]
fn two_prices_at_one_time_are_refused() {
    let twice = FILE.replace("2026-11-20T10:00:00+00:00", "2026-11-21T10:00:00Z");
    let told = import(twice.as_bytes()).unwrap_err();
    let want = "SpotPriceHistory[1]: m5.large has two prices in us-east-1a at 2026-11-21T10:00:00Z";
    assert!(told.ends_with(want), "{told}");
}
