//! `bench-ledger [--rows 100000000] [--days 30] [--folder PATH]`: how fast the ledger adds up, against DuckDB.
//!
//! Writes allocations through the ledger and adds them up in 128 bits as it does; then asks the ledger and DuckDB, each in
//! a process of its own, for namespace x team x day. Only if every group, the total and the count agree is a time printed.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]

#[path = "bench-ledger/generate.rs"]
mod generate;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use plimsoll_domain::ledger::{CostQuery, Dimension, Granularity, Ledger, Span};
use plimsoll_report::{Lake, Settings};

/// Namespace, team, day since 1970; list, contracted, effective, billed, estimated, in nano-USD.
type Sums = BTreeMap<(String, String, i64), [i128; 5]>;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, folder] = arguments.as_slice()
        && flag == "--ask"
    {
        return ask(Path::new(folder)).await;
    }
    let number = |name, default| option(&arguments, name).map_or(default, |text| text.parse().unwrap());
    let (rows, days) = (number("--rows", 100_000_000), number("--days", 30));
    let chosen = option(&arguments, "--folder").map(PathBuf::from);
    let folder = chosen.unwrap_or_else(std::env::temp_dir).join(format!("ledger-{}", std::process::id()));
    let start = Instant::now();
    let (want, count) = generate::lake(&folder, rows, days).await;
    let written = start.elapsed().as_secs_f64();
    eprintln!("{count} rows written in {written:.0} s, {} MB", size(&folder.join("allocations")) >> 20);
    let ours = run(Command::new(std::env::current_exe().unwrap()).arg("--ask").arg(&folder));
    let theirs = python().map(|python| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/bench.py");
        run(Command::new(python).arg(script).arg(&folder))
    });
    std::fs::remove_dir_all(&folder).unwrap();
    expect_same("the ledger", &ours, &want, count);
    println!("| rows | groups | ledger | peak memory | DuckDB | peak memory |\n|---|---|---|---|---|---|");
    let (seconds, memory) = (ours.seconds, ours.memory_mb);
    print!("| {count} | {} | {seconds:.2} s | {memory} MB | ", want.len());
    match theirs {
        Some(theirs) => {
            expect_same("DuckDB", &theirs, &want, count);
            println!("{:.2} s | {} MB |", theirs.seconds, theirs.memory_mb);
        }
        None => println!("not there: run .ci/pythons | |"),
    }
}

/// What one of the two said.
struct Said {
    sums: Sums,
    count: u64,
    seconds: f64,
    memory_mb: u64,
}

fn expect_same(who: &str, said: &Said, want: &Sums, count: u64) {
    assert_eq!(said.count, count, "rows of {who}");
    let total = |sums: &Sums| sums.values().map(|sum| sum[2]).sum::<i128>();
    assert_eq!(total(&said.sums), total(want), "total of {who}");
    assert!(said.sums == *want, "groups of {who}");
}

/// Asks the ledger, and prints what it says: count, seconds and memory first, then a line for each group.
async fn ask(folder: &Path) {
    let lake = Lake::open(folder.to_str().unwrap(), &Settings::default()).unwrap();
    let query = CostQuery {
        cluster: Some(generate::CLUSTER.parse().unwrap()),
        span: Span { start: generate::first_hour(), end: jiff::Timestamp::MAX },
        granularity: Granularity::Day,
        group_by: vec![Dimension::Namespace, Dimension::Team],
        filter: Vec::new(),
    };
    let start = Instant::now();
    let answer = lake.query(&query).await.unwrap();
    println!("{}\t{}\t{}", answer.row_count, start.elapsed().as_secs_f64(), peak_memory_mb());
    for row in answer.rows {
        let day = row.start.unwrap().as_second() / 86_400;
        let sums =
            [row.list_cost, row.contracted_cost, row.effective_cost, row.billed_cost, row.estimated_cost];
        println!("{}\t{}\t{day}\t{}", row.keys[0], row.keys[1], sums.map(|sum| sum.to_string()).join("\t"));
    }
}

fn run(command: &mut Command) -> Said {
    let output = command.stderr(std::process::Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let group = |cells: Vec<&str>| {
        let key = (cells[0].to_owned(), cells[1].to_owned(), cells[2].parse().unwrap());
        let sums: Vec<i128> = cells[3..].iter().map(|cell| cell.parse().unwrap()).collect();
        (key, sums.try_into().unwrap())
    };
    Said {
        count: head[0].parse().unwrap(),
        seconds: head[1].parse().unwrap(),
        memory_mb: head[2].parse().unwrap(),
        sums: lines.map(group).collect(),
    }
}

fn option(arguments: &[String], name: &str) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).cloned()
}

fn python() -> Option<PathBuf> {
    let cache = || Some(Path::new(&std::env::var_os("HOME")?).join(".cache/plimsoll"));
    let folder = std::env::var_os("PLIMSOLL_PYTHONS").map(PathBuf::from).or_else(cache)?;
    Some(folder.join("venv/bin/python")).filter(|python| python.exists())
}

fn peak_memory_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: u64 = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0);
    kib / 1024
}

fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let of = |entry: std::fs::DirEntry| {
        if entry.path().is_dir() { size(&entry.path()) } else { entry.metadata().unwrap().len() }
    };
    entries.map(of).sum()
}
