//! A plan in forms for other tools.

use plimsoll_domain::ids::{ClusterId, PlanId};
use plimsoll_manifest::export::{self, Fleet};
use plimsoll_verify::Bundle;

use super::{NO_GROUP, bundle};
use crate::{Engine, Error};

/// Tools that are told what a plan's nodes should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// A ClusterConfig.
    Eksctl,
    /// NodePools and an EC2NodeClass.
    Karpenter,
    /// A configuration in JSON.
    Terraform,
    /// What the plan needs of Kubernetes itself.
    Kubernetes,
}

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

    /// Writes what a stored plan says the nodes should be, in a tool's own words.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a plan that buys what AWS does not sell.
    pub async fn export_for(&self, cluster: &ClusterId, id: &PlanId, tool: Tool) -> Result<String, Error> {
        let plan = self.store.plan(cluster, id).await?;
        let catalog = self.catalog(&plan.catalog).await?;
        let record = self.store.cluster(cluster).await?;
        let fleet = Fleet::of(&plan, &catalog.catalog, &record, NO_GROUP);
        let fleet =
            fleet.map_err(|error| Error::InvalidArgument { field: "format", message: error.to_string() })?;
        Ok(match tool {
            Tool::Eksctl => export::eksctl::cluster_config(&fleet),
            Tool::Karpenter => export::karpenter::pools(&fleet),
            Tool::Terraform => export::terraform::configuration(&fleet),
            Tool::Kubernetes => export::kubernetes::manifests(&fleet),
        })
    }
}
