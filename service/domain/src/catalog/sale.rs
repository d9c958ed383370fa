//! What can be bought in given zones, one line for each type, zone and capacity kind.

use std::sync::Arc;

use crate::catalog::{Catalog, InstanceType, spot};
use crate::fleet::CapacityKind;
use crate::units::HourlyRate;

/// One thing that AWS sells.
#[derive(Clone, Debug, PartialEq)]
pub struct Quote<'a> {
    /// Its facts.
    pub instance_type: &'a Arc<InstanceType>,
    /// Availability zone.
    pub zone: &'a str,
    /// How it is bought.
    pub kind: CapacityKind,
    /// What AWS bills, before any discount of the account.
    pub price: HourlyRate,
    /// Whether the price is an estimate from the Spot Advisor.
    pub estimated: bool,
    /// Share of such nodes expected to be reclaimed in 30 days, `0.0..=1.0`; 0 on-demand.
    pub interruption_rate: f64,
}

impl Catalog {
    /// Everything that is sold in `zones`, by type name, then in the order of `zones`, on-demand
    /// before spot. Nothing is left out for being exotic or burstable: that is the caller's choice.
    ///
    /// On-demand prices hold for a region, and no list says which zones lack a type, so each zone is
    /// taken to sell each type that has a price; a refusal by AWS is learnt when it comes.
    pub fn quotes<'a>(&'a self, zones: &'a [String]) -> impl Iterator<Item = Quote<'a>> {
        self.types.values().flat_map(move |found| {
            zones.iter().flat_map(move |zone| {
                let on_demand = self.quote(found, zone, CapacityKind::OnDemand);
                on_demand.into_iter().chain(self.quote(found, zone, CapacityKind::Spot))
            })
        })
    }

    /// What a type costs in a zone, if it is sold there that way.
    pub fn quote<'a>(
        &'a self,
        instance_type: &'a Arc<InstanceType>,
        zone: &'a str,
        kind: CapacityKind,
    ) -> Option<Quote<'a>> {
        let name = instance_type.name.as_str();
        let (price, estimated, interruption_rate) = match kind {
            CapacityKind::OnDemand => (*self.on_demand.get(name)?, false, 0.0),
            CapacityKind::Spot => {
                let spot = self.spot_price(name, zone)?;
                (spot.rate, spot.estimated, self.interruption_rate(name))
            }
        };
        Some(Quote { instance_type, zone, kind, price, estimated, interruption_rate })
    }

    /// Share of the type's spot nodes expected to be reclaimed in 30 days, `0.0..=1.0`. A type that
    /// the Spot Advisor does not know counts as one of its open band: [`spot::OPEN_BAND_RATE`].
    pub fn interruption_rate(&self, instance_type: &str) -> f64 {
        let band = self.interruption_bands.get(instance_type);
        band.and_then(|band| spot::interruption_rate(*band).ok()).unwrap_or(spot::OPEN_BAND_RATE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones() -> Vec<String> {
        vec!["us-east-1b".to_owned(), "us-east-1a".to_owned()]
    }

    #[test]
    fn each_type_is_sold_in_each_zone_in_both_kinds_if_both_have_a_price() {
        let catalog = Catalog::builtin();
        let zones = zones();
        let quotes: Vec<Quote> = catalog.quotes(&zones).collect();
        assert_eq!(quotes.len(), 2 * (1340 + 878));
        let large: Vec<(&str, CapacityKind)> = quotes
            .iter()
            .filter(|quote| quote.instance_type.name == "m5.large")
            .map(|quote| (quote.zone, quote.kind))
            .collect();
        let (on_demand, spot) = (CapacityKind::OnDemand, CapacityKind::Spot);
        let want = [
            ("us-east-1b", on_demand),
            ("us-east-1b", spot),
            ("us-east-1a", on_demand),
            ("us-east-1a", spot),
        ];
        assert_eq!(large, want);
    }

    #[test]
    fn spot_carries_its_risk_and_says_that_it_is_estimated() {
        let catalog = Catalog::builtin();
        let large = &catalog.types["m5.large"];
        let spot = catalog.quote(large, "us-east-1a", CapacityKind::Spot);
        assert_eq!(spot.map(|quote| (quote.estimated, quote.interruption_rate)), Some((true, 0.20)));
        let on_demand = catalog.quote(large, "us-east-1a", CapacityKind::OnDemand);
        assert_eq!(on_demand.map(|quote| (quote.estimated, quote.interruption_rate)), Some((false, 0.0)));
        assert_eq!(catalog.interruption_rate("no.such"), spot::OPEN_BAND_RATE);
    }
}
