//! What charges and allocations have in common.

use std::borrow::Cow;

use jiff::Timestamp;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::ledger::{Allocation, Charge, Item, Quality};

use super::Account;

/// 1e-18 in 1e-9, and 1 in 1e-18.
const NANO: i128 = 1_000_000_000;
const ATTO: i128 = NANO * NANO;

/// The four costs, nano-USD.
pub struct Costs {
    pub list: i64,
    pub contracted: i64,
    pub effective: i64,
    pub billed: i64,
}

/// A row of either table.
pub struct Line<'a> {
    pub hour: Timestamp,
    pub item: Item,
    pub resource_id: &'a str,
    pub meter: &'a str,
    pub capacity: Option<CapacityKind>,
    pub instance_type: &'a str,
    pub group: &'a str,
    pub zone: &'a str,
    /// In 1e-18 of the unit; none if it cannot be told.
    pub quantity: Option<i128>,
    pub costs: Costs,
    pub quality: Quality,
    /// The charge, or the one that this is a part of.
    pub charge: Option<&'a Charge>,
    /// Whose part it is; none for a charge.
    pub owner: Option<&'a Allocation>,
}

impl<'a> Line<'a> {
    pub fn of_charge(row: &'a Charge) -> Self {
        Self {
            hour: row.hour,
            item: row.item,
            resource_id: &row.resource_id,
            meter: &row.meter,
            capacity: row.capacity,
            instance_type: &row.instance_type,
            group: &row.group,
            zone: &row.zone,
            quantity: Some(row.quantity.0),
            costs: Costs {
                list: row.list_cost,
                contracted: row.contracted_cost,
                effective: row.effective_cost,
                billed: row.billed_cost,
            },
            quality: row.quality,
            charge: Some(row),
            owner: None,
        }
    }

    /// A part of `charge`: as much of it as its list cost buys.
    pub fn of_allocation(row: &'a Allocation, charge: Option<&'a Charge>) -> Self {
        Self {
            hour: row.hour,
            item: row.item,
            resource_id: &row.resource_id,
            meter: &row.meter,
            capacity: row.capacity,
            instance_type: &row.instance_type,
            group: &row.group,
            zone: &row.zone,
            quantity: charge.and_then(|charge| quantity(row.list_cost, charge.list_unit_price)),
            costs: Costs {
                list: row.list_cost,
                contracted: row.contracted_cost,
                effective: row.effective_cost,
                billed: row.billed_cost,
            },
            quality: row.quality,
            charge,
            owner: Some(row),
        }
    }

    /// In 1e-18 USD.
    pub fn list_unit_price(&self) -> Option<i128> {
        self.charge.map(|charge| i128::from(charge.list_unit_price) * NANO)
    }

    /// In 1e-18 USD.
    pub fn contracted_unit_price(&self) -> Option<i128> {
        self.charge.map(|charge| i128::from(charge.contracted_unit_price) * NANO)
    }

    pub fn unit(&self) -> &'a str {
        self.charge.map_or("", |charge| &charge.unit)
    }

    pub fn pricing_category(&self) -> &'static str {
        if self.capacity == Some(CapacityKind::Spot) { "Dynamic" } else { "Standard" }
    }

    /// The ledger does not know the numbers of AWS's price list; the usage type stands for them.
    pub fn sku_price_id(&self) -> Cow<'a, str> {
        match self.capacity {
            Some(CapacityKind::Spot) => Cow::Owned(format!("{}.Spot", self.meter)),
            _ => Cow::Owned(format!("{}.OnDemand", self.meter)),
        }
    }

    /// The zone without its letter, or else the account's.
    pub fn region<'b>(&'b self, account: &'b Account) -> &'b str {
        if self.zone.is_empty() {
            &account.region
        } else {
            self.zone.trim_end_matches(|letter: char| letter.is_ascii_lowercase())
        }
    }
}

/// How much `cost` buys, in 1e-18, ties to even; none if it is free.
fn quantity(cost: i64, unit_price: i64) -> Option<i128> {
    if unit_price == 0 {
        return None;
    }
    let (cost, price) = (i128::from(cost) * ATTO, i128::from(unit_price));
    let (floor, rest) = (cost.div_euclid(price), cost.rem_euclid(price));
    let twice = (2 * rest).cmp(&price.abs());
    Some(if twice.is_gt() || (twice.is_eq() && floor % 2 != 0) { floor + 1 } else { floor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_as_much_as_its_cost_buys() {
        let table = [
            (96_000_000, 96_000_000, Some(ATTO)),
            (1, 3, Some(333_333_333_333_333_333)),
            (2, 3, Some(666_666_666_666_666_667)),
            (0, 5, Some(0)),
            (5, 0, None),
            (i64::MAX, 1, Some(i128::from(i64::MAX) * ATTO)),
        ];
        for (cost, price, want) in table {
            assert_eq!(quantity(cost, price), want, "{cost} at {price}");
        }
    }
}
