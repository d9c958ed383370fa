//! Clusters are read anew, so that plans start from what is; and what their containers used is taken in.

use plimsoll_domain::store::StoreError;

use super::each;
use crate::{Engine, Error};

/// Reads every cluster that no operation holds; one that looks as it did is not stored again.
pub async fn look(engine: Engine) -> Result<(), Error> {
    each(&engine, |record, world| {
        let engine = engine.clone();
        async move {
            match engine.store.snapshot(&record.id, None).await {
                // Nobody has looked at it so far.
                Err(StoreError::NotFound(_)) => {
                    let write = engine.own_write("RefreshCluster");
                    engine.refresh_cluster(&write, &record.id).await.map(drop)
                }
                Err(why) => Err(why.into()),
                Ok(_) => {
                    engine.take_in(&record, &world).await?;
                    engine.take_samples(&record.id, &world).await
                }
            }
        }
    })
    .await
}
