//! What a catalog offers, as a list with pages and a filter.

use plimsoll_domain::catalog::{Catalog, InstanceType, SpotPrice};
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::ids::CatalogId;
use plimsoll_domain::store::StoredCatalog;
use plimsoll_domain::units::HourlyRate;
use plimsoll_proto::v1 as pb;

use super::filter::{Filter, Kind, Value};
use super::{page, plan::capacity_kind, time::timestamp};

/// Name of the list in page tokens.
pub const LIST: &str = "offerings";

/// Fields that ListOfferings filters by.
pub const FILTER_FIELDS: [(&str, Kind); 9] = [
    ("instance_type", Kind::Text),
    ("zone", Kind::Text),
    ("kind", Kind::Text),
    ("architecture", Kind::Text),
    ("vcpu_count", Kind::Number),
    ("memory_bytes", Kind::Number),
    ("gpu_count", Kind::Number),
    ("gpu_name", Kind::Text),
    ("price_nano_usd_per_hour", Kind::Number),
];

/// Where a page ended: the catalog, and the offering that was its last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// All pages are of this catalog, also where a newer one came in between.
    pub catalog: CatalogId,
    last: (String, String, CapacityKind),
}

impl Position {
    /// Reads the place in a page token; none if it is none of ours.
    pub fn parse(place: &str) -> Option<Self> {
        let mut parts = place.split('\n');
        let (catalog, instance_type, zone, kind) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let kind =
            [CapacityKind::OnDemand, CapacityKind::Spot].into_iter().find(|known| known.label() == kind)?;
        Some(Self { catalog: catalog.parse().ok()?, last: (instance_type.to_owned(), zone.to_owned(), kind) })
    }

    fn token(&self) -> String {
        let (instance_type, zone, kind) = &self.last;
        let place = format!("{}\n{instance_type}\n{zone}\n{}", self.catalog, kind.label());
        page::token(LIST, &place)
    }
}

/// The page of at most `size` offerings that pass, after a position.
pub fn list(
    from: &StoredCatalog,
    filter: &Filter,
    after: Option<&Position>,
    size: u32,
) -> pb::ListOfferingsResponse {
    let catalog: &Catalog = &from.catalog;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let mut lines = catalog
        .types
        .values()
        .filter(|found| after.is_none_or(|after| after.last.0.as_str() <= found.name.as_str()))
        .flat_map(|found| lines(catalog, found))
        .filter(|line| after.is_none_or(|after| after.last < line.key()))
        .filter(|line| filter.passes(|field| line.value(field)));
    let page: Vec<Line> = lines.by_ref().take(size).collect();
    let next = page.last().filter(|_| lines.next().is_some());
    pb::ListOfferingsResponse {
        next_page_token: next
            .map(|last| Position { catalog: from.id.clone(), last: last.key() }.token())
            .unwrap_or_default(),
        offerings: page.iter().map(|line| line.wire(catalog)).collect(),
        price_time: Some(timestamp(catalog.price_time)),
        catalog: from.id.name(),
    }
}

/// One type at one price.
struct Line<'a> {
    found: &'a InstanceType,
    zone: &'a str,
    kind: CapacityKind,
    rate: HourlyRate,
    estimated: bool,
}

/// Prices of a type: of the whole region first, then of zones.
fn lines<'a>(catalog: &'a Catalog, found: &'a InstanceType) -> Vec<Line<'a>> {
    let on_demand = catalog.on_demand.get(&found.name).map(|rate| (CapacityKind::OnDemand, "", *rate, false));
    let spot = |zone, price: &SpotPrice| (CapacityKind::Spot, zone, price.rate, price.estimated);
    let regional = catalog.spot.get(&found.name).map(|price| spot("", price));
    let zonal = catalog.spot_zonal.get(&found.name).into_iter().flatten();
    on_demand
        .into_iter()
        .chain(regional)
        .chain(zonal.map(|(zone, price)| spot(zone.as_str(), price)))
        .map(|(kind, zone, rate, estimated)| Line { found, zone, kind, rate, estimated })
        .collect()
}

impl<'a> Line<'a> {
    fn key(&self) -> (String, String, CapacityKind) {
        (self.found.name.clone(), self.zone.to_owned(), self.kind)
    }

