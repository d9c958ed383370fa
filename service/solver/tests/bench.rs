//! The planning instances.

mod support;

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use plimsoll_solver::model::{Model, Options};
use plimsoll_solver::{Budget, bound, pack};

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
        for width in [0, 1, 3, 10] {
            let mut remaining: Vec<u32> = model.items.iter().map(|item| item.count).collect();
            let mut left = shop.quantities();
            let packing = pack::greedy(&shop, &duals, &mut remaining, &mut left, width, &budget);
            println!(
                "{name} greedy {width} {:.4} left {}",
                packing.cost_nano as f64 * 1e-9,
                remaining.iter().sum::<u32>()
            );
            lap("greedy");
        }
    }
}
