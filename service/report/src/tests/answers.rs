//! What goes in comes out, and adds up.

use std::collections::BTreeMap;

use plimsoll_domain::ledger::{
    Condition, Dimension, ExportFormat, ExportTable, Granularity, HourRows, Ledger, LedgerError, Quality,
};

use super::{at, by, exported, filled, hours, id, rows, span};

#[tokio::test]
async fn an_hour_comes_back_as_it_was_put() {
    let all = hours("2026-09-01T22:00", 4);
    let (_folder, lake) = filled("prod", &all).await;
    for hour in &all {
        assert_eq!(lake.hour(&id("prod"), *hour).await.unwrap(), Some(rows::hour(*hour, 1)));
    }
    assert_eq!(
        lake.hours(&id("prod"), span("2026-09-01T23:00", "2026-09-02T01:00")).await.unwrap(),
        all[1..3]
    );
    assert_eq!(lake.hour(&id("prod"), at("2026-09-03T00:00:00Z")).await.unwrap(), None);
    assert_eq!(lake.hour(&id("other"), all[0]).await.unwrap(), None);
}

#[tokio::test]
async fn the_last_rows_of_an_hour_count() {
    let all = hours("2026-09-01T05:00", 1);
    let (_folder, lake) = filled("prod", &all).await;
    let later = rows::hour(all[0], 2);
    lake.put_hour(&id("prod"), all[0], &later).await.unwrap();
    assert_eq!(lake.hour(&id("prod"), all[0]).await.unwrap(), Some(later));
    lake.put_hour(&id("prod"), all[0], &HourRows::default()).await.unwrap();
    assert_eq!(lake.hour(&id("prod"), all[0]).await.unwrap(), None);
}

#[tokio::test]
async fn sums_are_those_of_the_rows() {
    let all = hours("2026-08-31T22:00", 5);
    let (_folder, lake) = filled("001", &all).await;
    lake.put_hour(&id("1"), all[0], &rows::hour(all[0], 9)).await.unwrap();
    let whole = span("2026-08-01T00:00", "2026-10-01T00:00");
    let mut want: BTreeMap<(String, String), i128> = BTreeMap::new();
    let put = all.iter().map(|hour| ("001", rows::hour(*hour, 1)));
    for (cluster, rows) in put.chain([("1", rows::hour(all[0], 9))]) {
        for part in rows.allocations {
            let key = (cluster.to_owned(), part.namespace);
            *want.entry(key).or_default() += i128::from(part.effective_cost);
        }
    }
    let answer = lake.query(&by(whole, &[Dimension::Cluster, Dimension::Namespace])).await.unwrap();
    let got = answer.rows.iter().map(|row| ((row.keys[0].clone(), row.keys[1].clone()), row.effective_cost));
    assert_eq!(got.collect::<BTreeMap<_, _>>(), want);
    assert_eq!((answer.hour_count, answer.row_count), (6, 54));
}

#[tokio::test]
async fn time_is_told_apart_as_asked() {
    let all = hours("2026-08-31T22:00", 5);
    let (_folder, lake) = filled("prod", &all).await;
    let table = [
        (Granularity::Total, vec![None]),
        (Granularity::Month, vec![Some("2026-08-01"), Some("2026-09-01")]),
        (Granularity::Day, vec![Some("2026-08-31"), Some("2026-09-01")]),
    ];
    for (granularity, want) in table {
        let query = super::CostQuery { granularity, ..by(span("2026-08-01T00:00", "2026-10-01T00:00"), &[]) };
        let starts = lake.query(&query).await.unwrap().rows.into_iter().map(|row| row.start);
        let want = want.into_iter().map(|day| day.map(|day| at(&format!("{day}T00:00:00Z"))));
        assert_eq!(starts.collect::<Vec<_>>(), want.collect::<Vec<_>>(), "{granularity:?}");
    }
    let hourly = super::CostQuery {
        granularity: Granularity::Hour,
        ..by(span("2026-08-31T23:00", "2026-09-01T01:00"), &[])
    };
    let starts = lake.query(&hourly).await.unwrap().rows.into_iter().filter_map(|row| row.start);
    assert_eq!(starts.collect::<Vec<_>>(), all[1..3]);
}