    fn value(&self, field: &str) -> Value<'a> {
        match field {
            "instance_type" => Value::Text(&self.found.name),
            "zone" => Value::Text(self.zone),
            "kind" => Value::Enum { name: capacity_kind(self.kind).as_str_name(), prefix: "CAPACITY_KIND_" },
            "architecture" => Value::Text(&self.found.architecture),
            "vcpu_count" => Value::Number(self.found.vcpu),
            "memory_bytes" => Value::Number(memory_bytes(self.found)),
            "gpu_count" => Value::Number(self.gpu_count()),
            "gpu_name" => Value::Text(self.gpu_name()),
            _ => Value::Number(self.rate.nano_usd()),
        }
    }

    fn wire(&self, catalog: &Catalog) -> pb::PricedOffering {
        let is_spot = self.kind == CapacityKind::Spot;
        let known = is_spot && catalog.interruption_bands.contains_key(&self.found.name);
        pb::PricedOffering {
            instance_type: self.found.name.clone(),
            zone: self.zone.to_owned(),
            kind: capacity_kind(self.kind).into(),
            price_nano_usd_per_hour: self.rate.nano_usd(),
            estimated: self.estimated,
            architecture: self.found.architecture.clone(),
            vcpu_count: small(self.found.vcpu),
            memory_bytes: memory_bytes(self.found),
            gpu_count: small(self.gpu_count()),
            gpu_name: self.gpu_name().to_owned(),
            interruption_ratio: known.then(|| catalog.interruption_rate(&self.found.name)),
        }
    }

    fn gpu_count(&self) -> i64 {
        self.found.accelerator.as_ref().map_or(0, |accelerator| accelerator.count)
    }

    fn gpu_name(&self) -> &'a str {
        self.found.accelerator.as_ref().map_or("", |accelerator| accelerator.name.as_str())
    }
}

fn memory_bytes(found: &InstanceType) -> i64 {
    found.memory_mib.saturating_mul(1 << 20)
}

fn small(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::filter;

    fn catalog() -> StoredCatalog {
        let mut catalog = Catalog::clone(&Catalog::builtin());
        let zonal = SpotPrice { rate: HourlyRate::from_nano_usd(1).unwrap(), estimated: false };
        catalog.spot_zonal.insert("m7i.large".into(), [("us-east-1a".to_owned(), zonal)].into());
        StoredCatalog { id: "k".parse().unwrap(), catalog }
    }

    /// Reads the list page by page.
    fn all(filter: &str, size: u32) -> Vec<pb::PricedOffering> {
        let (catalog, filter) = (catalog(), filter::parse(filter, &FILTER_FIELDS).unwrap());
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = list(&catalog, &filter, after.as_ref(), size);
            assert!(page.offerings.len() <= size as usize);
            found.extend(page.offerings);
            if page.next_page_token.is_empty() {
                return found;
            }
            let place = page::request(LIST, 0, &page.next_page_token).unwrap().token;
            after = Some(Position::parse(&place).expect("our own place"));
        }
    }

    #[test]
    fn pages_add_up_to_the_whole_list() {
        let whole = all("", 1_000_000);
        assert_eq!(all("", 7), whole);
        assert!(1000 < whole.len(), "{}", whole.len());
    }

    #[test]
    fn a_types_prices_are_listed_by_zone_and_kind() {
        let found = all("instance_type = \"m7i.large\"", 1);
        let line = |offering: &pb::PricedOffering| (offering.zone.clone(), offering.kind().as_str_name());
        let want = [
            ("", "CAPACITY_KIND_ON_DEMAND"),
            ("", "CAPACITY_KIND_SPOT"),
            ("us-east-1a", "CAPACITY_KIND_SPOT"),
        ];
        assert_eq!(
            found.iter().map(line).collect::<Vec<_>>(),
            want.map(|(zone, kind)| (zone.to_owned(), kind))
        );
    }

    #[test]
    fn filters_look_at_facts_and_prices() {
        for offering in all("kind = \"SPOT\" AND vcpu_count >= 8 AND gpu_count > 0", 50) {
            assert!(offering.gpu_count > 0 && offering.vcpu_count >= 8 && offering.kind == 2, "{offering:?}");
        }
        assert_eq!(all("price_nano_usd_per_hour <= 1", 50).len(), 1);
    }
}
