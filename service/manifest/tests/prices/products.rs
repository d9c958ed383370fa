//! Items of `GetProducts` in the shape that the API gives them: products with several terms, as JSON texts.

use plimsoll_domain::units::HourlyRate;
use plimsoll_manifest::price::offer;
use serde_json::{Value, json};

const REGION: &str = "eu-central-1";

/// A product with its on-demand term and two reserved ones, of which one is paid upfront.
fn item(sku: &str, name: &str, usd: &str) -> Value {
    let dimension = |term: &str, rate: &str, unit: &str, usd: &str| {
        json!({
            "unit": unit,
            "endRange": "Inf",
            "description": format!("${usd} per {name}"),
            "appliesTo": [],
            "rateCode": format!("{sku}.{term}.{rate}"),
            "beginRange": "0",
            "pricePerUnit": { "USD": usd },
        })
    };
    let term = |code: &str, attributes: Value, dimensions: &[(&str, Value)]| {
        let dimensions: serde_json::Map<String, Value> =
            dimensions.iter().map(|(rate, value)| (format!("{sku}.{code}.{rate}"), value.clone())).collect();
        json!({ format!("{sku}.{code}"): {
            "priceDimensions": dimensions,
            "sku": sku,
            "effectiveDate": "2026-11-01T00:00:00Z",
            "offerTermCode": code,
            "termAttributes": attributes,
        }})
    };
    let reserved =
        json!({ "LeaseContractLength": "1yr", "OfferingClass": "standard", "PurchaseOption": "All Upfront" });
    let hours = ("6YS6EN2CT7", dimension("6QCMYABX3D", "6YS6EN2CT7", "Hrs", "0.0000000000"));
    let upfront = ("2TG2D8R56U", dimension("6QCMYABX3D", "2TG2D8R56U", "Quantity", "491"));
    json!({
        "product": {
            "productFamily": "Compute Instance",
            "attributes": {
                "enhancedNetworkingSupported": "Yes",
                "memory": "8 GiB",
                "vcpu": "2",
                "capacitystatus": "Used",
                "locationType": "AWS Region",
                "storage": "EBS only",
                "instanceFamily": "General purpose",
                "operatingSystem": "Linux",
                "regionCode": REGION,
                "tenancy": "Shared",
                "usagetype": format!("EUC1-BoxUsage:{name}"),
                "marketoption": "OnDemand",
                "licenseModel": "No License required",
                "instanceType": name,
                "preInstalledSw": "NA",
                "operation": "RunInstances",
                "servicecode": "AmazonEC2",
            },
            "sku": sku,
        },
        "serviceCode": "AmazonEC2",
        "terms": {
            "OnDemand": term("JRTCKXETXF", json!({}), &[("6YS6EN2CT7", dimension("JRTCKXETXF", "6YS6EN2CT7", "Hrs", usd))]),
            "Reserved": term("6QCMYABX3D", reserved, &[hours, upfront]),
        },
        "version": "20261101000000",
        "publicationDate": "2026-11-01T00:00:00Z",
    })
}

#[track_caller]
fn check(items: &[Value], region: &str, want: &[(&str, i64)], odd: &[&str]) {
    let texts: Vec<String> = items.iter().map(Value::to_string).collect();
    let (prices, told) = offer::items(texts.iter().map(String::as_str), region).unwrap();
    let prices: Vec<(&str, i64)> =
        prices.iter().map(|(name, rate)| (name.as_str(), HourlyRate::nano_usd(*rate))).collect();
    assert_eq!(prices, want);
    assert_eq!(told, odd);
}

#[test]
fn the_on_demand_term_counts_among_several_and_ten_decimals_are_rounded_half_to_even() {
    let items = [
        item("AAA", "m7i.large", "0.1207500000"),
        item("BBB", "c7g.medium", "0.0388000005"),
        item("CCC", "c7g.large", "0.0388000015"),
    ];
    let want = [("c7g.large", 38_800_002), ("c7g.medium", 38_800_000), ("m7i.large", 120_750_000)];
    check(&items, REGION, &want, &[]);
    check(&items, "eu-west-1", &[], &[]);
}

#[test]
fn a_type_without_one_price_is_left_out_and_said_and_the_others_count() {
    let mut none = item("BBB", "p5.48xlarge", "1");
    none["terms"].as_object_mut().unwrap().remove("OnDemand");
    let items = [
        item("AAA", "m7i.large", "0.1207500000"),
        none,
        item("CCC", "c7g.large", "0.0000000000"),
        item("DDD", "c7g.medium", "0.0388000000"),
        item("EEE", "c7g.medium", "0.0388000000"),
    ];
    let odd = [
        "SKU BBB (p5.48xlarge) has 0 prices: expected one",
        "SKU CCC (c7g.large) \"0.0000000000\" is no price: it must be above zero",
        "c7g.medium has 2 prices: expected one",
    ];
    check(&items, REGION, &[("m7i.large", 120_750_000)], &odd);
}

#[test]
fn other_systems_tenancies_and_states_are_none() {
    let attribute = |key: &str, value: &str| {
        let mut other = item("AAA", "m7i.large", "1.0000000000");
        other["product"]["attributes"][key] = value.into();
        other
    };
    let others = [
        attribute("operatingSystem", "Windows"),
        attribute("tenancy", "Dedicated"),
        attribute("capacitystatus", "UnusedCapacityReservation"),
        attribute("preInstalledSw", "SQL Std"),
        attribute("marketoption", "CapacityBlock"),
        attribute("usagetype", "EUC1-HostBoxUsage:m7i.large"),
    ];
    check(&others, REGION, &[], &[]);
}

#[test]
fn what_is_no_item_is_named_by_its_number() {
    let good = item("AAA", "m7i.large", "0.1207500000").to_string();
    let told = |texts: [&str; 2]| offer::items(texts, REGION).unwrap_err().to_string();
    assert!(told([&good, "{"]).starts_with("PriceList[1]: EOF"), "{}", told([&good, "{"]));
    assert_eq!(told([&good, &good]), "PriceList[1]: SKU AAA stands there twice");
}
