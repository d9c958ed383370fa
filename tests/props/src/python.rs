//! Other programs that tests ask, each in an environment of Python that `.ci/pythons` makes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::skip;

/// The interpreter of an environment, below `PLIMSOLL_PYTHONS` or else the user's cache.
///
/// None if it is not there: the test is skipped and says so. Where `CI` is set, that is a failure.
pub fn interpreter(environment: &str) -> Option<PathBuf> {
    let cache = || Some(Path::new(&std::env::var_os("HOME")?).join(".cache/plimsoll"));
    let folder = std::env::var_os("PLIMSOLL_PYTHONS").map(PathBuf::from).or_else(cache);
    let python = folder.unwrap_or_default().join(environment).join("bin/python");
    if python.exists() {
        return Some(python);
    }
    skip(&format!("no {}: run make pythons", python.display()));
    None
}

/// What a script prints.
///
/// # Panics
/// If it fails.
pub fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let told = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?} ended with {status}\n{told}");
    String::from_utf8(stdout).unwrap()
}
