//! One door for every file about a cluster: the format is told by how the file begins.

use std::io;

use jiff::Timestamp;
use plimsoll_domain::snapshot::Snapshot;
use plimsoll_domain::usage::Sample;

use crate::detect::{Format, detect};
use crate::error::{Fault, ReadError};
use crate::usage::{self, Measure};
use crate::{input, instance, kube, trace};

/// Samples of one file: 11,000 points of 450 containers; a longer series is read with [`usage::read`].
pub const SAMPLES_MAX: usize = 5_000_000;

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
    read_named(raw, "", options)
}

/// Reads a file about a cluster, gzip or not. Its name helps where its content leaves something open: whether a
/// series of Prometheus measures CPU or memory.
///
/// # Errors
/// As of [`read`].
pub fn read_named(raw: impl io::Read, file_name: &str, options: &ReadOptions) -> Result<Read, ReadError> {
    let mut text = input::open(raw)?;
    let snapshot = match detect(text.prefix(), file_name) {
        Some(Format::Openb) => trace::read_openb(text, options.include_finished, options.now)?,
        Some(Format::Instance) => instance::read(text, options.now)?,
        Some(Format::Usage(format)) => return samples(text, format, file_name),
        Some(Format::Prices(_)) => {
            let message = "these are prices, not a cluster; import them as prices";
            return Err(Fault::new(message).into());
        }
        // What is in no format at all is refused there, with the place where it stops making sense.
        Some(Format::Kubernetes) | None => {
            let mut import = kube::Import::default();
            import.read_text(&mut text)?;
            import.finish(&kube::Options::at(options.now))?
        }
    };
    Ok(Read::Snapshot(Box::new(snapshot)))
}

fn samples(text: input::Text<'_>, format: usage::Format, file_name: &str) -> Result<Read, ReadError> {
    let mut samples = Vec::new();
    usage::read(text, format, Measure::of_name(file_name), |sample| {
        if SAMPLES_MAX <= samples.len() {
            return Err(ReadError::TooLarge { what: "samples", limit: SAMPLES_MAX as u64 });
        }
        samples.push(sample);
        Ok(())
    })?;
    if samples.is_empty() {
        return Err(ReadError::Empty { what: "samples" });
    }
    Ok(Read::Usage(samples))
}
