//! Node groups: read, made, grown, shrunk by named machines, deleted.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use async_trait::async_trait;
use aws_sdk_autoscaling::types::{AutoScalingGroup, LifecycleState};
use aws_sdk_eks::types::{CapacityTypes, Nodegroup, NodegroupScalingConfig, NodegroupStatus, TaintEffect};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::world::{
    Cloud, CloudError, GroupSpec, GroupStatus, Instance, Issue, MachineLife, Notice,
};

use super::fault::{self, says_no_capacity};
use super::{Aws, TAG_MANAGED};

/// Nodes of one group at most: the quota of EKS, unless it was raised.
pub(super) const NODES_MAX: i32 = 450;
/// EKS's code for tries to get machines that failed.
const LAUNCH_FAILURES: &str = "AsgInstanceLaunchFailures";
/// Scaling activities that are looked at: those of the last minutes.
const ACTIVITIES_MAX: i32 = 20;

impl Aws {
    fn is_mine(&self, cluster: &ClusterId) -> bool {
        *cluster == self.cluster
    }

    /// A group as EKS has it; none if there is none.
    pub(super) async fn described(&self, name: &str) -> Result<Option<Nodegroup>, CloudError> {
        let call = self.eks.describe_nodegroup().cluster_name(self.cluster.as_str()).nodegroup_name(name);
        match call.send().await.map_err(|error| fault::of("eks:DescribeNodegroup", error)) {
            Ok(answer) => Ok(answer.nodegroup),
            Err(fault) if fault.is_gone() => Ok(None),
            Err(fault) => Err(fault.about(name)),
        }
    }

    async fn there(&self, name: &str) -> Result<Nodegroup, CloudError> {
        self.described(name).await?.ok_or_else(|| CloudError::NotFound(name.to_owned()))
    }

    /// The Auto Scaling group behind a node group; none while it is being made.
    async fn behind(&self, group: &Nodegroup) -> Result<Option<AutoScalingGroup>, CloudError> {
        let Some(name) = scaling_group(group) else { return Ok(None) };
        let call = self.scaling.describe_auto_scaling_groups().auto_scaling_group_names(name);
        let answer =
            call.send().await.map_err(|error| fault::of("autoscaling:DescribeAutoScalingGroups", error))?;
        Ok(answer.auto_scaling_groups.unwrap_or_default().into_iter().next())
    }

    /// Why tries of a group to get machines failed, since its last success and since it was asked for more, as far as this
    /// process did that.
    async fn refusals(&self, group: &str, scaling_group: &str) -> Result<Vec<Issue>, CloudError> {
        let call = self.scaling.describe_scaling_activities().auto_scaling_group_name(scaling_group);
        let answer = call.max_records(ACTIVITIES_MAX).send().await;
        let answer = answer.map_err(|error| fault::of("autoscaling:DescribeScalingActivities", error))?;
        // The newest come first.
        let activities = answer.activities.unwrap_or_default().into_iter();
        let failed = activities
            .take_while(|one| one.status_code.as_ref().is_some_and(|code| code.as_str() == "Failed"));
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(group).copied();
        let is_late = |time: &DateTime| asked.is_none_or(|asked| asked <= time.secs());
        let failed = failed.filter(|one| one.start_time.as_ref().is_none_or(is_late));
        Ok(failed.filter_map(|one| one.status_message).map(issue).collect())
    }

    async fn set_size(&self, group: &Nodegroup, min: i32, desired: i32) -> Result<(), CloudError> {
        let name = group.nodegroup_name().unwrap_or_default();
        let max = group.scaling_config().and_then(|size| size.max_size).unwrap_or(NODES_MAX);
        // EKS wants all of them at once, and in order.
        let size =
            NodegroupScalingConfig::builder().min_size(min).max_size(max.max(desired)).desired_size(desired);
        let call =
            self.eks.update_nodegroup_config().cluster_name(self.cluster.as_str()).nodegroup_name(name);
        let sent = call.scaling_config(size.build()).send().await;
        let sent = sent.map_err(|error| fault::of("eks:UpdateNodegroupConfig", error).about(name))?;
        if let Some(time) = sent.update.and_then(|update| update.created_at) {
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), time.secs());
        }
        Ok(())
    }
}

