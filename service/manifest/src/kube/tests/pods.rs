//! What pods ask for, who owns them, and what holds them in place.

use plimsoll_domain::workload::WorkloadKind;
use serde_json::{Value, json};

use super::{cluster, codes, object, pod, snapshot};

/// CPU and MiB of memory that the scheduler reserves for a pod of this spec.
#[track_caller]
fn check(what: &str, spec: Value, want: (i64, i64)) {
    let requests = pod(spec, &[]).requests;
    assert_eq!((requests.cpu_milli, requests.memory_bytes >> 20), want, "{what}");
    assert_eq!(requests.pods, 1, "{what}");
}

fn container(name: &str, cpu: &str, memory: &str) -> Value {
    json!({"name": name, "image": "i", "resources": {"requests": {"cpu": cpu, "memory": memory}}})
}

fn sidecar(name: &str, cpu: &str, memory: &str) -> Value {
    let mut sidecar = container(name, cpu, memory);
    sidecar["restartPolicy"] = json!("Always");
    sidecar
}

#[test]
fn a_pod_asks_for_what_the_scheduler_reserves() {
    let (a, b) = (container("a", "100m", "64Mi"), container("b", "0.2", "128Mi"));
    check("nothing asked for", json!({}), (0, 0));
    check("containers add up", json!({"containers": [a, b]}), (300, 192));
    check(
        "an init container sets the peak of its resource alone",
        json!({"containers": [a, b], "initContainers": [container("i", "1", "16Mi")]}),
        (1000, 192),
    );
    check(
        "init containers run one after another",
        json!({"containers": [a], "initContainers": [container("i", "1", "1Gi"), container("j", "2", "512Mi")]}),
        (2000, 1024),
    );
    check(
        "a sidecar runs beside the containers",
        json!({"containers": [a], "initContainers": [sidecar("s", "50m", "32Mi")]}),
        (150, 96),
    );
    check(
        "a sidecar runs beside the init containers after it, not before it",
        json!({
            "containers": [a],
            "initContainers": [container("i", "1", "1Mi"), sidecar("s", "500m", "32Mi"), container("j", "800m", "1Mi")],
        }),
        (1300, 96),
    );
    check(
        "a limit without a request is the request",
        json!({"containers": [{"name": "a", "resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}}}]}),
        (1000, 1024),
    );
    check(
        "overhead comes on top of the peak",
        json!({"containers": [a], "initContainers": [container("i", "1", "16Mi")], "overhead": {"cpu": "250m", "memory": "120Mi"}}),
        (1250, 184),
    );
    check(
        "requests of the whole pod take the place of the sum, resource by resource",
        json!({"containers": [a, b], "resources": {"requests": {"cpu": "2"}}}),
        (2000, 192),
    );
    check(
        "a limit of the whole pod counts where containers ask for nothing",
        json!({"resources": {"limits": {"cpu": "2", "memory": "1Gi"}}}),
        (2000, 1024),
    );
    check("amounts round up", json!({"containers": [container("a", "1n", "1048577")]}), (1, 1));
    check(
        "numbers are amounts, too",
        json!({"containers": [{"name": "a", "resources": {"requests": {"cpu": 2, "memory": 1048576}}}]}),
        (2000, 1),
    );
}

#[test]
fn a_pod_that_shrinks_still_holds_what_it_held() {
    let statuses = json!([{
        "name": "main", "image": "i", "imageID": "", "ready": true, "restartCount": 0,
        "allocatedResources": {"cpu": "1500m", "memory": "64Mi"},
        "resources": {"requests": {"cpu": "2", "memory": "64Mi"}},
    }]);
    let containers = json!([container("main", "1", "128Mi")]);
    let rest = json!({"spec": {"containers": containers}, "status": {"containerStatuses": statuses}});
    let pod = cluster(&[object("v1", "Pod", "web-0", rest)]).pods.remove(0);
    assert_eq!((pod.requests.cpu_milli, pod.requests.memory_bytes >> 20), (2000, 128));
    assert_eq!(pod.containers[0].requests.cpu_milli, 1000, "what its spec asks for is kept apart");
}

#[test]
fn the_overhead_of_a_runtime_class_counts_once() {
    let class = json!({
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "kata"},
        "handler": "kata", "overhead": {"podFixed": {"cpu": "250m"}},
    });
    let cpu = |spec| pod(spec, std::slice::from_ref(&class)).requests.cpu_milli;
    assert_eq!(cpu(json!({"runtimeClassName": "kata"})), 250, "not yet in the spec");
    assert_eq!(cpu(json!({"runtimeClassName": "kata", "overhead": {"cpu": "250m"}})), 250, "in the spec");
}

#[test]
fn extended_resources_are_whole_and_zero_is_none() {
    let limits = json!({"nvidia.com/gpu": "2", "hugepages-2Mi": "4Mi", "vpc.amazonaws.com/efa": "0"});
    let requests = pod(json!({"containers": [{"name": "a", "resources": {"limits": limits}}]}), &[]).requests;
    assert_eq!(requests.gpus(), 2);
    let names: Vec<&String> = requests.extended.keys().collect();
    assert_eq!(names, ["hugepages-2Mi", "nvidia.com/gpu"]);
}

fn owned(kind: &str, name: &str) -> Value {
    json!([{"apiVersion": "v1", "kind": kind, "name": name, "uid": "1", "controller": true}])
}

#[test]
fn owners_are_resolved_to_who_makes_the_pod_again() {
    let pod = |name: &str, kind: &str, owner: &str| {
        let labels = json!({"pod-template-hash": "abc"});
        let metadata = json!({"ownerReferences": owned(kind, owner), "labels": labels});
        object("v1", "Pod", name, json!({"metadata": metadata, "spec": {"containers": [{"name": "main"}]}}))
    };
    let replica_set = |name: &str, owners: Value| {
        let spec = json!({"selector": {}, "replicas": 2});
        object("apps/v1", "ReplicaSet", name, json!({"metadata": {"ownerReferences": owners}, "spec": spec}))
    };
    let deployment = |name: &str| {
        let spec = json!({"selector": {}, "template": {}, "replicas": 3});
        object("apps/v1", "Deployment", name, json!({"spec": spec}))
    };
    let job = object(
        "batch/v1",
        "Job",
        "nightly-1",
        json!({"metadata": {"ownerReferences": owned("CronJob", "nightly")}}),
    );
    let snapshot = snapshot(&[
        pod("a", "ReplicaSet", "web-abc"),
        pod("b", "ReplicaSet", "gone-abc"),
        pod("c", "ReplicaSet", "lost-abc"),
        pod("d", "ReplicaSet", "alone"),
        pod("e", "ReplicaSet", "rolled"),
        pod("f", "Job", "nightly-1"),
        pod("g", "Job", "once"),
        pod("h", "StatefulSet", "db"),
        pod("i", "DaemonSet", "agent"),
        pod("j", "Node", "ip-10-0-0-1"),
        object("v1", "Pod", "k", json!({"spec": {"containers": [{"name": "main"}]}})),
        replica_set("web-abc", owned("Deployment", "web")),
        replica_set("alone", json!([])),
        replica_set("rolled", owned("Rollout", "canary")),
        deployment("web"),
        deployment("gone"),
        job,
    ]);
    let codes = codes(&snapshot);
    assert!(codes.contains(&"OWNER_INFERRED") && codes.contains(&"DAEMON_SET_INFERRED"), "{codes:?}");
    let plimsoll_domain::snapshot::Content::Cluster(cluster) = snapshot.content else {
        panic!("not a cluster")
    };
    let owners: Vec<Option<(WorkloadKind, &str)>> = cluster
        .pods
        .iter()
        .map(|pod| pod.owner.as_ref().map(|owner| (owner.kind, owner.name.as_str())))
        .collect();
    let want = [
        Some((WorkloadKind::Deployment, "web")),
        Some((WorkloadKind::Deployment, "gone")),
        Some((WorkloadKind::ReplicaSet, "lost-abc")),
        Some((WorkloadKind::ReplicaSet, "alone")),
        Some((WorkloadKind::Other, "canary")),
        Some((WorkloadKind::CronJob, "nightly")),
        Some((WorkloadKind::Job, "once")),
        Some((WorkloadKind::StatefulSet, "db")),
        Some((WorkloadKind::DaemonSet, "agent")),
        Some((WorkloadKind::Node, "ip-10-0-0-1")),
        None,
    ];
    assert_eq!(owners, want);
    assert_eq!(cluster.daemon_sets[0].name, "agent", "inferred from its pod");
    assert!(cluster.pods[9].do_not_disrupt.is_some(), "a static pod stays");
}

/// Of three pods of a Job, the oldest first, those that must stay.
fn stay(job: Value, failed: i32) -> [bool; 3] {
    let pod = |name: &str, minute: u32| {
        let annotations = json!({"batch.kubernetes.io/job-index-failure-count": minute.to_string()});
        let metadata = json!({
            "ownerReferences": owned("Job", "train"),
            "creationTimestamp": format!("2026-01-01T00:0{minute}:00Z"),
            "annotations": annotations,
        });
        let spec = json!({"nodeName": "n", "containers": [{"name": "main"}]});
        object("v1", "Pod", name, json!({"metadata": metadata, "spec": spec}))
    };
    let job = object("batch/v1", "Job", "train", json!({"spec": job, "status": {"failed": failed}}));
    let cluster = cluster(&[pod("c", 0), pod("b", 1), pod("a", 2), job]);
    ["c", "b", "a"].map(|name| {
        let pod = cluster.pods.iter().find(|pod| pod.name == name).unwrap();
        pod.do_not_disrupt.as_ref().is_some_and(|why| why.contains("its Job bears"))
    })
}

#[test]
fn pods_stay_whose_job_would_give_up_if_they_were_evicted() {
    let template = json!({"spec": {"containers": []}});
    let with = |mut job: Value| {
        job["template"] = template.clone();
        job
    };
    let none = [false, false, false];
    assert_eq!(stay(with(json!({})), 0), none, "it bears six");
    assert_eq!(stay(with(json!({})), 4), [false, false, true], "two more, and those made last stay");
    assert_eq!(stay(with(json!({"backoffLimit": 0})), 0), [true, true, true]);
    assert_eq!(stay(with(json!({"backoffLimit": 1})), 9), [true, true, true], "more than it bears");
    let rule = |action: &str, kind: &str| {
        let conditions = [json!({"type": kind, "status": "True"})];
        let rules = [json!({"action": action, "onPodConditions": conditions})];
        with(json!({"backoffLimit": 0, "podFailurePolicy": {"rules": rules}}))
    };
    assert_eq!(stay(rule("Ignore", "DisruptionTarget"), 0), none);
    assert_eq!(stay(rule("Count", "DisruptionTarget"), 0), [true, true, true]);
    assert_eq!(stay(rule("Ignore", "ConfigIssue"), 0), [true, true, true]);
    let by_index = with(json!({"backoffLimitPerIndex": 1}));
    assert_eq!(stay(by_index, 3), [false, true, true], "each index by itself");
}

#[test]
fn pods_that_ended_or_are_held_back_are_no_demand() {
    let phase = |name: &str, phase: &str| {
        object(
            "v1",
            "Pod",
            name,
            json!({"spec": {"containers": [{"name": "main"}]}, "status": {"phase": phase}}),
        )
    };
    let gated = json!({"spec": {"containers": [{"name": "main"}], "schedulingGates": [{"name": "quota"}]}});
    let snapshot = snapshot(&[
        phase("a", "Running"),
        phase("b", "Pending"),
        phase("c", "Succeeded"),
        phase("d", "Failed"),
        phase("e", "Unknown"),
        object("v1", "Pod", "f", gated),
    ]);
    assert_eq!(codes(&snapshot), ["NO_NODES", "NO_BUDGETS", "FINISHED_PODS", "GATED_PODS"]);
    assert!(snapshot.findings[2].message.starts_with("2 pod(s)"), "{:?}", snapshot.findings[2]);
    let plimsoll_domain::snapshot::Content::Cluster(cluster) = snapshot.content else {
        panic!("not a cluster")
    };
    let names: Vec<&str> = cluster.pods.iter().map(|pod| pod.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "e"]);
}

#[test]
fn priorities_come_from_their_class() {
    let class = |name: &str, value: i32, default: bool| {
        json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name},
            "value": value, "globalDefault": default,
        })
    };
    let classes = [class("batch", -10, false), class("usual", 7, true)];
    let priority = |spec: Value| pod(spec, &classes).priority;
    assert_eq!(priority(json!({"priority": 3, "priorityClassName": "batch"})), 3);
    assert_eq!(priority(json!({"priorityClassName": "batch"})), -10);
    assert_eq!(priority(json!({"priorityClassName": "system-node-critical"})), 2_000_001_000);
    assert_eq!(priority(json!({"priorityClassName": "missing"})), 0);
    assert_eq!(priority(json!({})), 7);
}

