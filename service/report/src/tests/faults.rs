//! What is wrong with a lake is told by name, and the rest of it answers.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use plimsoll_domain::ledger::{Dimension, ExportFormat, ExportOrder, ExportTable, Ledger, LedgerError, Span};

use super::{at, by, fault, files, filled, hours, id, lake_at, rows, span};
use crate::{Lake, Settings};

fn second_day() -> Span {
    span("2026-09-02T00:00", "2026-09-03T00:00")
}

fn whole() -> Span {
    span("2026-09-01T00:00", "2026-09-03T00:00")
}

/// The file of a table's first hour.
fn first(folder: &Path, table: &str) -> String {
    files(folder).into_iter().find(|path| path.starts_with(table)).unwrap()
}

/// Damages a file.
type Harm = fn(&Path);

/// Ways to damage a file.
fn harms() -> Vec<(&'static str, Harm)> {
    vec![
        ("empty", |path| std::fs::write(path, []).unwrap()),
        ("noise", |path| std::fs::write(path, b"PAR1 this is no parquet file PAR1").unwrap()),
        ("cut short", |path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("without its footer", |path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() - 9]).unwrap();
        }),
        ("zeros in its middle", |path| {
            let mut bytes = std::fs::read(path).unwrap();
            let middle = 4..bytes.len() / 3;
            bytes[middle].fill(0);
            std::fs::write(path, bytes).unwrap();
        }),
        ("gone", |path| std::fs::remove_file(path).unwrap()),
    ]
}

#[tokio::test]
async fn a_damaged_file_is_named_and_other_days_answer() {
    for (name, harm) in harms() {
        let (folder, lake) = filled("prod", &hours("2026-09-01T23:00", 2)).await;
        for table in ["allocations", "charges"] {
            harm(&folder.path().join(first(folder.path(), table)));
        }
        let paths =
            ["allocations", "charges"].map(|table| format!("{table}/cluster=prod/date=2026-09-01/hour-23"));
        let named = |error: LedgerError| match error {
            LedgerError::Damaged { path, .. } => paths.iter().any(|start| path.starts_with(start)),
            _ => false,
        };
        let all = by(whole(), &[Dimension::Namespace]);
        assert!(named(lake.query(&all).await.unwrap_err()), "query, {name}");
        assert!(named(lake.hour(&id("prod"), at("2026-09-01T23:00:00Z")).await.unwrap_err()), "hour, {name}");
        let other = lake.query(&by(second_day(), &[])).await.unwrap();
        assert_eq!(other.row_count, 9, "{name}");
        let exported = export(&lake, ExportFormat::Csv).await;
        assert!(named(exported.unwrap_err()), "export, {name}");
        let hour = at("2026-09-01T23:00:00Z");
        lake.put_hour(&id("prod"), hour, &rows::hour(hour, 2)).await.unwrap();
        assert_eq!(lake.query(&all).await.unwrap().row_count, 18, "made again, {name}");
    }
}

async fn export(lake: &Lake, format: ExportFormat) -> Result<(), LedgerError> {
    use futures::TryStreamExt;
    let order = ExportOrder { cluster: None, span: whole(), table: ExportTable::Charges, format };
    lake.export(&order).await?.try_for_each(|_| async { Ok(()) }).await
}

#[tokio::test]
async fn a_damaged_manifest_is_named() {
    let (folder, lake) = filled("prod", &hours("2026-09-01T23:00", 2)).await;
    let path = first(folder.path(), "manifests");
    std::fs::write(folder.path().join(&path), b"{\"files\":[").unwrap();
    let told = lake.query(&by(whole(), &[])).await.unwrap_err();
    assert!(matches!(&told, LedgerError::Damaged { path: named, .. } if *named == path), "{told}");
    assert_eq!(lake.query(&by(second_day(), &[])).await.unwrap().row_count, 9);
}

#[tokio::test]
async fn a_damaged_day_does_not_stop_the_others_from_being_compacted() {
    let (folder, lake) = filled("prod", &hours("2026-09-01T22:00", 4)).await;
    std::fs::write(folder.path().join(first(folder.path(), "allocations")), b"PAR1").unwrap();
    let told = lake.compact(&id("prod"), at("2026-09-03T00:00:00Z"), at("2026-09-01T00:00:00Z")).await;
    assert!(matches!(told, Err(LedgerError::Damaged { .. })), "{told:?}");
    let days = files(folder.path()).into_iter().filter(|path| path.contains("/day-"));
    assert!(days.clone().all(|path| path.contains("date=2026-09-02")) && days.count() == 2);
}