#[async_trait]
impl Cloud for Aws {
    async fn groups(&self, cluster: &ClusterId) -> Result<Vec<String>, CloudError> {
        if !self.is_mine(cluster) {
            return Ok(Vec::new());
        }
        let mut pages =
            self.eks.list_nodegroups().cluster_name(cluster.as_str()).into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(name) = pages.next().await {
            match name.map_err(|error| fault::of("eks:ListNodegroups", error)) {
                Ok(name) => names.push(name),
                Err(fault) if fault.is_gone() => return Ok(Vec::new()),
                Err(fault) => return Err(fault.into()),
            }
        }
        names.sort();
        Ok(names)
    }

    async fn group(&self, cluster: &ClusterId, name: &str) -> Result<Option<GroupStatus>, CloudError> {
        if !self.is_mine(cluster) {
            return Ok(None);
        }
        let Some(group) = self.described(name).await? else { return Ok(None) };
        let asked = group.scaling_config().and_then(|size| size.desired_size).unwrap_or(0);
        let mut status = GroupStatus {
            name: name.to_owned(),
            desired_count: asked.try_into().unwrap_or(0),
            // One that could not be made, or deleted, can go.
            is_active: matches!(
                group.status(),
                Some(
                    NodegroupStatus::Active
                        | NodegroupStatus::Degraded
                        | NodegroupStatus::CreateFailed
                        | NodegroupStatus::DeleteFailed
                )
            ),
            is_ours: is_ours(&group),
            instances: Vec::new(),
            issues: Vec::new(),
        };
        status.issues = complaints(&group).into_iter().map(issue).collect();
        let Some(behind) = self.behind(&group).await? else { return Ok(Some(status)) };
        // Machines are terminated there, and EKS learns of it later.
        status.desired_count = behind.desired_capacity.unwrap_or(asked).try_into().unwrap_or(0);
        status.instances = self.instances(&behind).await?;
        if status.instances.len() < status.desired_count as usize {
            // What EKS says of launches holds until one succeeds, however long ago that was: the tries themselves tell more.
            status.issues.retain(|issue| !issue.words.starts_with(LAUNCH_FAILURES));
            let scaling_group = behind.auto_scaling_group_name().unwrap_or_default();
            status.issues.extend(self.refusals(name, scaling_group).await?);
        } else {
            // What EKS complains of has passed.
            status.issues.clear();
        }
        Ok(Some(status))
    }

    async fn ensure_group(&self, cluster: &ClusterId, spec: &GroupSpec) -> Result<(), CloudError> {
        if !self.is_mine(cluster) {
            return Err(CloudError::NotFound(spec.name.clone()));
        }
        match self.described(&spec.name).await? {
            Some(there) if there.status() == Some(&NodegroupStatus::CreateFailed) => {
                let why = complaints(&there).join("; ");
                Err(CloudError::Refused(format!("EKS cannot make node group {}: {why}", spec.name)))
            }
            Some(there) => same(&there, spec, &self.zones(&there).await?).map_err(CloudError::Conflict),
            None => self.make(spec).await,
        }
    }

    async fn ensure_size(&self, cluster: &ClusterId, name: &str, count: u32) -> Result<(), CloudError> {
        if !self.is_mine(cluster) {
            return Err(CloudError::NotFound(name.to_owned()));
        }
        let group = self.there(name).await?;
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        let behind = self.behind(&group).await?;
        let has = behind.and_then(|behind| behind.desired_capacity);
        if has.or_else(|| group.scaling_config()?.desired_size).is_some_and(|has| count <= has) {
            return Ok(());
        }
        let min = group.scaling_config().and_then(|size| size.min_size).unwrap_or(0);
        self.set_size(&group, min, count).await
    }

