//! What clusters cost: looked at every now and then, and settled hour by hour.

use std::time::Duration;

use jiff::SignedDuration;

use super::each;
use crate::{Engine, Error};

/// Looks at every cluster that can be reached, and settles the hours that this bears on. `period` is how often that is
/// done.
pub async fn look(engine: Engine, period: Duration) -> Result<(), Error> {
    let interval = SignedDuration::try_from(period).unwrap_or(SignedDuration::MAX);
    each(&engine, |record, _| {
        let engine = engine.clone();
        async move { engine.meter_costs(&record.id, interval).await.map(drop) }
    })
    .await
}
