//! Nothing that a bundle may hold makes the verifier panic, or prove what is not so.

mod common;

use plimsoll_verify::problem::{Placed, Rules, Spread};
use plimsoll_verify::rejection::Member;
use plimsoll_verify::{Bundle, Rejection, RowDual, read, verify};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use common::{DB, DUAL, WEB, bundle, placed, redigest};

#[track_caller]
fn check(change: fn(&mut Bundle), member: Member, path: &str) {
    let mut bundle = bundle();
    change(&mut bundle);
    redigest(&mut bundle);
    match verify(&bundle) {
        Err(Rejection::Malformed { member: found, path: at, .. }) => {
            assert_eq!((found, at.as_str()), (member, path));
        }
        other => panic!("{other:?}"),
    }
}

fn rules(bundle: &mut Bundle) -> &mut Rules {
    bundle.problem.rules.as_mut().expect("the bundle has rules")
}

fn spread(bundle: &mut Bundle) -> &mut Spread {
    &mut bundle.problem.demands[0].spreads[0]
}

#[test]
fn a_problem_that_is_not_well_formed_is_rejected_with_the_path() {
    let check = |change, path| check(change, Member::Problem, path);
    check(|bundle| bundle.problem.version = 2, "version");
    check(|bundle| bundle.problem.resources.clear(), "resources");
    check(|bundle| bundle.problem.resources.resize(65, "x".into()), "resources");
    check(|bundle| bundle.problem.offerings[1].id = "m/a".into(), "offerings[1].id");
    check(|bundle| bundle.problem.offerings[1].id.clear(), "offerings[1].id");
    check(|bundle| bundle.problem.offerings[0].capacity.push(1), "offerings[0].capacity");
    check(|bundle| bundle.problem.offerings[0].capacity[1] = -1, "offerings[0].capacity");
    check(|bundle| bundle.problem.offerings[2].kind = Default::default(), "offerings[2].kind");
    let path = "offerings[0].price_nano_usd_per_hour";
    check(|bundle| bundle.problem.offerings[0].price_nano_usd_per_hour = -1, path);
    let path = "offerings[0].risk_nano_usd_per_hour";
    check(|bundle| bundle.problem.offerings[0].risk_nano_usd_per_hour = i64::MIN, path);
    check(|bundle| bundle.problem.offerings[0].quantity_max = Some(-1), "offerings[0].quantity_max");
    check(|bundle| bundle.problem.demands[1].id = "web".into(), "demands[1].id");
    check(|bundle| bundle.problem.demands[0].count = 0, "demands[0].count");
    check(|bundle| bundle.problem.demands[0].request[0] = -1, "demands[0].request");
    check(|bundle| bundle.problem.demands[0].request.clear(), "demands[0].request");
    check(|bundle| bundle.problem.demands[0].max_per_node = Some(-1), "demands[0].max_per_node");
    check(|bundle| bundle.problem.demands[0].max_per_zone = Some(-1), "demands[0].max_per_zone");
    check(|bundle| bundle.problem.demands[0].offerings = vec![0, 0], "demands[0].offerings");
    check(|bundle| bundle.problem.demands[0].offerings = vec![1, 0], "demands[0].offerings");
    check(|bundle| bundle.problem.demands[0].offerings = vec![5], "demands[0].offerings");
    check(|bundle| bundle.problem.demands[0].offerings = vec![i32::MIN, -1], "demands[0].offerings");
    check(|bundle| bundle.problem.demands[0].conflicts = vec![WEB], "demands[0].conflicts");
    check(|bundle| bundle.problem.demands[0].conflicts = vec![DB], "demands[0].conflicts");
    check(|bundle| bundle.problem.demands[0].conflicts = vec![i32::MAX], "demands[0].conflicts");
    check(|bundle| bundle.problem.demands[0].zone_conflicts = vec![DB], "demands[0].zone_conflicts");
    check(|bundle| bundle.problem.demands[0].together = "near".into(), "demands[0].together");
    check(|bundle| bundle.problem.demands[0].pods.truncate(3), "demands[0].pods");
    let path = "demands[0].move_cost_nano_usd_per_hour";
    check(|bundle| bundle.problem.demands[0].move_cost_nano_usd_per_hour = -1, path);
    check(|bundle| spread(bundle).topology = Default::default(), "demands[0].spreads.topology");
    check(|bundle| spread(bundle).max_skew = 0, "demands[0].spreads.max_skew");
    check(|bundle| spread(bundle).min_domains = 0, "demands[0].spreads.min_domains");
    check(|bundle| spread(bundle).counted_demands = vec![6], "demands[0].spreads.counted_demands");
    check(|bundle| spread(bundle).domain_offerings = vec![-1], "demands[0].spreads.domain_offerings");
    check(|bundle| bundle.problem.nodes[0].offering = -1, "nodes[0].offering");
    check(|bundle| bundle.problem.nodes[0].offering = 5, "nodes[0].offering");
    check(|bundle| bundle.problem.nodes[1].name = "old-1".into(), "nodes[1].name");
    check(|bundle| bundle.problem.nodes[0].residents.push(placed(WEB, 1)), "nodes[0].residents");
    check(|bundle| bundle.problem.nodes[0].residents[0].count = 0, "nodes[0].residents");
    check(|bundle| bundle.problem.nodes[0].residents[0].demand = 6, "nodes[0].residents");
    let path = "nodes[0].drain_cost_nano_usd_per_hour";
    check(|bundle| bundle.problem.nodes[0].drain_cost_nano_usd_per_hour = -1, path);
    check(|bundle| rules(bundle).spot_share_max_permille = Some(1001), "rules.spot_share_max_permille");
    check(|bundle| rules(bundle).zone_share_max_permille = Some(0), "rules.zone_share_max_permille");
    check(|bundle| rules(bundle).on_demand_base_count = -1, "rules.on_demand_base_count");
    check(|bundle| rules(bundle).nodes_max = -1, "rules.nodes_max");
    check(|bundle| rules(bundle).groups_max = i32::MIN, "rules.groups_max");
    check(|bundle| rules(bundle).nodes_per_group_max = -1, "rules.nodes_per_group_max");
    check(|bundle| rules(bundle).types_per_spot_group_min = -1, "rules.types_per_spot_group_min");
    check(|bundle| rules(bundle).moved_pods_max = Some(-1), "rules.moved_pods_max");
}

