//! Catalogs.

use plimsoll_domain::catalog::{Catalog, Source};
use plimsoll_domain::finding::Finding;
use plimsoll_domain::store::{CatalogHead, StoredCatalog};
use plimsoll_proto::v1 as pb;

use super::{finding::findings, plan::int_of, time::timestamp};

/// A catalog that was imported just now, with what its reader remarked.
pub fn imported(from: &StoredCatalog, remarks: &[Finding]) -> pb::Catalog {
    pb::Catalog { findings: findings(remarks), ..catalog(from) }
}

/// A catalog as the wire has it: what it is made of, not what it lists.
pub fn catalog(from: &StoredCatalog) -> pb::Catalog {
    let catalog: &Catalog = &from.catalog;
    let Catalog { region, types, on_demand, price_time, sources, .. } = catalog;
    pb::Catalog {
        name: from.id.name(),
        region: region.clone(),
        price_time: Some(timestamp(*price_time)),
        sources: sources.iter().map(source).collect(),
        instance_type_count: int_of(types.len()),
        on_demand_price_count: int_of(on_demand.len()),
        spot_price_count: int_of(spot_count(catalog)),
        findings: Vec::new(),
        create_time: None,
    }
}

/// A catalog as a list has it.
pub fn head(from: &CatalogHead) -> pb::Catalog {
    pb::Catalog {
        name: from.id.name(),
        region: from.region.clone(),
        create_time: from.create_time.map(timestamp),
        ..Default::default()
    }
}

fn source(from: &Source) -> pb::Source {
    pb::Source {
        what: from.what.clone(),
        origin: from.origin.clone(),
        source_time: Some(timestamp(from.time)),
        estimated: from.estimated,
    }
}

fn spot_count(catalog: &Catalog) -> usize {
    let zonal_only = catalog.spot_zonal.keys().filter(|name| !catalog.spot.contains_key(*name));
    catalog.spot.len() + zonal_only.count()
}
