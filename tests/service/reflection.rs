//! A caller in another language, without our files, can use everything: the server describes itself.
//!
//! The caller is Python with gRPC's own packages, in a folder of the test's own. Where these cannot be had the test
//! says so and passes, unless `PLIMSOLL_TEST_PYTHON=1` demands it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use plimsoll_server::config::Plan;
use serde_json::Value;
use tokio::process::Command;

use super::rig::Rig;

/// Most time for a step of setting Python up.
const SETUP_MAX: Duration = Duration::from_secs(25);
/// Most time for the caller's work.
const CALL_MAX: Duration = Duration::from_secs(30);
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/service/reflect.py");
/// gRPC's packages and what they need, as PyPI served them in November 2026.
const PACKAGES: [&str; 4] =
    ["grpcio==1.85.1", "grpcio-reflection==1.85.1", "protobuf==7.36.2", "typing-extensions==4.16.0"];

#[tokio::test]
async fn a_caller_without_our_files_can_plan() {
    let folder = tempfile::tempdir().unwrap();
    let python = match python(folder.path()).await {
        Ok(python) => python,
        Err(why) if std::env::var("PLIMSOLL_TEST_PYTHON").is_ok_and(|value| value == "1") => panic!("{why}"),
        Err(why) => {
            // Not `eprintln!`: what that writes is only seen of tests that fail.
            let line = format!("skipped: no gRPC for Python: {why}\n");
            return std::io::stderr().write_all(line.as_bytes()).unwrap();
        }
    };
    let rig = Rig::demo(Plan::default()).await;
    let address = rig.running.grpc_address().to_string();
    let cluster = format!("clusters/{}", plimsoll_server::DEMO_CLUSTER);
    let text = run(&python, &[SCRIPT, &address, &cluster], CALL_MAX).await.unwrap();
    check(&text, &cluster);
}

fn check(text: &str, cluster: &str) {
    for service in ["Cluster", "Ingest", "Plan", "Pricing"].map(|name| format!("plimsoll.v1.{name}Service")) {
        assert!(text.lines().any(|line| line == service), "{service} is not offered: {text}");
    }
    let plan: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let name = plan["name"].as_str().unwrap();
    assert!(name.starts_with(&format!("{cluster}/plans/")), "{name}");
    assert!(plan["pod_count"].as_u64().is_some_and(|count| 0 < count), "{plan}");
    assert_eq!(plan["verified"], true, "{plan}");
}

/// A Python that has gRPC, in a folder.
async fn python(folder: &Path) -> Result<PathBuf, String> {
    let place = folder.join("venv");
    run(Path::new("python3"), &["-m", "venv", &place.to_string_lossy()], SETUP_MAX).await?;
    let python = place.join("bin").join("python");
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--retries",
        "0",
        "--timeout",
        "5",
    ];
    run(&python, &[&install[..], &PACKAGES[..]].concat(), SETUP_MAX).await?;
    Ok(python)
}

/// What a program prints, or why it failed. It ends with its time.
async fn run(program: &Path, arguments: &[&str], time: Duration) -> Result<String, String> {
    let name = format!("{} {}", program.display(), arguments.join(" "));
    let child = Command::new(program).args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    let Output { status, stdout, stderr } = tokio::time::timeout(time, child)
        .await
        .map_err(|_| format!("{name} took more than {} s", time.as_secs()))?
        .map_err(|error| format!("{name}: {error}"))?;
    if !status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&stderr)));
    }
    String::from_utf8(stdout).map_err(|error| format!("{name}: {error}"))
}
