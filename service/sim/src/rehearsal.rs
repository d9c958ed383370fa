//! A cluster in a world of its own, to be tried out.

use jiff::Timestamp;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::rehearsal::{Mishap, Rehearsal, Scene, Toll, Trouble};
use plimsoll_domain::world::{ClusterError, World};

use crate::demand::Demand;
use crate::fault::Fault;
use crate::{Origin, Pace, Sim, Weather};

/// A world that jumps through time, with real weather and one cluster whose demand moves.
pub(crate) struct Stage {
    sim: Sim,
    cluster: ClusterId,
}

impl Stage {
    /// Takes the cluster in and writes into its calendar what will go wrong.
    pub fn set(scene: Scene) -> Result<Self, ClusterError> {
        let origin = Origin { start: scene.start, seed: scene.seed, weather: Weather::REAL };
        let sim = Sim::begin(&origin, Pace::Jump);
        sim.at_now(|universe| universe.common.market.sell_at(scene.catalog));
        let loaded = sim.load_with(&scene.cluster, scene.state, Demand::Seasonal);
        loaded.map_err(|error| ClusterError::Failed(error.to_string()))?;
        let stage = Self { sim, cluster: scene.cluster };
        scene.mishaps.iter().for_each(|mishap| stage.expect(mishap, scene.start));
        Ok(stage)
    }

    /// Lets something go wrong at its time.
    fn expect(&self, mishap: &Mishap, start: Timestamp) {
        self.sim.at_now(|universe| {
            for fault in faults(&self.cluster, &mishap.trouble) {
                if let Some(end) = mishap.end {
                    universe.common.right_after(end.duration_since(start), fault.clone());
                }
                universe.common.wrong_after(mishap.begin.duration_since(start), fault);
            }
        });
    }
}

impl Rehearsal for Stage {
    fn world(&self) -> World {
        self.sim.world()
    }

    fn toll(&self) -> Toll {
        self.sim.at_now(|universe| {
            let now = universe.common.now;
            universe.realms.get(&self.cluster).map(|realm| realm.toll(now)).unwrap_or_default()
        })
    }
}

/// What is scripted while a trouble lasts.
fn faults(cluster: &ClusterId, trouble: &Trouble) -> Vec<Fault> {
    let shortage = |instance_type: &str, zone: &str, kind| Fault::NoCapacity {
        instance_type: instance_type.to_owned(),
        zone: zone.to_owned(),
        kind,
        times: None,
    };
    match trouble {
        Trouble::NoCapacity { instance_type, zone } => [CapacityKind::OnDemand, CapacityKind::Spot]
            .map(|kind| shortage(instance_type, zone, kind))
            .into(),
        Trouble::SpotReclaim { instance_type, zone } => {
            let none = shortage(instance_type, zone, CapacityKind::Spot);
            let (instance_type, zone) = (instance_type.clone(), zone.clone());
            vec![none, Fault::SpotReclaim { instance_type, zone, count: None }]
        }
        Trouble::StuckBudget { budget } => vec![Fault::StuckBudget { budget: budget.clone() }],
        Trouble::NodeLoss { node } => {
            vec![Fault::NodeLoss { cluster: cluster.clone(), node: node.clone() }]
        }
    }
}
