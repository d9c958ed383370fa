use plimsoll_domain::build::build;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::policy::Policy;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::workload::{Pod, TaintEffect, WorkloadKind, WorkloadRef};

use super::*;

const GIB: i64 = 1 << 30;

/// A node with labels of its own, a GPU agent's label, and a larger disk than the default.
fn seen(name: &str, group: &str, instance_type: &str, zone: &str) -> Node {
    let facts = &Catalog::builtin().types[instance_type];
    let mut allocatable = facts.allocatable(&NodeSettings::default());
    allocatable.ephemeral_bytes = 70 * GIB;
    let labels = [
        (LABEL_ZONE, zone),
        (LABEL_REGION, "us-east-1"),
        (LABEL_ARCH, "amd64"),
        (LABEL_INSTANCE_TYPE, instance_type),
        (LABEL_NODE_GROUP, group),
        (LABEL_HOSTNAME, name),
        ("team", group),
        ("nvidia.com/gpu.present", "true"),
    ];
    Node {
        name: name.to_owned(),
        provider_id: String::new(),
        group: group.to_owned(),
        instance_type: instance_type.to_owned(),
        zone: zone.to_owned(),
        kind: CapacityKind::OnDemand,
        labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        taints: Vec::new(),
        capacity: Resources {
            memory_bytes: facts.memory_mib * ((1 << 20) - 1),
            ..facts.capacity(&NodeSettings::default())
        },
        allocatable,
        attach_limits: BTreeMap::new(),
        unschedulable: false,
        ready: true,
        create_time: None,
    }
}

fn cluster() -> ClusterState {
    let mut tainted = seen("b1", "batch", "c5.xlarge", "us-east-1b");
    let (key, value, effect) = ("batch".to_owned(), String::new(), TaintEffect::NoSchedule);
    tainted.taints = vec![Taint { key, value, effect }];
    let nodes = vec![seen("a1", "web", "m5.large", "us-east-1a"), tainted];
    let pod = Pod {
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
        labels: Labels::new(),
        owner: Some(WorkloadRef {
            kind: WorkloadKind::Deployment,
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
        }),
        node: Some("a1".to_owned()),
        requests: Resources { cpu_milli: 100, pods: 1, ..Resources::default() },
        containers: Vec::new(),
        scheduling: Default::default(),
        volumes: Vec::new(),
        priority: 0,
        create_time: None,
        do_not_disrupt: None,
        terminating: false,
    };
    ClusterState { nodes, pods: vec![pod], ..ClusterState::default() }
}

#[test]
fn a_new_node_is_what_was_planned() {
    let state = cluster();
    let look = Look::from(&state.nodes);
    let built = build(&state, &Catalog::builtin(), &Policy::default()).expect("a problem");
    let mut compared = 0;
    for planned in &built.context.offerings {
        // The facts of nodes that run are those that were seen of them.
        if planned.allocatable.ephemeral_bytes != 70 * GIB || planned.labels.contains_key(LABEL_HOSTNAME) {
            continue;
        }
        let spec = GroupSpec {
            name: "new".to_owned(),
            zone: planned.zone.clone(),
            kind: planned.kind,
            instance_types: vec![planned.instance_type.clone()],
            labels: filtered(&planned.labels, is_custom),
            taints: planned.taints.clone(),
        };
        let (zone, instance_type) = (&spec.zone, &planned.instance_type);
        let (name, provider_id, time) = ("ip-10-0-0-1", "aws:///", Timestamp::UNIX_EPOCH);
        let node = look.node(&New { spec: &spec, zone, instance_type, name, provider_id, time });
        let mut labels = node.labels.clone();
        labels.retain(|key, _| ![LABEL_HOSTNAME, LABEL_NODE_GROUP].contains(&key.as_str()));
        assert_eq!(labels, planned.labels);
        assert_eq!(node.allocatable, planned.allocatable, "{instance_type}");
        assert_eq!(node.attach_limits[EBS_DRIVER], planned.ebs_volumes_max, "{instance_type}");
        assert_eq!((&node.taints, &node.zone, node.kind), (&planned.taints, &planned.zone, planned.kind));
        compared += 1;
    }
    assert!(1000 < compared, "{compared} of {}", built.context.offerings.len());
}

#[test]
fn names_are_those_of_the_region() {
    let look = Look::from(&[]);
    let name = |zone| {
        let (instance_type, name, provider_id, time) = ("m5.large", "ip-10-0-0-1", "", Timestamp::UNIX_EPOCH);
        let (spec, _) = spec_of("web", &[]);
        look.node(&New { spec: &spec, zone, instance_type, name, provider_id, time }).name
    };
    assert_eq!(name("us-east-1a"), "ip-10-0-0-1.ec2.internal");
    assert_eq!(name("eu-west-1b"), "ip-10-0-0-1.eu-west-1.compute.internal");
}

#[test]
fn a_group_is_what_its_nodes_have_in_common() {
    let nodes = [seen("a1", "web", "m5.large", "us-east-1a"), seen("b1", "web", "m5a.large", "us-east-1b")];
    let (spec, zones) = spec_of("web", &nodes.iter().collect::<Vec<_>>());
    assert_eq!(zones, ["us-east-1a", "us-east-1b"]);
    assert_eq!(spec.instance_types, ["m5.large", "m5a.large"]);
    assert_eq!(spec.labels, Labels::from([("team".to_owned(), "web".to_owned())]));
}
