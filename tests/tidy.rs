//! The architecture as tests: which room may know what, and how files look.

#![allow(clippy::unwrap_used, reason = "a test that cannot read the repository should stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// No file of source is longer.
const LINES_MAX: usize = 500;

/// Rooms and the rooms that their code may name. Tests beside a room may name more.
const MAY_IMPORT: [(&str, &[&str]); 12] = [
    ("service/domain", &[]),
    ("service/verify", &[]),
    ("service/manifest", &["domain"]),
    ("service/solver", &["domain"]),
    ("service/engine", &["domain", "solver", "manifest", "verify"]),
    ("service/store", &["domain"]),
    ("service/live", &["domain", "manifest"]),
    ("service/sim", &["domain"]),
    ("service/report", &["domain"]),
    (
        "service/server",
        &["domain", "engine", "live", "manifest", "proto", "report", "sim", "store", "verify"],
    ),
    ("cli", &["proto", "verify", "server"]),
    ("proto", &[]),
];

/// Heavy or impure crates and the only rooms that may name them.
const ONLY_IN: [(&str, &[&str]); 21] = [
    ("good_lp", &["service/solver"]),
    ("highs", &["service/solver"]),
    ("sqlx", &["service/store"]),
    ("k8s_openapi", &["service/manifest", "service/live"]),
    ("polars", &["service/report"]),
    ("object_store", &["service/report"]),
    ("aws_sdk_ec2", &["service/live"]),
    ("aws_sdk_eks", &["service/live"]),
    ("aws_sdk_autoscaling", &["service/live"]),
    ("aws_sdk_iam", &["service/live"]),
    ("aws_sdk_pricing", &["service/live"]),
    ("aws_sdk_servicequotas", &["service/live"]),
    ("aws_sdk_sqs", &["service/live"]),
    ("tonic", &["proto", "service/server", "cli"]),
    ("axum", &["service/server"]),
    ("prost", &["proto", "service/server", "cli"]),
    ("clap", &["service/server", "cli"]),
    (
        "tokio",
        &[
            "service/engine",
            "service/store",
            "service/report",
            "service/live",
            "service/sim",
            "service/server",
            "cli",
        ],
    ),
    ("reqwest", &[]),
    ("metrics_exporter_prometheus", &["service/server"]),
    ("indicatif", &["cli"]),
];

/// What a pure room may not reach for.
const IMPURE: [&str; 7] =
    ["std::fs", "std::net", "std::env", "std::process", "SystemTime::now", "Instant::now", "Timestamp::now"];
const PURE_ROOMS: [&str; 5] =
    ["service/domain", "service/verify", "service/manifest", "service/solver", "service/engine"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All files below a folder with one of these endings, generated ones left out.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                open.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let folder = root().join(room).join("src");
    files(&folder, &[".rs"])
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect()
}

