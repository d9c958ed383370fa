//! What is proven, and what is not: a bundle in which every rule is just kept, then changed in one place.

mod common;

use plimsoll_verify::certificate::{ROW_MOVED_PODS, ROW_SPOT_SHARE};
use plimsoll_verify::problem::{Rules, Spread, Topology};
use plimsoll_verify::rejection::Member;
use plimsoll_verify::{Bundle, Group, Proof, Rejection, RowDual, verify};

use common::*;

/// Places in `Plan::placements`.
const N1: usize = 0;
const N2: usize = 1;
const OLD_1: usize = 2;
const OLD_3: usize = 3;

/// Changes the bundle, and the problem's digest where the problem itself was changed.
#[track_caller]
fn check(change: fn(&mut Bundle), expected: Rejection) {
    let mut bundle = bundle();
    let problem = bundle.problem.clone();
    change(&mut bundle);
    if bundle.problem != problem {
        redigest(&mut bundle);
    }
    let rejection = verify(&bundle).expect_err("the bundle is wrong");
    assert_eq!(rejection, expected);
    assert!(!rejection.to_string().contains('\n'), "{rejection}");
}

fn rules(bundle: &mut Bundle) -> &mut Rules {
    bundle.problem.rules.as_mut().expect("the bundle has rules")
}

#[test]
fn a_plan_that_keeps_every_rule_is_proven() {
    let proof = Proof {
        cost: 690 * COIN,
        objective: 708 * COIN,
        floor_proven: 321 * COIN,
        floor_stated: 321 * COIN,
        gap: 387 * COIN,
    };
    assert_eq!(verify(&bundle()), Ok(proof));
}

#[test]
fn a_floor_that_the_duals_do_not_prove_is_rejected() {
    fn state(bundle: &mut Bundle, floor: i64) {
        bundle.plan.objective_floor_nano_usd_per_hour = floor;
        bundle.certificate.objective_floor_nano_usd_per_hour = floor;
    }
    let short = Rejection::Floor { stated: 321 * COIN + 1, proven: 321 * COIN };
    check(|bundle| state(bundle, 321 * COIN + 1), short);
    // A dual that binds is raised along: its content is worth 210 then, on nodes of 200; the duals in it are lowered
    // to 20/21, and the floor that they prove is far below the 331 that they add up to.
    let raised = |bundle: &mut Bundle| {
        bundle.certificate.shape_duals[DB as usize] += 10 * DUAL;
        state(bundle, 331 * COIN);
    };
    let mut bundle = bundle();
    raised(&mut bundle);
    match verify(&bundle) {
        Err(Rejection::Floor { stated, proven }) => {
            assert_eq!(stated, 331 * COIN);
            assert!((300 * COIN..=321 * COIN).contains(&proven), "{proven}");
        }
        other => panic!("{other:?}"),
    }
    let floors = Rejection::Floors { plan: 320 * COIN, certificate: 321 * COIN };
    check(|bundle| bundle.plan.objective_floor_nano_usd_per_hour = 320 * COIN, floors);
}

/// Floors worked out by hand: the best content of each kind of node, and what is due if all existing ones left.
#[test]
fn the_floor_is_what_the_certificate_says() {
    #[track_caller]
    fn check(change: fn(&mut Bundle), expected: i64) {
        let mut bundle = bundle();
        change(&mut bundle);
        let floor = plimsoll_verify::floor::of(&bundle.problem, &bundle.certificate);
        assert_eq!(floor, Ok(expected * COIN));
    }
    fn row(row: &str, dual: i64) -> Vec<RowDual> {
        vec![RowDual { row: row.into(), dual }]
    }
    // Pods 320; due 2 + 8, less 1 for `old-1` (21 + 150 + 30 on a node of 200), less 8 for `old-2` (205 on 197).
    check(|_| (), 321);
    // Sealed, `old-1` is worth 42 at most.
    check(|bundle| bundle.problem.nodes[0].sealed = true, 322);
    // Dearer to drain, `old-2` is due 13, and worth 13 more than leaving it.
    check(|bundle| bundle.problem.nodes[1].drain_cost_nano_usd_per_hour = 8 * COIN, 321);
    // Limited, offering 0 may be worth 10 above its price, three times.
    check(
        |bundle| {
            bundle.problem.offerings[0].quantity_max = Some(3);
            bundle.problem.offerings[0].price_nano_usd_per_hour = 190 * COIN;
        },
        321 - 30,
    );
    // A moved pod is 1 dearer: due 4 + 9 + 2, less 2 (22 + 150 + 30) and 9 (206 on 197), less the budget of 1.
    check(|bundle| bundle.certificate.row_duals = row(ROW_MOVED_PODS, DUAL), 323);
    // On-demand nodes are 10 cheaper, spot ones 30 dearer. Pods 340; due 2 + 8, less 2 (192 on 190), less 8.
    check(
        |bundle| {
            bundle.certificate.row_duals = row(ROW_SPOT_SHARE, DUAL / 100_000);
            bundle.certificate.shape_duals[BATCH as usize] = 30 * DUAL;
            bundle.certificate.shape_duals[RIVAL as usize] = 20 * DUAL;
        },
        340,
    );
}

