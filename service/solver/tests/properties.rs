//! What holds for every plan: it is feasible, not above greedy, not below the floor; the same seed gives the
//! same plan; dearer prices give no lower floor.

#[path = "support/mod.rs"]
mod support;

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use plimsoll_domain::problem::{Demand, Offering, Problem};
use plimsoll_domain::solution::{Duals, Stop};
use plimsoll_domain::units::HourlyRate;
use plimsoll_solver::model::{Model, Options};
use plimsoll_solver::{Budget, SolveError, Why, bound, pack, solve};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use support::run::{cost, expect_sound, solved};

const PROBLEMS: u64 = 12;
/// Long enough for every one of these to stop by itself.
const SECONDS: f64 = 60.0;
/// Column generation ends this close to its limit, so floors compare up to this.
const FLOOR_TOLERANCE: f64 = 1e-3;

fn rate(nano_usd: i64) -> HourlyRate {
    HourlyRate::from_nano_usd(nano_usd).expect("not negative")
}

/// A few kinds of pods and nodes.
fn problem(seed: u64) -> Problem {
    let random = &mut SmallRng::seed_from_u64(seed);
    let mut offerings = Vec::new();
    for size in [1, 2, 4, 8] {
        for memory in [2, 4, 8] {
            let price = size * (20_000_000 + 4_000_000 * memory) * random.random_range(90..110) / 100;
            offerings.push(Offering {
                id: format!("{size}x{memory}"),
                capacity: vec![size * 1000, size * memory * 1000, 10 * size],
                price: rate(price),
                quantity_max: random.random_bool(0.1).then_some(2),
                ..Offering::default()
            });
        }
    }
    let kinds = random.random_range(1..6);
    let demands = (0..kinds).map(|index| demand(index, &offerings, random)).collect();
    let resources = ["cpu_milli", "memory", "pods"].map(str::to_owned).to_vec();
    Problem { resources, offerings, demands, ..Problem::default() }
}

fn demand(index: u32, offerings: &[Offering], random: &mut SmallRng) -> Demand {
    let every = random.random_range(1..3);
    Demand {
        id: format!("kind-{index}"),
        count: random.random_range(1..8),
        request: vec![random.random_range(50..1500), random.random_range(50..5000), 1],
        max_per_node: random.random_bool(0.2).then_some(2),
        offerings: (0..offerings.len() as u32).filter(|offering| offering % every == 0).collect(),
        ..Demand::default()
    }
}

/// What greedy alone comes to.
fn greedy_cost(problem: &Problem) -> Option<i64> {
    let model = Model::new(problem, &Options::default());
    let duals = bound::fluid(&model, &bound::fluid::Options::default());
    let shop = pack::Shop::new(&model);
    let mut remaining: Vec<u32> = model.items.iter().map(|item| item.count).collect();
    let begun = Instant::now();
    let elapsed = || begun.elapsed().as_secs_f64();
    let cancelled = AtomicBool::new(false);
    let budget =
        Budget { seconds: 1.0, elapsed: &elapsed, cancelled: &cancelled, gap_target_ratio: 0.0, seed: 0 };
    let packing = pack::greedy(&shop, &duals, &mut remaining, &mut shop.quantities(), 0, &budget);
    remaining.iter().all(|count| *count == 0).then_some(packing.cost_nano)
}

#[test]
fn plans_are_sound_and_not_above_greedy() {
    for seed in 0..PROBLEMS {
        let problem = problem(seed);
        let solution = solved(&problem, 0.3, seed);
        expect_sound(&problem, &solution);
        let greedy = greedy_cost(&problem).expect("greedy places everything");
        assert!(cost(&problem, &solution) <= greedy, "problem {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_plan() {
    for seed in 0..PROBLEMS / 3 {
        let problem = problem(seed);
        let (first, second) = (solved(&problem, SECONDS, 7), solved(&problem, SECONDS, 7));
        assert_ne!(first.stop, Stop::Time, "problem {seed}");
        assert_eq!(first, second, "problem {seed}");
    }
}

#[test]
fn dearer_prices_give_no_lower_floor() {
    for seed in 0..PROBLEMS {
        let problem = problem(seed);
        let mut dearer = problem.clone();
        for (index, offering) in dearer.offerings.iter_mut().enumerate() {
            let more = offering.price.nano_usd() / 100 * (index as i64 % 4) * 10;
            offering.price = rate(offering.price.nano_usd() + more);
        }
        let floor = |problem: &Problem| solved(problem, 0.3, 1).floor_nano_usd as f64;
        let (before, after) = (floor(&problem), floor(&dearer));
        assert!(after >= before * (1.0 - FLOOR_TOLERANCE), "problem {seed}: {before}, then {after}");
    }
}

/// Whatever someone claims, what comes out of certification is below a plan.
#[test]
fn bold_duals_are_lowered_to_a_floor() {
    for seed in 0..PROBLEMS {
        let problem = problem(seed);
        let solution = solved(&problem, 0.2, 1);
        let bold = solution.duals.shapes.iter().map(|dual| dual.saturating_mul(3)).collect();
        let certified = bound::certify(&problem, &Duals { shapes: bold, ..Duals::default() });
        assert!(certified.floor_nano_usd <= cost(&problem, &solution), "problem {seed}");
        let again = bound::certify(&problem, &certified.duals);
        assert!(again.floor_nano_usd <= certified.floor_nano_usd, "problem {seed}");
    }
}

#[test]
fn a_pod_larger_than_every_node_is_named_with_what_it_lacks() {
    let mut problem = problem(1);
    problem.demands[0].request[1] = 1_000_000;
    let cancelled = AtomicBool::new(false);
    let budget =
        Budget { seconds: 1.0, elapsed: &|| 0.0, cancelled: &cancelled, gap_target_ratio: 0.0, seed: 0 };
    let Err(SolveError::Infeasible(uncarried)) = solve(&problem, &budget, &mut |_| {}) else {
        panic!("there is no plan")
    };
    assert_eq!(uncarried.len(), 1);
    assert_eq!((uncarried[0].demand, uncarried[0].why, uncarried[0].short), (0, Why::TooLarge, Some(1)));
}

#[test]
fn offerings_that_run_out_are_no_plan() {
    let mut problem = problem(2);
    problem.offerings.iter_mut().for_each(|offering| offering.quantity_max = Some(0));
    problem.offerings[0].quantity_max = Some(1);
    let cancelled = AtomicBool::new(false);
    let budget =
        Budget { seconds: 1.0, elapsed: &|| 0.0, cancelled: &cancelled, gap_target_ratio: 0.0, seed: 0 };
    let answer = solve(&problem, &budget, &mut |_| {});
    assert!(matches!(answer, Err(SolveError::Infeasible(_))), "{answer:?}");
}