fn all_sources() -> Vec<(PathBuf, String)> {
    let rust = files(&root(), &[".rs", ".proto"]);
    rust.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Whether a file is a module of tests beside the code.
fn is_test(path: &Path) -> bool {
    path.file_stem().unwrap() == "tests" || path.components().any(|part| part.as_os_str() == "tests")
}

/// The part of a file that is not tests: all above an inline module of them, which is the last thing in its file.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

fn names(text: &str, crate_name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .any(|line| line.match_indices(&format!("{crate_name}::")).any(|(at, _)| !line[..at].ends_with(word)))
}

#[track_caller]
fn expect_none(faults: Vec<String>, rule: &str) {
    assert!(faults.is_empty(), "{rule}:\n{}", faults.join("\n"));
}

#[test]
fn no_file_runs_away() {
    let long = |(path, text): &(PathBuf, String)| {
        let lines = text.lines().count();
        (LINES_MAX < lines).then(|| format!("{}: {lines} lines", path.display()))
    };
    expect_none(all_sources().iter().filter_map(long).collect(), "at most 500 lines a file");
}

#[test]
fn rooms_know_only_the_rooms_below() {
    let rooms = [
        "domain", "verify", "manifest", "solver", "engine", "store", "live", "sim", "report", "server",
        "proto", "cli",
    ];
    let mut faults = Vec::new();
    for (room, allowed) in MAY_IMPORT {
        for (path, text) in sources(room) {
            for other in rooms.iter().filter(|other| !allowed.contains(other) && !room.ends_with(**other)) {
                if names(code(&text), &format!("plimsoll_{other}")) {
                    faults.push(format!("{} names plimsoll_{other}", path.display()));
                }
            }
        }
    }
    expect_none(faults, "a room imports only what lies below it");
}

#[test]
fn a_heavy_crate_is_named_in_one_room() {
    let mut faults = Vec::new();
    for (room, _) in MAY_IMPORT {
        for (path, text) in sources(room) {
            for (name, rooms) in ONLY_IN {
                if !rooms.contains(&room) && names(code(&text), name) {
                    faults.push(format!("{} names {name}", path.display()));
                }
            }
        }
    }
    expect_none(faults, "heavy crates stay in their room");
}

#[test]
fn wire_types_stay_at_the_door() {
    let inside = |path: &Path| {
        let path = path.to_string_lossy().into_owned();
        ["/src/wire", "/src/api", "/src/hooks"].iter().any(|door| path.contains(door))
    };
    let faults = sources("service/server")
        .into_iter()
        .filter(|(path, text)| !inside(path) && names(code(text), "plimsoll_proto::v1"))
        .map(|(path, _)| path.display().to_string())
        .collect();
    expect_none(faults, "proto messages appear only in wire, api and hooks");
}

#[test]
fn pure_rooms_ask_nobody() {
    let mut faults = Vec::new();
    for room in PURE_ROOMS {
        for (path, text) in sources(room).into_iter().filter(|(path, _)| !is_test(path)) {
            for word in IMPURE.iter().filter(|word| code(&text).contains(**word)) {
                faults.push(format!("{} uses {word}", path.display()));
            }
        }
    }
    expect_none(faults, "pure rooms do no I/O and do not ask for the time");
}

#[test]
fn every_file_is_reached_by_a_mod() {
    let root = root().canonicalize().unwrap();
    let roots = crate_roots(&root);
    let mut reached = BTreeSet::new();
    let mut open: Vec<PathBuf> = roots.iter().cloned().collect();
    while let Some(path) = open.pop() {
        if reached.insert(path.clone()) {
            open.extend(modules(&path, roots.contains(&path)));
        }
    }
    let all = files(&root, &[".rs"]);
    let dead = all.iter().filter(|path| !reached.contains(*path)).map(|path| path.display().to_string());
    expect_none(dead.collect(), "no dead files");
}

/// Files where a crate begins: those that Cargo finds by their place, and those that a manifest names.
fn crate_roots(root: &Path) -> BTreeSet<PathBuf> {
    let mut roots = BTreeSet::new();
    for manifest in files(root, &["Cargo.toml"]) {
        let text = fs::read_to_string(&manifest).unwrap();
        if !text.contains("[package]") {
            continue;
        }
        let package = manifest.parent().unwrap();
        roots.extend(files(package, &[".rs"]).into_iter().filter(|file| is_found(package, file)));
        let named = text.lines().filter_map(|line| line.strip_prefix("path = \"")?.strip_suffix('"'));
        roots.extend(named.map(|path| package.join(path)));
    }
    roots
}

/// Whether Cargo begins a crate there without being told.
fn is_found(package: &Path, file: &Path) -> bool {
    let inside: Vec<&str> =
        file.strip_prefix(package).unwrap().iter().map(|part| part.to_str().unwrap()).collect();
    matches!(
        inside.as_slice(),
        ["build.rs"]
            | ["src", "lib.rs" | "main.rs"]
            | ["src", "bin", _]
            | ["tests", _]
            | ["tests", _, "main.rs"]
    )
}

/// The files behind the `mod name;` of a file.
fn modules(file: &Path, is_root: bool) -> Vec<PathBuf> {
    let text = fs::read_to_string(file).unwrap();
    let (here, stem) = (file.parent().unwrap(), file.file_stem().unwrap());
    let below = if is_root || stem == "mod" { here.to_owned() } else { here.join(stem) };
    let mut places = Vec::new();
    let mut stated = None;
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("#[path = \"") {
            stated = path.strip_suffix("\"]");
        } else if let Some(name) = mod_name(line) {
            match stated.take() {
                Some(path) => places.push(here.join(path)),
                None => places.extend([below.join(format!("{name}.rs")), below.join(name).join("mod.rs")]),
            }
        }
    }
    places.into_iter().filter_map(|place| place.canonicalize().ok()).collect()
}

