//! A cluster in a world of its own, to be tried out.

use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::rehearsal::{Rehearsal, Scene, Toll};
use plimsoll_domain::world::{ClusterError, World};

use crate::demand::Demand;
use crate::{Pace, Sim};

/// A world that jumps through time, with one cluster whose demand moves.
pub(crate) struct Stage {
    sim: Sim,
    cluster: ClusterId,
}

impl Stage {
    /// Takes the cluster in and writes into its calendar what will go wrong.
    pub fn set(scene: Scene) -> Result<Self, ClusterError> {
        let sim = Sim { catalog: scene.catalog, ..Sim::new(scene.start, scene.seed, Pace::Jump) };
        let loaded = sim.load_with(&scene.cluster, scene.state, Demand::Seasonal);
        loaded.map_err(|error| ClusterError::Failed(error.to_string()))?;
        sim.at_now(|universe| {
            if let Some(realm) = universe.realms.get_mut(&scene.cluster) {
                scene.mishaps.iter().for_each(|mishap| realm.expect_mishap(mishap, &mut universe.common));
            }
        });
        Ok(Self { sim, cluster: scene.cluster })
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
