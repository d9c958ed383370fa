//! The model of kube-scheduler against the real one: random worlds and what becomes of one pod after another in them.
//!
//! `PLIMSOLL_REFEREE_WORLDS` worlds for each way of scoring; `PLIMSOLL_REFEREE_FIRST` is the seed of the first.

mod demand;
mod draw;
mod figures;
mod machine;
mod preempt;
mod real;
mod rules;
mod trial;
mod world;

use plimsoll_domain::scheduler::{Release, Settings, Strategy};
use plimsoll_props::ground::{Ground, Options, Scoring};

use figures::Figures;
use real::Real;
use world::World;

/// Worlds of ordinary days. A guess: a minute.
const WORLDS: u64 = 8;
/// Least share of pods whose node is among the best of the model.
const AMONG_BEST_MIN: f64 = 0.9;

/// A number from the environment.
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

async fn compare(scoring: Scoring, strategy: Strategy) {
    let Some(ground) = Ground::start(Options { scoring, ..Options::default() }).await else { return };
    let real = Real::new(ground.client().await).await;
    let settings = Settings { strategy, release: Release::V1_36, seed: 7 };
    let mut figures = Figures::default();
    let first = number("PLIMSOLL_REFEREE_FIRST", 1);
    for seed in first..first + number("PLIMSOLL_REFEREE_WORLDS", WORLDS) {
        let world = World::seeded(seed);
        let owners = real.put(&world).await;
        for probe in &world.probes {
            figures.note(trial::try_pod(&real, &world, &owners, probe, settings).await);
        }
        figures.worlds += 1;
        real.clear(&world).await;
    }
    println!("{strategy:?}: {figures}");
    assert!(figures.differing.is_empty(), "{}", figures.differing.join("\n"));
    assert!(AMONG_BEST_MIN <= figures.share_among_best(), "{strategy:?}: {figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_go_where_the_model_says_emptier_nodes_first() {
    compare(Scoring::LeastAllocated, Strategy::LeastAllocated).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_go_where_the_model_says_fuller_nodes_first() {
    compare(Scoring::MostAllocated, Strategy::MostAllocated).await;
}
