use super::*;

pub(super) const FILE: &str = r#"{
  "formatVersion": "v1.0", "disclaimer": "none", "offerCode": "AmazonEC2", "version": "20261101",
  "publicationDate": "2026-11-01T12:00:00Z",
  "products": {
    "AAA": {"sku": "AAA", "productFamily": "Compute Instance", "attributes": {
      "instanceType": "m5.large", "regionCode": "us-east-1", "operatingSystem": "Linux", "preInstalledSw": "NA",
      "tenancy": "Shared", "capacitystatus": "Used", "marketoption": "OnDemand", "usagetype": "BoxUsage:m5.large"}},
    "BBB": {"sku": "BBB", "productFamily": "Compute Instance (bare metal)", "attributes": {
      "instanceType": "m5.metal", "regionCode": "us-east-1", "operatingSystem": "Linux", "preInstalledSw": "NA",
      "tenancy": "Shared", "capacitystatus": "Used", "marketoption": "OnDemand", "usagetype": "BoxUsage:m5.metal"}},
    "CCC": {"sku": "CCC", "productFamily": "Compute Instance", "attributes": {
      "instanceType": "m5.large", "regionCode": "us-east-1", "operatingSystem": "Windows", "preInstalledSw": "NA",
      "tenancy": "Shared", "capacitystatus": "Used", "marketoption": "OnDemand", "usagetype": "BoxUsage:m5.large"}},
    "DDD": {"sku": "DDD", "productFamily": "Compute Instance", "attributes": {
      "instanceType": "m5.large", "regionCode": "us-east-1", "operatingSystem": "Linux", "preInstalledSw": "NA",
      "tenancy": "Shared", "capacitystatus": "UnusedCapacityReservation", "usagetype": "UnusedBox:m5.large"}},
    "EEE": {"sku": "EEE", "productFamily": "Storage", "attributes": {"volumeApiName": "gp3"}}
  },
  "terms": {
    "OnDemand": {
      "AAA": {"AAA.JRTC": {"offerTermCode": "JRTC", "sku": "AAA", "priceDimensions": {"AAA.JRTC.6YS6": {
        "unit": "Hrs", "endRange": "Inf", "beginRange": "0", "pricePerUnit": {"USD": "0.0970000000"}}}}},
      "BBB": {"BBB.JRTC": {"offerTermCode": "JRTC", "sku": "BBB", "priceDimensions": {"BBB.JRTC.6YS6": {
        "unit": "Hrs", "pricePerUnit": {"USD": "4.6080000005"}}}}},
      "CCC": {"CCC.JRTC": {"priceDimensions": {"x": {"unit": "Hrs", "pricePerUnit": {"USD": "0.188"}}}}},
      "DDD": {"DDD.JRTC": {"priceDimensions": {"x": {"unit": "Hrs", "pricePerUnit": {"USD": "0.096"}}}}}
    },
    "Reserved": {"AAA": {"AAA.4NA7": {"termAttributes": {"LeaseContractLength": "1yr"}}}}
  }
}"#;

#[track_caller]
fn check(from: &str, to: &str, want: &str) {
    assert!(FILE.contains(from), "{from}");
    expect_refused(&FILE.replacen(from, to, 1), want);
}

/// The same list with its terms before its products.
fn turned() -> String {
    let products = FILE.find("\"products\"").unwrap();
    let terms = FILE.find("\"terms\"").unwrap();
    let end = FILE.rfind('}').unwrap();
    let (head, body) = (&FILE[..products], &FILE[products..terms]);
    format!("{head}{},\n  {}\n}}", FILE[terms..end].trim_end(), body.trim_end().trim_end_matches(','))
}

#[track_caller]
fn expect_list(outcome: &Outcome) {
    let catalog = &outcome.0;
    expect_price(catalog, "m5.large", "us-east-1a", CapacityKind::OnDemand, Some(97_000_000));
    expect_price(catalog, "m5.metal", "us-east-1a", CapacityKind::OnDemand, Some(4_608_000_000));
    expect_price(catalog, "m5.xlarge", "us-east-1a", CapacityKind::OnDemand, None);
    expect_price(catalog, "m5.large", "us-east-1a", CapacityKind::Spot, Some(32_980_000));
    expect_codes(outcome, &["PRICE_TYPES_GONE", "PRICE_ROUNDED"]);
    let source = catalog.sources.iter().find(|source| source.what == "on-demand prices").unwrap();
    assert_eq!((source.origin.as_str(), source.time.to_string().as_str()), ("file", "2026-11-01T12:00:00Z"));
}

#[test]
fn the_list_price_of_shared_linux_instances_counts() {
    expect_list(&imported(FILE));
}

#[test]
fn the_order_of_products_and_terms_means_nothing() {
    expect_list(&imported(&turned()));
}

