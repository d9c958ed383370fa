//! The price list: JSON in, JSON with products as JSON texts out.

use std::sync::LazyLock;

use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::units::HourlyRate;
use serde_json::{Map, Value, json};

use super::state::{State, Words};
use super::{Answer, Request};

const JSON: &str = "application/x-amz-json-1.1";
/// Products of one page at most, as the service has it.
const PAGE: usize = 100;
/// The only region whose prices are here.
const REGION: &str = "us-east-1";
/// Codes that AWS gives the term of paying by the hour, and the price of an hour.
const ON_DEMAND: &str = "JRTCKXETXF";
const HOUR: &str = "6YS6EN2CT7";

pub fn answer(state: &mut State, request: &Request) -> Answer {
    state.refused(&format!("pricing:{}", request.action))?;
    if request.action != "GetProducts" {
        return Err(Words::new(
            400,
            "UnknownOperationException",
            format!("{} is not answered here", request.action),
        ));
    }
    let asked = &request.body;
    if asked["ServiceCode"] != "AmazonEC2" {
        return Err(Words::new(400, "InvalidParameterException", "only AmazonEC2 is sold here"));
    }
    let filters = asked["Filters"].as_array().cloned().unwrap_or_default();
    let passes = |product: &&Product| {
        filters.iter().all(|filter| {
            let field = filter["Field"].as_str().unwrap_or_default();
            filter["Type"] == "TERM_MATCH" && product.attributes[field] == filter["Value"]
        })
    };
    let from: usize = asked["NextToken"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
    let most = asked["MaxResults"].as_u64().and_then(|most| most.try_into().ok()).unwrap_or(PAGE).min(PAGE);
    static PRODUCTS: LazyLock<Vec<Product>> = LazyLock::new(products);
    let mut found = PRODUCTS.iter().filter(passes).skip(from);
    let page: Vec<String> = found.by_ref().take(most).map(|product| product.item().to_string()).collect();
    let mut answer = json!({ "FormatVersion": "aws_v1", "PriceList": page });
    if found.next().is_some() {
        answer["NextToken"] = (from + most).to_string().into();
    }
    Ok((JSON, answer.to_string()))
}

struct Product {
    sku: String,
    attributes: Value,
    rate: HourlyRate,
}

/// Each type as it is wanted, and in three guises that nobody here buys.
fn products() -> Vec<Product> {
    const GUISES: [(&str, &str, &str); 4] = [
        ("Linux", "Shared", "Used"),
        ("Windows", "Shared", "Used"),
        ("Linux", "Dedicated", "Used"),
        ("Linux", "Shared", "UnusedCapacityReservation"),
    ];
    let catalog = Catalog::builtin();
    let mut all = Vec::new();
    for (index, (name, rate)) in catalog.on_demand.iter().enumerate() {
        for (guise, (system, tenancy, capacity)) in GUISES.into_iter().enumerate() {
            let is_used = capacity == "Used";
            let attributes = json!({
                "instanceType": name,
                "regionCode": REGION,
                "location": "US East (N. Virginia)",
                "locationType": "AWS Region",
                "operatingSystem": system,
                "tenancy": tenancy,
                "preInstalledSw": "NA",
                "capacitystatus": capacity,
                "marketoption": "OnDemand",
                "licenseModel": "No License required",
                "usagetype": format!("{}:{name}", if is_used { "BoxUsage" } else { "UnusedBox" }),
                "operation": "RunInstances",
                "servicecode": "AmazonEC2",
                "servicename": "Amazon Elastic Compute Cloud",
            });
            let sku = format!("PLIMSOLL{index:06}{guise:02}");
            all.push(Product { sku, attributes, rate: *rate });
        }
    }
    all
}

impl Product {
    /// As the price list prints it, with the twelve reservations that each type has.
    fn item(&self) -> Value {
        let sku = &self.sku;
        let mut reserved = Map::new();
        for (index, (years, class, paid)) in reservations().into_iter().enumerate() {
            let terms =
                json!({ "LeaseContractLength": years, "OfferingClass": class, "PurchaseOption": paid });
            let hour = self.dimension(&format!("RESERVED{index:02}"), HOUR, "Hrs", self.rate);
            let upfront = self.dimension(&format!("RESERVED{index:02}"), "2TG2D8R56U", "Quantity", self.rate);
            let (key, term) = self.term(&format!("RESERVED{index:02}"), terms, vec![hour, upfront]);
            reserved.insert(key, term);
        }
        let (key, term) =
            self.term(ON_DEMAND, json!({}), vec![self.dimension(ON_DEMAND, HOUR, "Hrs", self.rate)]);
        json!({
            "product": { "productFamily": "Compute Instance", "attributes": self.attributes, "sku": sku },
            "serviceCode": "AmazonEC2",
            "terms": { "OnDemand": { key: term }, "Reserved": reserved },
            "version": "20261101000000",
            "publicationDate": "2026-11-01T00:00:00Z",
        })
    }

    fn term(&self, code: &str, attributes: Value, dimensions: Vec<(String, Value)>) -> (String, Value) {
        let term = json!({
            "priceDimensions": dimensions.into_iter().collect::<Map<_, _>>(),
            "sku": self.sku,
            "effectiveDate": "2026-11-01T00:00:00Z",
            "offerTermCode": code,
            "termAttributes": attributes,
        });
        (format!("{}.{code}", self.sku), term)
    }

    fn dimension(&self, term: &str, rate: &str, unit: &str, price: HourlyRate) -> (String, Value) {
        const NANO: i64 = 1_000_000_000;
        let code = format!("{}.{term}.{rate}", self.sku);
        // Ten decimals.
        let usd = format!("{}.{:09}0", price.nano_usd() / NANO, price.nano_usd() % NANO);
        let dimension = json!({
            "unit": unit,
            "endRange": "Inf",
            "description": format!("${usd} per {unit}"),
            "appliesTo": [],
            "rateCode": code,
            "beginRange": "0",
            "pricePerUnit": { "USD": usd },
        });
        (code, dimension)
    }
}

fn reservations() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut all = Vec::new();
    for years in ["1yr", "3yr"] {
        for class in ["standard", "convertible"] {
            all.extend(["No Upfront", "Partial Upfront", "All Upfront"].map(|paid| (years, class, paid)));
        }
    }
    all
}
