//! Clusters.

use plimsoll_domain::policy::Policy;
use plimsoll_domain::store::{ClusterRecord, Mode};
use plimsoll_engine::Registration;
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::cluster as kinds;

use super::filter::{Kind, Value};
use super::{Invalid, names, time::timestamp};

/// Fields that ListClusters filters by.
pub const FILTER_FIELDS: [(&str, Kind); 2] = [("mode", Kind::Text), ("region", Kind::Text)];

/// Bytes of an ARN, by the IAM reference.
const ARN_BYTES_MAX: usize = 2048;
/// Bytes of a region's name or a version.
const NAME_BYTES_MAX: usize = 64;

/// Reads what is to be registered.
pub fn registration(request: pb::RegisterClusterRequest) -> Result<Registration, Invalid> {
    let cluster = request.cluster.unwrap_or_default();
    Ok(Registration {
        id: names::id("cluster_id", &request.cluster_id)?,
        mode: mode(cluster.mode)?,
        region: name("cluster.region", cluster.region)?,
        aws_account_id: account(cluster.aws_account_id)?,
        role_arn: arn(cluster.role_arn)?,
        kubernetes_version: name("cluster.kubernetes_version", cluster.kubernetes_version)?,
        policy: Policy::default(),
    })
}

/// A cluster as the wire has it.
pub fn cluster(from: &ClusterRecord) -> pb::Cluster {
    pb::Cluster {
        name: from.id.name(),
        mode: wire_mode(from.mode).into(),
        region: from.region.clone(),
        aws_account_id: from.aws_account_id.clone(),
        role_arn: from.role_arn.clone(),
        kubernetes_version: from.kubernetes_version.clone(),
        etag: from.etag.clone(),
        generation: from.generation,
        state: kinds::State::Active.into(),
        create_time: Some(timestamp(from.create_time)),
    }
}

/// What a filter sees of a cluster.
pub fn filter_value<'a>(cluster: &'a ClusterRecord, field: &str) -> Value<'a> {
    match field {
        "region" => Value::Text(&cluster.region),
        _ => Value::Enum { name: wire_mode(cluster.mode).as_str_name(), prefix: "MODE_" },
    }
}

fn mode(from: i32) -> Result<Mode, Invalid> {
    match kinds::Mode::try_from(from) {
        Ok(kinds::Mode::Unspecified | kinds::Mode::Offline) => Ok(Mode::Offline),
        Ok(kinds::Mode::Live) => Ok(Mode::Live),
        Ok(kinds::Mode::Simulated) => Ok(Mode::Simulated),
        Err(_) => Err(Invalid::new("cluster.mode", format!("{from} is no value of this enum"))),
    }
}

fn wire_mode(from: Mode) -> kinds::Mode {
    match from {
        Mode::Live => kinds::Mode::Live,
        Mode::Offline => kinds::Mode::Offline,
        Mode::Simulated => kinds::Mode::Simulated,
    }
}

/// A region or a version: short, of lower-case letters, digits, `-` and `.`; may be empty.
fn name(field: &str, text: String) -> Result<String, Invalid> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    if text.len() <= NAME_BYTES_MAX && text.bytes().all(plain) {
        return Ok(text);
    }
    let want = format!("at most {NAME_BYTES_MAX} lower-case letters, digits, '-' and '.'");
    Err(Invalid::new(field, format!("expected {want}")))
}

fn account(text: String) -> Result<String, Invalid> {
    let is_account = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    if text.is_empty() || is_account {
        return Ok(text);
    }
    Err(Invalid::new("cluster.aws_account_id", format!("{text:?} has not twelve digits")))
}

fn arn(text: String) -> Result<String, Invalid> {
    if text.is_empty() || (text.starts_with("arn:") && text.len() <= ARN_BYTES_MAX) {
        return Ok(text);
    }
    Err(Invalid::new("cluster.role_arn", "expected an ARN of at most 2048 bytes, starting with arn:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cluster: pb::Cluster, field: &str) {
        let request = pb::RegisterClusterRequest {
            cluster_id: "a".into(),
            cluster: Some(cluster),
            ..Default::default()
        };
        assert_eq!(registration(request).unwrap_err().field, field);
    }

    #[test]
    fn what_is_no_cluster_is_refused() {
        check(pb::Cluster { mode: 9, ..Default::default() }, "cluster.mode");
        check(pb::Cluster { region: "us east".into(), ..Default::default() }, "cluster.region");
        check(pb::Cluster { aws_account_id: "12".into(), ..Default::default() }, "cluster.aws_account_id");
        check(pb::Cluster { role_arn: "role".into(), ..Default::default() }, "cluster.role_arn");
        let nameless = registration(pb::RegisterClusterRequest::default());
        assert_eq!(nameless.unwrap_err().field, "cluster_id");
    }

    #[test]
    fn a_cluster_is_offline_unless_it_says_otherwise() {
        let request = pb::RegisterClusterRequest { cluster_id: "atlas".into(), ..Default::default() };
        assert_eq!(registration(request).unwrap().mode, Mode::Offline);
    }
}
