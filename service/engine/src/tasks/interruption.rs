//! Machines that the cloud will take back.

use super::each;
use crate::{Engine, Error};

/// Acts on notices.
pub async fn look(engine: Engine) -> Result<(), Error> {
    each(&engine, |record, world| {
        let engine = engine.clone();
        async move { engine.heed_notices(&record, &world).await }
    })
    .await
}
