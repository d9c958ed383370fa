//! Columns of the tables, said once: files, exports and DDL are made from these lists.
//!
//! Columns are only ever added, at the end. A file that lacks one is read as if it were null there.

use polars::prelude::{DataType, Field, Schema, SchemaRef, TimeUnit, TimeZone};
use std::sync::Arc;

/// Digits of every decimal column.
pub const PRECISION: usize = 38;
/// Decimals of a cost: nano-USD.
pub const COST_SCALE: usize = 9;
/// Decimals of a price and of a quantity.
pub const PRICE_SCALE: usize = 18;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Money: decimal(38, 9).
    Cost,
    /// Price of a unit, or how many units: decimal(38, 18).
    Price,
    /// Moment in UTC, to the microsecond.
    Time,
    /// 64-bit integer.
    Integer,
    /// True or false.
    Flag,
}

impl Kind {
    /// How polars calls it.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::String,
            Self::Cost => DataType::Decimal(PRECISION, COST_SCALE),
            Self::Price => DataType::Decimal(PRECISION, PRICE_SCALE),
            Self::Time => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
            Self::Integer => DataType::Int64,
            Self::Flag => DataType::Boolean,
        }
    }
}

/// A column: its name and what it holds. Each may be null as far as the file goes.
pub type Column = (&'static str, Kind);

/// Columns of `charges` and `allocations`: the 57 of FOCUS 1.2 by name, then ours.
///
/// Source: FinOps Open Cost and Usage Specification 1.2, "Columns".
pub const FOCUS: [Column; 73] = [
    ("AvailabilityZone", Kind::Text),
    ("BilledCost", Kind::Cost),
    ("BillingAccountId", Kind::Text),
    ("BillingAccountName", Kind::Text),
    ("BillingAccountType", Kind::Text),
    ("BillingCurrency", Kind::Text),
    ("BillingPeriodEnd", Kind::Time),
    ("BillingPeriodStart", Kind::Time),
    ("CapacityReservationId", Kind::Text),
    ("CapacityReservationStatus", Kind::Text),
    ("ChargeCategory", Kind::Text),
    ("ChargeClass", Kind::Text),
    ("ChargeDescription", Kind::Text),
    ("ChargeFrequency", Kind::Text),
    ("ChargePeriodEnd", Kind::Time),
    ("ChargePeriodStart", Kind::Time),
    ("CommitmentDiscountCategory", Kind::Text),
    ("CommitmentDiscountId", Kind::Text),
    ("CommitmentDiscountName", Kind::Text),
    ("CommitmentDiscountQuantity", Kind::Price),
    ("CommitmentDiscountStatus", Kind::Text),
    ("CommitmentDiscountType", Kind::Text),
    ("CommitmentDiscountUnit", Kind::Text),
    ("ConsumedQuantity", Kind::Price),
    ("ConsumedUnit", Kind::Text),
    ("ContractedCost", Kind::Cost),
    ("ContractedUnitPrice", Kind::Price),
    ("EffectiveCost", Kind::Cost),
    ("InvoiceId", Kind::Text),
    ("InvoiceIssuerName", Kind::Text),
    ("ListCost", Kind::Cost),
    ("ListUnitPrice", Kind::Price),
    ("PricingCategory", Kind::Text),
    ("PricingCurrency", Kind::Text),
    ("PricingCurrencyContractedUnitPrice", Kind::Price),
    ("PricingCurrencyEffectiveCost", Kind::Cost),
    ("PricingCurrencyListUnitPrice", Kind::Price),
    ("PricingQuantity", Kind::Price),
    ("PricingUnit", Kind::Text),
    ("ProviderName", Kind::Text),
    ("PublisherName", Kind::Text),
    ("RegionId", Kind::Text),
    ("RegionName", Kind::Text),
    ("ResourceId", Kind::Text),
    ("ResourceName", Kind::Text),
    ("ResourceType", Kind::Text),
    ("ServiceCategory", Kind::Text),
    ("ServiceName", Kind::Text),
    ("ServiceSubcategory", Kind::Text),
    ("SkuId", Kind::Text),
    ("SkuMeter", Kind::Text),
    ("SkuPriceDetails", Kind::Text),
    ("SkuPriceId", Kind::Text),
    ("SubAccountId", Kind::Text),
    ("SubAccountName", Kind::Text),
    ("SubAccountType", Kind::Text),
    ("Tags", Kind::Text),
    ("x_Cluster", Kind::Text),
    ("x_Namespace", Kind::Text),
    ("x_Workload", Kind::Text),
    ("x_Pod", Kind::Text),
    ("x_Team", Kind::Text),
    ("x_NodeGroup", Kind::Text),
    ("x_Model", Kind::Text),
    ("x_AllocationKind", Kind::Text),
    ("x_SplitMethod", Kind::Text),
    ("x_Quality", Kind::Text),
    ("x_Item", Kind::Text),
    ("x_Share", Kind::Text),
    ("x_Capacity", Kind::Text),
    ("x_InstanceType", Kind::Text),
    ("x_PriceSource", Kind::Text),
    ("x_PriceTime", Kind::Time),
];

/// Columns of `samples`: a row for each pod that was seen; a moment without pods is one row without names.
pub const SAMPLES: [Column; 14] = [
    ("time", Kind::Integer),
    ("namespace", Kind::Text),
    ("name", Kind::Text),
    ("provider_id", Kind::Text),
    ("workload", Kind::Text),
    ("daemon", Kind::Flag),
    ("team", Kind::Text),
    ("model", Kind::Text),
    ("cpu_milli", Kind::Integer),
    ("memory_bytes", Kind::Integer),
    ("gpus", Kind::Integer),
    ("used_cpu_milli", Kind::Integer),
    ("used_memory_bytes", Kind::Integer),
    ("facts", Kind::Text),
];

/// The columns as polars wants them.
pub fn schema(columns: &[Column]) -> SchemaRef {
    let fields = columns.iter().map(|(name, kind)| Field::new((*name).into(), kind.data_type()));
    Arc::new(Schema::from_iter(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn focus_columns_come_by_name_and_ours_last() {
        let (focus, ours) = FOCUS.split_at(57);
        assert!(focus.is_sorted_by(|one, two| one.0 < two.0));
        assert!(ours.iter().all(|(name, _)| name.starts_with("x_")));
        assert!(focus.iter().all(|(name, _)| !name.starts_with("x_")));
    }
}