    async fn ensure_instance_gone(
        &self,
        cluster: &ClusterId,
        name: &str,
        provider_id: &str,
    ) -> Result<(), CloudError> {
        let Some(group) = self.described(name).await?.filter(|_| self.is_mine(cluster)) else {
            return Ok(());
        };
        let Some(behind) = self.behind(&group).await? else { return Ok(()) };
        let id = provider_id.rsplit('/').next().unwrap_or_default();
        let its = behind.instances().iter().find(|one| one.instance_id() == Some(id));
        if its.is_none_or(|one| is_leaving(one.lifecycle_state())) {
            return Ok(());
        }
        let least = group
            .scaling_config()
            .and_then(|size| size.min_size)
            .unwrap_or(0)
            .max(behind.min_size.unwrap_or(0));
        let desired = behind.desired_capacity.unwrap_or(0);
        if desired <= least {
            // A group that is at its least size lets nobody go.
            self.set_size(&group, desired.saturating_sub(1).max(0), desired).await?;
            return Err(CloudError::Busy(name.to_owned()));
        }
        let call = self.scaling.terminate_instance_in_auto_scaling_group().instance_id(id);
        let sent = call.should_decrement_desired_capacity(true).send().await;
        sent.map(drop)
            .map_err(|error| fault::of("autoscaling:TerminateInstanceInAutoScalingGroup", error).about(name))
    }

    async fn give_up_missing(&self, cluster: &ClusterId, name: &str) -> Result<(), CloudError> {
        if !self.is_mine(cluster) {
            return Err(CloudError::NotFound(name.to_owned()));
        }
        let group = self.there(name).await?;
        let Some(behind) = self.behind(&group).await? else { return Ok(()) };
        let has = i32::try_from(self.instances(&behind).await?.len()).unwrap_or(i32::MAX);
        if behind.desired_capacity.is_none_or(|desired| desired <= has) {
            return Ok(());
        }
        // EKS may refuse a group that got no machine: what is behind it takes the size.
        let call = self.scaling.set_desired_capacity().honor_cooldown(false).desired_capacity(has);
        let call = call.auto_scaling_group_name(behind.auto_scaling_group_name().unwrap_or_default());
        let sent = call.send().await;
        sent.map(drop).map_err(|error| fault::of("autoscaling:SetDesiredCapacity", error).about(name))
    }

    async fn ensure_group_gone(&self, cluster: &ClusterId, name: &str) -> Result<(), CloudError> {
        if !self.is_mine(cluster) {
            return Ok(());
        }
        let Some(group) = self.described(name).await? else { return self.forget_template(name).await };
        if group.status() == Some(&NodegroupStatus::Deleting) {
            return Ok(());
        }
        if !is_ours(&group) {
            let words = format!("node group {name} is not ours: it has no tag {TAG_MANAGED}");
            return Err(CloudError::Conflict(words));
        }
        let machines = match self.behind(&group).await? {
            Some(behind) => self.instances(&behind).await?.len(),
            None => 0,
        };
        if 0 < machines {
            return Err(CloudError::Conflict(format!("node group {name} has {machines} machines")));
        }
        let call = self.eks.delete_nodegroup().cluster_name(cluster.as_str()).nodegroup_name(name);
        match call.send().await.map_err(|error| fault::of("eks:DeleteNodegroup", error)) {
            Ok(_) => Ok(()),
            Err(fault) if fault.is_gone() => Ok(()),
            Err(fault) => Err(fault.about(name)),
        }
    }

    async fn lives(&self, cluster: &ClusterId, since: Timestamp) -> Result<Vec<MachineLife>, CloudError> {
        if self.is_mine(cluster) { self.machines(since).await } else { Ok(Vec::new()) }
    }

    async fn notices(&self, cluster: &ClusterId) -> Result<Vec<Notice>, CloudError> {
        if self.is_mine(cluster) { self.noticed().await } else { Ok(Vec::new()) }
    }
}

