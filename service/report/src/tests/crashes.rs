//! Killed between any two steps, the lake answers as before or as after, and doing it again ends it.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use plimsoll_domain::ledger::{CostTable, HourRows, Ledger, LedgerError, Observation, PodSeen};
use tempfile::TempDir;

use super::{at, by, fault, files, filled, hours, id, lake, lake_at, rows, span};
use crate::Lake;

/// More writes than any step list has.
const WRITES_MAX: usize = 200;

fn copy(from: &Path) -> TempDir {
    let to = TempDir::new().unwrap();
    for path in files(from) {
        let target = to.path().join(&path);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(from.join(&path), target).unwrap();
    }
    to
}

/// What a reader sees: every hour, and the sum of all.
async fn seen(lake: &Lake) -> (Vec<Option<HourRows>>, CostTable) {
    let cluster = id("prod");
    let mut all = Vec::new();
    for hour in hours("2026-09-01T20:00", 8) {
        all.push(lake.hour(&cluster, hour).await.unwrap());
    }
    (all, lake.query(&by(span("2026-09-01T00:00", "2026-09-03T00:00"), &[])).await.unwrap())
}

/// Kills a change after each of its writes; returns after how many it was whole.
async fn killed_anywhere<F: Future<Output = Result<(), LedgerError>>>(
    folder: &Path,
    change: impl Fn(Lake) -> F,
) -> usize {
    let before = seen(&lake_at(folder)).await;
    let whole = copy(folder);
    change(lake(&whole)).await.unwrap();
    let (after, files_after) = (seen(&lake(&whole)).await, files(whole.path()));
    for writes in 0..WRITES_MAX {
        let killed = copy(folder);
        let _killed = change(fault::lake(killed.path(), writes, io::ErrorKind::Interrupted)).await;
        let found = seen(&lake(&killed)).await;
        assert!(found == before || found == after, "neither before nor after, killed after {writes} writes");
        let ended = files(killed.path()) == files_after;
        change(lake(&killed)).await.unwrap();
        assert_eq!(seen(&lake(&killed)).await, after, "done again after {writes} writes");
        assert_eq!(files(killed.path()), files_after, "left over after {writes} writes");
        if ended {
            return writes;
        }
    }
    panic!("never whole");
}

#[tokio::test]
async fn an_hour_that_is_replaced() {
    let all = hours("2026-09-01T22:00", 2);
    let (folder, _lake) = filled("prod", &all).await;
    let writes = killed_anywhere(folder.path(), |lake| async move {
        let hour = at("2026-09-01T22:00:00Z");
        lake.put_hour(&id("prod"), hour, &rows::hour(hour, 7)).await
    });
    assert_eq!(writes.await, 5, "two files, a manifest, two drops");
}

#[tokio::test]
async fn a_day_that_is_compacted() {
    let (folder, _lake) = filled("prod", &hours("2026-09-01T21:00", 5)).await;
    assert_eq!(killed_anywhere(folder.path(), compact).await, 9, "two files, a manifest, six drops");
}

#[tokio::test]
async fn an_hour_of_a_compacted_day_that_is_replaced() {
    let (folder, _lake) = filled("prod", &hours("2026-09-01T21:00", 5)).await;
    compact(lake_at(folder.path())).await.unwrap();
    let writes = killed_anywhere(folder.path(), |lake| async move {
        let hour = at("2026-09-01T22:00:00Z");
        lake.put_hour(&id("prod"), hour, &rows::hour(hour, 7)).await
    });
    assert_eq!(writes.await, 10, "two files, a manifest, two files of the day, its manifest, four drops");
    let hour = at("2026-09-01T22:00:00Z");
    lake_at(folder.path()).put_hour(&id("prod"), hour, &rows::hour(hour, 7)).await.unwrap();
    let of_first_day = files(folder.path()).into_iter().filter(|path| path.contains("date=2026-09-01/"));
    assert_eq!(of_first_day.count(), 2, "no engine sees an hour twice");
}

