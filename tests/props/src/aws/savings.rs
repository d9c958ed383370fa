//! What the account has committed itself to: reservations of EC2 in XML, Savings Plans in JSON.

use serde_json::{Value, json};

use super::state::{State, Words};
use super::xml::{leaf, list, node};
use super::{Answer, Request};

const JSON: &str = "application/json";
/// Things of one page: few, so that pages are read.
const PAGE: usize = 2;
/// Seconds of a year.
const YEAR: i64 = 365 * 24 * 3600;
const START: &str = "2026-03-01T00:00:00.000Z";
const END: &str = "2027-03-01T00:00:00.000Z";

/// A reservation of machines for a year.
#[derive(Clone, Debug)]
pub struct Reservation {
    /// Of which type.
    pub instance_type: &'static str,
    /// In which zone; none: anywhere in the region.
    pub zone: Option<&'static str>,
    /// How many.
    pub count: i32,
    /// Of which system.
    pub product: &'static str,
    /// USD for the year, paid at its start.
    pub upfront: &'static str,
    /// USD an hour.
    pub hourly: &'static str,
}

/// A Savings Plan for a year.
#[derive(Clone, Debug)]
pub struct SavingsPlan {
    /// Its id: a UUID.
    pub id: &'static str,
    /// `Compute`, `EC2Instance` or `SageMaker`.
    pub kind: &'static str,
    /// Its family and its region, if it is of one.
    pub family: Option<(&'static str, &'static str)>,
    /// USD an hour.
    pub commitment: &'static str,
    /// USD an hour, by instance type.
    pub rates: &'static [(&'static str, &'static str)],
}

/// What EC2 knows: `DescribeReservedInstances`.
pub fn reservations(state: &State) -> String {
    let shown = state.reservations.iter().enumerate().map(|(number, one)| {
        let charge = [leaf("frequency", "Hourly"), leaf("amount", one.hourly)].concat();
        let place = match one.zone {
            Some(zone) => [leaf("availabilityZone", zone), leaf("scope", "Availability Zone")].concat(),
            None => leaf("scope", "Region"),
        };
        let told = [
            leaf("reservedInstancesId", format!("{number:08x}-0000-4000-8000-000000000000")),
            leaf("instanceType", one.instance_type),
            leaf("start", START),
            leaf("end", END),
            leaf("duration", YEAR),
            leaf("fixedPrice", one.upfront),
            leaf("usagePrice", "0.0"),
            leaf("instanceCount", one.count),
            leaf("productDescription", one.product),
            leaf("state", "active"),
            leaf("instanceTenancy", "default"),
            leaf("currencyCode", "USD"),
            leaf("offeringClass", "standard"),
            leaf("offeringType", "Partial Upfront"),
            node("recurringCharges", &node("item", &charge)),
            place,
        ];
        told.concat()
    });
    list("reservedInstancesSet", "item", shown)
}

/// The operation of a request.
pub fn action(request: &Request) -> &str {
    request.path.trim_start_matches('/')
}

pub fn answer(state: &mut State, request: &Request) -> Answer {
    let action = action(request).to_owned();
    state.refused(&format!("savingsplans:{action}"))?;
    let (key, all) = match action.as_str() {
        "DescribeSavingsPlans" => ("savingsPlans", state.savings_plans.iter().map(plan).collect()),
        "DescribeSavingsPlanRates" => ("searchResults", rates(state, &request.body)),
        other => {
            return Err(Words::new(
                404,
                "UnknownOperationException",
                format!("{other} is not answered here"),
            ));
        }
    };
    let all: Vec<Value> = all;
    let from: usize = request.body["nextToken"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut answer = json!({ key: all.iter().skip(from).take(PAGE).collect::<Vec<_>>() });
    if from + PAGE < all.len() {
        answer["nextToken"] = (from + PAGE).to_string().into();
    }
    Ok((JSON, answer.to_string()))
}

fn plan(one: &SavingsPlan) -> Value {
    let mut shown = json!({
        "savingsPlanId": one.id,
        "savingsPlanArn": format!("arn:aws:savingsplans::123456789012:savingsplan/{}", one.id),
        "savingsPlanType": one.kind,
        "state": "active",
        "start": START,
        "end": END,
        "termDurationInSeconds": YEAR,
        "paymentOption": "No Upfront",
        "productTypes": ["EC2"],
        "currency": "USD",
        "commitment": one.commitment,
    });
    if let Some((family, region)) = one.family {
        shown["ec2InstanceFamily"] = family.into();
        shown["region"] = region.into();
    }
    shown
}

/// Rates of the plan that is asked for: of each type as it is wanted, and of the same under another system.
fn rates(state: &State, body: &Value) -> Vec<Value> {
    let mut its = state.savings_plans.iter().filter(|one| body["savingsPlanId"] == one.id);
    let rates = its.next().map_or(&[][..], |one| one.rates);
    let systems = ["Linux/UNIX", "Windows"];
    let all = rates.iter().flat_map(|rate| systems.map(|system| (rate, system)));
    let shown = all.map(|((instance_type, rate), system)| {
        let properties = [
            ("region", "us-east-1"),
            ("instanceType", *instance_type),
            ("productDescription", system),
            ("tenancy", "shared"),
        ];
        json!({
            "rate": rate,
            "currency": "USD",
            "unit": "Hrs",
            "productType": "EC2",
            "serviceCode": "AmazonEC2",
            "usageType": format!("BoxUsage:{instance_type}"),
            "operation": "RunInstances",
            "properties": properties.map(|(name, value)| json!({ "name": name, "value": value })),
        })
    });
    shown.filter(|rate| passes(rate, &body["filters"])).collect()
}

fn passes(rate: &Value, filters: &Value) -> bool {
    let value = |name: &Value| match name.as_str() {
        Some("productType") => rate["productType"].clone(),
        _ => {
            let properties = rate["properties"].as_array().into_iter().flatten();
            properties
                .into_iter()
                .find(|one| one["name"] == *name)
                .map_or(Value::Null, |one| one["value"].clone())
        }
    };
    let mut filters = filters.as_array().into_iter().flatten();
    filters.all(|filter| {
        filter["values"].as_array().is_some_and(|values| values.contains(&value(&filter["name"])))
    })
}