#[tokio::test]
async fn conditions_keep_rows_of_which_they_hold() {
    let all = hours("2026-09-01T00:00", 2);
    let (_folder, lake) = filled("prod", &all).await;
    let parts: Vec<_> = all.iter().flat_map(|hour| rows::hour(*hour, 1).allocations).collect();
    let table = [
        (Dimension::Namespace, true, "shop"),
        (Dimension::Namespace, false, "shop"),
        (Dimension::Namespace, true, ""),
        (Dimension::Namespace, false, ""),
        (Dimension::Capacity, true, "SPOT"),
        (Dimension::Kind, false, "IDLE"),
        (Dimension::Item, true, "ROOT_VOLUME"),
        (Dimension::Team, true, "nobody"),
    ];
    for (dimension, equal, value) in table {
        let condition = Condition { dimension, equal, value: value.to_owned() };
        let query = super::CostQuery {
            filter: vec![condition],
            ..by(span("2026-09-01T00:00", "2026-09-02T00:00"), &[dimension])
        };
        let answer = lake.query(&query).await.unwrap();
        let held = parts.iter().filter(|part| (shown(part, dimension) == value) == equal);
        assert_eq!(answer.row_count, held.count() as u64, "{dimension:?} {equal} {value:?}");
        assert!(answer.rows.iter().all(|row| (row.keys[0] == value) == equal));
    }
}

fn shown(part: &plimsoll_domain::ledger::Allocation, dimension: Dimension) -> String {
    use crate::words::Word;
    match dimension {
        Dimension::Namespace => part.namespace.clone(),
        Dimension::Team => part.team.clone(),
        Dimension::Capacity => part.capacity.map_or(String::new(), |kind| kind.text().to_owned()),
        Dimension::Kind => part.kind.text().to_owned(),
        Dimension::Item => part.item.text().to_owned(),
        _ => unreachable!("not in the table"),
    }
}

#[tokio::test]
async fn what_is_not_measured_is_told_apart() {
    let all = hours("2026-09-01T00:00", 1);
    let (_folder, lake) = filled("prod", &all).await;
    let unsure =
        rows::hour(all[0], 1).allocations.into_iter().filter(|part| part.quality != Quality::Measured);
    let answer = lake.query(&by(span("2026-09-01T00:00", "2026-09-02T00:00"), &[])).await.unwrap();
    let want: i128 = unsure.map(|part| i128::from(part.effective_cost)).sum();
    assert_eq!(answer.rows[0].estimated_cost, want);
}

#[tokio::test]
async fn sums_may_be_larger_than_64_bits() {
    let hour = hours("2026-09-01T00:00", 1)[0];
    let mut rows = rows::hour(hour, 1);
    rows.allocations.iter_mut().for_each(|part| part.effective_cost = i64::MAX);
    let (_folder, lake) = filled("prod", &[]).await;
    lake.put_hour(&id("prod"), hour, &rows).await.unwrap();
    let answer = lake.query(&by(span("2026-09-01T00:00", "2026-09-02T00:00"), &[])).await.unwrap();
    assert_eq!(answer.rows[0].effective_cost, i128::from(i64::MAX) * rows.allocations.len() as i128);
}

#[tokio::test]
async fn an_answer_has_a_limit() {
    let hour = hours("2026-09-01T00:00", 1)[0];
    let mut rows = rows::hour(hour, 1);
    let one = rows.allocations[0].clone();
    let parts = (0..=100_000).map(|number| {
        let mut part = one.clone();
        part.pod = format!("pod-{number}");
        part
    });
    rows.allocations = parts.collect();
    let (_folder, lake) = filled("prod", &[]).await;
    lake.put_hour(&id("prod"), hour, &rows).await.unwrap();
    let whole = span("2026-09-01T00:00", "2026-09-02T00:00");
    let refused = lake.query(&by(whole, &[Dimension::Pod])).await;
    assert!(matches!(refused, Err(LedgerError::TooLarge { max: 100_000 })), "{refused:?}");
    assert_eq!(lake.query(&by(whole, &[])).await.unwrap().row_count, 100_001);
    let csv = exported(&lake, whole, ExportTable::Allocations, ExportFormat::Csv).await;
    assert_eq!(csv.iter().filter(|byte| **byte == b'\n').count(), 100_002);
}

#[tokio::test]
async fn nothing_is_no_error() {
    let (_folder, lake) = filled("prod", &[]).await;
    let whole = span("2026-09-01T00:00", "2026-09-02T00:00");
    assert_eq!(lake.query(&by(whole, &[Dimension::Team])).await.unwrap(), super::CostTable::default());
    let json = exported(&lake, whole, ExportTable::Charges, ExportFormat::Json).await;
    assert!(json.is_empty());
}

#[tokio::test]
async fn rows_of_another_hour_are_refused() {
    let all = hours("2026-09-01T00:00", 2);
    let (folder, lake) = filled("prod", &[]).await;
    for (hour, rows) in [(all[1], rows::hour(all[0], 1)), (at("2026-09-01T00:30:00Z"), HourRows::default())] {
        let refused = lake.put_hour(&id("prod"), hour, &rows).await;
        assert!(matches!(refused, Err(LedgerError::Failed(_))), "{refused:?}");
    }
    assert!(super::files(folder.path()).is_empty());
}
