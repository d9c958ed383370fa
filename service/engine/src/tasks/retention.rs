//! What is old is dropped, unless something that is kept rests on it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::store::{Dropped, Retention};
use tracing::info;

use crate::{Engine, Error};

/// Snapshots, plans and catalogs that are kept however old they are, the newest of each cluster or region.
const NEWEST_MIN: u32 = 10;
/// Rounds of one look; each drops a thousand of everything.
const ROUNDS_MAX: u32 = 20;

/// Drops what is older than `keep`.
pub async fn look(engine: Engine, keep: Duration, snapshots_max: u32) -> Result<(), Error> {
    let age = SignedDuration::try_from(keep).unwrap_or(SignedDuration::MAX);
    let since = engine.clock.now().saturating_sub(age).unwrap_or(Timestamp::MIN);
    let retention = Retention { since, newest_min: NEWEST_MIN, snapshots_max };
    for _ in 0..ROUNDS_MAX {
        let dropped = engine.store.retain(&retention).await?;
        if dropped == Dropped::default() {
            break;
        }
        let Dropped { operations, plans, snapshots, catalogs } = dropped;
        info!(operations, plans, snapshots, catalogs, "what is old is dropped");
    }
    Ok(())
}
