//! Where the service writes costs down.

use std::sync::Arc;

use plimsoll_domain::ledger::LedgerError;
use plimsoll_engine::Engine;
use plimsoll_report::{Lake, Settings as LakeSettings};
use tempfile::TempDir;

use super::Error;
use crate::config::{Ledger, Settings, Store};

/// The engine with the ledger that the settings name, and the folder that has to go with it, if any.
pub fn keep(engine: Engine, settings: &Settings) -> Result<(Engine, Option<TempDir>), Error> {
    let url = settings.ledger.url.as_str();
    let (url, folder) = match url {
        Ledger::NONE => return Ok((engine, None)),
        "" if settings.store.path == Store::MEMORY => {
            let folder = TempDir::new().map_err(|cause| refused(url, LedgerError::Failed(cause.into())))?;
            (folder.path().display().to_string(), Some(folder))
        }
        "" => (format!("{}.lake", settings.store.path), None),
        url => (url.to_owned(), None),
    };
    let lake = Lake::open(&url, &LakeSettings::default()).map_err(|source| refused(&url, source))?;
    Ok((engine.with_ledger(Arc::new(lake)), folder))
}

fn refused(url: &str, source: LedgerError) -> Error {
    Error::Ledger { url: url.to_owned(), source }
}