fn mod_name(line: &str) -> Option<&str> {
    let visible = ["pub ", "pub(crate) ", "pub(super) "];
    let line = visible.iter().find_map(|word| line.strip_prefix(word)).unwrap_or(line);
    line.strip_prefix("mod ")?.strip_suffix(';')
}

#[test]
fn every_room_says_what_it_is_for() {
    let silent = |room: &str| {
        let folder = root().join(room).join("src");
        let text = fs::read_to_string(folder.join("lib.rs"))
            .or_else(|_| fs::read_to_string(folder.join("main.rs")))
            .unwrap();
        (!text.starts_with("//! ")).then(|| room.to_owned())
    };
    expect_none(
        MAY_IMPORT.iter().filter_map(|(room, _)| silent(room)).collect(),
        "lib.rs opens with the room's contract",
    );
}

#[test]
fn every_proto_element_is_commented() {
    let mut faults = Vec::new();
    for path in files(&root().join("proto/plimsoll"), &[".proto"]) {
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (number, line) in lines.iter().enumerate() {
            let opens =
                ["message ", "enum ", "service ", "rpc ", "oneof "].iter().any(|word| line.starts_with(word));
            let field = line.contains(" = ")
                && line.ends_with(';')
                && !line.starts_with("//")
                && !line.starts_with("syntax")
                && !line.starts_with("option");
            let commented = 0 < number && lines[number - 1].starts_with("//");
            if (opens || field) && !commented {
                faults.push(format!("{}:{}: {line}", path.display(), number + 1));
            }
        }
    }
    expect_none(faults, "every element of the wire has a comment");
}

#[test]
fn every_metric_is_described() {
    let mut faults = Vec::new();
    for room in ["service/engine", "service/server"] {
        let text: String = sources(room)
            .into_iter()
            .filter(|(path, _)| path.ends_with("metrics.rs"))
            .map(|(_, text)| text)
            .collect();
        for line in text.lines().filter(|line| line.contains("const ") && line.contains("\"plimsoll_")) {
            let name =
                line.split("const ").nth(1).and_then(|rest| rest.split(':').next()).unwrap_or_default();
            let described =
                text.contains(&format!("!({name},")) || text.contains(&format!("!(\n        {name},"));
            if !described {
                faults.push(format!("{room}: {name}"));
            }
        }
    }
    expect_none(faults, "every metric is described with its unit");
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("allow(dead", "_code)"),
        concat!("unimplemented", "!("),
        concat!("todo", "!("),
    ];
    let mut faults = Vec::new();
    for (path, text) in all_sources() {
        for word in words.iter().filter(|word| text.contains(**word)) {
            faults.push(format!("{}: {word}", path.display()));
        }
    }
    expect_none(faults, "no open ends in the code");
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    let texts = files(&root(), &[".rs", ".md", ".toml", ".proto", "Makefile", ".sh"]);
    let places = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/wo", "rk/")];
    let faults = texts
        .into_iter()
        .filter(|path| places.iter().any(|place| fs::read_to_string(path).unwrap().contains(place)))
        .map(|path| path.display().to_string())
        .collect();
    expect_none(faults, "no machine's own paths");
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let mut numbers: Vec<u32> = files(&root().join("service/decisions"), &[".md"])
        .iter()
        .filter_map(|path| path.file_name()?.to_str()?.split('-').next()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let want: Vec<u32> = (1..=numbers.len() as u32).collect();
    assert_eq!(numbers, want);
}
