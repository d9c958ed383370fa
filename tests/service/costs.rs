//! What a cluster costs is written down while it runs, and told over gRPC to the nano-dollar.

use std::collections::BTreeMap;
use std::time::Duration;

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::export_costs_request::{Format, Table};
use tonic::Code;

use super::rig::{CLUSTER, Rig, refusal};

/// A virtual hour takes a second.
const SPEED: u32 = 3600;
const HOUR: i64 = 3600;
/// Whole hours that tests are about.
const HOURS: i64 = 2;
/// Looks at the service until there are as many: a minute of them.
const LOOKS_MAX: usize = 300;
const LOOK: Duration = Duration::from_millis(200);

/// The shop in a world that runs fast.
async fn living() -> Rig {
    Rig::at_speed(SPEED).await.with_shop().await
}

fn second(seconds: i64) -> Option<pbjson_types::Timestamp> {
    Some(pbjson_types::Timestamp { seconds, nanos: 0 })
}

async fn query(rig: &Rig, request: pb::QueryCostsRequest) -> pb::QueryCostsResponse {
    rig.costs().query_costs(request).await.unwrap().into_inner()
}

/// The last whole hours, once they are over and settled: their first second and the first after them.
async fn whole_hours(rig: &Rig) -> (i64, i64) {
    let first = query(rig, ask(None)).await.end_time.unwrap().seconds;
    let start = (first.div_euclid(HOUR) + 1) * HOUR;
    let end = start + HOURS * HOUR;
    for _ in 0..LOOKS_MAX {
        // An hour is settled for good by the first look after it.
        let later = query(rig, ask(Some((end, end + HOUR)))).await;
        if 0 < later.hour_count {
            return (start, end);
        }
        tokio::time::sleep(LOOK).await;
    }
    panic!("hours do not go by");
}

fn ask(window: Option<(i64, i64)>) -> pb::QueryCostsRequest {
    pb::QueryCostsRequest {
        parent: CLUSTER.into(),
        start_time: window.and_then(|(start, _)| second(start)),
        end_time: window.and_then(|(_, end)| second(end)),
        ..Default::default()
    }
}

async fn export(rig: &Rig, (start, end): (i64, i64), table: Table) -> String {
    let request = pb::ExportCostsRequest {
        parent: CLUSTER.into(),
        start_time: second(start),
        end_time: second(end),
        table: table.into(),
        format: Format::Csv.into(),
        ..Default::default()
    };
    let mut chunks = rig.costs().export_costs(request).await.unwrap().into_inner();
    let (mut name, mut bytes) = (String::new(), Vec::new());
    while let Some(chunk) = chunks.message().await.unwrap() {
        name += &chunk.file_name;
        bytes.extend_from_slice(&chunk.data);
    }
    assert!(name.ends_with(".csv"), "{name}");
    String::from_utf8(bytes).unwrap()
}

/// Nano-dollars of a column, by another.
fn sums(file: &str, by: &str, of: &str) -> BTreeMap<String, i128> {
    let mut reader = csv::Reader::from_reader(file.as_bytes());
    let head = reader.headers().unwrap().clone();
    let column = |name: &str| head.iter().position(|one| one == name).unwrap_or_else(|| panic!("no {name}"));
    let (by, of) = (column(by), column(of));
    let mut sums = BTreeMap::new();
    for record in reader.records() {
        let record = record.unwrap();
        *sums.entry(record[by].to_owned()).or_insert(0) += nano_usd(&record[of]);
    }
    sums
}

/// `12.3` as 12,300,000,000.
fn nano_usd(text: &str) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert!(fraction.len() <= 9, "{text}");
    format!("{whole}{fraction:0<9}").parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

#[tokio::test]
async fn exports_and_sums_agree_to_the_nano_dollar() {
    let rig = living().await;
    let window = whole_hours(&rig).await;
    let total = query(&rig, ask(Some(window))).await;
    assert_eq!(total.hour_count, HOURS);
    let cost = total.total.clone().unwrap().effective_cost_nano_usd;
    assert!(0 < cost, "{total:?}");

    let charges = sums(&export(&rig, window, Table::Charges).await, "ServiceName", "EffectiveCost");
    assert_eq!(charges.values().sum::<i128>(), i128::from(cost));

    let by =
        pb::QueryCostsRequest { group_by: vec![pb::CostDimension::Namespace.into()], ..ask(Some(window)) };
    let answer = query(&rig, by).await;
    let told: BTreeMap<String, i128> =
        answer.rows.iter().map(|row| (row.keys[0].clone(), row.effective_cost_nano_usd.into())).collect();
    assert!(told.keys().any(|namespace| namespace == "shop"), "{told:?}");
    let allocations = export(&rig, window, Table::Allocations).await;
    assert_eq!(sums(&allocations, "x_Namespace", "EffectiveCost"), told);
    assert_eq!(told.values().sum::<i128>(), i128::from(cost));
}

