//! Where tests of any room find the data folder: `#[path = ".../tests/data.rs"] mod data;`.

use std::io::Write;
use std::path::{Path, PathBuf};

/// A path in the folder of real data, `PLIMSOLL_DATA`, or else the one beside the project.
///
/// None if there is no such folder: the test is skipped and says so, on standard error itself, for what `eprintln!`
/// writes is only seen of tests that fail.
///
/// # Panics
/// If there is no such folder though `PLIMSOLL_DATA_REQUIRED=1` demands it.
pub fn path(inside: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("PLIMSOLL_DATA").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder.join(inside));
    }
    let required = std::env::var_os("PLIMSOLL_DATA_REQUIRED").is_some_and(|value| value == "1");
    assert!(!required, "PLIMSOLL_DATA_REQUIRED: no folder {}", folder.display());
    let thread = std::thread::current();
    let line = format!("skipped: no PLIMSOLL_DATA: {}\n", thread.name().unwrap_or("a test"));
    std::io::stderr().write_all(line.as_bytes()).expect("standard error takes a line");
    None
}
