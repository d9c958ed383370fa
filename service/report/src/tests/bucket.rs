//! The same lake in a bucket.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use plimsoll_domain::ledger::{Dimension, ExportFormat, ExportTable, Ledger, LedgerError};
use plimsoll_props::python;

use super::{at, by, exported, filled, hours, id, rows, script, span};
use crate::{Account, Lake, Settings};

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn settings(endpoint: &str) -> Settings {
    let pairs = [
        ("aws_endpoint", endpoint),
        ("aws_region", "us-east-1"),
        ("aws_access_key_id", "test"),
        ("aws_secret_access_key", "test"),
        ("aws_allow_http", "true"),
        ("aws_virtual_hosted_style_request", "false"),
    ];
    let s3 = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    Settings { account: Account::default(), s3 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_as_good_as_a_folder() {
    let Some(python) = python::interpreter("venv") else { return };
    let mut command = Command::new(python);
    command.arg(script("moto_s3.py")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Server(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let bucket = Lake::open("s3://lake/some/prefix", &settings(line.trim())).unwrap();
    let all = hours("2026-09-01T22:00", 3);
    let (_folder, local) = filled("prod", &all).await;
    for hour in &all {
        bucket.put_hour(&id("prod"), *hour, &rows::hour(*hour, 1)).await.unwrap();
    }
    let whole = span("2026-09-01T00:00", "2026-09-03T00:00");
    let query = by(whole, &[Dimension::Cluster, Dimension::Namespace, Dimension::Team]);
    for _ in 0..2 {
        assert_eq!(bucket.query(&query).await.unwrap(), local.query(&query).await.unwrap());
        assert_eq!(bucket.hours(&id("prod"), whole).await.unwrap(), all);
        assert_eq!(bucket.hour(&id("prod"), all[1]).await.unwrap(), Some(rows::hour(all[1], 1)));
        for format in [ExportFormat::Csv, ExportFormat::Parquet] {
            let table = ExportTable::Allocations;
            assert!(
                exported(&bucket, whole, table, format).await == exported(&local, whole, table, format).await
            );
        }
        let seen = plimsoll_domain::ledger::Observation { time: all[0], ..Default::default() };
        bucket.observe(&id("prod"), &seen).await.unwrap();
        bucket.compact(&id("prod"), at("2026-09-02T00:00:00Z"), at("2026-09-01T00:00:00Z")).await.unwrap();
        assert_eq!(bucket.observations(&id("prod"), whole).await.unwrap(), [seen]);
    }
}

#[tokio::test]
async fn a_bucket_that_cannot_be_reached_is_a_failure() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let bucket = Lake::open("s3://lake", &settings(&format!("http://{closed}"))).unwrap();
    let (hour, whole) = (hours("2026-09-01T22:00", 1)[0], span("2026-09-01T00:00", "2026-09-03T00:00"));
    let put = bucket.put_hour(&id("prod"), hour, &rows::hour(hour, 1)).await;
    assert!(matches!(put, Err(LedgerError::Failed(_))), "{put:?}");
    let asked = bucket.query(&by(whole, &[])).await;
    assert!(matches!(asked, Err(LedgerError::Failed(_))), "{asked:?}");
}