#[test]
fn a_plan_that_is_not_well_formed_is_rejected_with_the_path() {
    let check = |change, path| check(change, Member::Plan, path);
    check(|bundle| bundle.plan.placements[0].node.clear(), "placements[0].node");
    check(|bundle| bundle.plan.placements[0].offering = -1, "placements[0].offering");
    check(|bundle| bundle.plan.placements[0].offering = i32::MAX, "placements[0].offering");
    check(|bundle| bundle.plan.placements[0].placed[0].demand = -1, "placements[0].placed");
    check(|bundle| bundle.plan.placements[0].placed[1].demand = 6, "placements[0].placed");
    check(|bundle| bundle.plan.placements[0].placed[1].demand = 0, "placements[0].placed");
    check(|bundle| bundle.plan.placements[0].placed[1].count = 0, "placements[0].placed");
    check(|bundle| bundle.plan.placements[0].placed[1].count = i32::MIN, "placements[0].placed");
    check(|bundle| bundle.plan.groups[0].name.clear(), "groups[0].name");
    check(|bundle| bundle.plan.groups[0].offerings = vec![2, 1], "groups[0].offerings");
    check(|bundle| bundle.plan.groups[2].offerings = vec![7], "groups[2].offerings");
}

/// The greatest of everything: sums overflow nowhere, and nothing too high is proven.
#[test]
fn the_greatest_numbers_do_not_overflow() {
    let mut bundle = bundle();
    for offering in &mut bundle.problem.offerings {
        offering.price_nano_usd_per_hour = i64::MAX;
        offering.risk_nano_usd_per_hour = i64::MAX;
        offering.capacity.fill(i64::MAX);
    }
    for demand in &mut bundle.problem.demands {
        demand.count = i32::MAX;
        demand.pods.clear();
        demand.request.fill(i64::MAX);
        demand.move_cost_nano_usd_per_hour = i64::MAX;
        demand.max_per_node = None;
        demand.max_per_zone = None;
    }
    for node in &mut bundle.problem.nodes {
        node.drain_cost_nano_usd_per_hour = i64::MAX;
        node.residents.iter_mut().for_each(|resident: &mut Placed| resident.count = i32::MAX);
    }
    bundle.certificate.shape_duals.fill(i64::MAX);
    redigest(&mut bundle);
    assert!(matches!(verify(&bundle), Err(Rejection::Overfull { .. })));
    let floor = |bundle: &Bundle| plimsoll_verify::floor::of(&bundle.problem, &bundle.certificate);
    assert!(floor(&bundle).is_ok());
    bundle.problem.demands.iter_mut().for_each(|demand| demand.request.fill(0));
    assert!(floor(&bundle).is_ok());
    let row = |row: &str| RowDual { row: row.into(), dual: i64::MAX };
    bundle.certificate.row_duals = vec![row("moved_pods")];
    assert!(floor(&bundle).is_ok());
    bundle.certificate.row_duals.push(row("spot_share"));
    assert!(matches!(floor(&bundle), Err(Rejection::Unbounded { .. })));
    rules(&mut bundle).spot_share_max_permille = Some(0);
    assert!(floor(&bundle).is_ok());
}

