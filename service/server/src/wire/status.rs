//! The single place where an error becomes a gRPC status.

mod reason;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use plimsoll_domain::ledger::LedgerError;
use plimsoll_domain::store::StoreError;
use plimsoll_engine::Error;
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};
use tracing::error;

pub use reason::Reason;

use super::Invalid;
use crate::api::spool;
use crate::limits::{ERROR_ENTRIES_MAX, ERROR_TEXT_BYTES_MAX};

/// `ErrorInfo.domain` of every error.
pub const DOMAIN: &str = "plimsoll";

/// When to try again, where waiting helps.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// Everything that a handler may fail with.
#[derive(Debug)]
pub enum Refused {
    /// The request cannot be understood.
    Invalid(Invalid),
    /// The engine did not do it.
    Engine(Error),
    /// The engine did not take in a file of this name.
    File(String, Error),
    /// The upload did not arrive.
    Upload(spool::Error),
}

impl From<Invalid> for Refused {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<spool::Error> for Refused {
    fn from(error: spool::Error) -> Self {
        Self::Upload(error)
    }
}

impl From<Refused> for Status {
    fn from(refused: Refused) -> Self {
        log(&refused);
        match refused {
            Refused::Invalid(invalid) => field(&invalid.field, &invalid.message),
            Refused::Engine(error) => engine(error),
            Refused::File(name, Error::BadImport { field, line, column, message }) => {
                bad_import(name, field, line, column, &message)
            }
            Refused::File(_, error) => engine(error),
            Refused::Upload(error) => upload(error),
        }
    }
}

impl From<Invalid> for Status {
    fn from(invalid: Invalid) -> Self {
        Refused::Invalid(invalid).into()
    }
}

fn engine(error: Error) -> Status {
    let message = error.to_string();
    let with = |reason, metadata: &[(&str, String)]| status(reason, &message, metadata);
    match error {
        Error::InvalidArgument { field: name, message } => field(name, &message),
        Error::BadImport { field, line, column, message } => {
            bad_import(String::new(), field, line, column, &message)
        }
        Error::TooLarge { what, limit } => too_large(&message, what, limit),
        Error::Infeasible(refusals) => {
            let mut entries = vec![("demand_count".to_owned(), refusals.len().to_string())];
            for (index, refusal) in refusals.iter().take(ERROR_ENTRIES_MAX).enumerate() {
                let number = index + 1;
                let pods = refusal.pods.iter().take(ERROR_ENTRIES_MAX).cloned().collect::<Vec<_>>();
                entries.push((format!("demand_{number}"), refusal.to_string()));
                entries.push((format!("pods_{number}"), pods.join(" ")));
                entries
                    .extend(refusal.nearest.iter().map(|near| (format!("nearest_{number}"), near.clone())));
            }
            let entries: Vec<(&str, String)> =
                entries.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
            with(Reason::Infeasible, &entries)
        }
        Error::NoPrices(region) => with(Reason::UnknownCatalog, &[("region", region)]),
        Error::NotActuator { cluster, why } => {
            with(Reason::NotActuator, &[("cluster", cluster), ("why", why.to_owned())])
        }
        Error::ExpiredPlan { plan, time } => {
            with(Reason::ExpiredPlan, &[("plan", plan), ("expire_time", time.to_string())])
        }
        Error::UnsafePlan(why) => with(Reason::UnsafePlan, &[("why", why)]),
        Error::OutOfRangeSize { group, wanted, max } => {
            let (wanted, max) = (("desired_count", wanted.to_string()), ("max_count", max.to_string()));
            let min = ("min_count", "0".to_owned());
            with(Reason::OutOfRangeSize, &[("node_group", group), wanted, min, max])
        }
        Error::ProtectedGroup(group) => with(Reason::ProtectedGroup, &[("node_group", group)]),
        Error::UnsafeShrink(why) => with(Reason::UnsafeShrink, &[("why", why)]),
        Error::NotStuck(operation) => with(Reason::NotStuck, &[("operation", operation)]),
        Error::Unready(why) => with(Reason::NotReady, &[("why", why)]),
        Error::World(why) => with(Reason::UnavailableSource, &[("why", why)]),
        Error::Frozen(cluster) => with(Reason::Frozen, &[("cluster", cluster)]),
        Error::OutsideWindow { cluster, opens } => {
            with(Reason::OutsideWindow, &[("cluster", cluster), ("open_time", opens.to_string())])
        }
        Error::BudgetExceeded { cluster, cost_usd, budget_usd } => {
            let (cost, budget) = (format!("{cost_usd:.2}"), format!("{budget_usd:.2}"));
            let metadata =
                [("cluster", cluster), ("cost_usd_per_month", cost), ("budget_usd_per_month", budget)];
            with(Reason::BudgetExceeded, &metadata)
        }
        Error::Overloaded { waiting } => with(Reason::Overloaded, &[("waiting_count", waiting.to_string())]),
        Error::Cancelled => with(Reason::Cancelled, &[]),
        Error::Unproven(why) => with(Reason::Unproven, &[("why", why)]),
        Error::NoLedger => with(Reason::NoLedger, &[]),
        Error::NoCosts(cluster) => with(Reason::NoCosts, &[("cluster", cluster)]),
        Error::Ledger(error) => ledger(error),
        Error::Store(error) => store(error),
        Error::Internal(_) => status(Reason::Internal, "internal error; the server's log has more", &[]),
    }
}

fn store(error: StoreError) -> Status {
    let message = error.to_string();
    let with = |reason, metadata: &[(&str, String)]| status(reason, &message, metadata);
    match error {
        StoreError::NotFound(resource) => with(unknown(&resource), &[("resource", resource)]),
        StoreError::Exists(resource) => with(Reason::ExistsAlready, &[("resource", resource)]),
        StoreError::EtagMismatch { resource, given, current } => {
            let entries = [("resource", resource), ("given_etag", given), ("current_etag", current)];
            with(Reason::EtagMismatch, &entries)
        }
        StoreError::Busy { cluster, holder } => {
            with(Reason::ClusterBusy, &[("cluster", cluster), ("holder", holder)])
        }
        StoreError::Stale { base, current } => {
            let entries = [("base_generation", base.to_string()), ("generation", current.to_string())];
            with(Reason::StalePlan, &entries)
        }
        StoreError::Superseded(operation) => with(Reason::ClusterBusy, &[("holder", operation)]),
        StoreError::RequestIdReused(id) => with(Reason::RequestIdReused, &[("request_id", id)]),
        StoreError::BadPageToken(token) => with(Reason::BadPageToken, &[("page_token", token)]),
        StoreError::Overloaded { waiting } => {
            with(Reason::Overloaded, &[("waiting_count", waiting.to_string())])
        }
        StoreError::Full => with(Reason::StorageFull, &[]),
        StoreError::Failed(_) => with(Reason::StorageFailed, &[]),
    }
}

fn ledger(error: LedgerError) -> Status {
    let message = error.to_string();
    let with = |reason, metadata: &[(&str, String)]| status(reason, &message, metadata);
    match error {
        LedgerError::Damaged { path, why } => with(Reason::DamagedLedger, &[("path", path), ("why", why)]),
        LedgerError::TooLarge { max } => {
            with(Reason::TooLarge, &[("what", "rows".to_owned()), ("limit", max.to_string())])
        }
        LedgerError::Full => with(Reason::StorageFull, &[]),
        LedgerError::ReadOnly(_) | LedgerError::Failed(_) => with(Reason::StorageFailed, &[]),
    }
}

fn upload(error: spool::Error) -> Status {
    let message = error.to_string();
    let with = |reason, metadata: &[(&str, String)]| status(reason, &message, metadata);
    match error {
        spool::Error::Malformed(invalid) => field(&invalid.field, &invalid.message),
        spool::Error::TooLarge { limit } => too_large(&message, "import".to_owned(), limit),
        spool::Error::Busy { limit } => with(Reason::Overloaded, &[("limit", limit.to_string())]),
        spool::Error::Stalled { seconds } => with(Reason::UploadStalled, &[("seconds", seconds.to_string())]),
        spool::Error::Disk(_) => with(Reason::StorageFailed, &[]),
        spool::Error::DiskFull => with(Reason::StorageFull, &[]),
        spool::Error::Broken(status) => *status,
    }
}

fn bad_import(file: String, field: String, line: u64, column: u64, message: &str) -> Status {
    let message = if file.is_empty() { message.to_owned() } else { format!("{file}: {message}") };
    let place = |number: u64| if number == 0 { String::new() } else { number.to_string() };
    let entries = [("file", file), ("field", field), ("line", place(line)), ("column", place(column))];
    status(Reason::BadImport, &message, &entries)
}

fn too_large(message: &str, what: String, limit: u64) -> Status {
    status(Reason::TooLarge, message, &[("what", what), ("limit", limit.to_string())])
}

fn field(name: &str, message: &str) -> Status {
    let whole = format!("{name}: {message}");
    let mut details = details(Reason::InvalidField, &[("field", name.to_owned())]);
    details.add_bad_request_violation(name, clip(message));
    Status::with_error_details(Reason::InvalidField.code(), clip(&whole), details)
}

fn status(reason: Reason, message: &str, metadata: &[(&str, String)]) -> Status {
    let whole = format!("{}{}", clip(message), advice(reason));
    Status::with_error_details(reason.code(), whole, details(reason, metadata))
}

/// What to do about it, where the message does not say.
fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::UnknownSnapshot => "; import one first (plimsoll cluster import, or ImportSnapshot)",
        Reason::Frozen => "; lift `freeze` in the policy (plimsoll policy edit, or UpdatePolicy)",
        Reason::EtagMismatch => "; read it again and repeat",
        Reason::StalePlan => "; create a new plan",
        Reason::ProtectedGroup => {
            "; take it out of `protected_groups` (plimsoll policy edit, or UpdatePolicy)"
        }
        Reason::ClusterBusy => "; wait for it (plimsoll operation watch), or cancel it",
        _ => "",
    }
}

