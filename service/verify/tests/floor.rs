//! Floors are proven: no fleet that trying all finds is cheaper, whatever a certificate says.

use plimsoll_verify::certificate::{ROW_MOVED_PODS, ROW_SPOT_SHARE};
use plimsoll_verify::problem::*;
use plimsoll_verify::{
    Bundle, Certificate, Placement, Plan, Problem, Rejection, RowDual, digest, floor, verify,
};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Nodes of a fleet that is tried, beside existing ones.
const NEW_NODES_MAX: usize = 3;

#[test]
fn no_fleet_is_cheaper_than_what_random_duals_prove() {
    let (mut proven_above_zero, mut exact, mut tried) = (0, 0, 0);
    for seed in 0..4000 {
        let mut random = SmallRng::seed_from_u64(seed);
        let problem = problem(&mut random);
        let certificate = certificate(&mut random, &problem);
        let floor = match floor::of(&problem, &certificate) {
            Ok(floor) => floor,
            Err(Rejection::Unbounded { .. }) => continue,
            Err(other) => panic!("seed {seed}: {other}"),
        };
        let Some((placements, best)) = cheapest(&problem) else { continue };
        assert!(floor <= best, "seed {seed}: {floor} is proven, {best} is reached by {placements:?}");
        assert_proven(&problem, certificate, placements, best, floor);
        tried += 1;
        proven_above_zero += i32::from(0 < floor);
        exact += i32::from(floor == best);
    }
    assert!(2000 < tried && 1000 < proven_above_zero && 20 < exact, "{tried} {proven_above_zero} {exact}");
}

/// The fleet passes the other judgements, too, and a floor one higher does not.
#[track_caller]
fn assert_proven(
    problem: &Problem,
    certificate: Certificate,
    placements: Vec<Placement>,
    best: i64,
    floor: i64,
) {
    let cost = placements.iter().map(|node| price(problem, node)).sum();
    let plan = Plan {
        cost_after_nano_usd_per_hour: cost,
        objective_nano_usd_per_hour: best,
        objective_floor_nano_usd_per_hour: floor,
        problem_digest: digest(problem),
        placements,
        ..Plan::default()
    };
    let certificate = Certificate {
        problem_digest: plan.problem_digest.clone(),
        objective_floor_nano_usd_per_hour: floor,
        ..certificate
    };
    let mut bundle = Bundle { problem: problem.clone(), plan, certificate };
    assert_eq!(verify(&bundle).map(|proof| proof.gap), Ok(best - floor));
    bundle.plan.objective_floor_nano_usd_per_hour += 1;
    bundle.certificate.objective_floor_nano_usd_per_hour += 1;
    assert_eq!(verify(&bundle), Err(Rejection::Floor { stated: floor + 1, proven: floor }));
}

fn problem(random: &mut SmallRng) -> Problem {
    let offerings: Vec<_> = (0..random.random_range(2..=4)).map(|index| offering(random, index)).collect();
    let count = random.random_range(1..=3);
    let demands: Vec<_> = (0..count).map(|index| demand(random, index, offerings.len())).collect();
    let nodes: Vec<_> = (0..random.random_range(0..=2)).map(|index| node(random, index, &demands)).collect();
    let rules = Rules {
        spot_share_max_permille: random.random_bool(0.4).then(|| random.random_range(0..=1000)),
        moved_pods_max: random.random_bool(0.4).then(|| random.random_range(0..=2)),
        ..Rules::default()
    };
    let resources = vec!["cpu_milli".into(), "memory_bytes".into()];
    Problem { version: 1, resources, offerings, demands, nodes, rules: Some(rules) }
}

/// Offering 0 is that of the existing nodes.
fn offering(random: &mut SmallRng, index: i32) -> Offering {
    Offering {
        id: format!("offering-{index}"),
        kind: if random.random_bool(0.5) { CapacityKind::Spot } else { CapacityKind::OnDemand },
        capacity: vec![random.random_range(1..=6), random.random_range(1..=6)],
        price_nano_usd_per_hour: random.random_range(0..=20),
        risk_nano_usd_per_hour: random.random_range(0..=3),
        quantity_max: (0 < index && random.random_bool(0.3)).then(|| random.random_range(0..=2)),
        ..Offering::default()
    }
}

