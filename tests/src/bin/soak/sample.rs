//! What a process holds, over time.

use std::fmt;
use std::fs;
use std::time::Duration;

use plimsoll_engine::metrics::TASK_RESTARTS;
use plimsoll_tests::process::Process;

/// Above the series.
pub const HEADER: &str = "  seconds    memory   files   restarts";
/// Samples that count as warming up: the first half, in which caches and pools fill.
const WARM_UP: f64 = 0.5;
/// Growth of memory over the second half that is noise of the allocator, in MiB; a leak of 1 KiB in a call is above it
/// after an hour.
const GROWTH_MIB_MAX: f64 = 16.0;
/// Open files more or less: connections come and go.
const FILES_MAX: f64 = 10.0;

/// What it held at a time.
#[derive(Clone, Debug)]
pub struct Sample {
    at: Duration,
    memory_mib: f64,
    files: f64,
    restarts: f64,
}

impl Sample {
    /// Now.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn take(process: &Process, at: Duration) -> Self {
        let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        // What it asked for. Pages of the program's file are not its own: the system brings them in and drops them.
        let kib = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        let kib: f64 = kib.trim().trim_end_matches(" kB").parse().unwrap();
        let files = fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap().count() as f64;
        let page = process.metrics();
        let counts = page.lines().filter(|line| line.starts_with(TASK_RESTARTS));
        let restarts: f64 = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
        // The sum of nothing is a negative zero.
        Self { at, memory_mib: kib / 1024.0, files, restarts: restarts + 0.0 }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.as_secs_f64();
        write!(f, "{seconds:>9.1} {:>9.1} {:>7} {:>10}", self.memory_mib, self.files, self.restarts)
    }
}

/// What is wrong with a series, if anything.
pub fn fault(samples: &[Sample]) -> Option<String> {
    let warm = &samples[(samples.len() as f64 * WARM_UP) as usize..];
    let rss = growth(warm, |sample| sample.memory_mib);
    let files = growth(warm, |sample| sample.files);
    let restarts: f64 = samples.last().map_or(0.0, |sample| sample.restarts);
    println!("while warm: {rss:+.1} MiB, {files:+.1} files, {restarts} restarts");
    if GROWTH_MIB_MAX < rss {
        return Some(format!("memory grew by {rss:.1} MiB while warm: at most {GROWTH_MIB_MAX} is noise"));
    }
    if FILES_MAX < files {
        return Some(format!("open files grew by {files:.0} while warm: at most {FILES_MAX} is noise"));
    }
    (0.0 < restarts).then(|| format!("tasks were restarted {restarts} times"))
}

/// By how much the line of least squares rises from the first sample to the last.
fn growth(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    let count = samples.len() as f64;
    let times = || samples.iter().map(|sample| sample.at.as_secs_f64());
    let mean_time = times().sum::<f64>() / count;
    let mean = samples.iter().map(&of).sum::<f64>() / count;
    let along: f64 =
        samples.iter().zip(times()).map(|(sample, time)| (time - mean_time) * (of(sample) - mean)).sum();
    let spread: f64 = times().map(|time| (time - mean_time).powi(2)).sum();
    let span = samples.last().map_or(0.0, |last| (last.at - samples[0].at).as_secs_f64());
    if spread == 0.0 { 0.0 } else { along / spread * span }
}
