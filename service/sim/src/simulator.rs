//! The world as the service takes it: one that clusters can be put into.

use std::sync::Arc;

use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::rehearsal::{Rehearsal, Scene};
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::world::{ClusterError, Simulator, World};

use crate::Sim;
use crate::rehearsal::Stage;

impl Simulator for Sim {
    fn world(&self) -> World {
        Sim::world(self)
    }

    fn load(&self, cluster: &ClusterId, state: ClusterState) -> Result<(), ClusterError> {
        self.load_with(cluster, state, self.demand).map_err(|error| ClusterError::Failed(error.to_string()))
    }

    fn rehearse(&self, scene: Scene) -> Result<Arc<dyn Rehearsal>, ClusterError> {
        Stage::set(scene).map(|stage| Arc::new(stage) as Arc<dyn Rehearsal>)
    }
}
