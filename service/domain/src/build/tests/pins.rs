//! Who stays where it runs.

use super::*;
use crate::workload::{Volume, VolumeReach};

/// Whether a running pod is pinned, and why: part of the finding's message.
#[track_caller]
fn check(what: &str, change: impl FnOnce(Pod) -> Pod, set_up: impl FnOnce(&mut World), want: Option<&str>) {
    let mut world = world().with([change(on("a1", pod("web", 0))), on("b1", pod("api", 0))]);
    set_up(&mut world);
    let built = world.built();
    let found = built.findings.iter().find(|finding| finding.code == "POD_PINNED");
    match want {
        None => assert_eq!(found, None, "{what}"),
        Some(reason) => {
            let found = found.unwrap_or_else(|| panic!("{what}: not pinned"));
            assert!(found.message.contains(reason), "{what}: {}", found.message);
            let id = if built.ids().contains(&"shop/web") { "shop/web" } else { "shop/web-0" };
            assert_eq!(built.offers(id).into_iter().collect::<Vec<_>>(), ["node/a1"], "{what}");
            let kept: Vec<&str> =
                built.problem.nodes.iter().filter(|node| node.kept).map(|node| node.name.as_str()).collect();
            assert_eq!(kept, ["a1"], "{what}");
            assert_eq!(built.problem.rules.moved_pods_max, Some(0), "{what}: a fifth of one movable pod");
        }
    }
}

#[test]
fn each_reason_to_stay_is_named() {
    let same = |pod: Pod| pod;
    let nothing = |_: &mut World| {};
    let with = |reach: VolumeReach| {
        move |pod: Pod| Pod {
            volumes: vec![Volume { claim: "shop/x".into(), driver: String::new(), reach }],
            ..pod
        }
    };
    check("free", same, nothing, None);
    check("bare", |pod| Pod { owner: None, ..pod }, nothing, Some("no controller would create it again"));
    check(
        "annotated",
        |pod| Pod { do_not_disrupt: Some("it says so".into()), ..pod },
        nothing,
        Some("it says so"),
    );
    check("local disk", with(VolumeReach::Local), nothing, Some("a disk of its node"));
    check(
        "lost claim",
        with(VolumeReach::Broken("the claim is lost".into())),
        nothing,
        Some("the claim is lost"),
    );
    check("a budget of one", same, |world| world.state.budgets = vec![budget("pdb", "web", 1)], None);
    check(
        "a budget of none",
        same,
        |world| world.state.budgets = vec![budget("pdb", "web", 0)],
        Some("pdb allows no eviction"),
    );
    let two =
        |world: &mut World| world.state.budgets = vec![budget("one", "web", 1), budget("two", "web", 1)];
    check("two budgets", same, two, Some("2 disruption budgets"));
    let beyond_us = |pod| spec(pod, |spec| spec.beyond_us = Some("it asks for devices".into()));
    check("a demand beyond a plan", beyond_us, nothing, Some("it asks for devices"));
    let elsewhere = |world: &mut World| {
        world.state.budgets = vec![DisruptionBudget { namespace: "x".into(), ..budget("pdb", "web", 0) }]
    };
    check("a budget of another namespace", same, elsewhere, None);
}

#[test]
fn a_pinned_pods_node_is_an_offering_of_its_own() {
    let mut world = world().with([Pod { owner: None, ..on("a1", pod("solo", 0)) }, pod("web", 0)]);
    world.state.nodes.push(node("a2", "m5.large", "a"));
    let built = world.built();
    let shares: Vec<(u32, Option<u32>)> = built
        .problem
        .nodes
        .iter()
        .map(|node| (node.offering, built.problem.offerings[node.offering as usize].quantity_max))
        .collect();
    assert_eq!(shares, [(0, Some(1)), (1, Some(1)), (2, Some(1))]);
    assert!(built.offers("shop/web").is_superset(&BTreeSet::from(["node/a1".into(), "node/a2".into()])));
}

#[test]
fn pods_that_go_or_cannot_come_are_no_demand() {
    let going = Pod { terminating: true, ..on("a1", pod("old", 0)) };
    let broken = Volume {
        claim: "shop/x".into(),
        driver: String::new(),
        reach: VolumeReach::Broken("it is gone".into()),
    };
    let stuck = Pod { volumes: vec![broken], ..pod("stuck", 0) };
    let lost = on("nowhere", pod("lost", 0));
    let built = world().with([going, stuck, lost]).built();
    assert_eq!(built.ids(), ["shop/lost"]);
    assert_eq!(
        built.findings(),
        [("TERMINATING", ""), ("NODE_UNKNOWN", "pod/shop/lost-0"), ("POD_UNSCHEDULABLE", "pod/shop/stuck-0")]
    );
    assert_eq!(built.problem.nodes[0].residents, []);
}
