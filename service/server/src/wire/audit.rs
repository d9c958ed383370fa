//! Lines of the audit log on their way out, and which ones are asked for.

use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::store::{AuditEntry, AuditFilter};
use plimsoll_proto::v1 as pb;

use super::time::{parse_timestamp, timestamp};
use super::{Invalid, names};

/// A line as the wire has it.
pub fn entry(from: &AuditEntry) -> pb::AuditEntry {
    pb::AuditEntry {
        name: format!("auditEntries/{}", from.number),
        time: Some(timestamp(from.time)),
        actor: from.actor.clone(),
        method: from.method.clone(),
        resource: from.resource.clone(),
        cluster: from.cluster.as_ref().map(ClusterId::name).unwrap_or_default(),
        request_id: from.request_id.clone(),
    }
}

/// Reads which lines a list is to have.
///
/// # Errors
/// Names the field that is not acceptable.
pub fn filter(from: pb::ListAuditEntriesRequest) -> Result<AuditFilter, Invalid> {
    let cluster = match from.parent.as_str() {
        "" => None,
        parent => Some(names::parse_cluster("parent", parent)?),
    };
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    let time = |field, time: Option<_>| time.map(|time| parse_timestamp(field, time)).transpose();
    Ok(AuditFilter {
        cluster,
        actor: text(from.actor),
        method: text(from.method),
        resource: text(from.resource),
        since: time("start_time", from.start_time)?,
        until: time("end_time", from.end_time)?,
    })
}