async fn compact(lake: Lake) -> Result<(), LedgerError> {
    lake.compact(&id("prod"), at("2026-09-02T00:00:00Z"), Timestamp::MIN).await
}

fn moment(minute: i64, pods: usize) -> Observation {
    let time = at("2026-09-01T23:00:00Z") + jiff::SignedDuration::from_mins(minute);
    let pod = |number: usize| PodSeen {
        namespace: "shop".to_owned(),
        name: format!("cart-{number}"),
        provider_id: "aws:///us-east-1a/i-01".to_owned(),
        cpu_milli: minute,
        used_cpu_milli: (number == 0).then_some(5),
        ..PodSeen::default()
    };
    Observation { time, pods: (0..pods).map(pod).collect(), ..Observation::default() }
}

#[tokio::test]
async fn moments_that_are_compacted() {
    let whole = span("2026-09-01T23:00", "2026-09-03T00:00");
    let moments: Vec<Observation> =
        [(0, 1), (20, 0), (40, 2), (70, 3)].map(|(minute, pods)| moment(minute, pods)).into();
    for writes in 0..6 {
        let folder = TempDir::new().unwrap();
        for one in moments.iter().rev() {
            lake(&folder).observe(&id("prod"), one).await.unwrap();
        }
        let killed = compact(fault::lake(folder.path(), writes, io::ErrorKind::Interrupted)).await;
        assert_eq!(killed.is_ok(), 4 <= writes, "one file, three drops; killed after {writes}");
        assert_eq!(lake(&folder).observations(&id("prod"), whole).await.unwrap(), moments);
        compact(lake(&folder)).await.unwrap();
        assert_eq!(lake(&folder).observations(&id("prod"), whole).await.unwrap(), moments);
        assert_eq!(files(folder.path()).len(), 2);
    }
}

#[tokio::test]
async fn of_moments_before_a_span_only_the_last_is_told() {
    let (folder, lake) = filled("prod", &[]).await;
    for minute in [0, 20, 40, 70] {
        lake.observe(&id("prod"), &moment(minute, 9)).await.unwrap();
        lake.observe(&id("prod"), &moment(minute, 1)).await.unwrap();
    }
    let table = [
        ("2026-09-01T23:30", "2026-09-02T00:00", vec![20, 40]),
        ("2026-09-01T23:20", "2026-09-01T23:40", vec![0, 20]),
        ("2026-09-02T00:00", "2026-09-02T01:00", vec![40, 70]),
        ("2026-09-05T00:00", "2026-09-05T01:00", vec![70]),
        ("2026-08-05T00:00", "2026-08-05T01:00", vec![]),
    ];
    for compacted in [false, true] {
        for (start, end, want) in &table {
            let want: Vec<Observation> = want.iter().map(|minute| moment(*minute, 1)).collect();
            let got = lake.observations(&id("prod"), span(start, end)).await.unwrap();
            assert_eq!(got, want, "from {start}, compacted: {compacted}");
        }
        lake.compact(&id("prod"), at("2026-09-03T00:00:00Z"), Timestamp::MIN).await.unwrap();
    }
    lake.compact(&id("prod"), Timestamp::MAX, at("2026-09-02T00:00:00Z")).await.unwrap();
    assert_eq!(files(folder.path()).len(), 1, "the first day is dropped");
}

#[tokio::test]
async fn doing_it_twice_changes_no_byte() {
    let all = hours("2026-09-01T21:00", 5);
    let (folder, lake) = filled("prod", &all).await;
    let (other, _lake) = filled("prod", &all).await;
    lake.put_hour(&id("prod"), all[0], &rows::hour(all[0], 1)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(files(folder.path()), files(other.path()));
        for path in files(folder.path()) {
            let bytes = |folder: &TempDir| std::fs::read(folder.path().join(&path)).unwrap();
            assert_eq!(bytes(&folder), bytes(&other), "{path}");
        }
        compact(lake_at(folder.path())).await.unwrap();
        compact(lake_at(other.path())).await.unwrap();
    }
}
