//! `make bench-resize`: resizes at a fixed rate against a real `plimsolld` with a database in a file, on loopback.
//!
//! Requests are due at fixed times whether or not earlier ones were answered, and a latency counts from the time that was
//! due: a server that stalls cannot hide it. Latencies are printed only after every accepted resize was found again, by
//! its name and by its request id, and every group has the size that it was promised. Usage:
//! `bench_resize [--seconds 30] [--rate 1000] [--kill yes]`: with `--kill yes` the server is killed (SIGKILL) at half time.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]

#[path = "bench_resize/check.rs"]
mod check;
#[path = "bench_resize/drive.rs"]
mod drive;
#[path = "bench_resize/intent.rs"]
mod intent;

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use plimsoll_props::free_port;
use plimsoll_tests::fleet;
use plimsoll_tests::process::Process;

use drive::{Answer, Answers, Lines};

/// Clusters under load.
const CLUSTERS: usize = 8;
/// Node groups of each.
const GROUPS: usize = 3;
/// Virtual seconds in a real one: a machine that joins in a minute takes a second.
const SPEED: u32 = 60;
/// From the kill to the start of the next process.
const DEAD: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |name: &str, default: u64| option(&arguments, name).map_or(default, |text| text.parse().unwrap());
    let span = Duration::from_secs(number("--seconds", 30));
    let rate = number("--rate", 1000);
    let kills = option(&arguments, "--kill").is_some();

    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut server = Process::start(folder.path(), port, SPEED);
    let lines = Lines::to(&server);
    for cluster in 0..CLUSTERS {
        fleet::load(lines.any(), &intent::cluster_id(cluster), GROUPS).await;
    }
    let intents = intent::all(span, rate, CLUSTERS, GROUPS);
    let begin = Instant::now();
    let driven = tokio::spawn(drive::drive(lines.clone(), intents.clone(), begin));
    if kills {
        tokio::time::sleep_until((begin + span / 2).into()).await;
        server.kill();
        tokio::time::sleep(DEAD).await;
        server = Process::start(folder.path(), port, SPEED);
    }
    let answers = driven.await.unwrap();
    let took = begin.elapsed();
    check::check(&lines, &intents, &answers).await;
    print(&answers, took, kills);
    drop(server);
}

fn option(arguments: &[String], name: &str) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).cloned()
}

fn print(answers: &Answers, took: Duration, kills: bool) {
    let accepted = answers.writes.iter().filter(|answer| matches!(answer, Some(Answer::Accepted(_)))).count();
    let silent = answers.writes.iter().filter(|answer| matches!(answer, Some(Answer::Silent(_)))).count();
    let killed = if kills { ", killed at half time" } else { "" };
    println!(
        "{} resizes in {:.1} s{killed}: {accepted} accepted, {silent} without an answer",
        answers.writes.len(),
        took.as_secs_f64()
    );
    let mut refusals: Vec<(&String, &usize)> = answers.refusals.iter().collect();
    refusals.sort();
    println!("refused: {refusals:?}");
    println!("| calls | count | p50 ms | p99 ms | p99.9 ms | max ms |");
    println!("|---|---:|---:|---:|---:|---:|");
    let mut reads = Histogram::<u64>::new(3).unwrap();
    for (name, times) in &answers.times {
        row(name, times);
        if *name != drive::WRITES {
            reads.add(times).unwrap();
        }
    }
    row("all reads", &reads);
}

fn row(name: &str, times: &Histogram<u64>) {
    let ms = |micros: u64| micros as f64 / 1000.0;
    let at = |quantile: f64| ms(times.value_at_quantile(quantile));
    println!(
        "| {name} | {} | {:.2} | {:.2} | {:.2} | {:.2} |",
        times.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        ms(times.max())
    );
}
