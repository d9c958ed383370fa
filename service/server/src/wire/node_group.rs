//! Node groups on their way out, and sizes on their way in.

use std::collections::BTreeSet;

use plimsoll_domain::store::Write;
use plimsoll_engine::{ResizeOrder, ShownGroup};
use plimsoll_proto::v1 as pb;

use super::plan::{capacity_kind, int, int_of};
use super::{Invalid, names};
use crate::limits::RESIZE_REASON_BYTES_MAX;

/// A group as it is now.
pub fn group(from: &ShownGroup) -> pb::NodeGroup {
    let all = |text: fn(&plimsoll_domain::fleet::Node) -> &str| -> Vec<String> {
        let values: BTreeSet<&str> = from.nodes.iter().map(text).filter(|text| !text.is_empty()).collect();
        values.into_iter().map(str::to_owned).collect()
    };
    let kind = from.nodes.first().map_or(pb::CapacityKind::Unspecified, |node| capacity_kind(node.kind));
    pb::NodeGroup {
        name: from.cluster.node_group_name(&from.name),
        zones: all(|node| &node.zone),
        kind: kind.into(),
        instance_types: all(|node| &node.instance_type),
        min_count: Some(0),
        max_count: from.max_count.map(int),
        desired_count: int(from.desired_count),
        ready_count: Some(int_of(from.nodes.iter().filter(|node| node.ready).count())),
        etag: from.etag(),
        existing: true,
        ..pb::NodeGroup::default()
    }
}

/// Reads which group is to have which size.
///
/// # Errors
/// Names the field that is not acceptable.
pub fn resize(from: pb::ResizeNodeGroupRequest, write: Write) -> Result<ResizeOrder, Invalid> {
    let (cluster, group) = names::parse_node_group("name", &from.name)?;
    if RESIZE_REASON_BYTES_MAX < from.reason.len() {
        return Err(Invalid::new("reason", format!("longer than {RESIZE_REASON_BYTES_MAX} bytes")));
    }
    let desired_count = i64::from(from.desired_count);
    Ok(ResizeOrder { write, cluster, group, desired_count, reason: from.reason, etag: from.etag })
}
