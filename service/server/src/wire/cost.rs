//! Costs on the wire.

mod outlook;

use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::{Condition, CostRow, Dimension, ExportFormat, ExportTable, Granularity};
use plimsoll_engine::{CostOrder, Costs, Error, Window};
use plimsoll_proto::v1 as pb;

use super::Invalid;
use super::filter::{self, Kind};
use super::finding;
use super::names;
use super::status::Refused;
use super::time::{parse_span, parse_timestamp, timestamp};

pub use outlook::{forecast, forecast_hours, no_usage, plan, savings, waste};

/// Stands for all clusters, as AIP-159 has it.
const ALL: &str = "clusters/-";

/// Every dimension: in the domain, on the wire, and its name in filters.
const DIMENSIONS: [(Dimension, pb::CostDimension, &str); 13] = [
    (Dimension::Cluster, pb::CostDimension::Cluster, "cluster"),
    (Dimension::Namespace, pb::CostDimension::Namespace, "namespace"),
    (Dimension::Team, pb::CostDimension::Team, "team"),
    (Dimension::Workload, pb::CostDimension::Workload, "workload"),
    (Dimension::Pod, pb::CostDimension::Pod, "pod"),
    (Dimension::NodeGroup, pb::CostDimension::NodeGroup, "node_group"),
    (Dimension::Resource, pb::CostDimension::Resource, "resource"),
    (Dimension::InstanceType, pb::CostDimension::InstanceType, "instance_type"),
    (Dimension::Capacity, pb::CostDimension::Capacity, "capacity"),
    (Dimension::Zone, pb::CostDimension::Zone, "zone"),
    (Dimension::Item, pb::CostDimension::Item, "item"),
    (Dimension::Kind, pb::CostDimension::Kind, "kind"),
    (Dimension::Model, pb::CostDimension::Model, "model"),
];

/// Reads a question.
pub fn order(request: &pb::QueryCostsRequest) -> Result<CostOrder, Invalid> {
    let mut group_by = Vec::new();
    for number in &request.group_by {
        let dimension = dimension("group_by", *number)?;
        if group_by.contains(&dimension) {
            return Err(Invalid::new("group_by", "a dimension is there twice"));
        }
        group_by.push(dimension);
    }
    Ok(CostOrder {
        cluster: cluster("parent", &request.parent)?,
        window: window(request.start_time, request.end_time, request.window_duration.as_ref())?,
        granularity: granularity(request.granularity)?,
        group_by,
        filter: conditions(&request.filter)?,
    })
}

/// Reads `clusters/{cluster}`; none for all.
pub fn cluster(field: &str, name: &str) -> Result<Option<ClusterId>, Invalid> {
    if name == ALL { Ok(None) } else { names::parse_cluster(field, name).map(Some) }
}

/// Reads a window.
pub fn window(
    start: Option<pbjson_types::Timestamp>,
    end: Option<pbjson_types::Timestamp>,
    length: Option<&pbjson_types::Duration>,
) -> Result<Window, Invalid> {
    let time = |field, time: Option<pbjson_types::Timestamp>| {
        time.map(|time| parse_timestamp(field, time)).transpose()
    };
    let length = length.map(|length| parse_span("window_duration", length)).transpose()?;
    Ok(Window { start: time("start_time", start)?, end: time("end_time", end)?, length })
}

/// Reads a filter over dimensions.
pub fn conditions(text: &str) -> Result<Vec<Condition>, Invalid> {
    let fields = DIMENSIONS.map(|(_, _, name)| (name, Kind::Text));
    let found = filter::parse(text, &fields)?;
    let condition = |(field, equal, value): (&str, bool, &str)| {
        let dimension = DIMENSIONS.iter().find(|(_, _, name)| *name == field)?.0;
        Some(Condition { dimension, equal, value: value.to_owned() })
    };
    Ok(found.equalities().filter_map(condition).collect())
}

/// Reads which table is wanted, and how.
pub fn export(request: &pb::ExportCostsRequest) -> Result<(ExportTable, ExportFormat), Invalid> {
    use pb::export_costs_request::{Format, Table};
    let unknown =
        |field: &str, number: i32| Invalid::new(field, format!("{number} is no value of this enum"));
    let table = match Table::try_from(request.table).map_err(|_| unknown("table", request.table))? {
        Table::Unspecified | Table::Charges => ExportTable::Charges,
        Table::Allocations => ExportTable::Allocations,
    };
    let format = match Format::try_from(request.format).map_err(|_| unknown("format", request.format))? {
        Format::Unspecified | Format::Csv => ExportFormat::Csv,
        Format::Json => ExportFormat::Json,
        Format::Parquet => ExportFormat::Parquet,
    };
    Ok((table, format))
}

/// The name and the media type of an exported file.
pub fn file(cluster: Option<&ClusterId>, table: ExportTable, format: ExportFormat) -> (String, &'static str) {
    let (ending, media) = match format {
        ExportFormat::Csv => ("csv", "text/csv"),
        ExportFormat::Json => ("jsonl", "application/jsonl"),
        ExportFormat::Parquet => ("parquet", "application/vnd.apache.parquet"),
    };
    let table = match table {
        ExportTable::Charges => "charges",
        ExportTable::Allocations => "allocations",
    };
    let whose = cluster.map_or_else(|| "all".to_owned(), ClusterId::to_string);
    (format!("{whose}-{table}.{ending}"), media)
}