#[test]
fn what_is_about_another_problem_is_rejected() {
    let actual = plimsoll_verify::digest(&bundle().problem);
    let stated = format!("0{}", &actual[1..]);
    for member in [Member::Plan, Member::Certificate] {
        let mut bundle = bundle();
        match member {
            Member::Plan => bundle.plan.problem_digest = stated.clone(),
            _ => bundle.certificate.problem_digest = stated.clone(),
        }
        let (stated, actual) = (stated.clone(), actual.clone());
        assert_eq!(verify(&bundle), Err(Rejection::Digest { member, stated, actual }));
    }
    let mut cheaper = bundle();
    cheaper.problem.offerings[3].price_nano_usd_per_hour -= 1;
    let now = plimsoll_verify::digest(&cheaper.problem);
    let expected = Rejection::Digest { member: Member::Plan, stated: actual, actual: now };
    assert_eq!(verify(&cheaper), Err(expected));
}

#[test]
fn sums_that_are_wrong_are_rejected() {
    let (cost, objective) = (690 * COIN, 708 * COIN);
    check(
        |bundle| bundle.problem.offerings[3].price_nano_usd_per_hour -= 1,
        Rejection::Cost { stated: cost, actual: cost - 1 },
    );
    check(
        |bundle| bundle.plan.cost_after_nano_usd_per_hour -= 1,
        Rejection::Cost { stated: cost - 1, actual: cost },
    );
    check(
        |bundle| bundle.plan.objective_nano_usd_per_hour -= 1,
        Rejection::Objective { stated: objective - 1, actual: objective },
    );
    // The dearest type of a group is billed, even if no node is of it.
    check(
        |bundle| bundle.problem.offerings[1].price_nano_usd_per_hour += 7,
        Rejection::Cost { stated: cost, actual: cost + 7 },
    );
    check(
        |bundle| bundle.problem.offerings[1].risk_nano_usd_per_hour += 7,
        Rejection::Objective { stated: objective, actual: objective + 7 },
    );
    check(
        |bundle| bundle.problem.nodes[1].drain_cost_nano_usd_per_hour += 7,
        Rejection::Objective { stated: objective, actual: objective + 7 },
    );
    check(
        |bundle| bundle.problem.demands[DB as usize].move_cost_nano_usd_per_hour += 7,
        Rejection::Objective { stated: objective, actual: objective + 7 },
    );
}

#[test]
fn pods_that_are_not_placed_exactly_are_rejected() {
    check(
        |bundle| bundle.plan.placements[N1].placed = vec![placed(WEB, 1), placed(BATCH, 2)],
        Rejection::Unplaced { demand: 1, placed: 2, count: 3 },
    );
    check(
        |bundle| bundle.plan.placements[N2].placed = vec![placed(WEB, 2), placed(RIVAL, 1)],
        Rejection::Unplaced { demand: 0, placed: 5, count: 4 },
    );
}

#[test]
fn a_node_that_cannot_hold_its_content_is_rejected() {
    let n1 = || "n1".to_string();
    check(
        |bundle| bundle.plan.placements[N1].placed = vec![placed(WEB, 2), placed(BATCH, 3)],
        Rejection::Overfull { node: n1(), offering: 1, resource: 0, used: 5000, capacity: 4000 },
    );
    // It fits its own type, but not the other one of its group.
    check(
        |bundle| {
            bundle.plan.placements[N1].offering = 1;
            bundle.problem.demands[BATCH as usize].request[1] = 3;
        },
        Rejection::Overfull { node: n1(), offering: 2, resource: 1, used: 11, capacity: 8 },
    );
    check(
        |bundle| bundle.problem.demands[BATCH as usize].offerings = vec![2],
        Rejection::Ineligible { node: n1(), demand: 1, offering: 1 },
    );
    check(
        |bundle| bundle.problem.demands[WEB as usize].max_per_node = Some(1),
        Rejection::PerNode { node: "old-1".into(), demand: 0, placed: 2, max: 1 },
    );
    check(
        |bundle| {
            bundle.problem.demands[WEB as usize].conflicts = vec![BATCH, AGENT];
            bundle.problem.demands[BATCH as usize].conflicts = vec![WEB];
        },
        Rejection::Conflict { node: n1(), demand: 0, other: 1 },
    );
}

