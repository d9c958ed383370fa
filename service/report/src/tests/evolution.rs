//! Files of other versions are read: a column less, a column more.

use jiff::civil::date;
use plimsoll_domain::ledger::{Dimension, ExportFormat, ExportTable, Ledger};
use polars::prelude::{Column, DataFrame};

use super::{at, by, exported, filled, hours, id, rows, span};
use crate::focus::{Account, allocations_frame, charges_frame};
use crate::manifest::{Entry, Manifest, Table};
use crate::schema;
use crate::write::made;

/// Puts an hour into a lake as another version would have done.
async fn put_changed(lake: &crate::Lake, change: fn(&mut DataFrame)) {
    let hour = at("2026-09-01T05:00:00Z");
    let (rows, account) = (rows::hour(hour, 1), Account::default());
    let mut entries: Vec<Entry> = Vec::new();
    for table in Table::ALL {
        let mut frame = match table {
            Table::Charges => charges_frame(&account, &id("prod"), &rows).unwrap(),
            Table::Allocations => allocations_frame(&account, &id("prod"), &rows).unwrap(),
        };
        change(&mut frame);
        let mut bytes = Vec::new();
        polars::prelude::ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
        let file = made(table, "hour-05", vec![5], frame.height() as u64, bytes);
        let path = format!("{}/cluster=prod/date=2026-09-01/{}", table.folder(), file.entry.name);
        lake.place.put(&path, file.bytes).await.unwrap();
        entries.push(file.entry);
    }
    Manifest { files: entries }.write(&lake.place, &id("prod"), date(2026, 9, 1)).await.unwrap();
}

#[tokio::test]
async fn files_with_a_column_less_or_more_are_read() {
    let less: fn(&mut DataFrame) = |frame| drop(frame.drop_in_place("x_Model").unwrap());
    let more: fn(&mut DataFrame) = |frame| {
        let column = Column::new("x_Later".into(), vec![1_i64; frame.height()]);
        frame.with_column(column).unwrap();
    };
    for (name, change) in [("less", less), ("more", more)] {
        let (_folder, lake) = filled("prod", &hours("2026-09-02T00:00", 1)).await;
        put_changed(&lake, change).await;
        let whole = span("2026-09-01T00:00", "2026-09-03T00:00");
        for _ in 0..2 {
            let answer = lake.query(&by(whole, &[Dimension::Model])).await.unwrap();
            assert_eq!((answer.row_count, answer.hour_count), (18, 2), "{name}");
            let hour = at("2026-09-01T05:00:00Z");
            assert_eq!(lake.hour(&id("prod"), hour).await.unwrap(), Some(rows::hour(hour, 1)), "{name}");
            let csv = exported(&lake, whole, ExportTable::Charges, ExportFormat::Csv).await;
            let text = String::from_utf8(csv).unwrap();
            assert_eq!(text.lines().count(), 11, "{name}");
            assert!(text.lines().all(|line| schema::FOCUS.len() <= line.split(',').count()), "{name}");
            lake.compact(&id("prod"), at("2026-09-03T00:00:00Z"), at("2026-09-01T00:00:00Z")).await.unwrap();
        }
    }
}
