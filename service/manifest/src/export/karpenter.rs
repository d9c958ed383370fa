//! NodePools of Karpenter, and the EC2NodeClass of the new ones.
//!
//! A pool may buy what the plan bought, where it bought it, up to as much of it; which node comes when is Karpenter's to
//! decide. Node groups are not Karpenter's, so that those which stay appear in comments only.

use std::collections::BTreeSet;

use plimsoll_domain::build::stated;
use plimsoll_domain::catalog::node::ROOT_VOLUME_GIB;
use plimsoll_domain::fleet::{LABEL_ARCH, LABEL_INSTANCE_TYPE, LABEL_OS, LABEL_ZONE};
use plimsoll_domain::policy::Budget;
use serde_json::{Value, json};

use super::fleet::ranked;
use super::{Fleet, Group, names, text};

/// Karpenter's label of how a node is bought.
const LABEL_CAPACITY_TYPE: &str = "karpenter.sh/capacity-type";
/// Tag by which Karpenter's guides find subnets and security groups.
const TAG_DISCOVERY: &str = "karpenter.sh/discovery";
/// Name of the class of the new pools.
const NODE_CLASS: &str = "plimsoll";
/// Greatest weight. Source: the definition of NodePool, as for the next two.
const WEIGHT_MAX: usize = 100;
/// Most types that a pool may be asked to keep to choose from.
const MIN_VALUES_MAX: u32 = 50;
/// Hops that an answer of the metadata service lives: one to the node, one to a pod.
const METADATA_HOPS: i64 = 2;
/// Most budgets of a pool.
const BUDGETS_MAX: usize = 50;

const READER: [&str; 5] = [
    "For Karpenter: kubectl apply -f FILE. Heavier pools come first, the cheapest virtual CPU is the heaviest.",
    "The role's name and the tags that find subnets and security groups are those of Karpenter's guide: put in yours.",
    "The newest AMI of Amazon Linux 2023 is taken: name a version where nodes must not change by themselves.",
    "Limits are those of the plan: as much CPU and memory as its nodes have.",
    "Node groups that stay are not listed: they are not Karpenter's.",
];

/// Writes the file: YAML documents.
pub fn pools(fleet: &Fleet) -> String {
    let is_karpenters = |group: &&Group| group.stays() && (group.is_pool || !group.existing);
    let groups: Vec<&Group> = fleet.groups.iter().filter(is_karpenters).collect();
    let names = names::all(groups.iter().map(|group| group.name.as_str()), names::is_object);
    let places = ranked(groups.iter().copied());
    let place =
        |group: &Group| places.iter().find(|(_, one)| one.name == group.name).map_or(0, |(place, _)| *place);
    let mut objects = Vec::new();
    if groups.iter().any(|group| group.node_class.is_none()) {
        objects.push(node_class(fleet));
    }
    objects.extend(groups.iter().zip(names).map(|(group, name)| {
        let weight = WEIGHT_MAX.saturating_sub(place(group)).max(1);
        node_pool(fleet, group, &name, weight)
    }));
    let mut head = text::head(fleet, &READER);
    if !fleet.policy.maintenance_windows.is_empty() {
        head.push("Karpenter knows no maintenance windows: those of the policy are not in here.".to_owned());
    }
    text::file(&head, objects)
}

fn node_class(fleet: &Fleet) -> Value {
    let discovery = json!([{ "tags": { TAG_DISCOVERY: fleet.cluster } }]);
    json!({
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "metadata": { "name": NODE_CLASS },
        "spec": {
            "amiSelectorTerms": [{ "alias": "al2023@latest" }],
            "role": format!("KarpenterNodeRole-{}", fleet.cluster),
            "subnetSelectorTerms": discovery,
            "securityGroupSelectorTerms": discovery,
            "blockDeviceMappings": [{
                "deviceName": "/dev/xvda",
                "ebs": {
                    "volumeSize": format!("{ROOT_VOLUME_GIB}Gi"),
                    "volumeType": "gp3",
                    "encrypted": true,
                    "deleteOnTermination": true,
                },
            }],
            "metadataOptions": { "httpTokens": "required", "httpPutResponseHopLimit": METADATA_HOPS },
        },
    })
}

