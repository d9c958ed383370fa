//! `make soak`: a real `plimsolld` under changing load for `PLIMSOLL_SOAK_MINUTES` (1 if not set), at high speed. Samples what
//! it holds, prints the series, and fails if memory or open files grow once it is warm, or a task of it was restarted.
//!
//! What is done in a round is in `soak/round.rs`: another kind of call is another line there.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on should stop")]

#[path = "soak/round.rs"]
mod round;
#[path = "soak/sample.rs"]
mod sample;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use plimsoll_props::free_port;
use plimsoll_tests::fleet;
use plimsoll_tests::process::Process;

use sample::Sample;

/// Clusters.
const CLUSTERS: usize = 4;
/// Node groups of each.
const GROUPS: usize = 3;
/// Virtual seconds in a real one: a cluster lives through a day in a minute and a half.
const SPEED: u32 = 1_000;
/// Samples in a run.
const SAMPLES: u32 = 60;

#[tokio::main]
async fn main() -> ExitCode {
    let minutes = std::env::var("PLIMSOLL_SOAK_MINUTES").map_or(1.0, |text| text.parse::<f64>().unwrap());
    let span = Duration::from_secs_f64(60.0 * minutes);
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), free_port(), SPEED);
    for cluster in 0..CLUSTERS {
        fleet::load(&server.channel(), &format!("c{cluster}"), GROUPS).await;
    }
    let load = tokio::spawn(round::rounds(server.channel(), CLUSTERS, GROUPS));
    println!("{}", sample::HEADER);
    let begin = Instant::now();
    let mut samples: Vec<Sample> = Vec::new();
    for number in 1..=SAMPLES {
        tokio::time::sleep_until((begin + span * number / SAMPLES).into()).await;
        assert!(!load.is_finished(), "the load ended by itself");
        let sample = Sample::take(&server, begin.elapsed());
        println!("{sample}");
        samples.push(sample);
    }
    load.abort();
    match sample::fault(&samples) {
        None => ExitCode::SUCCESS,
        Some(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}