fn demand(random: &mut SmallRng, index: i32, offerings: usize) -> Demand {
    let mut eligible = vec![0];
    eligible.extend((1..i32::try_from(offerings).expect("a few")).filter(|_| random.random_bool(0.8)));
    Demand {
        id: format!("demand-{index}"),
        count: random.random_range(1..=2),
        request: vec![random.random_range(0..=3), random.random_range(0..=3)],
        max_per_node: random.random_bool(0.2).then_some(1),
        offerings: eligible,
        move_cost_nano_usd_per_hour: random.random_range(0..=4),
        ..Demand::default()
    }
}

fn node(random: &mut SmallRng, index: i32, demands: &[Demand]) -> ExistingNode {
    let mut residents = Vec::new();
    for (place, demand) in (0..).zip(demands) {
        // One of two pods at most, so that two nodes have no more residents than there are pods.
        if demand.count == 2 && random.random_bool(0.6) {
            residents.push(placed(place, 1));
        }
    }
    ExistingNode {
        name: format!("node-{index}"),
        drain_cost_nano_usd_per_hour: random.random_range(0..=3),
        residents,
        sealed: random.random_bool(0.2),
        kept: random.random_bool(0.1),
        ..ExistingNode::default()
    }
}

/// Duals about as high as the prices of pods, some far above, some of them at the best nodes' own.
fn certificate(random: &mut SmallRng, problem: &Problem) -> Certificate {
    let most = [3_000_000, 10_000_000, 100_000_000][random.random_range(0..3)];
    let mut row_duals = Vec::new();
    if problem.rules.as_ref().is_some_and(|rules| rules.spot_share_max_permille.is_some()) {
        row_duals.push(RowDual { row: ROW_SPOT_SHARE.into(), dual: random.random_range(0..2000) });
    }
    if problem.rules.as_ref().is_some_and(|rules| rules.moved_pods_max.is_some()) {
        row_duals.push(RowDual { row: ROW_MOVED_PODS.into(), dual: random.random_range(0..3_000_000) });
    }
    Certificate {
        version: 1,
        shape_duals: problem.demands.iter().map(|_| random.random_range(0..=most)).collect(),
        row_duals,
        ..Certificate::default()
    }
}

/// The cheapest fleet with at most [`NEW_NODES_MAX`] new nodes, by trying all.
fn cheapest(problem: &Problem) -> Option<(Vec<Placement>, i64)> {
    let left: Vec<i32> = problem.demands.iter().map(|demand| demand.count).collect();
    let mut best = None;
    extend(problem, 0, &mut Vec::new(), &left, &mut best);
    best
}

/// Decides on one existing node after the other, then on new ones by rising offering.
fn extend(
    problem: &Problem,
    place: usize,
    fleet: &mut Vec<Placement>,
    left: &[i32],
    best: &mut Option<(Vec<Placement>, i64)>,
) {
    if let Some(node) = problem.nodes.get(place) {
        if !node.kept {
            extend(problem, place + 1, fleet, left, best);
        }
        let name = Some(node.name.clone());
        return each_content(problem, node.offering, Some(node), left, &mut |content, left| {
            fleet.push(placement(node.name.clone(), node.offering, name.clone(), content));
            extend(problem, place + 1, fleet, left, best);
            fleet.pop();
        });
    }
    if left.iter().all(|count| *count == 0) {
        keep_best(problem, fleet, best);
    }
    let new = fleet.iter().filter(|node| node.existing_node.is_none());
    let (number, least) = (new.clone().count(), new.map(|node| node.offering).max().unwrap_or(0));
    if number == NEW_NODES_MAX {
        return;
    }
    let owned = i32::from(!problem.nodes.is_empty());
    for offering in least.max(owned)..i32::try_from(problem.offerings.len()).expect("a few") {
        each_content(problem, offering, None, left, &mut |content, left| {
            fleet.push(placement(format!("new-{number}"), offering, None, content));
            extend(problem, place, fleet, left, best);
            fleet.pop();
        });
    }
}

