//! One pod: what the model says of it, and what the real scheduler does with it.

use plimsoll_domain::scheduler::{NodeId, Settings, Simulation};
use serde_json::Value;

use super::real::{Outcome, Owners, Real, owned, pods_path};
use super::world::World;

/// How far the two agree on a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// One places it and the other does not, or it is on a node that the model does not accept. All that is known of it.
    None(String),
    /// Both refuse it.
    Refused {
        /// In the same words.
        same_words: bool,
    },
    /// Both place it.
    Placed {
        /// The real node is among the best of the model.
        among_best: bool,
        /// How many nodes the model accepts.
        feasible: usize,
        /// How many of them it ranks first.
        best: usize,
    },
}

/// What the model says.
struct Forecast {
    feasible: Vec<String>,
    best: Vec<String>,
    /// Why no node takes it, if so.
    refusal: String,
}

fn forecast(simulation: &mut Simulation, key: &str) -> Forecast {
    let pod = simulation.pod(key).unwrap();
    let names = |nodes: Vec<NodeId>| -> Vec<String> {
        nodes.into_iter().map(|node| simulation.node_name(node).to_owned()).collect()
    };
    let feasible = names(simulation.accepting(pod).collect());
    let best = names(simulation.favourites(pod));
    let refusal = simulation.schedule(pod).err().map(|why| why.to_string()).unwrap_or_default();
    Forecast { feasible, best, refusal }
}

/// Asks both about a pod. It stays where it was placed.
pub async fn try_pod(
    real: &Real,
    world: &World,
    owners: &Owners,
    probe: &Value,
    settings: Settings,
) -> Agreement {
    let pod = owned(probe, owners);
    let state = real.state_with(&pod).await;
    let name = probe["metadata"]["name"].as_str().unwrap();
    let key = format!("{}/{name}", probe["metadata"]["namespace"].as_str().unwrap());
    let forecast = forecast(&mut Simulation::of(&state, settings), &key);
    let outcome = real.outcome(&pod).await;
    let told = || {
        let (seed, Forecast { feasible, best, refusal }) = (world.seed, &forecast);
        format!(
            "world {seed}: {outcome:?}\n  model: on {feasible:?}, best {best:?}, {refusal:?}\n  pod: {probe}"
        )
    };
    let none = || Agreement::None(format!("{}\n  state: {}", told(), serde_json::to_string(&state).unwrap()));
    match &outcome {
        Outcome::Bound(node) => {
            real.until_mounted(probe).await;
            if !forecast.feasible.contains(node) {
                return none();
            }
            let among_best = forecast.best.contains(node);
            if !among_best {
                println!("another is best: {}", told());
            }
            Agreement::Placed { among_best, feasible: forecast.feasible.len(), best: forecast.best.len() }
        }
        Outcome::Refused(why) => {
            // It would be tried again when the world changes.
            real.delete(&format!("{}/{name}", pods_path(probe)), true).await;
            if !forecast.feasible.is_empty() {
                return none();
            }
            let same_words = why.starts_with(forecast.refusal.trim_end_matches('.'));
            Agreement::Refused { same_words }
        }
    }
}
