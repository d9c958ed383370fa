//! Charges and allocations as rows of FOCUS 1.2.

mod line;
mod read;
mod service;

use std::collections::HashMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::{Allocation, Charge, HourRows, Item};
use polars::prelude::{DataFrame, PolarsResult};

use crate::frame::Builder;
use crate::schema::FOCUS;
use crate::words::Word;
use line::Line;

pub use read::{allocations, charges};

/// Whose bill it is. FOCUS wants to know; the rows of the ledger do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Number of the AWS account, twelve digits.
    pub id: String,
    /// What people call it; empty if they do not: the number stands for it.
    pub name: String,
    /// Region of what has no zone, such as `us-east-1`.
    pub region: String,
}

impl Default for Account {
    /// An account that nobody has, in us-east-1: what the pretended world runs in.
    fn default() -> Self {
        Self { id: "000000000000".to_owned(), name: String::new(), region: "us-east-1".to_owned() }
    }
}

impl Account {
    fn name(&self) -> &str {
        if self.name.is_empty() { &self.id } else { &self.name }
    }
}

/// Order of charges.
fn charge_key(charge: &Charge) -> (Item, &str, &str) {
    (charge.item, &charge.resource_id, &charge.meter)
}

/// Order of allocations: by charge, then by owner.
fn allocation_key(row: &Allocation) -> impl Ord + use<'_> {
    let charge = (row.item, row.resource_id.as_str(), row.meter.as_str());
    let owner = (row.kind, row.namespace.as_str(), row.workload.as_str(), row.pod.as_str());
    (charge, row.share, owner, row.team.as_str(), row.model.as_str())
}

/// The charges of an hour, in their order.
pub fn charges_frame(account: &Account, cluster: &ClusterId, rows: &HourRows) -> PolarsResult<DataFrame> {
    let mut sorted: Vec<&Charge> = rows.charges.iter().collect();
    sorted.sort_by(|one, two| charge_key(one).cmp(&charge_key(two)));
    let lines: Vec<Line<'_>> = sorted.into_iter().map(Line::of_charge).collect();
    frame(account, cluster, &lines)
}

/// The allocations of an hour, by namespace and then in their order.
pub fn allocations_frame(account: &Account, cluster: &ClusterId, rows: &HourRows) -> PolarsResult<DataFrame> {
    let charges: HashMap<_, _> = rows.charges.iter().map(|charge| (charge_key(charge), charge)).collect();
    let mut sorted: Vec<&Allocation> = rows.allocations.iter().collect();
    sorted.sort_by(|one, two| {
        let by_namespace = one.namespace.cmp(&two.namespace);
        by_namespace.then_with(|| allocation_key(one).cmp(&allocation_key(two)))
    });
    let charge_of =
        |row: &Allocation| charges.get(&(row.item, row.resource_id.as_str(), row.meter.as_str())).copied();
    let lines: Vec<Line<'_>> =
        sorted.into_iter().map(|row| Line::of_allocation(row, charge_of(row))).collect();
    frame(account, cluster, &lines)
}