fn placement(node: String, offering: i32, existing_node: Option<String>, content: &[i32]) -> Placement {
    let placed =
        (0..).zip(content).filter(|(_, count)| 0 < **count).map(|(demand, count)| placed(demand, *count));
    Placement { node, offering, existing_node, placed: placed.collect(), group: String::new() }
}

fn placed(demand: i32, count: i32) -> Placed {
    Placed { demand, count }
}

fn each_content(
    problem: &Problem,
    offering: i32,
    node: Option<&ExistingNode>,
    left: &[i32],
    then: &mut dyn FnMut(&[i32], &[i32]),
) {
    let capacity = &problem.offerings[usize::try_from(offering).expect("an index")].capacity;
    let mut contents = vec![vec![]];
    for (index, demand) in (0..).zip(&problem.demands) {
        let residents = node.map(|node| residents(node, index));
        let sealed = node.filter(|node| node.sealed).and(residents).unwrap_or(i32::MAX);
        let eligible = demand.offerings.contains(&offering);
        let most = left[contents[0].len()].min(demand.max_per_node.unwrap_or(i32::MAX)).min(sealed);
        let most = if eligible { most } else { 0 };
        contents = contents
            .iter()
            .flat_map(|content| (0..=most).map(|count| [content.as_slice(), &[count]].concat()))
            .collect();
    }
    for content in contents {
        let fits = (0..capacity.len()).all(|resource| {
            let used =
                content.iter().zip(&problem.demands).map(|(n, it)| i64::from(*n) * it.request[resource]);
            used.sum::<i64>() <= capacity[resource]
        });
        if fits {
            let rest: Vec<i32> = left.iter().zip(&content).map(|(left, count)| left - count).collect();
            then(&content, &rest);
        }
    }
}

fn residents(node: &ExistingNode, demand: i32) -> i32 {
    node.residents.iter().find(|resident| resident.demand == demand).map_or(0, |resident| resident.count)
}

fn keep_best(problem: &Problem, fleet: &[Placement], best: &mut Option<(Vec<Placement>, i64)>) {
    let Some(objective) = objective(problem, fleet) else { return };
    if best.as_ref().is_none_or(|(_, least)| objective < *least) {
        *best = Some((fleet.to_vec(), objective));
    }
}

fn price(problem: &Problem, node: &Placement) -> i64 {
    problem.offerings[usize::try_from(node.offering).expect("an index")].price_nano_usd_per_hour
}

/// None: a rule over the fleet is broken.
fn objective(problem: &Problem, fleet: &[Placement]) -> Option<i64> {
    let rules = problem.rules.clone().unwrap_or_default();
    let (mut sum, mut moved, mut spot, mut all) = (0, 0, 0, 0);
    for (index, offering) in (0..).zip(&problem.offerings) {
        let nodes = fleet.iter().filter(|node| node.offering == index).count();
        let nodes = i64::try_from(nodes).expect("a few");
        if offering.quantity_max.is_some_and(|max| i64::from(max) < nodes) {
            return None;
        }
        sum += nodes * (offering.price_nano_usd_per_hour + offering.risk_nano_usd_per_hour);
        all += nodes * offering.capacity[0];
        spot += if offering.kind == CapacityKind::Spot { nodes * offering.capacity[0] } else { 0 };
    }
    for node in &problem.nodes {
        let stays = fleet.iter().find(|it| it.node == node.name);
        sum += if stays.is_none() { node.drain_cost_nano_usd_per_hour } else { 0 };
        for resident in &node.residents {
            let here = stays.and_then(|it| it.placed.iter().find(|placed| placed.demand == resident.demand));
            let leave = (resident.count - here.map_or(0, |placed| placed.count)).max(0);
            let demand = &problem.demands[usize::try_from(resident.demand).expect("an index")];
            sum += i64::from(leave) * demand.move_cost_nano_usd_per_hour;
            moved += leave;
        }
    }
    let over_share = rules.spot_share_max_permille.is_some_and(|max| all * i64::from(max) < spot * 1000);
    let over_moved = rules.moved_pods_max.is_some_and(|max| max < moved);
    (!over_share && !over_moved).then_some(sum)
}