#[test]
fn existing_nodes_are_used_as_they_are() {
    let node = || "old-1".to_string();
    check(
        |bundle| bundle.plan.placements[OLD_3].node = "old-1".into(),
        Rejection::NodeUnknown { node: "old-3".into() },
    );
    check(
        |bundle| {
            let twice = bundle.plan.placements[OLD_1].clone();
            bundle.plan.placements.push(twice);
        },
        Rejection::NodeTwice { node: node() },
    );
    check(
        |bundle| bundle.plan.placements[N1].node = "old-2".into(),
        Rejection::NodeTwice { node: "old-2".into() },
    );
    check(
        |bundle| bundle.plan.placements[OLD_1].existing_node = Some("old-9".into()),
        Rejection::NodeUnknown { node: "old-9".into() },
    );
    check(
        |bundle| bundle.plan.placements[OLD_1].offering = 0,
        Rejection::NodeOffering { node: node(), offering: 0, own: 4 },
    );
    check(
        |bundle| bundle.plan.placements[N2].offering = 4,
        Rejection::OfferingOwned { node: "n2".into(), offering: 4 },
    );
    check(|bundle| bundle.plan.placements.truncate(3), Rejection::NodeKept { node: "old-3".into() });
    check(
        |bundle| {
            bundle.plan.placements[OLD_1].placed = vec![placed(WEB, 2)];
            bundle.plan.placements[OLD_3].placed = vec![placed(DB, 1), placed(AGENT, 1), placed(SIDECAR, 1)];
        },
        Rejection::NodeSealed { node: "old-3".into(), demand: 2, placed: 1, residents: 0 },
    );
}

#[test]
fn zones_and_what_belongs_together_are_kept() {
    check(
        |bundle| bundle.problem.demands[WEB as usize].max_per_zone = Some(2),
        Rejection::PerZone { zone: "a".into(), demand: 0, placed: 3, max: 2 },
    );
    check(
        |bundle| {
            bundle.problem.demands[WEB as usize].zone_conflicts = vec![DB];
            bundle.problem.demands[DB as usize].zone_conflicts = vec![WEB, RIVAL];
        },
        Rejection::ZoneConflict { zone: "a".into(), demand: 0, other: 2 },
    );
    check(
        |bundle| bundle.problem.demands[DB as usize].together = "node/agent".into(),
        Rejection::Apart { together: "node/agent".into() },
    );
    check(
        |bundle| bundle.problem.demands[WEB as usize].together = "zone/web".into(),
        Rejection::Apart { together: "zone/web".into() },
    );
}

#[test]
fn pods_are_spread() {
    let skew = |domain: &str, counted, emptiest, max| Rejection::Skew {
        demand: 0,
        spread: 0,
        domain: domain.into(),
        counted,
        emptiest,
        max,
    };
    fn spread(bundle: &mut Bundle) -> &mut Spread {
        &mut bundle.problem.demands[WEB as usize].spreads[0]
    }
    check(|bundle| spread(bundle).max_skew = 1, skew("a", 3, 1, 1));
    check(|bundle| spread(bundle).min_domains = 3, skew("a", 3, 0, 2));
    check(|bundle| spread(bundle).counted_demands.push(BATCH), skew("a", 6, 1, 2));
    // `old-3` is a domain, and empty, only where nodes of its offering count.
    let by_node = |bundle: &mut Bundle| {
        spread(bundle).topology = Topology::Node;
        spread(bundle).max_skew = 1;
    };
    check(by_node, skew("old-1", 2, 0, 1));
    let without = |bundle: &mut Bundle| {
        spread(bundle).topology = Topology::Node;
        spread(bundle).domain_offerings = vec![1, 2, 3];
        spread(bundle).max_skew = 1;
        redigest(bundle);
    };
    let mut bundle = bundle();
    without(&mut bundle);
    assert!(verify(&bundle).is_ok());
}

