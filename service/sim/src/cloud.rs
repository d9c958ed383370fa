//! The world as the cloud's API.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::world::{
    Cloud, CloudError, GroupSpec, GroupStatus, MachineLife, Notice, Prices, SpotChange,
};

use crate::Sim;
use crate::act::{Act, Order};
use crate::fault::Call;
use crate::realm::Realm;

impl Sim {
    fn order(&self, cluster: &ClusterId, order: Order) -> Result<(), CloudError> {
        self.at_now(|universe| {
            let call = order.call();
            universe.admit(call)?;
            let result = universe.order(cluster, &order);
            // Launches that failed are part of the world: a shortage counts them.
            if matches!(result, Ok(()) | Err(CloudError::NoCapacity(_))) {
                universe.record(Act::Order { cluster: cluster.clone(), order })?;
            }
            result?;
            Ok(universe.common.faults.after(call)?)
        })
    }
}

#[async_trait]
impl Cloud for Sim {
    async fn groups(&self, cluster: &ClusterId) -> Result<Vec<String>, CloudError> {
        self.at_now(|universe| {
            universe.admit(Call::Groups)?;
            let sizes = universe.realms.get(cluster).map(Realm::sizes).unwrap_or_default();
            universe.common.faults.after(Call::Groups)?;
            Ok(sizes.into_iter().map(|(name, _)| name).collect())
        })
    }

    async fn group(&self, cluster: &ClusterId, name: &str) -> Result<Option<GroupStatus>, CloudError> {
        self.at_now(|universe| {
            universe.admit(Call::Group)?;
            let status = universe.realms.get(cluster).and_then(|realm| realm.status(name));
            universe.common.faults.after(Call::Group)?;
            Ok(status)
        })
    }

    async fn ensure_group(&self, cluster: &ClusterId, spec: &GroupSpec) -> Result<(), CloudError> {
        self.order(cluster, Order::EnsureGroup { spec: spec.clone() })
    }

    async fn ensure_size(&self, cluster: &ClusterId, name: &str, count: u32) -> Result<(), CloudError> {
        self.order(cluster, Order::EnsureSize { group: name.to_owned(), count })
    }

    async fn ensure_instance_gone(
        &self,
        cluster: &ClusterId,
        name: &str,
        provider_id: &str,
    ) -> Result<(), CloudError> {
        let provider_id = provider_id.to_owned();
        self.order(cluster, Order::EnsureInstanceGone { group: name.to_owned(), provider_id })
    }

    async fn give_up_missing(&self, cluster: &ClusterId, name: &str) -> Result<(), CloudError> {
        self.order(cluster, Order::GiveUpMissing { group: name.to_owned() })
    }

    async fn ensure_group_gone(&self, cluster: &ClusterId, name: &str) -> Result<(), CloudError> {
        self.order(cluster, Order::EnsureGroupGone { group: name.to_owned() })
    }

    async fn lives(&self, cluster: &ClusterId, since: Timestamp) -> Result<Vec<MachineLife>, CloudError> {
        self.at_now(|universe| {
            universe.admit(Call::Lives)?;
            let lives = universe.realms.get(cluster).map(|realm| realm.lives(since)).unwrap_or_default();
            universe.common.faults.after(Call::Lives)?;
            Ok(lives)
        })
    }

    async fn notices(&self, _cluster: &ClusterId) -> Result<Vec<Notice>, CloudError> {
        // Nothing is taken back in this world.
        Ok(Vec::new())
    }
}

#[async_trait]
impl Prices for Sim {
    async fn spot_changes(
        &self,
        cluster: &ClusterId,
        since: Timestamp,
    ) -> Result<Vec<SpotChange>, CloudError> {
        let lives = self.lives(cluster, since).await?;
        let pools: BTreeSet<(String, String)> =
            lives.into_iter().map(|life| (life.instance_type, life.zone)).collect();
        let change = |(instance_type, zone): (String, String)| {
            let rate = self.catalog.spot_price(&instance_type, &zone)?.rate;
            Some(SpotChange { instance_type, zone, time: since, rate })
        };
        Ok(pools.into_iter().filter_map(change).collect())
    }
}
