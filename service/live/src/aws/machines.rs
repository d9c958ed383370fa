//! Machines as EC2 bills them.

use std::collections::HashMap;
use std::sync::PoisonError;

use aws_sdk_ec2::types::{Filter, Instance, InstanceLifecycleType, InstanceStateName};
use jiff::fmt::strtime;
use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::world::{CloudError, End, MachineLife};

use super::Aws;
use super::fault;

/// Tag that EKS gives the machines of node groups: their cluster.
const TAG_CLUSTER: &str = "eks:cluster-name";
/// And their node group.
const TAG_GROUP: &str = "eks:nodegroup-name";
/// Machines that one call is asked about by id: EC2 takes no filter of more values.
const IDS_MAX: usize = 200;
/// Code of the end of a spot machine that was taken back. From EC2's list of state reasons.
const TAKEN_BACK: &str = "Server.SpotInstanceTermination";

/// How long an end that was seen is remembered: longer than EC2 shows the machine.
const SHOWN: SignedDuration = SignedDuration::from_hours(3);

impl Aws {
    /// Every machine of the cluster's groups that ran since a moment, by provider id.
    pub(super) async fn machines(&self, since: Timestamp) -> Result<Vec<MachineLife>, CloudError> {
        let its = Filter::builder().name(format!("tag:{TAG_CLUSTER}")).values(self.cluster.as_str()).build();
        let mut lives: Vec<MachineLife> = Vec::new();
        let mut pages = self.ec2.describe_instances().filters(its).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| fault::of("ec2:DescribeInstances", error))?;
            let all = page.reservations().iter().flat_map(|reservation| reservation.instances());
            lives.extend(all.filter_map(|instance| self.life(instance)));
        }
        lives.retain(|life| life.end.is_none_or(|end| since <= end.time));
        lives.sort_by(|one, other| one.provider_id.cmp(&other.provider_id));
        Ok(lives)
    }

    /// When machines were launched, by instance id.
    pub(super) async fn launch_times(
        &self,
        ids: Vec<String>,
    ) -> Result<HashMap<String, Timestamp>, CloudError> {
        let mut times = HashMap::new();
        for ids in ids.chunks(IDS_MAX) {
            let its = Filter::builder().name("instance-id").set_values(Some(ids.to_vec())).build();
            let mut pages = self.ec2.describe_instances().filters(its).into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| fault::of("ec2:DescribeInstances", error))?;
                for one in page.reservations().iter().flat_map(|reservation| reservation.instances()) {
                    if let (Some(id), Some(time)) = (one.instance_id(), launched(one)) {
                        times.insert(id.to_owned(), time);
                    }
                }
            }
        }
        Ok(times)
    }
}

fn launched(instance: &Instance) -> Option<Timestamp> {
    let time = instance.launch_time()?;
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

impl Aws {
    /// A machine's life; none of one that never ran.
    fn life(&self, instance: &Instance) -> Option<MachineLife> {
        let zone = instance.placement().and_then(|placement| placement.availability_zone())?;
        let launch_time = launched(instance)?;
        let tag =
            |key: &str| instance.tags().iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value());
        let is_spot = instance.instance_lifecycle() == Some(&InstanceLifecycleType::Spot);
        let state = instance.state().and_then(|state| state.name())?;
        let is_over = matches!(
            state,
            InstanceStateName::ShuttingDown
                | InstanceStateName::Terminated
                | InstanceStateName::Stopping
                | InstanceStateName::Stopped
        );
        let reclaimed = instance.state_reason().and_then(|reason| reason.code()) == Some(TAKEN_BACK);
        let id = instance.instance_id()?;
        let end = || {
            let told = instance.state_transition_reason().and_then(end_time);
            End { time: told.unwrap_or_else(|| self.first_seen_over(id)).max(launch_time), reclaimed }
        };
        Some(MachineLife {
            provider_id: format!("aws:///{zone}/{}", id),
            instance_type: instance.instance_type()?.as_str().to_owned(),
            zone: zone.to_owned(),
            kind: if is_spot { CapacityKind::Spot } else { CapacityKind::OnDemand },
            group: tag(TAG_GROUP).unwrap_or_default().to_owned(),
            launch_time,
            end: is_over.then(end),
        })
    }

    /// When a machine whose end EC2 does not tell was first seen to be over: a look late, at most.
    fn first_seen_over(&self, id: &str) -> Timestamp {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        // EC2 shows a machine for an hour after its end.
        ends.retain(|_, end| now.duration_since(*end) < SHOWN);
        *ends.entry(id.to_owned()).or_insert(now)
    }
}

/// The time in `User initiated (2026-07-20 08:00:00 GMT)`.
fn end_time(reason: &str) -> Option<Timestamp> {
    let (_, rest) = reason.split_once('(')?;
    let text = rest
        .split_once(')')?
        .0
        .strip_suffix(" GMT")
        .or_else(|| rest.split_once(')')?.0.strip_suffix(" UTC"))?;
    let time = strtime::parse("%Y-%m-%d %H:%M:%S", text).ok()?.to_datetime().ok()?;
    time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|time| time.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_machine_is_told_in_words() {
        let time = "2026-07-20T08:00:00Z".parse().ok();
        assert_eq!(end_time("User initiated (2026-07-20 08:00:00 GMT)"), time);
        assert_eq!(end_time("User initiated (2026-07-20 08:00:00 UTC)"), time);
        assert_eq!(end_time("User initiated"), None);
        assert_eq!(end_time(""), None);
    }
}
