//! A plan in forms for other tools.

use plimsoll_domain::ids::{ClusterId, PlanId};
use plimsoll_verify::Bundle;

use super::bundle;
use crate::{Engine, Error};

impl Engine {
    /// Puts the bundle of a stored plan together again: problem, plan and certificate, for anyone to verify.
    ///
    /// # Errors
    /// [`Error::Internal`] if the problem that is rebuilt is not the one the plan was made for.
    pub async fn export_bundle(&self, cluster: &ClusterId, id: &PlanId) -> Result<Bundle, Error> {
        let stored = self.stored(cluster, id).await?;
        let rebuild = move || {
            let built = stored.rebuild()?;
            let plan = stored.plan;
            Ok(bundle::of_plan(&built.problem, &plan, &plan.id.name(&plan.cluster)))
        };
        tokio::task::spawn_blocking(rebuild).await.map_err(|panic| Error::Internal(panic.to_string()))?
    }
}
