//! Operations that nobody runs: of a process that died, and those whose turn has come.

use crate::{Engine, Error};

/// Takes them up, and finishes what an operation that ended left to be done.
pub async fn look(engine: Engine) -> Result<(), Error> {
    engine.take_up_forsaken().await?;
    engine.follow_up_all().await
}
