//! Rows of the ledger from rows of FOCUS.

use plimsoll_domain::ledger::{Allocation, Charge, Quantity};
use polars::prelude::{DataFrame, PolarsError, PolarsResult};

use super::{allocation_key, charge_key};
use crate::frame::Reader;
use crate::words::Word;

/// Nano-USD in 1e-18 USD.
const NANO: i128 = 1_000_000_000;

/// The charges of a frame, ascending by key.
///
/// # Errors
/// A column of another type, or a cell that no version has written.
pub fn charges(frame: &DataFrame) -> PolarsResult<Vec<Charge>> {
    let reader = Reader(frame);
    let (hour, price_time) = (reader.time("ChargePeriodStart")?, reader.time("x_PriceTime")?);
    let (item, quality) = (reader.text("x_Item")?, reader.text("x_Quality")?);
    let (capacity, instance_type) = (reader.text("x_Capacity")?, reader.text("x_InstanceType")?);
    let (resource_id, resource_name) = (reader.text("ResourceId")?, reader.text("ResourceName")?);
    let (meter, unit) = (reader.text("SkuMeter")?, reader.text("PricingUnit")?);
    let (group, zone) = (reader.text("x_NodeGroup")?, reader.text("AvailabilityZone")?);
    let (quantity, price_source) = (reader.decimal("PricingQuantity")?, reader.text("x_PriceSource")?);
    let list_price = reader.decimal("ListUnitPrice")?;
    let contracted_price = reader.decimal("ContractedUnitPrice")?;
    let costs = costs(&reader)?;
    let row = |row: usize| -> PolarsResult<Charge> {
        let [list_cost, contracted_cost, effective_cost, billed_cost] = costs(row)?;
        Ok(Charge {
            hour: known("ChargePeriodStart", hour(row))?,
            item: word("x_Item", item(row))?,
            resource_id: resource_id(row).to_owned(),
            resource_name: resource_name(row).to_owned(),
            meter: meter(row).to_owned(),
            capacity: optional_word("x_Capacity", capacity(row))?,
            instance_type: instance_type(row).to_owned(),
            group: group(row).to_owned(),
            zone: zone(row).to_owned(),
            unit: unit(row).to_owned(),
            quantity: Quantity(known("PricingQuantity", quantity(row))?),
            list_unit_price: whole("ListUnitPrice", list_price(row).map(|price| price / NANO))?,
            contracted_unit_price: whole(
                "ContractedUnitPrice",
                contracted_price(row).map(|price| price / NANO),
            )?,
            list_cost,
            contracted_cost,
            effective_cost,
            billed_cost,
            quality: word("x_Quality", quality(row))?,
            price_source: price_source(row).to_owned(),
            price_time: known("x_PriceTime", price_time(row))?,
        })
    };
    let mut rows: Vec<Charge> = (0..frame.height()).map(row).collect::<PolarsResult<_>>()?;
    rows.sort_by(|one, two| charge_key(one).cmp(&charge_key(two)));
    Ok(rows)
}

/// The allocations of a frame, ascending by charge and owner.
///
/// # Errors
/// As for [`charges`].
pub fn allocations(frame: &DataFrame) -> PolarsResult<Vec<Allocation>> {
    let reader = Reader(frame);
    let (hour, item) = (reader.time("ChargePeriodStart")?, reader.text("x_Item")?);
    let (resource_id, meter) = (reader.text("ResourceId")?, reader.text("SkuMeter")?);
    let (capacity, instance_type) = (reader.text("x_Capacity")?, reader.text("x_InstanceType")?);
    let (group, zone) = (reader.text("x_NodeGroup")?, reader.text("AvailabilityZone")?);
    let (share, kind) = (reader.text("x_Share")?, reader.text("x_AllocationKind")?);
    let (method, quality) = (reader.text("x_SplitMethod")?, reader.text("x_Quality")?);
    let (namespace, workload) = (reader.text("x_Namespace")?, reader.text("x_Workload")?);
    let (pod, team, model) = (reader.text("x_Pod")?, reader.text("x_Team")?, reader.text("x_Model")?);
    let costs = costs(&reader)?;
    let row = |row: usize| -> PolarsResult<Allocation> {
        let [list_cost, contracted_cost, effective_cost, billed_cost] = costs(row)?;
        Ok(Allocation {
            hour: known("ChargePeriodStart", hour(row))?,
            item: word("x_Item", item(row))?,
            resource_id: resource_id(row).to_owned(),
            meter: meter(row).to_owned(),
            capacity: optional_word("x_Capacity", capacity(row))?,
            instance_type: instance_type(row).to_owned(),
            group: group(row).to_owned(),
            zone: zone(row).to_owned(),
            share: word("x_Share", share(row))?,
            kind: word("x_AllocationKind", kind(row))?,
            method: word("x_SplitMethod", method(row))?,
            namespace: namespace(row).to_owned(),
            workload: workload(row).to_owned(),
            pod: pod(row).to_owned(),
            team: team(row).to_owned(),
            model: model(row).to_owned(),
            list_cost,
            contracted_cost,
            effective_cost,
            billed_cost,
            quality: word("x_Quality", quality(row))?,
        })
    };
    let mut rows: Vec<Allocation> = (0..frame.height()).map(row).collect::<PolarsResult<_>>()?;
    rows.sort_by(|one, two| allocation_key(one).cmp(&allocation_key(two)));
    Ok(rows)
}

/// List, contracted, effective, billed.
fn costs<'a>(reader: &Reader<'a>) -> PolarsResult<impl Fn(usize) -> PolarsResult<[i64; 4]> + use<'a>> {
    let (list, contracted) = (reader.decimal("ListCost")?, reader.decimal("ContractedCost")?);
    let (effective, billed) = (reader.decimal("EffectiveCost")?, reader.decimal("BilledCost")?);
    Ok(move |row| {
        Ok([
            whole("ListCost", list(row))?,
            whole("ContractedCost", contracted(row))?,
            whole("EffectiveCost", effective(row))?,
            whole("BilledCost", billed(row))?,
        ])
    })
}

fn known<T>(column: &str, cell: Option<T>) -> PolarsResult<T> {
    cell.ok_or_else(|| PolarsError::ComputeError(format!("{column} is missing").into()))
}

fn whole(column: &str, cell: Option<i128>) -> PolarsResult<i64> {
    let out_of_range = |_| PolarsError::ComputeError(format!("{column} is out of range").into());
    known(column, cell)?.try_into().map_err(out_of_range)
}

fn word<W: Word>(column: &str, text: &str) -> PolarsResult<W> {
    W::read(text).ok_or_else(|| PolarsError::ComputeError(format!("{column}: unknown word {text:?}").into()))
}

fn optional_word<W: Word>(column: &str, text: &str) -> PolarsResult<Option<W>> {
    if text.is_empty() { Ok(None) } else { word(column, text).map(Some) }
}
