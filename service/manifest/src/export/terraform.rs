//! A configuration of Terraform in its JSON syntax: the new groups as `aws_eks_node_group`.
//!
//! Groups that exist are not in it: Terraform would try to make them again, and lets AWS choose which nodes leave. JSON has
//! no comments; what Terraform skips is `//`.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::build::stated;
use plimsoll_domain::catalog::node::ROOT_VOLUME_GIB;
use plimsoll_domain::catalog::{AcceleratorKind, InstanceType};
use plimsoll_domain::policy::Actuator;
use plimsoll_domain::workload::{Taint, TaintEffect};
use serde_json::{Map, Value, json};

use super::{Fleet, Group, eksctl, names, text};

const READER: [&str; 4] = [
    "For Terraform: keep as FILE.tf.json. The new groups are in it; give it the nodes' role, and a subnet for each zone.",
    "Groups that exist are not in it: drain the nodes named here, and lower or delete the groups where they are kept.",
    "On-demand groups buy their instance types in the order given.",
    "Pools of Karpenter are not in it.",
];

/// Writes the file: `*.tf.json`.
pub fn configuration(fleet: &Fleet) -> String {
    let groups: Vec<&Group> = fleet.groups.iter().filter(|group| group.stays() && !group.existing).collect();
    let own = names::all(groups.iter().map(|group| group.name.as_str()), names::is_eks);
    let ids = names::all(own.iter().map(String::as_str), names::is_object);
    let resources: Map<String, Value> = groups
        .iter()
        .zip(own)
        .zip(ids)
        .map(|((group, name), id)| (id, resource(fleet, group, &name)))
        .collect();
    let zones: BTreeSet<&String> = groups.iter().flat_map(|group| &group.zones).collect();
    let zones: Vec<&str> = zones.into_iter().map(String::as_str).collect();
    let mut whole = json!({
        "//": text::head(fleet, &READER),
        "terraform": { "required_providers": { "aws": { "source": "hashicorp/aws" } } },
        "variable": {
            "cluster_name": {
                "type": "string",
                "description": "Name of the EKS cluster",
                "default": fleet.cluster,
            },
            "node_role_arn": { "type": "string", "description": "ARN of the IAM role of the nodes" },
            "subnet_ids": {
                "type": "map(string)",
                "description": format!("A subnet of the cluster for each zone: {}", zones.join(", ")),
            },
        },
    });
    if !resources.is_empty() {
        whole["resource"] = json!({ "aws_eks_node_group": resources });
    }
    format!("{whole:#}\n")
}

fn resource(fleet: &Fleet, group: &Group, name: &str) -> Value {
    let subnets: Vec<String> =
        group.zones.iter().map(|zone| format!("${{var.subnet_ids[{}]}}", quoted(zone))).collect();
    let mut resource = json!({
        "cluster_name": "${var.cluster_name}",
        "node_group_name": literal(name),
        "node_role_arn": "${var.node_role_arn}",
        "subnet_ids": subnets,
        "capacity_type": group.kind.label(),
        "instance_types": group.types.iter().map(|one| literal(&one.name)).collect::<Vec<_>>(),
        "disk_size": ROOT_VOLUME_GIB,
        "scaling_config": {
            "desired_size": group.to_count,
            "min_size": 0,
            "max_size": eksctl::most(fleet).max(group.to_count),
        },
    });
    if let Some(ami) = ami(group) {
        resource["ami_type"] = json!(ami);
    }
    let labels: BTreeMap<String, String> =
        stated(&group.labels).iter().map(|(key, value)| (literal(key), literal(value))).collect();
    if !labels.is_empty() {
        resource["labels"] = json!(labels);
    }
    if !group.taints.is_empty() {
        resource["taint"] = group.taints.iter().map(taint).collect();
    }
    if fleet.policy.actuator != Actuator::Advise {
        // Whoever owns sizes changes them beside Terraform.
        resource["lifecycle"] = json!({ "ignore_changes": ["scaling_config[0].desired_size"] });
    }
    resource
}

/// A text that Terraform takes as it is: what would begin an expression is doubled.
fn literal(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

/// The same within an expression, in quotes.
fn quoted(text: &str) -> String {
    literal(&Value::from(text).to_string())
}

fn taint(taint: &Taint) -> Value {
    let effect = match taint.effect {
        TaintEffect::NoSchedule => "NO_SCHEDULE",
        TaintEffect::PreferNoSchedule => "PREFER_NO_SCHEDULE",
        TaintEffect::NoExecute => "NO_EXECUTE",
    };
    let mut told = json!({ "key": literal(&taint.key), "effect": effect });
    if !taint.value.is_empty() {
        told["value"] = json!(literal(&taint.value));
    }
    told
}

/// The AMI of Amazon Linux 2023 that all types of a group boot; none if there is no such, or a type is not known.
fn ami(group: &Group) -> Option<&'static str> {
    let amis: BTreeSet<&str> = group.facts().map(ami_of).collect();
    let is_known = group.facts().count() == group.types.len();
    match amis.into_iter().collect::<Vec<_>>()[..] {
        [ami] if is_known => Some(ami),
        _ => None,
    }
}

/// Source: `amiType` in the model of EKS.
fn ami_of(facts: &InstanceType) -> &'static str {
    let kind = facts.accelerator.as_ref().map(|accelerator| (accelerator.kind, accelerator.nvidia));
    match (facts.architecture.as_str(), kind) {
        ("arm64", Some((_, true))) => "AL2023_ARM_64_NVIDIA",
        ("arm64", _) => "AL2023_ARM_64_STANDARD",
        (_, Some((_, true))) => "AL2023_x86_64_NVIDIA",
        (_, Some((AcceleratorKind::Neuron, _))) => "AL2023_x86_64_NEURON",
        _ => "AL2023_x86_64_STANDARD",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_taken_for_an_expression() {
        assert_eq!(literal("${var.x} %{if} $5 100%"), "$${var.x} %%{if} $5 100%");
        assert_eq!(quoted("a\"b"), r#""a\"b""#);
    }
}
