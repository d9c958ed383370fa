//! The policy's rules, and where the cluster forces them open.

use super::*;
use crate::policy::Preset;
use crate::problem::Rules;

fn fifty() -> World {
    let small = |number: u32| Pod { requests: resources(10, 10), ..on("a1", pod("web", number)) };
    let mut world = world().with((0..20).map(small));
    world.state.nodes.push(spot_node("s1", "a"));
    world
}

#[test]
fn the_defaults_become_integers() {
    let want = Rules {
        spot_share_max_permille: 700,
        zone_share_max_permille: 1000,
        on_demand_base_count: 2,
        nodes_max: 1000,
        groups_max: 30,
        nodes_per_group_max: 450,
        types_per_spot_group_min: 3,
        moved_pods_max: Some(4),
    };
    assert_eq!(fifty().built().problem.rules, want);
}

#[test]
fn the_preset_none_has_no_rules() {
    let mut world = fifty();
    world.policy.preset = Preset::None;
    assert_eq!(world.built().problem.rules, Rules::default());
}

#[test]
fn pods_that_select_spot_raise_its_share() {
    let spot = |number| {
        let selects = |spec: &mut Scheduling| {
            spec.node_selector.insert(LABEL_CAPACITY_TYPE.into(), "SPOT".into());
            spec.tolerations = vec![tolerates("batch")];
        };
        spec(Pod { requests: resources(1000, 100), ..on("s1", pod("batch", number)) }, selects)
    };
    let built = fifty().with((0..4).map(spot)).built();
    // 4000 of 4200 mCPU, rounded up, and 50 permille for the nodes' edges.
    assert_eq!(built.problem.rules.spot_share_max_permille, 1000);
    assert_eq!(built.findings(), [("SPOT_SHARE_RAISED", "policy/spot_share_max_ratio")]);
    let mut few = fifty().with([spot(0)]);
    few.policy.spot_share_max_ratio = 0.8;
    assert_eq!(few.built().problem.rules.spot_share_max_permille, 884);
    few.policy.spot_share_max_ratio = 0.9;
    assert_eq!(few.built().problem.rules.spot_share_max_permille, 900);
}

#[test]
fn what_cannot_be_removed_raises_limits() {
    let mut world = fifty();
    world.policy.nodes_max = 1;
    world.policy.node_groups_max = 1;
    world.policy.spot_share_max_ratio = 1.0;
    world.policy.protected_groups = vec!["main".into(), "spot".into()];
    let built = world.built();
    assert_eq!((built.problem.rules.nodes_max, built.problem.rules.groups_max), (3, 2));
    assert_eq!(
        built.findings(),
        [("LIMIT_RAISED", "policy/node_groups_max"), ("LIMIT_RAISED", "policy/nodes_max")]
    );
}

#[test]
fn a_fleet_that_breaks_a_rule_is_told() {
    let apart = |number| {
        spec(on("a1", pod("web", number)), |spec| spec.pod_anti_affinity.push(pods_of("web", LABEL_HOSTNAME)))
    };
    let built = world().with([apart(0), apart(1)]).built();
    assert_eq!(built.findings(), [("PRESENT_FLEET_BREAKS_RULE", "")]);
}