#[test]
fn get_products_prints_the_same_items_as_strings() {
    let list: serde_json::Value = serde_json::from_str(FILE).unwrap();
    let items = ["AAA", "BBB", "CCC", "DDD"].map(|sku| {
        let terms = serde_json::json!({"OnDemand": list["terms"]["OnDemand"][sku]});
        serde_json::json!({"product": list["products"][sku], "terms": terms}).to_string()
    });
    let page = serde_json::json!({"FormatVersion": "aws_v1", "PriceList": items}).to_string();
    let (catalog, _) = imported(&page);
    expect_price(&catalog, "m5.large", "us-east-1a", CapacityKind::OnDemand, Some(97_000_000));
    let source = catalog.sources.iter().find(|source| source.what == "on-demand prices").unwrap();
    assert_eq!(source.time.to_string(), "2026-11-22T00:00:00Z");
}

#[test]
fn a_list_of_another_region_moves_the_catalog() {
    let european = FILE.replace("us-east-1", "eu-west-1").replace("BoxUsage", "EUW1-BoxUsage");
    let outcome = imported(&european);
    expect_price(&outcome.0, "m5.large", "eu-west-1a", CapacityKind::OnDemand, Some(97_000_000));
    expect_price(&outcome.0, "m5.large", "eu-west-1a", CapacityKind::Spot, None);
    assert_eq!((outcome.0.region.as_str(), outcome.0.types.len()), ("eu-west-1", 1340));
    expect_codes(&outcome, &["PRICE_REGION_CHANGED", "PRICE_TYPES_GONE", "PRICE_ROUNDED"]);
}

#[test]
fn a_list_of_two_regions_gives_the_catalogs_own() {
    let both = FILE.replacen("us-east-1", "eu-west-1", 1);
    let (catalog, _) = imported(&both);
    expect_price(&catalog, "m5.large", "us-east-1a", CapacityKind::OnDemand, None);
    expect_price(&catalog, "m5.metal", "us-east-1a", CapacityKind::OnDemand, Some(4_608_000_000));
    let neither = both.replace("us-east-1", "eu-west-2");
    expect_refused(&neither, "products: has 2 regions, but not us-east-1: expected a list of one");
}

#[test]
fn a_sku_without_exactly_one_price_above_zero_is_named() {
    let at = "terms.OnDemand.AAA: SKU AAA (m5.large)";
    check(
        "\"0.0970000000\"",
        "\"0.0000000000\"",
        &format!("{at} \"0.0000000000\" is no price: it must be above zero"),
    );
    check("\"0.0970000000\"", "\"-1\"", &format!("{at} \"-1\" is negative"));
    check("\"USD\": \"0.097", "\"CNY\": \"0.097", &format!("{at} has no price in USD"));
    check(
        "\"unit\": \"Hrs\", \"endRange\"",
        "\"unit\": \"Quantity\", \"endRange\"",
        &format!("{at} is priced by \"Quantity\": expected \"Hrs\""),
    );
    check("\"AAA\": {\"AAA.JRTC\"", "\"XXX\": {\"AAA.JRTC\"", &format!("{at} has 0 prices: expected one"));
    let tier = "{\"a\": {\"unit\": \"Hrs\", \"pricePerUnit\": {\"USD\": \"1\"}}, \"AAA.JRTC.6YS6\":";
    check("{\"AAA.JRTC.6YS6\":", tier, &format!("{at} has 2 prices: expected one"));
    check(
        "\"operatingSystem\": \"Windows\"",
        "\"operatingSystem\": \"Linux\"",
        "products.CCC: SKUs AAA and CCC both price m5.large",
    );
}

#[test]
fn a_sku_that_stands_there_twice_is_named() {
    let told = import(FILE.replacen("\"BBB\": {\"sku\"", "\"AAA\": {\"sku\"", 1).as_bytes()).unwrap_err();
    assert!(told.ends_with("products.AAA: SKU AAA stands there twice"), "{told}");
    let told =
        import(FILE.replacen("\"BBB\": {\"BBB.JRTC\"", "\"AAA\": {\"BBB.JRTC\"", 1).as_bytes()).unwrap_err();
    assert!(told.ends_with("terms.OnDemand.AAA: SKU AAA stands there twice"), "{told}");
}

#[test]
fn a_list_without_instances_or_cut_off_is_refused() {
    let want = "there are no on-demand Linux instances with shared tenancy in it";
    expect_refused(&FILE.replace("\"Linux\"", "\"RHEL\""), want);
    let cut = import(&FILE.as_bytes()[..FILE.len() - 40]).unwrap_err();
    assert!(cut.contains("terms.Reserved") && cut.contains("EOF"), "{cut}");
}
