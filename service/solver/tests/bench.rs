//! The planning instances.

mod support;

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use plimsoll_solver::model::{Model, Options};
use plimsoll_solver::{Budget, bound, columns, pack};

#[test]
fn stages() {
    let names = std::env::var("NAMES").unwrap_or("C100 C1k S1k C10k U10k openb U100k C100k".into());
    for name in names.split_whitespace() {
        let Some(problem) = support::bench(name) else { return };
        let begun = Instant::now();
        let elapsed = || begun.elapsed().as_secs_f64();
        let lap = |what: &str| println!("{name} {what} at {:.3}", elapsed());
        let model = Model::new(&problem, &Options::default());
        lap("model");
        let duals = bound::fluid(&model, &bound::fluid::Options::default());
        lap("fluid");
        let certified = bound::certify_float(&model, &duals);
        println!("{name} certified {:.4}", certified.floor_nano_usd as f64 * 1e-9);
        lap("certify");
        let cancelled = AtomicBool::new(false);
        let budget = Budget {
            seconds: 30.0,
            elapsed: &elapsed,
            cancelled: &cancelled,
            gap_target_ratio: 0.0,
            seed: 1,
        };
        let shop = pack::Shop::new(&model);
        let mut remaining: Vec<u32> = model.items.iter().map(|item| item.count).collect();
        let packing = pack::greedy(&shop, &duals, &mut remaining, &mut shop.quantities(), 0, &budget);
        lap("greedy");
        println!("{name} greedy {:.4}", packing.cost_nano as f64 * 1e-9);
        let first = packing.loads.iter().map(|load| columns::Column::of_load(&model, load)).collect();
        let options = columns::Options { until: 20.0, gap: 2e-4, rounds: 10_000 };
        let floor = certified.floor_nano_usd as f64 * 1e-9;
        let made = columns::generate(&model, duals, floor, first, &options, &budget);
        println!(
            "{name} bound {:.4} estimate {:?} rounds {} columns {}",
            made.bound,
            made.estimate,
            made.rounds,
            made.columns.len()
        );
        lap("columns");
        let certified = bound::certify_float(&model, &made.duals);
        println!("{name} certified {:.4}", certified.floor_nano_usd as f64 * 1e-9);
        lap("certify");
    }
}
