//! What makes no problem, and how that is said.

use super::*;
use crate::workload::{HostPort, Volume, VolumeReach};

#[test]
fn nothing_to_place_and_nowhere_to_place_it() {
    assert_eq!(world().build(), Err(BuildError::NoPods));
    let mut nowhere = world().with([pod("web", 0)]);
    nowhere.state.nodes.clear();
    assert_eq!(nowhere.build(), Err(BuildError::NoZones));
    nowhere.policy.zones = vec!["us-east-1f".into()];
    assert!(nowhere.built().offers("shop/web").contains("m5.large/f/on-demand/plain"));
}

#[test]
fn a_policy_out_of_range_is_named() {
    let mut world = world().with([pod("web", 0)]);
    world.policy.headroom.cpu = 2.0;
    assert_eq!(world.build(), Err(BuildError::Policy { field: "headroom.cpu", value: 2.0, max: 0.9 }));
}

#[test]
fn numbers_that_cannot_be_added_are_refused() {
    let huge = Pod { requests: resources(i64::MAX / 2, 1), ..on("a1", pod("web", 0)) };
    let error = world().with([huge]).build().expect_err("it cannot be computed with");
    assert!(matches!(error, BuildError::Unsound(_)), "{error:?}");
}

/// What refuses a pending pod, and what came nearest.
#[track_caller]
fn check(
    what: &str,
    change: impl FnOnce(Pod) -> Pod,
    set_up: impl FnOnce(&mut World),
    nearest: Option<&str>,
    reason: &str,
) {
    let mut world = world().with([change(pod("web", 0)), pod("api", 0)]);
    set_up(&mut world);
    let Err(BuildError::Infeasible(refusals)) = world.build() else { panic!("{what}: it should be refused") };
    assert_eq!(refusals.len(), 1, "{what}");
    let refusal = &refusals[0];
    assert_eq!(
        (refusal.demand.as_str(), refusal.pods.as_slice()),
        ("shop/web", &["shop/web-0".to_owned()][..]),
        "{what}"
    );
    assert_eq!(refusal.nearest.as_deref(), nearest, "{what}: {refusal}");
    assert!(refusal.reason.contains(reason), "{what}: {refusal}");
}

#[test]
fn a_refusal_names_what_refuses() {
    let nothing = |_: &mut World| {};
    let selects = |key: &'static str, value: &'static str| {
        move |pod| spec(pod, |spec| drop(spec.node_selector.insert(key.into(), value.into())))
    };
    let only_large = |world: &mut World| world.catalog.types.retain(|name, _| name == "m5.large");
    let large = "a running m5.large in us-east-1a";
    check("selector", selects("team", "blue"), nothing, Some(large), "the labels that its selectors demand");
    let far = Volume {
        claim: "shop/x".into(),
        driver: String::new(),
        reach: VolumeReach::Terms(vec![term(LABEL_ZONE, &["us-east-1z"])]),
    };
    check("volume", |pod| Pod { volumes: vec![far], ..pod }, nothing, Some(large), "can attach its volumes");
    check(
        "memory",
        |pod| Pod { requests: resources(100, 9000), ..pod },
        only_large,
        Some(large),
        "9437184000 of memory_bytes",
    );
    let arm = |pod| spec(pod, |spec| spec.architectures = vec!["riscv64".into()]);
    check("architecture", arm, nothing, Some(large), "the architecture of a running m5.large");
    let tainted = |world: &mut World| {
        for node in &mut world.state.nodes {
            node.taints = vec![taint("mine")];
        }
        world.state.pods.iter_mut().filter(|pod| pod.name.starts_with("api")).for_each(|pod| {
            *pod = spec(pod.clone(), |spec| spec.tolerations = vec![tolerates("mine")]);
        });
    };
    check("taint", |pod| pod, tainted, Some(large), "the taint mine");
    let neuron_by_label = selects(LABEL_NODE_GROUP, "main");
    let sealed = |world: &mut World| world.state.nodes.iter_mut().for_each(|node| node.unschedulable = true);
    check("sealed", neuron_by_label, sealed, Some(large), "takes no newcomers");
    let port = HostPort { ip: String::new(), port: 53, protocol: "UDP".into() };
    let taken = port.clone();
    let with_port = move |world: &mut World| {
        let mut set = daemon_set("dns", 1);
        set.scheduling = Arc::new(Scheduling { host_ports: vec![taken], ..(*set.scheduling).clone() });
        world.state.daemon_sets = vec![set];
    };
    check(
        "port",
        move |pod| spec(pod, |spec| spec.host_ports = vec![port]),
        with_port,
        Some(large),
        "has its host port",
    );
}

#[test]
fn more_pods_than_zones_are_refused_if_each_needs_one() {
    let apart =
        |number| spec(pod("web", number), |spec| spec.pod_anti_affinity.push(pods_of("web", LABEL_ZONE)));
    assert!(world().with([0, 1].map(apart)).build().is_ok());
    let Err(BuildError::Infeasible(refusals)) = world().with([0, 1, 2].map(apart)).build() else {
        panic!("refused")
    };
    assert!(refusals[0].reason.contains("3 pods needs a zone of its own; 2"), "{}", refusals[0]);
}