#[tokio::test]
async fn what_stops_a_write_is_told_apart() {
    let hour = at("2026-09-01T23:00:00Z");
    let (folder, _lake) = filled("prod", &[]).await;
    let put = async |kind| {
        let lake = fault::lake(folder.path(), 0, kind);
        lake.put_hour(&id("prod"), hour, &rows::hour(hour, 1)).await.unwrap_err()
    };
    assert!(matches!(put(io::ErrorKind::StorageFull).await, LedgerError::Full));
    assert!(matches!(put(io::ErrorKind::ReadOnlyFilesystem).await, LedgerError::ReadOnly(_)));
    assert!(matches!(put(io::ErrorKind::PermissionDenied).await, LedgerError::ReadOnly(_)));
    assert!(matches!(put(io::ErrorKind::Other).await, LedgerError::Failed(_)));
}

/// Set in the copy of this test program that runs where it may mount.
const INSIDE: &str = "PLIMSOLL_TEST_MOUNTED";

/// Runs one test again, in a namespace of its own with a file system mounted with `options`.
fn mounted(test: &str, options: &str) {
    let name = format!("tests::faults::{test}");
    let folder = tempfile::TempDir::new().unwrap();
    let script = r#"mount -t tmpfs -o "$1" tmpfs "$2" && exec "$3" --exact "$4" --nocapture"#;
    let probe = Command::new("unshare").args(["-rm", "true"]).output();
    if !probe.is_ok_and(|run| run.status.success()) {
        return plimsoll_props::skip("no unshare that may mount");
    }
    let run = Command::new("unshare")
        .args(["-rm", "sh", "-c", script, "sh", options])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .arg(&name)
        .env(INSIDE, folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && told.contains("1 passed"), "{told}");
}

fn inside() -> Option<PathBuf> {
    std::env::var_os(INSIDE).map(PathBuf::from)
}

#[tokio::test]
async fn a_full_disk_keeps_what_is_there() {
    let Some(folder) = inside() else { return mounted("a_full_disk_keeps_what_is_there", "size=256k") };
    let (lake, cluster) = (lake_at(&folder), id("prod"));
    let mut told = Ok(());
    let all = hours("2026-09-01T00:00", 40);
    let mut put = Vec::new();
    for hour in &all {
        told = lake.put_hour(&cluster, *hour, &rows::hour(*hour, 1)).await;
        if told.is_err() {
            break;
        }
        put.push(*hour);
    }
    assert!(matches!(told, Err(LedgerError::Full)), "{told:?}");
    assert!(!put.is_empty());
    assert_eq!(lake.hours(&cluster, whole()).await.unwrap(), put);
    assert_eq!(lake.query(&by(whole(), &[])).await.unwrap().row_count, 9 * put.len() as u64);
}

#[tokio::test]
async fn a_folder_that_may_only_be_read_is_read() {
    let Some(folder) = inside() else {
        return mounted("a_folder_that_may_only_be_read_is_read", "size=4m");
    };
    let (lake, hour) = (lake_at(&folder), at("2026-09-01T00:00:00Z"));
    lake.put_hour(&id("prod"), hour, &rows::hour(hour, 1)).await.unwrap();
    let again = Command::new("mount").args(["-o", "remount,ro"]).arg(&folder).status().unwrap();
    assert!(again.success());
    let lake = lake_at(&folder);
    let told = lake.put_hour(&id("prod"), hour, &rows::hour(hour, 2)).await;
    assert!(matches!(told, Err(LedgerError::ReadOnly(_))), "{told:?}");
    assert_eq!(lake.hour(&id("prod"), hour).await.unwrap(), Some(rows::hour(hour, 1)));
    let below = Lake::open(folder.join("below").to_str().unwrap(), &Settings::default()).err();
    assert!(matches!(below, Some(LedgerError::ReadOnly(_))), "{below:?}");
}
