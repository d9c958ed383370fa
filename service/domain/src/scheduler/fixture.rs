//! Builders for tests: only what a test is about has to be said.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::fleet::{CapacityKind, LABEL_HOSTNAME, LABEL_ZONE, Node};
use crate::resources::Resources;
use crate::selector::{LabelSelector, Labels, NodeTerm, Operator, Requirement};
use crate::workload::{
    Container, Pod, PodTerm, Scheduling, SpreadConstraint, Taint, TaintEffect, Volume, VolumeReach,
    WorkloadKind, WorkloadRef,
};

const GIB: i64 = 1 << 30;

/// CPU in milli, memory in GiB, and one pod.
pub(crate) fn request(cpu_milli: i64, memory_gib: i64) -> Resources {
    Resources { cpu_milli, memory_bytes: memory_gib * GIB, pods: 1, ..Resources::default() }
}

/// A ready node of 4 cores, 16 GiB and 20 pods in a zone, with a host name.
pub(crate) fn node(name: &str, zone: &str) -> Node {
    let allocatable = Resources { pods: 20, ..request(4000, 16) };
    let labels = [(LABEL_HOSTNAME, name), (LABEL_ZONE, zone)];
    Node {
        name: name.to_owned(),
        provider_id: String::new(),
        group: String::new(),
        instance_type: String::new(),
        zone: zone.to_owned(),
        kind: CapacityKind::OnDemand,
        labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        taints: Vec::new(),
        capacity: allocatable.clone(),
        allocatable,
        attach_limits: BTreeMap::new(),
        unschedulable: false,
        ready: true,
        create_time: None,
    }
}

/// A pod of 1 core and 1 GiB in namespace `shop`, labelled `app`, owned by a Deployment of that name.
pub(crate) fn pod(name: &str, app: &str) -> Pod {
    let owner =
        WorkloadRef { kind: WorkloadKind::Deployment, namespace: "shop".to_owned(), name: app.to_owned() };
    Pod {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        labels: Labels::from([("app".to_owned(), app.to_owned())]),
        owner: Some(owner),
        node: None,
        requests: request(1000, 1),
        containers: vec![Container { requests: request(1000, 1), ..Container::default() }],
        scheduling: Arc::default(),
        volumes: Vec::new(),
        priority: 0,
        create_time: None,
        do_not_disrupt: None,
        terminating: false,
    }
}

/// The same pod, asking for something else.
pub(crate) fn asking(mut pod: Pod, requests: Resources) -> Pod {
    pod.containers = vec![Container { requests: requests.clone(), ..Container::default() }];
    pod.requests = requests;
    pod
}

/// The same pod with these rules.
pub(crate) fn ruled(mut pod: Pod, change: impl FnOnce(&mut Scheduling)) -> Pod {
    change(Arc::make_mut(&mut pod.scheduling));
    pod
}

/// Selects pods labelled `app`.
pub(crate) fn app(name: &str) -> LabelSelector {
    let requirement =
        Requirement { key: "app".to_owned(), operator: Operator::In, values: vec![name.to_owned()] };
    LabelSelector { requirements: vec![requirement] }
}

/// Pods of an app in namespace `shop`, in the same domain of a key.
pub(crate) fn term(name: &str, key: &str) -> PodTerm {
    PodTerm {
        topology_key: key.to_owned(),
        selector: app(name),
        namespaces: vec!["shop".to_owned()],
        namespace_selector: None,
    }
}

/// A required spread of an app with a skew of one.
pub(crate) fn spread(name: &str, key: &str) -> SpreadConstraint {
    SpreadConstraint {
        topology_key: key.to_owned(),
        max_skew: 1,
        min_domains: 1,
        required: true,
        selector: app(name),
        honor_affinity: true,
        honor_taints: false,
    }
}

/// A taint `key=value` with an effect.
pub(crate) fn taint(key: &str, effect: TaintEffect) -> Taint {
    Taint { key: key.to_owned(), value: String::new(), effect }
}

/// A node term: the label `key` has this value.
pub(crate) fn requires(key: &str, value: &str) -> NodeTerm {
    let requirement =
        Requirement { key: key.to_owned(), operator: Operator::In, values: vec![value.to_owned()] };
    NodeTerm { labels: vec![requirement], fields: Vec::new() }
}

/// A mounted claim.
pub(crate) fn volume(claim: &str, driver: &str, reach: VolumeReach) -> Volume {
    Volume { claim: claim.to_owned(), driver: driver.to_owned(), reach }
}
