//! Logs: structured, to stderr, so that stdout stays for data.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::TryInitError;

use crate::config::{Log, LogFormat};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter cannot be understood.
    #[error("log.filter: {0:?} is no filter such as info,plimsoll_engine=debug")]
    Filter(String, #[source] tracing_subscriber::filter::ParseError),
    /// Somebody else in this process logs already.
    #[error("another log is installed")]
    Taken(#[from] TryInitError),
}

/// Sends the process's log to stderr. Once in a process, by its `main`.
///
/// # Errors
/// See [`Error`].
pub fn init(log: &Log) -> Result<(), Error> {
    use tracing_subscriber::util::SubscriberInitExt;
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| Error::Filter(log.filter.clone(), error))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match log.format {
        LogFormat::Text => lines.finish().try_init()?,
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}