/// An answer as the wire has it.
///
/// # Errors
/// A sum that an int64 of nano-USD does not hold: 9.2 billion dollars.
pub fn answer(order_by: &[Dimension], costs: &Costs) -> Result<pb::QueryCostsResponse, Refused> {
    let rows = costs.table.rows.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let mut total = CostRow {
        start: None,
        keys: Vec::new(),
        list_cost: 0,
        contracted_cost: 0,
        effective_cost: 0,
        billed_cost: 0,
        estimated_cost: 0,
    };
    for one in &costs.table.rows {
        total.list_cost += one.list_cost;
        total.contracted_cost += one.contracted_cost;
        total.effective_cost += one.effective_cost;
        total.billed_cost += one.billed_cost;
        total.estimated_cost += one.estimated_cost;
    }
    let shown = |wanted: &Dimension| {
        let found = DIMENSIONS.iter().find(|(dimension, _, _)| dimension == wanted);
        found.map_or(pb::CostDimension::Unspecified, |(_, wire, _)| *wire).into()
    };
    Ok(pb::QueryCostsResponse {
        findings: finding::findings(&findings(costs, &total)),
        rows,
        total: Some(row(&total)?),
        group_by: order_by.iter().map(shown).collect(),
        start_time: Some(timestamp(costs.span.start)),
        end_time: Some(timestamp(costs.span.end)),
        hour_count: i64::try_from(costs.table.hour_count).unwrap_or(i64::MAX),
    })
}

fn row(from: &CostRow) -> Result<pb::CostRow, Refused> {
    Ok(pb::CostRow {
        start_time: from.start.map(timestamp),
        keys: from.keys.clone(),
        list_cost_nano_usd: nano_usd(from.list_cost)?,
        contracted_cost_nano_usd: nano_usd(from.contracted_cost)?,
        effective_cost_nano_usd: nano_usd(from.effective_cost)?,
        billed_cost_nano_usd: nano_usd(from.billed_cost)?,
        estimated_cost_nano_usd: nano_usd(from.estimated_cost)?,
    })
}

fn nano_usd(sum: i128) -> Result<i64, Refused> {
    let large = |_| Error::TooLarge { what: "a sum in nano-USD".to_owned(), limit: i64::MAX.unsigned_abs() };
    Ok(i64::try_from(sum).map_err(large)?)
}

fn findings(costs: &Costs, total: &CostRow) -> Vec<Finding> {
    let mut findings = Vec::new();
    if costs.table.hour_count == 0 {
        let message = "nothing was written down in this window".to_owned();
        findings.push(Finding::new(Severity::Warning, "NO_COSTS", String::new(), message));
    }
    if total.estimated_cost != 0 {
        let usd = |nano: i128| nano as f64 / 1e9;
        let message = format!(
            "${:.4} of ${:.4} rest on an estimated price, or on use that nobody saw",
            usd(total.estimated_cost),
            usd(total.effective_cost)
        );
        findings.push(Finding::new(Severity::Advice, "ESTIMATED", String::new(), message));
    }
    findings
}

fn dimension(field: &str, number: i32) -> Result<Dimension, Invalid> {
    let found = DIMENSIONS.iter().find(|(_, wire, _)| i32::from(*wire) == number);
    found
        .map(|(dimension, _, _)| *dimension)
        .ok_or_else(|| Invalid::new(field, format!("{number} is no dimension")))
}

fn granularity(number: i32) -> Result<Granularity, Invalid> {
    use pb::query_costs_request::Granularity as Wire;
    let unknown = |_| Invalid::new("granularity", format!("{number} is no value of this enum"));
    Ok(match Wire::try_from(number).map_err(unknown)? {
        Wire::Unspecified | Wire::Total => Granularity::Total,
        Wire::Hour => Granularity::Hour,
        Wire::Day => Granularity::Day,
        Wire::Month => Granularity::Month,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filter: &str, want: Option<&[(Dimension, bool, &str)]>) {
        let found = conditions(filter).ok().map(|found| {
            found.into_iter().map(|one| (one.dimension, one.equal, one.value)).collect::<Vec<_>>()
        });
        let want = want.map(|want| {
            want.iter().map(|(dimension, equal, value)| (*dimension, *equal, (*value).to_owned())).collect()
        });
        assert_eq!(found, want, "{filter}");
    }

    #[test]
    fn filters_are_over_dimensions() {
        check("", Some(&[]));
        check(
            "namespace = \"shop\" AND kind != \"IDLE\"",
            Some(&[(Dimension::Namespace, true, "shop"), (Dimension::Kind, false, "IDLE")]),
        );
        check("price = \"1\"", None);
        check("namespace < \"a\"", None);
    }

    #[test]
    fn every_dimension_of_the_wire_is_known() {
        for number in 1.. {
            let Ok(wire) = pb::CostDimension::try_from(number) else { break };
            let (_, _, name) = DIMENSIONS.iter().find(|(_, known, _)| *known == wire).expect("known");
            assert_eq!(wire.as_str_name(), format!("COST_DIMENSION_{}", name.to_uppercase()));
        }
    }

    #[test]
    fn a_dimension_may_be_asked_for_once() {
        let twice =
            pb::QueryCostsRequest { parent: "clusters/a".into(), group_by: vec![3, 3], ..Default::default() };
        assert_eq!(order(&twice).unwrap_err().field, "group_by");
        let all =
            pb::QueryCostsRequest { parent: "clusters/-".into(), group_by: vec![3], ..Default::default() };
        assert_eq!(order(&all).unwrap().cluster, None);
    }
}
