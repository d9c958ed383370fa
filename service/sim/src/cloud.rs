//! The world as the cloud's API.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use plimsoll_domain::catalog::quotes::Quotes;
use plimsoll_domain::commitments::Held;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::world::{
    Cloud, CloudError, GroupSpec, GroupStatus, MachineLife, Notice, Prices, SpotChange,
};

use crate::Sim;
use crate::act::{Act, Order};
use crate::fault::Call;
use crate::market::Pool;
use crate::realm::Realm;
use crate::universe::Universe;

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

    /// Reads what the cloud shows.
    fn read<R>(&self, call: Call, look: impl FnOnce(&Universe) -> R) -> Result<R, CloudError> {
        self.at_now(|universe| {
            universe.admit(call)?;
            let seen = look(universe);
            universe.common.faults.after(call)?;
            Ok(seen)
        })
    }
}

#[async_trait]
impl Cloud for Sim {
    async fn groups(&self, cluster: &ClusterId) -> Result<Vec<String>, CloudError> {
        self.read(Call::Groups, |universe| {
            let sizes = universe.realms.get(cluster).map(Realm::sizes).unwrap_or_default();
            sizes.into_iter().map(|(name, _)| name).collect()
        })
    }

    async fn group(&self, cluster: &ClusterId, name: &str) -> Result<Option<GroupStatus>, CloudError> {
        self.read(Call::Group, |universe| universe.realms.get(cluster).and_then(|realm| realm.status(name)))
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
        self.read(Call::Lives, |universe| {
            let now = universe.common.now;
            universe.realms.get(cluster).map(|realm| realm.lives(since, now)).unwrap_or_default()
        })
    }

    async fn notices(&self, cluster: &ClusterId) -> Result<Vec<Notice>, CloudError> {
        self.read(Call::Notices, |universe| {
            universe.realms.get(cluster).map(Realm::notices).unwrap_or_default()
        })
    }
}

#[async_trait]
impl Prices for Sim {
    async fn quotes(&self, cluster: &ClusterId) -> Result<Quotes, CloudError> {
        let quotes = self.read(Call::Quotes, |universe| {
            let zones =
                universe.realms.get(cluster)?.state().nodes.into_iter().map(|node| node.zone).collect();
            Some(universe.common.market.quotes(&zones, universe.common.now))
        })?;
        quotes.ok_or_else(|| CloudError::Failed(format!("there is no cluster {cluster}")))
    }

    async fn spot_changes(
        &self,
        cluster: &ClusterId,
        since: Timestamp,
    ) -> Result<Vec<SpotChange>, CloudError> {
        self.read(Call::SpotChanges, |universe| {
            let now = universe.common.now;
            let lives = universe.realms.get(cluster).map(|realm| realm.lives(since, now));
            let pools = lives.into_iter().flatten().map(|life| Pool::new(&life.instance_type, &life.zone));
            let pools: BTreeSet<Pool> = pools.collect();
            pools.iter().flat_map(|pool| universe.common.market.prices(pool, since, now)).collect()
        })
    }

    /// A simulated account has none.
    async fn commitments(&self, _: &ClusterId) -> Result<Vec<Held>, CloudError> {
        Ok(Vec::new())
    }
}