#[tokio::test]
async fn machines_cost_what_they_are_sold_for() {
    let rig = living().await;
    let window = whole_hours(&rig).await;
    let by = pb::QueryCostsRequest {
        group_by: vec![pb::CostDimension::InstanceType.into()],
        filter: "item = \"INSTANCE\"".into(),
        granularity: pb::query_costs_request::Granularity::Hour.into(),
        ..ask(Some(window))
    };
    let answer = query(&rig, by).await;
    let plan = rig.plan(super::rig::order()).await.unwrap();
    let mut hours = 0;
    for hour in answer.rows.chunk_by(|one, other| one.start_time == other.start_time) {
        let sum: i64 = hour.iter().map(|row| row.list_cost_nano_usd).sum();
        assert_eq!(sum, plan.cost_before_nano_usd_per_hour, "{hour:?}");
        hours += 1;
    }
    assert_eq!(hours, HOURS);
}

#[tokio::test]
async fn the_outlook_says_what_it_rests_on() {
    let rig = living().await;
    whole_hours(&rig).await;
    let request = pb::GetForecastRequest { name: CLUSTER.into(), hours: 48, ..Default::default() };
    let forecast = rig.costs().get_forecast(request).await.unwrap().into_inner();
    assert_eq!(forecast.method, "MEAN");
    assert!(forecast.low_nano_usd <= forecast.expected_nano_usd, "{forecast:?}");
    assert!(forecast.expected_nano_usd <= forecast.high_nano_usd, "{forecast:?}");
    let days: i64 = forecast.days.iter().map(|day| day.expected_nano_usd).sum();
    assert!((days - forecast.expected_nano_usd).abs() <= forecast.days.len() as i64, "{forecast:?}");

    let request = pb::ListWasteRequest { parent: CLUSTER.into(), ..Default::default() };
    let waste = rig.costs().list_waste(request).await.unwrap().into_inner();
    assert!(waste.findings.iter().any(|finding| finding.code == "NO_USAGE"), "{waste:?}");
    let request = pb::ListRightsizingsRequest { parent: CLUSTER.into(), ..Default::default() };
    let advice = rig.costs().list_rightsizings(request).await.unwrap().into_inner();
    assert!(advice.rightsizings.is_empty() && !advice.findings.is_empty(), "{advice:?}");
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused_by_field() {
    let rig = Rig::start().await;
    let check = async |request: pb::QueryCostsRequest, code: Code, reason: &str| {
        let (have, info, message) = refusal(reason, rig.costs().query_costs(request).await);
        assert_eq!((have, info.reason.as_str()), (code, reason), "{message}");
    };
    let invalid = (Code::InvalidArgument, "INVALID_FIELD");
    let ok = ask(None);
    for bad in [
        pb::QueryCostsRequest { parent: "shop".into(), ..ok.clone() },
        pb::QueryCostsRequest { group_by: vec![0], ..ok.clone() },
        pb::QueryCostsRequest { group_by: vec![2, 2], ..ok.clone() },
        pb::QueryCostsRequest { group_by: (1..=6).collect(), ..ok.clone() },
        pb::QueryCostsRequest { granularity: 9, ..ok.clone() },
        pb::QueryCostsRequest { filter: "price = \"1\"".into(), ..ok.clone() },
        ask(Some((HOUR, 0))),
        ask(Some((0, 400_000 * HOUR))),
    ] {
        check(bad, invalid.0, invalid.1).await;
    }
    let stranger = pb::QueryCostsRequest { parent: "clusters/stranger".into(), ..ok };
    check(stranger, Code::NotFound, "UNKNOWN_CLUSTER").await;
    let request = pb::GetSavingsRequest { name: format!("{CLUSTER}/plans/-"), end_time: None };
    let (code, info, _) = refusal("no plan", rig.costs().get_savings(request).await);
    assert_eq!((code, info.reason.as_str()), (Code::NotFound, "UNKNOWN_PLAN"));
    let request = pb::GetForecastRequest { name: CLUSTER.into(), ..Default::default() };
    let (code, info, _) = refusal("no history", rig.costs().get_forecast(request).await);
    assert_eq!((code, info.reason.as_str()), (Code::FailedPrecondition, "NO_COSTS"));
}