#[test]
fn demands_beyond_a_plan_are_told_to_it() {
    let beyond_us = |spec| pod(spec, &[]).scheduling.beyond_us.clone();
    assert_eq!(beyond_us(json!({})), None);
    let devices = json!({"resourceClaims": [{"name": "gpu"}]});
    assert_eq!(beyond_us(devices).as_deref(), Some("it asks for devices by resource claims"));
    let disk = json!({"volumes": [{"name": "data", "awsElasticBlockStore": {"volumeID": "vol-1"}}]});
    assert_eq!(beyond_us(disk).as_deref(), Some("it mounts an EBS volume without a claim"));
}

#[test]
fn a_stateful_sets_pod_that_goes_is_pending_again() {
    let going = |kind: &str, spec: Value| {
        let spec = super::with_container(spec);
        let time = "2026-11-22T11:00:00Z";
        let metadata = json!({"ownerReferences": owned(kind, "db"), "deletionTimestamp": time});
        let rest = json!({"metadata": metadata, "spec": spec});
        let pod = cluster(&[object("v1", "Pod", "db-0", rest)]).pods.remove(0);
        (pod.node, pod.terminating)
    };
    let node = || json!({"nodeName": "n1"});
    assert_eq!(going("StatefulSet", node()), (None, false));
    assert_eq!(going("Job", node()), (Some("n1".into()), true));
    let devices = json!({"nodeName": "n1", "resourceClaims": [{"name": "gpu"}]});
    assert_eq!(going("StatefulSet", devices), (Some("n1".into()), false), "only its node is known to do");
}