fn issue(words: String) -> Issue {
    Issue { is_capacity: says_no_capacity(&words), words }
}

/// What EKS complains of.
pub(super) fn complaints(group: &Nodegroup) -> Vec<String> {
    let issues = group.health().map(|health| health.issues()).unwrap_or_default().iter();
    let words = issues.map(|issue| {
        format!("{}: {}", issue.code().map_or("", |code| code.as_str()), issue.message().unwrap_or_default())
    });
    words.collect()
}

/// Whether we made a group.
fn is_ours(group: &Nodegroup) -> bool {
    group.tags().is_some_and(|tags| tags.contains_key(TAG_MANAGED))
}

/// The name of the Auto Scaling group behind a node group.
fn scaling_group(group: &Nodegroup) -> Option<&str> {
    group.resources()?.auto_scaling_groups().first()?.name()
}

/// Whether a machine is on its way out.
pub(super) fn is_leaving(state: Option<&LifecycleState>) -> bool {
    state.is_some_and(|state| state.as_str().starts_with("Terminat"))
}

impl Aws {
    /// Machines of a group in the order in which they were launched.
    async fn instances(&self, behind: &AutoScalingGroup) -> Result<Vec<Instance>, CloudError> {
        let stay = behind.instances().iter().filter(|one| !is_leaving(one.lifecycle_state()));
        let mut all: Vec<(String, Instance)> = Vec::new();
        for one in stay {
            let (Some(id), Some(zone)) = (one.instance_id(), one.availability_zone()) else { continue };
            let instance_type = one.instance_type().unwrap_or_default().to_owned();
            all.push((id.to_owned(), Instance { provider_id: format!("aws:///{zone}/{id}"), instance_type }));
        }
        let launched = self.launch_times(all.iter().map(|(id, _)| id.clone()).collect()).await?;
        // One that EC2 does not show yet is the newest.
        all.sort_by_key(|(id, _)| (launched.get(id).copied().unwrap_or(Timestamp::MAX), id.clone()));
        Ok(all.into_iter().map(|(_, instance)| instance).collect())
    }
}

/// Whether a group is what a specification says; else what differs.
fn same(there: &Nodegroup, spec: &GroupSpec, zones: &[String]) -> Result<(), String> {
    let differs = |what: &str, is: String, wanted: String| {
        Err(format!("node group {} is there with {what} {is}, not {wanted}", spec.name))
    };
    if there.status() == Some(&NodegroupStatus::Deleting) {
        return Err(format!("node group {} is being deleted", spec.name));
    }
    let kind = match there.capacity_type() {
        Some(CapacityTypes::Spot) => CapacityKind::Spot,
        _ => CapacityKind::OnDemand,
    };
    if kind != spec.kind {
        return differs("capacity", kind.label().to_owned(), spec.kind.label().to_owned());
    }
    if there.instance_types() != spec.instance_types {
        return differs("types", there.instance_types().join(", "), spec.instance_types.join(", "));
    }
    if zones != [spec.zone.clone()] {
        return differs("zones", zones.join(", "), spec.zone.clone());
    }
    let labels: BTreeMap<&String, &String> = there.labels().into_iter().flatten().collect();
    if !labels.clone().into_iter().eq(&spec.labels) {
        return differs("labels", format!("{labels:?}"), format!("{:?}", spec.labels));
    }
    let mut taints: Vec<(String, String, String)> = Vec::new();
    for taint in there.taints() {
        let effect = taint.effect().map_or("", TaintEffect::as_str).to_owned();
        taints.push((
            taint.key().unwrap_or_default().into(),
            taint.value().unwrap_or_default().into(),
            effect,
        ));
    }
    let mut wanted: Vec<(String, String, String)> =
        spec.taints.iter().map(super::birth::taint_words).collect();
    taints.sort();
    wanted.sort();
    if taints != wanted {
        return differs("taints", format!("{taints:?}"), format!("{wanted:?}"));
    }
    Ok(())
}
