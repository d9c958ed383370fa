//! What there is of a cluster.

use aws_sdk_eks::types::{Category, ClusterStatus, InsightStatusValue, InsightsFilter, NodegroupStatus};
use plimsoll_domain::estate::{AddOnStatus, GroupVersion, PlaneStatus, Survey};
use plimsoll_domain::world::{Cloud, CloudError};

use super::is_ours;
use crate::aws::{Aws, Fault, fault};

impl Aws {
    pub(super) async fn surveyed(&self, next: Option<&str>) -> Result<Survey, CloudError> {
        let Some(there) = self.plane().await? else { return Ok(Survey::default()) };
        let network = there.resources_vpc_config();
        let plane = PlaneStatus {
            version: there.version().unwrap_or_default().to_owned(),
            status: there.status().map_or("", ClusterStatus::as_str).to_owned(),
            is_ours: is_ours(there.tags()),
            subnets: network.map(|network| network.subnet_ids().to_vec()).unwrap_or_default(),
        };
        let (mut add_ons, mut groups) = (Vec::new(), Vec::new());
        for name in self.add_on_names().await? {
            let is_ours = self.is_our_add_on(&name).await?;
            let is_offered = match next {
                Some(version) => self.offered(&name, version).await?.is_some(),
                None => true,
            };
            add_ons.push(AddOnStatus { name, is_ours, is_offered });
        }
        for name in self.groups(&self.cluster).await? {
            let Some(group) = self.described(&name).await? else { continue };
            groups.push(GroupVersion {
                name,
                version: group.version().unwrap_or_default().to_owned(),
                is_ours: is_ours(group.tags()),
                is_active: matches!(
                    group.status(),
                    Some(NodegroupStatus::Active | NodegroupStatus::Degraded)
                ),
            });
        }
        let blockers = match next {
            Some(version) => self.blockers(version).await?,
            None => Vec::new(),
        };
        let fargate_profiles = self.fargate_profiles().await?;
        Ok(Survey { plane: Some(plane), add_ons, groups, fargate_profiles, blockers })
    }

    async fn fargate_profiles(&self) -> Result<Vec<String>, CloudError> {
        let call = self.eks.list_fargate_profiles().cluster_name(self.cluster.as_str());
        let mut pages = call.into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(name) = pages.next().await {
            names.push(name.map_err(|error| fault::of("eks:ListFargateProfiles", error).about_part())?);
        }
        names.sort();
        Ok(names)
    }

    async fn add_on_names(&self) -> Result<Vec<String>, CloudError> {
        let call = self.eks.list_addons().cluster_name(self.cluster.as_str());
        let mut pages = call.into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(name) = pages.next().await {
            names.push(name.map_err(|error| fault::of("eks:ListAddons", error).about_part())?);
        }
        names.sort();
        Ok(names)
    }

    /// What EKS says against an upgrade, as its insights saw it last: once a day, unless they are told to look again, as they
    /// are here where they are against it.
    async fn blockers(&self, version: &str) -> Result<Vec<String>, CloudError> {
        let filter = InsightsFilter::builder()
            .categories(Category::UpgradeReadiness)
            .kubernetes_versions(version)
            .statuses(InsightStatusValue::Error)
            .build();
        let call = self.eks.list_insights().cluster_name(self.cluster.as_str()).filter(filter);
        let mut pages = call.into_paginator().items().send();
        let mut against = Vec::new();
        while let Some(one) = pages.next().await {
            let one = one.map_err(|error| fault::of("eks:ListInsights", error).about_part())?;
            let reason = one.insight_status().and_then(|status| status.reason()).unwrap_or_default();
            let time = one.last_refresh_time().map(ToString::to_string).unwrap_or_default();
            against.push(format!("{}: {reason} (as EKS saw it at {time})", one.name().unwrap_or_default()));
        }
        if !against.is_empty() {
            against.push(match self.refresh_insights().await {
                Ok(()) => "EKS was asked to look again: what is mended is seen in some minutes".to_owned(),
                Err(why) => format!("EKS looks again once a day: {why}"),
            });
        }
        Ok(against)
    }

    async fn refresh_insights(&self) -> Result<(), Fault> {
        let begun = self.eks.start_insights_refresh().cluster_name(self.cluster.as_str()).send().await;
        begun.map(drop).map_err(|error| fault::of("eks:StartInsightsRefresh", error))
    }
}
