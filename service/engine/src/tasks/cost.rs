//! What clusters cost: looked at every now and then by whoever keeps the ledger.

use async_trait::async_trait;
use plimsoll_domain::store::ClusterRecord;
use plimsoll_domain::world::World;

use super::each;
use crate::{Engine, Error};

/// Accounts for what clusters cost. Whoever puts the engine together brings one, for the engine keeps no ledger.
#[async_trait]
pub trait Accountant: Send + Sync {
    /// Notes what is seen of a cluster now, and makes the rows of hours that are over. May be called at any time, and
    /// again: the same hour gives the same rows. A cloud forgets machines an hour after their end.
    ///
    /// # Errors
    /// Whatever speaks against it now; it is asked again after a while.
    async fn account(&self, cluster: &ClusterRecord, world: &World) -> Result<(), Error>;
}

/// Has every cluster accounted for.
pub async fn look(engine: Engine) -> Result<(), Error> {
    let Some(accountant) = engine.accountant.clone() else { return Ok(()) };
    each(&engine, |record, world| {
        let accountant = accountant.clone();
        async move { accountant.account(&record, &world).await }
    })
    .await
}