fn frame(account: &Account, cluster: &ClusterId, lines: &[Line<'_>]) -> PolarsResult<DataFrame> {
    let mut to = Builder::new(lines);
    who_and_when(&mut to, account, cluster);
    money(&mut to);
    what(&mut to, account);
    to.text("x_Cluster", |_| cluster.as_str())
        .text("x_Namespace", |line| line.owner.map_or("", |owner| &owner.namespace))
        .text("x_Workload", |line| line.owner.map_or("", |owner| &owner.workload))
        .text("x_Pod", |line| line.owner.map_or("", |owner| &owner.pod))
        .text("x_Team", |line| line.owner.map_or("", |owner| &owner.team))
        .text("x_NodeGroup", |line| line.group)
        .text("x_Model", |line| line.owner.map_or("", |owner| &owner.model))
        .text("x_AllocationKind", |line| line.owner.map_or("", |owner| owner.kind.text()))
        .text("x_SplitMethod", |line| line.owner.map_or("", |owner| owner.method.text()))
        .text("x_Quality", |line| line.quality.text())
        .text("x_Item", |line| line.item.text())
        .text("x_Share", |line| line.owner.map_or("", |owner| owner.share.text()))
        .text("x_Capacity", |line| line.capacity.map_or("", Word::text))
        .text("x_InstanceType", |line| line.instance_type)
        .text("x_PriceSource", |line| line.charge.map_or("", |charge| &charge.price_source))
        .time("x_PriceTime", |line| line.charge.map(|charge| charge.price_time));
    to.finish(&FOCUS)
}

fn who_and_when(to: &mut Builder<'_, Line<'_>>, account: &Account, cluster: &ClusterId) {
    to.text("BillingAccountId", |_| &account.id)
        .text("BillingAccountName", |_| account.name())
        .text("BillingAccountType", |_| "AWS Account")
        .text("SubAccountId", |_| &account.id)
        .text("SubAccountName", |_| account.name())
        .text("SubAccountType", |_| "AWS Account")
        .text("BillingCurrency", |_| "USD")
        .text("PricingCurrency", |_| "USD")
        .text("ProviderName", |_| "AWS")
        .text("PublisherName", |_| "AWS")
        .text("InvoiceIssuerName", |_| "AWS")
        .text("ChargeCategory", |_| "Usage")
        .text("ChargeFrequency", |_| "Usage-Based")
        .text("ChargeDescription", |line| format!("{} of cluster {cluster}", line.meter))
        .time("BillingPeriodStart", |line| Some(months(line.hour).0))
        .time("BillingPeriodEnd", |line| Some(months(line.hour).1))
        .time("ChargePeriodStart", |line| Some(line.hour))
        .time("ChargePeriodEnd", |line| line.hour.checked_add(1.hour()).ok());
}

fn money(to: &mut Builder<'_, Line<'_>>) {
    to.cost("ListCost", |line| line.costs.list)
        .cost("ContractedCost", |line| line.costs.contracted)
        .cost("EffectiveCost", |line| line.costs.effective)
        .cost("BilledCost", |line| line.costs.billed)
        .cost("PricingCurrencyEffectiveCost", |line| line.costs.effective)
        .price("ListUnitPrice", |line| line.list_unit_price())
        .price("PricingCurrencyListUnitPrice", |line| line.list_unit_price())
        .price("ContractedUnitPrice", |line| line.contracted_unit_price())
        .price("PricingCurrencyContractedUnitPrice", |line| line.contracted_unit_price())
        .price("PricingQuantity", |line| line.quantity)
        .price("ConsumedQuantity", |line| line.quantity)
        .text("PricingUnit", |line| line.unit())
        .text("ConsumedUnit", |line| line.unit())
        .text("PricingCategory", |line| line.pricing_category());
}

fn what(to: &mut Builder<'_, Line<'_>>, account: &Account) {
    to.text("ServiceCategory", |line| service::of(line.item).category)
        .text("ServiceSubcategory", |line| service::of(line.item).subcategory)
        .text("ServiceName", |line| service::of(line.item).name)
        .text("ResourceType", |line| service::of(line.item).resource)
        .text("ResourceId", |line| line.resource_id)
        .text("ResourceName", |line| line.charge.map_or("", |charge| &charge.resource_name))
        .text("SkuId", |line| line.meter)
        .text("SkuPriceId", |line| line.sku_price_id())
        .text("SkuMeter", |line| line.meter)
        .text("AvailabilityZone", |line| line.zone)
        .text("RegionId", |line| line.region(account))
        .text("RegionName", |line| service::region_name(line.region(account)));
}

/// Start of the month of a moment, and of the next.
fn months(time: Timestamp) -> (Timestamp, Timestamp) {
    let first = time.to_zoned(TimeZone::UTC).date().first_of_month();
    let start = |date: Date| date.to_zoned(TimeZone::UTC).map_or(time, |day| day.timestamp());
    (start(first), first.checked_add(1.month()).map_or(time, start))
}