/// Pods that ask for nothing and nodes that cost nothing.
#[test]
fn the_least_numbers_do_not_divide() {
    let mut bundle = bundle();
    bundle.problem.demands.iter_mut().for_each(|demand| demand.request.fill(0));
    bundle.problem.offerings.iter_mut().for_each(|offering| offering.capacity.fill(0));
    redigest(&mut bundle);
    assert!(matches!(verify(&bundle), Err(Rejection::Floor { .. })));
    bundle.problem.offerings.iter_mut().for_each(|offering| {
        offering.price_nano_usd_per_hour = 0;
        offering.risk_nano_usd_per_hour = 0;
    });
    let floor = plimsoll_verify::floor::of(&bundle.problem, &bundle.certificate);
    assert!(floor.is_ok_and(|floor| floor <= 0));
    bundle.problem.rules = None;
    bundle.certificate.shape_duals.fill(DUAL);
    let floor = plimsoll_verify::floor::of(&bundle.problem, &bundle.certificate);
    assert!(floor.is_ok_and(|floor| floor <= 0));
}

/// A bundle with one value exchanged for another, ten thousand times.
#[test]
fn no_change_of_a_bundle_makes_a_panic() {
    let text = serde_json::to_value(bundle()).expect("a bundle has a JSON form");
    let mut rejected = 0;
    for seed in 0..10_000 {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut changed = text.clone();
        for _ in 0..random.random_range(1..=3) {
            change(&mut random, &mut changed);
        }
        let Ok(mut bundle) = read(changed.to_string().as_bytes()) else { continue };
        redigest(&mut bundle);
        rejected += i32::from(verify(&bundle).is_err());
        let _ = plimsoll_verify::floor::of(&bundle.problem, &bundle.certificate);
    }
    assert!(5000 < rejected, "{rejected}");
}

/// Walks to some value and puts another one in its place.
fn change(random: &mut SmallRng, value: &mut Value) {
    let deeper = match value {
        Value::Array(entries) if !entries.is_empty() => {
            if random.random_bool(0.1) {
                let copy = entries[random.random_range(0..entries.len())].clone();
                return entries.push(copy);
            }
            let index = random.random_range(0..entries.len());
            entries.get_mut(index)
        }
        Value::Object(fields) => {
            let index = random.random_range(0..fields.len().max(1));
            fields.values_mut().nth(index)
        }
        _ => None,
    };
    if let Some(deeper) = deeper {
        return change(random, deeper);
    }
    let numbers = [-1, 0, 1, 2, 3, 1000, i64::from(i32::MAX), i64::MAX, i64::MIN];
    *value = match value {
        Value::String(text) if text.parse::<i64>().is_err() => {
            ["", "a", "old-1", "spot"][random.random_range(0..4)].into()
        }
        _ => numbers[random.random_range(0..numbers.len())].into(),
    };
}
