//! Other programs that tests ask, each in an environment of Python that `.ci/pythons` makes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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
    skip(&format!("no {}: run .ci/pythons", python.display()));
    None
}

/// Says on standard error itself, which is seen of tests that pass, too, that a test is skipped.
///
/// # Panics
/// Where `CI` is set: there everything is tested.
pub fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none_or(|value| value.is_empty()), "nothing is skipped in CI: {why}");
    let thread = std::thread::current();
    let line = format!("skipped: {why}: {}\n", thread.name().unwrap_or("a test"));
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// What a script prints.
pub fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let told = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?} ended with {status}\n{told}");
    String::from_utf8(stdout).unwrap()
}

/// A script of ours.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name)
}
