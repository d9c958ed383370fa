//! What tests run against: a real Kubernetes control plane, an AWS of our own on the wire, programs in Python.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

pub mod attacher;
pub mod aws;
pub mod budgets;
pub mod ground;
pub mod objects;
pub mod prometheus;
pub mod python;
pub mod schemas;

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitStatus;

/// A port of loopback that nobody listens on just now.
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Says something on standard error itself, which is seen of tests that pass, too.
///
/// # Panics
/// If there is no standard error.
pub fn tell(what: &str) {
    std::io::stderr().write_all(format!("{what}\n").as_bytes()).unwrap();
}

/// A script that builds what tests run against ended well, or said that this machine cannot build it.
fn expect_built(ended: ExitStatus) {
    const NOTHING_TO_BUILD_WITH: i32 = 3;
    assert!(
        ended.success() || ended.code() == Some(NOTHING_TO_BUILD_WITH),
        "what tests need is not built: {ended}"
    );
}

/// Says that a test is skipped.
///
/// # Panics
/// Where `CI` is set: there everything is tested.
pub fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none_or(|value| value.is_empty()), "nothing is skipped in CI: {why}");
    let thread = std::thread::current();
    tell(&format!("skipped: {why}: {}", thread.name().unwrap_or("a test")));
}
