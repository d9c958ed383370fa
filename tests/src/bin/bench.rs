//! `make bench`: solves the instances of `PLIMSOLL_DATA/bench`, proves each answer, and only then prints it.
//!
//! Each instance runs in a process of its own, so that its peak memory is its own. Usage:
//! `bench [--instances C100,C1k] [--seconds 30]`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]

#[path = "bench/baseline.rs"]
mod baseline;
#[path = "bench/instance.rs"]
mod instance;
#[path = "bench/reference.rs"]
mod reference;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use reference::Reference;

/// Instance and seconds to solve, as in the README's table.
const INSTANCES: [(&str, f64); 9] = [
    ("openb", 10.0),
    ("C100", 5.0),
    ("C1k", 30.0),
    ("S1k", 30.0),
    ("C10k", 30.0),
    ("S10k", 30.0),
    ("U10k", 30.0),
    ("U100k", 60.0),
    ("C100k", 120.0),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name, seconds] = arguments.as_slice()
        && flag == "--one"
    {
        instance::run(&data(), name, seconds.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    let wanted = option(&arguments, "--instances");
    let seconds: Option<f64> = option(&arguments, "--seconds").map(|text| text.parse().unwrap());
    let folder = data();
    if !folder.join("bench").is_dir() {
        eprintln!("no PLIMSOLL_DATA: {} has no bench folder", folder.display());
        return ExitCode::FAILURE;
    }
    let reference = Reference::read(&folder.join("bench/reference.csv"));
    println!("{}", instance::HEADER);
    let mut failed = false;
    for (name, budget) in INSTANCES {
        if wanted.as_ref().is_some_and(|wanted| !wanted.split(',').any(|one| one == name)) {
            continue;
        }
        let budget = seconds.unwrap_or(budget);
        let run = Command::new(std::env::current_exe().unwrap())
            .args(["--one", name, &budget.to_string()])
            .output()
            .unwrap();
        let line = String::from_utf8_lossy(&run.stdout);
        let proven = run.status.success();
        failed |= !proven;
        if proven {
            println!("{} | {}", line.trim_end(), reference.peer(name));
        } else {
            println!("| {name} | FAILED: {}", String::from_utf8_lossy(&run.stderr).trim());
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn data() -> PathBuf {
    std::env::var_os("PLIMSOLL_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from)
}

fn option(arguments: &[String], name: &str) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).cloned()
}
