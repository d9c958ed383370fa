//! The cluster itself: control plane, access, add-ons, versions, what is left when it goes.
//!
//! Everything that is made carries two tags: that it is ours, and which operation made it. Nothing without the first is
//! changed, and an operation that is taken back takes only what has its own name on it.

mod access;
mod add_on;
mod leftovers;
mod machines;
mod network;
mod plane;
mod roles;
mod survey;

use std::collections::HashMap;
use std::sync::PoisonError;

use async_trait::async_trait;
use aws_sdk_eks::types::{Update, UpdateStatus};
use plimsoll_domain::estate::{Estate, Part, Standing, Subnet, Survey};
use plimsoll_domain::ids::{ClusterId, OperationId};
use plimsoll_domain::quota::Quota;
use plimsoll_domain::world::CloudError;

use super::{Aws, TAG_MANAGED, fault};

/// Tag that names the operation which made something.
pub(super) const TAG_OPERATION: &str = "plimsoll:operation";
/// Tag of a part of a network of ours: its cluster.
pub(super) const TAG_CLUSTER: &str = "plimsoll:cluster";

#[async_trait]
impl Estate for Aws {
    async fn ensure(
        &self,
        cluster: &ClusterId,
        part: &Part,
        by: &OperationId,
    ) -> Result<Standing, CloudError> {
        self.expect_mine(cluster)?;
        match part {
            Part::Network(plan) => self.ensure_network(plan, by).await,
            Part::Roles => self.ensure_roles(by).await,
            Part::ControlPlane(plan) => self.ensure_plane(plan, by).await,
            Part::Access(access) => self.ensure_access(access, by).await,
            Part::AddOn(add_on) => self.ensure_add_on(add_on, by).await,
            Part::Version(version) => self.ensure_version(version).await,
            Part::Machines(group) => self.ensure_machines(group).await,
            Part::Group(_) | Part::Leftovers => {
                Err(CloudError::Refused("this part is never made, only removed".to_owned()))
            }
            Part::DevicePlugin(_) => {
                Err(CloudError::Refused("this part is made in Kubernetes, not in AWS".to_owned()))
            }
        }
    }

    async fn ensure_gone(
        &self,
        cluster: &ClusterId,
        part: &Part,
        made_by: Option<&OperationId>,
    ) -> Result<Standing, CloudError> {
        self.expect_mine(cluster)?;
        match part {
            Part::Network(_) => self.network_gone(made_by).await,
            Part::Roles => self.roles_gone(made_by).await,
            Part::ControlPlane(_) => self.plane_gone(made_by).await,
            Part::Access(access) => self.access_gone(access, made_by).await,
            Part::AddOn(add_on) => self.add_on_gone(&add_on.name, made_by).await,
            Part::Group(group) => self.group_gone(group).await,
            Part::Leftovers => self.leftovers_gone().await,
            // Versions only rise, and what is in Kubernetes goes with it.
            Part::Version(_) | Part::Machines(_) | Part::DevicePlugin(_) => Ok(Standing::Reached),
        }
    }

    async fn survey(&self, cluster: &ClusterId, next: Option<&str>) -> Result<Survey, CloudError> {
        self.expect_mine(cluster)?;
        self.surveyed(next).await
    }

    async fn subnets(&self, ids: &[String]) -> Result<Vec<Subnet>, CloudError> {
        self.subnets_of(ids).await
    }

    async fn quotas(&self) -> Result<Vec<Quota>, CloudError> {
        self.account_quotas().await
    }
}

/// A standing that is not the end yet.
fn on_the_way(waits: impl Into<String>) -> Result<Standing, CloudError> {
    Ok(Standing::OnTheWay(waits.into()))
}

/// What to do about something that is to be gone.
enum Fate {
    /// Nothing: it is to be kept.
    Stays,
    /// It goes.
    Goes,
}