#[test]
fn groups_are_formed_as_ruled() {
    check(
        |bundle| bundle.plan.groups[1].name = "spot".into(),
        Rejection::GroupTwice { group: "spot".into() },
    );
    check(
        |bundle| bundle.plan.placements[N2].group = "legacy".into(),
        Rejection::GroupUnknown { node: "n2".into(), group: "legacy".into() },
    );
    check(
        |bundle| bundle.plan.placements[N2].group.clear(),
        Rejection::GroupMembership { node: "n2".into() },
    );
    check(
        |bundle| bundle.plan.placements[OLD_1].group = "b".into(),
        Rejection::GroupMembership { node: "old-1".into() },
    );
    check(|bundle| rules(bundle).groups_max = 0, Rejection::GroupMembership { node: "n1".into() });
    check(
        |bundle| bundle.plan.groups[1].offerings = vec![0, 3],
        Rejection::GroupMixed { group: "b".into(), offering: 3 },
    );
    check(
        |bundle| bundle.plan.groups[0].offerings = vec![1, 2, 4],
        Rejection::GroupMixed { group: "spot".into(), offering: 4 },
    );
    check(
        |bundle| bundle.problem.offerings[2].template = "other".into(),
        Rejection::GroupMixed { group: "spot".into(), offering: 2 },
    );
    check(
        |bundle| bundle.plan.groups[1].offerings = vec![0],
        Rejection::GroupOffering { node: "n2".into(), group: "b".into(), offering: 3 },
    );
    check(
        |bundle| bundle.problem.offerings[1].instance_type = "c".into(),
        Rejection::GroupTypes { group: "spot".into(), types: 1, min: 2 },
    );
    check(
        |bundle| {
            let mut second = bundle.plan.placements[N1].clone();
            second.node = "n3".into();
            bundle.plan.placements.push(second);
        },
        Rejection::GroupNodes { group: "spot".into(), nodes: 2, max: 1 },
    );
    check(|bundle| rules(bundle).groups_max = 2, Rejection::Groups { groups: 3, max: 2 });
}

#[test]
fn rules_over_the_fleet_are_kept() {
    check(
        |bundle| bundle.problem.offerings[3].quantity_max = Some(0),
        Rejection::Quantity { offering: 3, nodes: 1, max: 0 },
    );
    check(|bundle| rules(bundle).nodes_max = 3, Rejection::Nodes { nodes: 4, max: 3 });
    check(|bundle| rules(bundle).on_demand_base_count = 4, Rejection::OnDemandBase { nodes: 3, min: 4 });
    check(
        |bundle| rules(bundle).spot_share_max_permille = Some(249),
        Rejection::SpotShare { spot: 4000, total: 16_000, max_permille: 249 },
    );
    check(
        |bundle| rules(bundle).zone_share_max_permille = Some(749),
        Rejection::ZoneShare { zone: "a".into(), inside: 12_000, total: 16_000, max_permille: 749 },
    );
    check(|bundle| rules(bundle).moved_pods_max = Some(0), Rejection::MovedPods { moved: 1, max: 0 });
}

#[test]
fn a_certificate_that_cannot_be_understood_is_rejected() {
    let wrong = |path: &str, expected| {
        let (member, path) = (Member::Certificate, path.into());
        Rejection::Malformed { member, path, expected }
    };
    let row = |row: &str, dual| RowDual { row: row.into(), dual };
    check(|bundle| bundle.certificate.version = 2, wrong("version", "1"));
    let duals = || wrong("shape_duals", "a number of 0 or more for each demand");
    check(|bundle| bundle.certificate.shape_duals.truncate(5), duals());
    check(|bundle| bundle.certificate.shape_duals[0] = -1, duals());
    let rows: [(&[RowDual], usize); 3] = [
        (&[row(ROW_SPOT_SHARE, -1)], 0),
        (&[row(ROW_SPOT_SHARE, 0), row(ROW_SPOT_SHARE, 0)], 1),
        (&[row(ROW_MOVED_PODS, 0), row(ROW_SPOT_SHARE, 0), row(ROW_MOVED_PODS, 1)], 2),
    ];
    for (rows, index) in rows {
        let mut bundle = bundle();
        bundle.certificate.row_duals = rows.to_vec();
        let expected = "0 or more, given once, and 0 if the rule is absent";
        assert_eq!(verify(&bundle), Err(wrong(&format!("row_duals[{index}].dual"), expected)));
    }
    let unknown = wrong("row_duals[0].row", "`spot_share` or `moved_pods`");
    check(|bundle| bundle.certificate.row_duals.push(RowDual { row: "nodes".into(), dual: 0 }), unknown);
    check(
        |bundle| {
            rules(bundle).moved_pods_max = None;
            bundle.certificate.row_duals = vec![RowDual { row: ROW_MOVED_PODS.into(), dual: 1 }];
        },
        wrong("row_duals[0].dual", "0 or more, given once, and 0 if the rule is absent"),
    );
    // On-demand capacity becomes better than free: 250 permille of 4,000 units at 1 coin each.
    check(
        |bundle| bundle.certificate.row_duals = vec![RowDual { row: ROW_SPOT_SHARE.into(), dual: DUAL }],
        Rejection::Unbounded { offering: 0 },
    );
}

#[test]
fn a_group_without_a_node_does_not_count() {
    let mut bundle = bundle();
    bundle.plan.groups.push(Group { name: "spare".into(), offerings: vec![0, 3] });
    assert!(verify(&bundle).is_ok());
}
