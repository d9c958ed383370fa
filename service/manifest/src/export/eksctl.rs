//! A ClusterConfig of eksctl: the whole fleet as managed node groups.
//!
//! Groups that stay are listed, too: `eksctl create nodegroup` leaves them alone. A group that had no nodes when the cluster
//! was looked at is not known, and not in the file.

use plimsoll_domain::build::stated;
use plimsoll_domain::catalog::node::ROOT_VOLUME_GIB;
use serde_json::{Value, json};

use super::{Fleet, Group, names, text};

/// Most nodes of a group where the policy has no limit: the quota of EKS.
pub(super) const NODES_MAX: u32 = 450;

const READER: [&str; 6] = [
    "For eksctl: eksctl create nodegroup --config-file=FILE makes the new groups and leaves the others alone.",
    "Lower a group only after the nodes named here are drained and gone: eksctl lets AWS choose which ones leave.",
    "Delete emptied groups by name, never with --only-missing: groups that had no nodes before are not in this file.",
    "A cluster that eksctl did not make needs its vpc section here; the AMI of groups that exist is not known.",
    "On-demand groups buy their instance types in the order given.",
    "Pools of Karpenter are not listed.",
];

/// Writes the file: YAML.
pub fn cluster_config(fleet: &Fleet) -> String {
    let groups: Vec<&Group> = fleet.groups.iter().filter(|group| group.stays() && !group.is_pool).collect();
    let names = names::all(groups.iter().map(|group| group.name.as_str()), names::is_eksctl);
    let most = most(fleet);
    let config = json!({
        "apiVersion": "eksctl.io/v1alpha5",
        "kind": "ClusterConfig",
        "metadata": {
            "name": fleet.cluster,
            "region": fleet.region,
            "version": text::stated(&fleet.kubernetes_version),
        },
        "managedNodeGroups":
            groups.iter().zip(names).map(|(group, name)| managed(group, &name, most)).collect::<Vec<_>>(),
    });
    text::file(&text::head(fleet, &READER), vec![config])
}

/// Most nodes that a group may grow to.
pub(super) fn most(fleet: &Fleet) -> u32 {
    if fleet.policy.nodes_per_group_max == 0 { NODES_MAX } else { fleet.policy.nodes_per_group_max }
}

fn managed(group: &Group, name: &str, most: u32) -> Value {
    let mut told = json!({
        "name": name,
        "instanceTypes": text::types(group),
        "spot": text::is_spot(group).then_some(true),
        "availabilityZones": group.zones,
        "minSize": 0,
        "maxSize": most.max(group.to_count),
        "desiredCapacity": group.to_count,
        "labels": stated(&group.labels),
        "taints": text::taints(group),
    });
    if !group.existing {
        told["amiFamily"] = json!("AmazonLinux2023");
        told["volumeSize"] = json!(ROOT_VOLUME_GIB);
        told["volumeType"] = json!("gp3");
        told["volumeEncrypted"] = json!(true);
    }
    told
}
