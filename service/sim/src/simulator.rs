//! The world as the service takes it: one that clusters can be put into.

use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::world::{ClusterError, Simulator, World};

use crate::Sim;

impl Simulator for Sim {
    fn world(&self) -> World {
        Sim::world(self)
    }

    fn load(&self, cluster: &ClusterId, state: ClusterState) -> Result<(), ClusterError> {
        Sim::load(self, cluster, state).map_err(|error| ClusterError::Failed(error.to_string()))
    }
}