fn node_pool(fleet: &Fleet, group: &Group, name: &str, weight: usize) -> Value {
    let class = group.node_class.as_deref().unwrap_or(NODE_CLASS);
    json!({
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": { "name": name },
        "spec": {
            "template": {
                "metadata": { "labels": stated(&group.labels) },
                "spec": {
                    "nodeClassRef": { "group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": class },
                    "requirements": requirements(fleet, group),
                    "taints": text::taints(group),
                },
            },
            "disruption": {
                "consolidationPolicy": "WhenEmptyOrUnderutilized",
                "consolidateAfter": "0s",
                "budgets": budgets(&fleet.policy.disruption_budgets),
            },
            "limits": limits(group),
            "weight": weight,
        },
    })
}

fn requirements(fleet: &Fleet, group: &Group) -> Vec<Value> {
    let one_of = |key: &str, values: Value| json!({ "key": key, "operator": "In", "values": values });
    let kind = if text::is_spot(group) { "spot" } else { "on-demand" };
    let architectures: BTreeSet<&str> = group.facts().map(|facts| facts.architecture.as_str()).collect();
    let mut types = one_of(LABEL_INSTANCE_TYPE, json!(text::types(group)));
    let fewest = fleet.policy.types_per_spot_group_min.min(group.types.len() as u32).min(MIN_VALUES_MAX);
    if text::is_spot(group) && 1 < fewest {
        types["minValues"] = json!(fewest);
    }
    let mut all = vec![one_of(LABEL_CAPACITY_TYPE, json!([kind])), types, one_of(LABEL_OS, json!(["linux"]))];
    if !group.zones.is_empty() {
        all.push(one_of(LABEL_ZONE, json!(group.zones)));
    }
    if !architectures.is_empty() {
        all.push(one_of(LABEL_ARCH, json!(architectures)));
    }
    all
}

/// As much as the plan's nodes have, each of the largest type; nothing where the types are not known.
fn limits(group: &Group) -> Value {
    if group.facts().count() < group.types.len() {
        return Value::Null;
    }
    let count = i64::from(group.to_count);
    json!({
        "cpu": (count * group.vcpu()).to_string(),
        "memory": format!("{}Mi", count * group.memory_mib()),
    })
}

/// The policy's budgets; each of a count and a share becomes two, for the least holds. Karpenter takes whole percents: a
/// share is rounded down to one, and 1 % is the least.
fn budgets(all: &[Budget]) -> Vec<Value> {
    let mut budgets: Vec<Value> = Vec::new();
    for budget in all {
        let share = budget.nodes_max_ratio.map(percent);
        let count = budget.nodes_max.map(|count| count.to_string());
        budgets.extend([count, share].into_iter().flatten().map(|nodes| {
            let window = budget.window.as_ref();
            json!({
                "nodes": nodes,
                "schedule": window.map(|window| &window.cron),
                "duration": window.map(|window| format!("{}m", window.duration_minutes)),
            })
        }));
    }
    if budgets.is_empty() {
        // Else Karpenter takes a tenth.
        budgets.push(json!({ "nodes": "100%" }));
    }
    budgets.truncate(BUDGETS_MAX);
    budgets
}

fn percent(ratio: f64) -> String {
    // A hair more, for 0.29 times 100 is below 29.
    let whole = (ratio * 100.0 + 1e-9).floor().clamp(0.0, 100.0);
    let least = if 0.0 < ratio { 1.0 } else { 0.0 };
    format!("{}%", f64::max(whole, least))
}

#[cfg(test)]
mod tests {
    use plimsoll_domain::policy::Window;

    use super::*;

    #[test]
    fn a_budget_is_as_strict_as_the_policy() {
        let window = Window { cron: "0 9 * * mon-fri".into(), duration_minutes: 90 };
        let of = |nodes_max, nodes_max_ratio, window| Budget { nodes_max, nodes_max_ratio, window };
        let check = |all: &[Budget], want: &[&str]| {
            let nodes: Vec<String> =
                budgets(all).iter().map(|budget| budget["nodes"].as_str().unwrap().to_owned()).collect();
            assert_eq!(nodes, want);
        };
        check(&[], &["100%"]);
        check(&[of(None, Some(0.29), None)], &["29%"]);
        check(&[of(None, Some(0.155), None)], &["15%"]);
        check(&[of(None, Some(0.001), None)], &["1%"]);
        check(&[of(Some(0), None, None), of(None, Some(0.1), None)], &["0", "10%"]);
        let both = [of(Some(2), Some(1.0), Some(window))];
        check(&both, &["2", "100%"]);
        assert!(
            budgets(&both).iter().all(|one| one["schedule"] == "0 9 * * mon-fri" && one["duration"] == "90m")
        );
    }
}
