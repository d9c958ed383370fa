//! What is left on a node for the pods of a plan.

use super::*;
use crate::build::EBS_VOLUMES;
use crate::policy::Headroom;
use crate::workload::{Volume, VolumeReach};

/// Capacity of an offering by shortened id: milli-CPU, MiB, pods.
#[track_caller]
fn check(what: &str, world: &World, id: &str, want: (i64, i64, i64)) {
    let built = world.built();
    let capacity = &offering(&built, id).capacity;
    assert_eq!((capacity[0], capacity[1] >> 20, capacity[3]), want, "{what}");
}

#[track_caller]
fn offering<'b>(built: &'b Built, id: &str) -> &'b crate::problem::Offering {
    let id = id.replace("/a/", "/us-east-1a/");
    built.problem.offerings.iter().find(|offering| offering.id == id).expect("it is offered")
}

/// No headroom, so that an m5.large has 1930 mCPU, 6903 MiB and 29 pods.
fn bare() -> World {
    let mut world = world().with([pod("web", 0)]);
    world.policy.headroom = Headroom { cpu: 0.0, memory: 0.0 };
    world
}

const NEW: &str = "m5.large/a/on-demand/main";

#[test]
fn headroom_is_a_share_of_allocatable_on_new_nodes_only() {
    let mut world = bare();
    check("none", &world, NEW, (1930, 6903, 29));
    world.policy.headroom = Headroom { cpu: 0.05, memory: 0.1 };
    check("new", &world, NEW, (1930 - 97, 6212, 29));
    check("running", &world, "node/a1", (1930, 6903, 29));
}

#[test]
fn daemon_sets_take_their_part_where_they_land() {
    let mut world = bare();
    let mut local = daemon_set("local", 70);
    let selector = Labels::from([(LABEL_ZONE.to_owned(), "us-east-1b".to_owned())]);
    local.scheduling = Arc::new(Scheduling { node_selector: selector, ..Scheduling::default() });
    world.state.daemon_sets = vec![daemon_set("agent", 30), local];
    check("new", &world, NEW, (1900, 6803, 28));
    check("running, one to come", &world, "node/a1", (1900, 6803, 28));
    check("running in b, two to come", &world, "node/b1", (1830, 6703, 27));

    let owner = |name: &str| WorkloadRef {
        kind: WorkloadKind::DaemonSet,
        namespace: "kube-system".into(),
        name: name.into(),
    };
    let agent =
        Pod { owner: Some(owner("agent")), requests: resources(50, 200), ..on("a1", pod("agent", 0)) };
    check(
        "running with an older, larger one",
        &world.clone().with([agent.clone()]),
        "node/a1",
        (1880, 6703, 28),
    );
    let going = Pod { terminating: true, ..agent };
    check("one that goes makes place for the next", &world.with([going]), "node/a1", (1900, 6803, 28));
}

#[test]
fn static_pods_stay_with_their_node() {
    let owner = WorkloadRef { kind: WorkloadKind::Node, namespace: String::new(), name: "a1".into() };
    let proxy = Pod { owner: Some(owner), requests: resources(100, 0), ..on("a1", pod("proxy", 0)) };
    let world = bare().with([proxy]);
    check("its node", &world, "node/a1", (1830, 6903, 28));
    check("a new node", &world, NEW, (1930, 6903, 29));
    assert_eq!(world.built().ids(), ["shop/web"]);
}

#[test]
fn a_node_that_holds_too_much_holds_what_it_holds() {
    let fat = Pod { requests: resources(2500, 100), ..on("a1", pod("fat", 0)) };
    let world = bare().with([fat]);
    check("raised", &world, "node/a1", (2500, 6903, 29));
    let built = world.built();
    assert!(built.findings().contains(&("OVERCOMMITTED", "node/a1")));
    assert!(built.offers("shop/fat").contains("node/a1"));
}

#[test]
fn storage_of_new_nodes_is_what_the_templates_kubelets_offer() {
    let mut world = bare();
    world.state.nodes[0].allocatable.ephemeral_bytes = 70_000_000_000;
    world.state.nodes[1].allocatable.ephemeral_bytes = 60_000_000_000;
    assert_eq!(offering(&world.built(), NEW).capacity[2], 60_000_000_000);
}

#[test]
fn memory_of_new_nodes_is_what_nodes_of_the_type_have() {
    let mut world = bare();
    world.state.nodes[0].capacity.memory_bytes += 200 << 20;
    world.state.nodes[1].capacity.memory_bytes += 100 << 20;
    check("the least seen", &world, NEW, (1930, 7003, 29));
}

#[test]
fn volumes_are_a_resource_where_pods_have_some() {
    let claim = |name: &str| Volume {
        claim: name.into(),
        driver: "ebs.csi.aws.com".into(),
        reach: VolumeReach::Terms(vec![term(LABEL_EBS_ZONE, &["us-east-1a"])]),
    };
    let mut pod = pod("db", 0);
    pod.volumes = vec![claim("shop/x"), claim("shop/y"), claim("shop/x")];
    let mut world = bare().with([pod]);
    world.state.nodes[0].attach_limits.insert("ebs.csi.aws.com".into(), 7);
    let built = world.built();
    assert_eq!(built.problem.resources.last().map(String::as_str), Some(EBS_VOLUMES));
    assert_eq!(built.demand("shop/db").request.last(), Some(&2));
    assert_eq!(built.demand("shop/web").request.last(), Some(&0));
    assert_eq!(offering(&built, "node/a1").capacity.last(), Some(&7));
    // 28 for volumes and interfaces together, less the root volume and three interfaces.
    let facts = &world.catalog.types["m5.large"];
    assert!(facts.ebs_limit_shared);
    assert_eq!(offering(&built, NEW).capacity.last(), Some(&(facts.ebs_volumes_max - 4)));
}

#[test]
fn extended_resources_are_those_that_pods_ask_for() {
    let mut pod = pod("fast", 0);
    pod.requests.extended.insert("example.com/nic".into(), 1);
    let mut world = bare().with([pod]);
    world.state.nodes[0].allocatable.extended.insert("example.com/nic".into(), 2);
    let built = world.built();
    assert_eq!(built.problem.resources[4], "example.com/nic");
    assert_eq!(built.offers("shop/fast").into_iter().collect::<Vec<_>>(), ["node/a1"]);
}

#[test]
fn a_burstable_type_counts_at_its_baseline() {
    let mut world = bare();
    world.policy.burstable = crate::policy::Burstable::Allowed;
    check("t3.large sustains 30 % of two cores", &world, "t3.large/a/on-demand/main", (600, 6837, 35));
}
