//! What a plan needs of Kubernetes itself: the order in which Cluster Autoscaler grows groups, and the requests that the
//! plan counts on.

use std::collections::BTreeMap;

use plimsoll_domain::policy::Actuator;
use plimsoll_domain::rightsize::Recommendation;
use plimsoll_domain::workload::{WorkloadKind, WorkloadRef};
use serde_json::{Value, json};

use super::fleet::ranked;
use super::{Fleet, Group, text, yaml};

/// Where Cluster Autoscaler's priority expander looks. Source: its documentation.
const PRIORITIES_NAME: &str = "cluster-autoscaler-priority-expander";
/// The namespace that it runs in, usually.
const PRIORITIES_NAMESPACE: &str = "kube-system";

const READER: [&str; 2] = [
    "For Kubernetes: kubectl apply --server-side --force-conflicts -f FILE.",
    "What a workload asks for is owned by whoever deploys it, too: change it there, or it comes back.",
];
const PRIORITIES: &str = "Cluster Autoscaler (--expander=priority) grows the cheapest virtual CPU first, and groups that \
                          the plan empties not at all. Put the ConfigMap into the namespace that it runs in.";
const NOTHING: &str = "There is nothing to apply: the plan counts on the requests in force, and no autoscaler of node \
                       groups is to be told an order.";

/// Writes the file: YAML documents; only comments where there is nothing to apply.
pub fn manifests(fleet: &Fleet) -> String {
    let mut head = text::head(fleet, &READER);
    let mut objects = Vec::new();
    let groups: Vec<&Group> = fleet.groups.iter().filter(|group| group.stays() && !group.is_pool).collect();
    let is_told = matches!(fleet.policy.actuator, Actuator::Advise | Actuator::ClusterAutoscaler);
    if is_told && !groups.is_empty() {
        head.push(PRIORITIES.to_owned());
        objects.push(priorities(&groups));
    }
    let mut by_workload: BTreeMap<&WorkloadRef, Vec<&Recommendation>> = BTreeMap::new();
    for request in &fleet.requests {
        by_workload.entry(&request.key.workload).or_default().push(request);
    }
    for (workload, requests) in by_workload {
        match of_workload(workload, &requests) {
            Some(object) => objects.push(object),
            None => head.extend(requests.iter().map(|request| by_hand(request))),
        }
    }
    if objects.is_empty() {
        head.push(NOTHING.to_owned());
    }
    text::file(&head, objects)
}

/// The cheaper, the greater the number. Groups that the plan empties are not matched, and so not grown.
fn priorities(groups: &[&Group]) -> Value {
    let ranked = ranked(groups.iter().copied());
    let last = ranked.last().map_or(0, |(place, _)| *place);
    let mut table = String::new();
    let mut before = None;
    for (place, group) in ranked {
        if before != Some(place) {
            table.push_str(&format!("{}:\n", last - place + 1));
        }
        before = Some(place);
        table.push_str(&format!("  - {}\n", yaml::scalar(&pattern(&group.name))));
    }
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": PRIORITIES_NAME, "namespace": PRIORITIES_NAMESPACE },
        "data": { "priorities": table },
    })
}

/// Matches the Auto Scaling group that EKS makes for a node group, `eks-NAME-` and a UUID, and one of that very name.
fn pattern(group: &str) -> String {
    let special = |c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '/' | ' ');
    let mut escaped = String::new();
    for c in group.chars() {
        if special(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    format!("^(eks-{escaped}-[0-9a-f-]{{36}}|{escaped})$")
}

/// The part of a workload that states requests, for a server-side apply. None for kinds whose pods cannot be changed
/// through them.
fn of_workload(workload: &WorkloadRef, requests: &[&Recommendation]) -> Option<Value> {
    let (api_version, kind) = match workload.kind {
        WorkloadKind::Deployment => ("apps/v1", "Deployment"),
        WorkloadKind::ReplicaSet => ("apps/v1", "ReplicaSet"),
        WorkloadKind::StatefulSet => ("apps/v1", "StatefulSet"),
        WorkloadKind::DaemonSet => ("apps/v1", "DaemonSet"),
        WorkloadKind::CronJob => ("batch/v1", "CronJob"),
        WorkloadKind::Job | WorkloadKind::Node | WorkloadKind::Other => return None,
    };
    let asks = |request: &&Recommendation| {
        let cpu = format!("{}m", request.cpu_milli);
        let memory = request.memory_bytes.to_string();
        json!({ "name": request.key.container, "resources": { "requests": { "cpu": cpu, "memory": memory } } })
    };
    let containers: Vec<Value> = requests.iter().map(asks).collect();
    let mut spec = json!({ "template": { "spec": { "containers": containers } } });
    if workload.kind == WorkloadKind::CronJob {
        spec = json!({ "jobTemplate": { "spec": spec } });
    }
    let metadata = json!({ "name": workload.name, "namespace": workload.namespace });
    Some(json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec }))
}

fn by_hand(request: &Recommendation) -> String {
    let WorkloadRef { kind, namespace, name } = &request.key.workload;
    let line = format!(
        "By hand: container {} of {kind:?} {namespace}/{name} is to ask for {}m CPU and {} bytes of memory.",
        request.key.container, request.cpu_milli, request.memory_bytes
    );
    text::clean(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_of_one_group() {
        assert_eq!(pattern("web-1"), "^(eks-web-1-[0-9a-f-]{36}|web-1)$");
        assert_eq!(pattern("a.b(c"), r"^(eks-a\.b\(c-[0-9a-f-]{36}|a\.b\(c)$");
    }
}