fn details(reason: Reason, metadata: &[(&str, String)]) -> ErrorDetails {
    let entries: HashMap<String, String> = metadata
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| ((*key).to_owned(), clip(value)))
        .collect();
    let mut details = ErrorDetails::with_error_info(reason.name(), DOMAIN, entries);
    let heals = [Reason::ClusterBusy, Reason::Overloaded, Reason::StorageFailed, Reason::UnavailableSource];
    if heals.contains(&reason) {
        details.set_retry_info(Some(RETRY_DELAY));
    }
    details
}

/// Details travel in a trailer of limited size; a text that is too long ends in an ellipsis.
fn clip(text: &str) -> String {
    if text.len() <= ERROR_TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let end = (0..=ERROR_TEXT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// Which kind of resource is missing, by its name.
fn unknown(resource: &str) -> Reason {
    match resource.split('/').nth(2) {
        Some("plans") => Reason::UnknownPlan,
        Some("snapshots") => Reason::UnknownSnapshot,
        Some("nodeGroups") => Reason::UnknownNodeGroup,
        _ if resource.starts_with("clusters/") => Reason::UnknownCluster,
        _ if resource.starts_with("operations/") => Reason::UnknownOperation,
        _ => Reason::UnknownCatalog,
    }
}

/// What should wake someone is logged with its causes; the caller does not see them.
fn log(refused: &Refused) {
    match refused {
        Refused::Engine(error) | Refused::File(_, error) => log_engine(error),
        Refused::Upload(spool::Error::Disk(cause)) => error!(%cause, "upload cannot be kept"),
        Refused::Upload(_) | Refused::Invalid(_) => {}
    }
}

fn log_engine(error: &Error) {
    match error {
        Error::Store(StoreError::Failed(cause)) => error!(cause = chain(&**cause), "database failed"),
        Error::Ledger(LedgerError::Failed(cause)) => error!(cause = chain(&**cause), "ledger failed"),
        Error::Ledger(LedgerError::Damaged { path, why }) => {
            error!(path, why, "a file of the ledger is damaged")
        }
        Error::Store(StoreError::Full) => error!("no space left for the database"),
        Error::Internal(what) => error!(what, "internal error"),
        Error::Unproven(why) => error!(why, "a plan did not pass its own proof"),
        _ => {}
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
