//! Add-ons, at the version that EKS takes by default for that of the control plane.

use aws_sdk_eks::types::{Addon, AddonPodIdentityAssociations, AddonStatus, ResolveConflicts};
use plimsoll_domain::estate::{AddOn, Standing};
use plimsoll_domain::ids::OperationId;
use plimsoll_domain::world::CloudError;

use super::{Fate, expect_ours, fate, marks, on_the_way};
use crate::aws::{Aws, fault};

/// Add-ons whose account in the cluster acts in a role of its own, where one is given. From the EKS guide, "IAM roles for
/// EKS add-ons".
const ACCOUNTS: [(&str, &str); 2] =
    [("vpc-cni", "aws-node"), ("aws-ebs-csi-driver", "ebs-csi-controller-sa")];

impl Aws {
    /// An add-on as EKS has it; none if there is none.
    async fn add_on(&self, name: &str) -> Result<Option<Addon>, CloudError> {
        let call = self.eks.describe_addon().cluster_name(self.cluster.as_str()).addon_name(name);
        match call.send().await.map_err(|error| fault::of("eks:DescribeAddon", error)) {
            Ok(answer) => Ok(answer.addon),
            Err(fault) if fault.is_gone() => Ok(None),
            Err(fault) => Err(fault.about_part()),
        }
    }

    /// Whether an add-on is ours.
    pub(super) async fn is_our_add_on(&self, name: &str) -> Result<bool, CloudError> {
        Ok(self.add_on(name).await?.is_some_and(|there| super::is_ours(there.tags())))
    }

    /// The version of an add-on that EKS takes by default for one of Kubernetes; the newest it offers, if none is. None:
    /// it offers none.
    pub(super) async fn offered(&self, name: &str, kubernetes: &str) -> Result<Option<String>, CloudError> {
        let call = self.eks.describe_addon_versions().addon_name(name).kubernetes_version(kubernetes);
        let answer = call.send().await;
        let answer = match answer.map_err(|error| fault::of("eks:DescribeAddonVersions", error)) {
            Ok(answer) => answer,
            Err(fault) if fault.is_gone() => return Ok(None),
            Err(fault) => return Err(fault.about_part()),
        };
        let infos = answer.addons.unwrap_or_default();
        let versions = infos.iter().flat_map(|info| info.addon_versions());
        let mut first = None;
        for version in versions {
            let its = version.compatibilities().iter();
            let mut fitting = its.filter(|one| one.cluster_version() == Some(kubernetes));
            if fitting.clone().any(|one| one.default_version()) {
                return Ok(version.addon_version().map(str::to_owned));
            }
            if first.is_none() && fitting.next().is_some() {
                first = version.addon_version().map(str::to_owned);
            }
        }
        Ok(first)
    }

    pub(super) async fn ensure_add_on(
        &self,
        add_on: &AddOn,
        by: &OperationId,
    ) -> Result<Standing, CloudError> {
        let (name, kubernetes) = (&add_on.name, self.plane_version().await?);
        let offered = self.offered(name, &kubernetes).await?;
        let version = offered.ok_or_else(|| {
            CloudError::Refused(format!("EKS offers no version of add-on {name} for Kubernetes {kubernetes}"))
        })?;
        let Some(there) = self.add_on(name).await? else {
            self.make_add_on(add_on, &version, by).await?;
            return on_the_way(format!("EKS installs add-on {name} {version}"));
        };
        expect_ours(there.tags(), &what(name))?;
        let is_at = there.addon_version() == Some(&version);
        match there.status() {
            Some(AddonStatus::Active) if is_at => {
                self.forget(&what(name));
                return Ok(Standing::Reached);
            }
            Some(
                AddonStatus::CreateFailed
                | AddonStatus::DeleteFailed
                | AddonStatus::UpdateFailed
                | AddonStatus::Degraded,
            ) if is_at => {
                let status = there.status().map_or("", AddonStatus::as_str);
                return Err(CloudError::Refused(format!("add-on {name} is {status}: {}", issues(&there))));
            }
            Some(AddonStatus::Creating | AddonStatus::Updating | AddonStatus::Deleting) => {
                let waits = on_the_way(format!("add-on {name} is being changed"));
                return self.update_of(&what(name), None, Some(name)).await?.map_or(waits, Ok);
            }
            _ => {}
        }
        if let Some(standing) = self.update_of(&what(name), None, Some(name)).await? {
            return Ok(standing);
        }
        let call = self.eks.update_addon().cluster_name(self.cluster.as_str()).addon_name(name);
        let call = call.addon_version(&version).resolve_conflicts(ResolveConflicts::Preserve);
        let answer = call.send().await;
        let answer = answer.map_err(|error| fault::of("eks:UpdateAddon", error).about_part())?;
        self.remember(&what(name), answer.update);
        on_the_way(format!("EKS brings add-on {name} to {version}"))
    }

    async fn make_add_on(&self, add_on: &AddOn, version: &str, by: &OperationId) -> Result<(), CloudError> {
        let mut call = self
            .eks
            .create_addon()
            .cluster_name(self.cluster.as_str())
            .addon_name(&add_on.name)
            .addon_version(version)
            .resolve_conflicts(ResolveConflicts::Overwrite)
            .client_request_token(format!("{by}-{}", add_on.name))
            .set_tags(Some(marks(by)));
        if !add_on.role_arn.is_empty() {
            let account = ACCOUNTS.iter().find(|(name, _)| *name == add_on.name);
            let (_, account) = account.ok_or_else(|| {
                CloudError::Refused(format!("add-on {} takes no role that we know of", add_on.name))
            })?;
            let role = AddonPodIdentityAssociations::builder()
                .service_account(*account)
                .role_arn(&add_on.role_arn)
                .build()
                .map_err(|error| CloudError::Refused(error.to_string()))?;
            call = call.pod_identity_associations(role);
        }
        let sent = call.send().await;
        sent.map(drop).map_err(|error| fault::of("eks:CreateAddon", error).about_part())
    }

    pub(super) async fn add_on_gone(
        &self,
        name: &str,
        made_by: Option<&OperationId>,
    ) -> Result<Standing, CloudError> {
        let Some(there) = self.add_on(name).await? else { return Ok(Standing::Reached) };
        if let Fate::Stays = fate(there.tags(), made_by, &what(name))? {
            return Ok(Standing::Reached);
        }
        if matches!(
            there.status(),
            Some(AddonStatus::Creating | AddonStatus::Updating | AddonStatus::Deleting)
        ) {
            return on_the_way(format!("add-on {name} is being changed"));
        }
        let call = self.eks.delete_addon().cluster_name(self.cluster.as_str()).addon_name(name);
        match call.send().await {
            Ok(_) => on_the_way(format!("EKS removes add-on {name}")),
            Err(error) => match fault::of("eks:DeleteAddon", error) {
                fault if fault.is_gone() => Ok(Standing::Reached),
                fault => Err(fault.about_part()),
            },
        }
    }
}

fn what(name: &str) -> String {
    format!("add-on {name}")
}

fn issues(there: &Addon) -> String {
    let all = there.health().map(|health| health.issues()).unwrap_or_default().iter().map(|issue| {
        let code = issue.code().map_or("", |code| code.as_str());
        format!("{code}: {}", issue.message().unwrap_or_default())
    });
    let all: Vec<String> = all.collect();
    if all.is_empty() { "EKS does not say why".to_owned() } else { all.join("; ") }
}