/// Whether something goes, by its tags; `made_by`: only what that operation made.
fn fate(
    tags: Option<&HashMap<String, String>>,
    made_by: Option<&OperationId>,
    what: &str,
) -> Result<Fate, CloudError> {
    let maker = tags.and_then(|tags| tags.get(TAG_OPERATION));
    match made_by {
        Some(operation) if maker.is_some_and(|maker| maker == operation.as_str()) => Ok(Fate::Goes),
        Some(_) => Ok(Fate::Stays),
        None => expect_ours(tags, what).map(|()| Fate::Goes),
    }
}

/// Refuses what others made.
fn expect_ours(tags: Option<&HashMap<String, String>>, what: &str) -> Result<(), CloudError> {
    if is_ours(tags) {
        return Ok(());
    }
    Err(CloudError::Conflict(format!("{what} is there and is not ours: it has no tag {TAG_MANAGED}")))
}

fn is_ours(tags: Option<&HashMap<String, String>>) -> bool {
    tags.is_some_and(|tags| tags.contains_key(TAG_MANAGED))
}

/// Tags of what an operation makes.
fn marks(by: &OperationId) -> HashMap<String, String> {
    [(TAG_MANAGED, "true"), (TAG_OPERATION, by.as_str())]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

impl Aws {
    fn expect_mine(&self, cluster: &ClusterId) -> Result<(), CloudError> {
        if *cluster == self.cluster {
            return Ok(());
        }
        Err(CloudError::Refused(format!("{} is not reached from here", cluster.name())))
    }

    /// Remembers an update that was begun, by what it updates.
    fn remember(&self, what: &str, update: Option<Update>) {
        let Some(id) = update.and_then(|update| update.id) else { return };
        let mut begun = self.updates.lock().unwrap_or_else(PoisonError::into_inner);
        begun.insert(what.to_owned(), id);
    }

    /// The update of something that this process began last and has not seen the end of.
    fn begun(&self, what: &str) -> Option<String> {
        self.updates.lock().unwrap_or_else(PoisonError::into_inner).get(what).cloned()
    }

    fn forget(&self, what: &str) {
        self.updates.lock().unwrap_or_else(PoisonError::into_inner).remove(what);
    }

    /// How an update that this process began does; none if it began none, or that one is over and well. `group`, `add_on`:
    /// what it updates, if not the cluster.
    async fn update_of(
        &self,
        what: &str,
        group: Option<&str>,
        add_on: Option<&str>,
    ) -> Result<Option<Standing>, CloudError> {
        let Some(id) = self.begun(what) else { return Ok(None) };
        let call = self.eks.describe_update().name(self.cluster.as_str()).update_id(&id);
        let call =
            call.set_nodegroup_name(group.map(str::to_owned)).set_addon_name(add_on.map(str::to_owned));
        let answer = match call.send().await.map_err(|error| fault::of("eks:DescribeUpdate", error)) {
            Ok(answer) => answer,
            Err(fault) if fault.is_gone() => {
                self.forget(what);
                return Ok(None);
            }
            Err(fault) => return Err(fault.about_part()),
        };
        let update = answer.update.unwrap_or_else(|| Update::builder().build());
        match update.status() {
            Some(UpdateStatus::Failed | UpdateStatus::Cancelled) => {
                self.forget(what);
                Err(CloudError::Refused(format!("the update of {what} failed: {}", errors(&update))))
            }
            Some(UpdateStatus::Successful) => {
                self.forget(what);
                Ok(None)
            }
            _ => Ok(Some(Standing::OnTheWay(format!("EKS updates {what}")))),
        }
    }
}

/// Why an update failed, in the words of EKS.
fn errors(update: &Update) -> String {
    let words = update.errors().iter().map(|error| {
        let code = error.error_code().map_or("", |code| code.as_str());
        let ids = error.resource_ids().join(", ");
        format!("{code} {} {ids}", error.error_message().unwrap_or_default()).trim().to_owned()
    });
    let all: Vec<String> = words.collect();
    if all.is_empty() { "EKS does not say why".to_owned() } else { all.join("; ") }
}
