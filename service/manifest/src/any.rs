//! One door for every file about a cluster: the format is told by how the file begins.

use std::io;

use jiff::Timestamp;
use plimsoll_domain::snapshot::Snapshot;
use plimsoll_domain::usage::Sample;

use crate::error::ReadError;
use crate::{input, kube};

/// What a file does not say of itself.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// Whether pods of a trace that have finished count.
    pub include_finished: bool,
    /// The time now.
    pub now: Timestamp,
}

/// What a file holds.
pub enum Read {
    /// A cluster, a trace or a ready instance.
    Snapshot(Box<Snapshot>),
    /// Samples of usage.
    Usage(Vec<Sample>),
}

/// Reads a file about a cluster, gzip or not.
///
/// # Errors
/// [`ReadError`] tells what is wrong, and where.
pub fn read(raw: impl io::Read, options: &ReadOptions) -> Result<Read, ReadError> {
    let mut text = input::open(raw)?;
    let kube_options = kube::Options::at(options.now);
    let mut import = kube::Import::default();
    import.read_text(&mut text)?;
    Ok(Read::Snapshot(Box::new(import.finish(&kube_options)?)))
}
