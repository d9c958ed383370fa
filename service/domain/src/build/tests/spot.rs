//! Who may be interrupted, and what that costs.

use super::*;
use crate::workload::{Volume, VolumeReach};

/// Whether two pods of `web` may get new spot nodes, in a cluster with a tainted spot group.
#[track_caller]
fn check(what: &str, change: impl Fn(Pod) -> Pod, set_up: impl FnOnce(&mut World), want: bool) {
    let mut world = world().with([0, 1].map(|number| change(pod("web", number))));
    world.state.nodes.push(spot_node("s1", "a"));
    set_up(&mut world);
    let offers = world.built().offers("shop/web");
    assert_eq!(offers.iter().any(|id| id.contains("/spot")), want, "{what}: {offers:?}");
}

fn covered(world: &mut World) {
    world.state.budgets = vec![budget("web", "web", 1)];
}

#[test]
fn only_who_can_bear_it_goes_to_spot() {
    let same = |pod: Pod| pod;
    let of_kind = |kind| {
        move |mut pod: Pod| {
            pod.owner.iter_mut().for_each(|owner| owner.kind = kind);
            pod
        }
    };
    let volume = Volume { claim: "shop/x".into(), driver: String::new(), reach: VolumeReach::Anywhere };
    let with_volume = |pod: Pod| Pod { volumes: vec![volume.clone()], ..pod };
    check("two replicas without a budget", same, |_| {}, false);
    check("two replicas with a budget", same, covered, true);
    check("with a volume", with_volume, covered, false);
    check("a StatefulSet", of_kind(WorkloadKind::StatefulSet), covered, false);
    check("a Job", of_kind(WorkloadKind::Job), covered, true);
    check("named by the policy", same, |world| world.policy.spot_ok = vec!["shop/web".into()], true);
    check("another is named", same, |world| world.policy.spot_ok = vec!["shop/api".into()], false);
    let alone = |world: &mut World| {
        covered(world);
        world.state.pods.truncate(1);
    };
    check("one replica", same, alone, false);
    let wanted_twice = |world: &mut World| {
        alone(world);
        world.state.workloads = vec![workload(&world.state.pods[0], 2)];
    };
    check("one of two replicas", same, wanted_twice, true);
    let no_spot = |world: &mut World| {
        covered(world);
        world.policy.spot_share_max_ratio = 0.0;
    };
    check("a policy without spot", same, no_spot, false);
}

#[test]
fn who_selects_or_tolerates_spot_may_use_it() {
    let selects = |pod| {
        spec(pod, |spec| {
            spec.node_selector = Labels::from([(LABEL_CAPACITY_TYPE.to_owned(), "SPOT".to_owned())]);
            spec.tolerations = vec![tolerates("batch")];
        })
    };
    check("selects", selects, |_| {}, true);
    check("selects, against the policy", selects, |world| world.policy.spot_share_max_ratio = 0.0, true);
    check("tolerates", |pod| spec(pod, |spec| spec.tolerations = vec![tolerates("batch")]), |_| {}, true);
    check(
        "tolerates something else",
        |pod| spec(pod, |spec| spec.tolerations = vec![tolerates("x")]),
        |_| {},
        false,
    );
    let untainted = |world: &mut World| world.state.nodes[2].taints.clear();
    check(
        "spot nodes that all may use are no sign",
        |pod| spec(pod, |spec| spec.tolerations = vec![tolerates("x")]),
        untainted,
        false,
    );
    let by_label =
        |pod| spec(pod, |spec| spec.node_selector = Labels::from([("tier".to_owned(), "cheap".to_owned())]));
    let labelled = |world: &mut World| {
        untainted(world);
        world.state.nodes[2].labels.insert("tier".into(), "cheap".into());
    };
    check("all nodes of its label are spot", by_label, labelled, true);
}

#[test]
fn a_pod_that_runs_on_spot_unasked_may_stay_but_gets_no_new_spot() {
    let mut world = world().with([on("s1", pod("web", 0)), pod("web", 1)]);
    world.state.nodes.push(Node { taints: Vec::new(), ..spot_node("s1", "a") });
    let built = world.built();
    assert!(!built.offers("shop/web").iter().any(|id| id.contains("s1")));
    let stays = built.offers("shop/web#2");
    assert!(stays.contains("node/s1") && !stays.iter().any(|id| id.contains("/spot")), "{stays:?}");
}

#[test]
fn risk_is_the_price_of_restarts_and_of_the_gap() {
    let mut world = world().with([0, 1].map(|number| pod("web", number)));
    covered(&mut world);
    world.catalog.types.retain(|name, _| name == "m5.large");
    world.catalog.interruption_bands.insert("m5.large".into(), 1);
    let built = world.built();
    let spot = built
        .problem
        .offerings
        .iter()
        .find(|offering| offering.kind == CapacityKind::Spot)
        .expect("spot is offered");
    // Three pods of 500 mCPU fit by CPU: 3 x 0.01 USD, and 3 minutes of the price, at 10 % in 720 hours.
    let gap = i128::from(spot.price.nano_usd()) / 20;
    let want = ((30_000_000 + gap) * 100_000 + 719_999_999) / 720_000_000;
    assert_eq!(i128::from(spot.risk.nano_usd()), want);
    let on_demand = built.problem.offerings.iter().filter(|offering| offering.kind == CapacityKind::OnDemand);
    assert!(on_demand.into_iter().all(|offering| offering.risk.nano_usd() == 0));
}

#[test]
fn a_name_that_nobody_has_is_told() {
    let mut world = world().with([pod("web", 0)]);
    world.policy.spot_ok = vec!["shop/web".into(), "shop/gone".into()];
    assert_eq!(world.built().findings(), [("SPOT_OK_UNKNOWN", "workload/shop/gone")]);
}
