//! Node groups: made, resized and deleted, one change at a time.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::fleet::{CapacityKind, Node};
use plimsoll_domain::world::{CloudError, GroupSpec, GroupStatus, Instance, Issue};

use crate::common::{Common, Event};
use crate::manners::{
    GROUP_CREATE_SECONDS, GROUP_DELETE_SECONDS, GROUP_NAME_LENGTH_MAX, GROUP_NODES_MAX, GROUP_TYPES_MAX,
    GROUP_UPDATE_SECONDS, LAUNCH_RETRY_SECONDS,
};

use crate::tally::Cause;

use super::Realm;
use super::look;

/// What a group is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Creating,
    Active,
    Updating,
    /// It misses machines, and takes no change for a while.
    Degraded,
    Deleting,
}

/// A node group.
pub(super) struct Group {
    /// As it was asked for, or as its nodes look; with the first of its zones.
    pub spec: GroupSpec,
    /// Where its machines are launched: the zone with the fewest first. More than one only if it was found so.
    pub zones: Vec<String>,
    pub desired: u32,
    phase: Phase,
    /// Until when it is busy.
    busy_until: Timestamp,
    issues: Vec<String>,
    /// Whether it was there when the cluster was loaded.
    found: bool,
    /// Whether another try to launch is due.
    retries: bool,
    serial: u64,
}

impl Group {
    fn active(&self) -> Result<(), CloudError> {
        match self.phase {
            Phase::Active => Ok(()),
            _ => Err(CloudError::Busy(self.spec.name.clone())),
        }
    }

    /// Whether it was made, or may have been made, with a specification. Of a group that was found, only the types that
    /// were launched are known, and not their order.
    fn is(&self, spec: &GroupSpec) -> bool {
        if !self.found {
            return self.spec == *spec;
        }
        let alike = GroupSpec { instance_types: self.spec.instance_types.clone(), ..look::normal(spec) };
        let types = &spec.instance_types;
        self.zones.len() == 1
            && self.spec == alike
            && self.spec.instance_types.iter().all(|name| types.contains(name))
    }
}

impl Realm {
    /// Makes groups of the nodes that name one.
    pub(super) fn adopt_groups(&mut self, nodes: &[Node], now: Timestamp) {
        let mut members: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
        for node in nodes.iter().filter(|node| !node.group.is_empty()) {
            members.entry(&node.group).or_default().push(node);
        }
        for (name, nodes) in members {
            let (spec, zones) = look::spec_of(name, &nodes);
            let desired = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
            let serial = self.next_serial();
            let group = Group {
                spec,
                zones,
                desired,
                phase: Phase::Active,
                busy_until: now,
                issues: Vec::new(),
                found: true,
                retries: false,
                serial,
            };
            self.groups.insert(name.to_owned(), group);
        }
    }

    /// The sizes that groups are asked to have.
    pub fn sizes(&self) -> Vec<(String, u32)> {
        self.groups.iter().map(|(name, group)| (name.clone(), group.desired)).collect()
    }

    /// A group as the cloud reports it. A machine that is being terminated is no part of it any more.
    pub fn status(&self, name: &str) -> Option<GroupStatus> {
        let group = self.groups.get(name)?;
        let mut machines: Vec<_> = self.living(name).collect();
        machines.sort_by_key(|(_, machine)| machine.serial);
        let instances = machines.into_iter().map(|(id, machine)| Instance {
            provider_id: id.clone(),
            instance_type: machine.instance_type.clone(),
        });
        Some(GroupStatus {
            name: name.to_owned(),
            desired_count: group.desired,
            is_active: group.phase == Phase::Active,
            is_ours: true,
            instances: instances.collect(),
            issues: group
                .issues
                .iter()
                .map(|words| Issue { is_capacity: true, words: words.clone() })
                .collect(),
        })
    }

    pub(super) fn ensure_group(&mut self, spec: &GroupSpec, common: &mut Common) -> Result<(), CloudError> {
        if let Some(group) = self.groups.get_mut(&spec.name) {
            if group.phase == Phase::Deleting {
                return Err(CloudError::Busy(spec.name.clone()));
            }
            if !group.is(spec) {
                return Err(CloudError::Conflict(format!("group {} is another one", spec.name)));
            }
            group.spec = spec.clone();
            group.found = false;
            return Ok(());
        }
        self.check(spec).map_err(CloudError::Failed)?;
        let serial = self.next_serial();
        let group = Group {
            spec: spec.clone(),
            zones: vec![spec.zone.clone()],
            desired: 0,
            phase: Phase::Creating,
            busy_until: common.now,
            issues: Vec::new(),
            found: false,
            retries: false,
            serial,
        };
        self.groups.insert(spec.name.clone(), group);
        let span = self.takes(GROUP_CREATE_SECONDS, common);
        self.make_busy(&spec.name, Phase::Creating, span, common);
        Ok(())
    }

    pub(super) fn ensure_size(
        &mut self,
        name: &str,
        count: u32,
        common: &mut Common,
    ) -> Result<(), CloudError> {
        let group = self.groups.get(name).ok_or_else(|| CloudError::NotFound(name.to_owned()))?;
        if count <= group.desired {
            return Ok(());
        }
        group.active()?;
        if GROUP_NODES_MAX < count {
            return Err(CloudError::Failed(format!("more than {GROUP_NODES_MAX} nodes in group {name}")));
        }
        let (launched, issues) = self.launch(name, count, common);
        if let Some(issue) = issues.first().filter(|_| launched == 0) {
            let refused = CloudError::NoCapacity(issue.clone());
            self.degrade(name, common);
            return Err(refused);
        }
        let span = self.takes(GROUP_UPDATE_SECONDS, common);
        if let Some(group) = self.groups.get_mut(name) {
            group.desired = count;
        }
        self.make_busy(name, Phase::Updating, span, common);
        self.note_issues(name, issues, common);
        Ok(())
    }

    pub(super) fn ensure_instance_gone(
        &mut self,
        name: &str,
        provider_id: &str,
        common: &mut Common,
    ) -> Result<(), CloudError> {
        let Some(machine) = self.machines.get(provider_id).filter(|machine| !machine.stopping) else {
            return Ok(());
        };
        if machine.group != name {
            return Err(CloudError::Conflict(format!("{provider_id} is not of group {name}")));
        }
        let group = self.groups.get_mut(name).ok_or_else(|| CloudError::NotFound(name.to_owned()))?;
        group.active()?;
        group.desired = group.desired.saturating_sub(1);
        self.terminate(provider_id, Cause::Order, common);
        Ok(())
    }

    pub(super) fn give_up_missing(&mut self, name: &str) -> Result<(), CloudError> {
        let living = u32::try_from(self.living(name).count()).unwrap_or(u32::MAX);
        let group = self.groups.get_mut(name).ok_or_else(|| CloudError::NotFound(name.to_owned()))?;
        if living < group.desired {
            group.active()?;
            group.desired = living;
            group.issues.clear();
        }
        Ok(())
    }

    pub(super) fn ensure_group_gone(&mut self, name: &str, common: &mut Common) -> Result<(), CloudError> {
        let mut machines = self.machines.values().filter(|machine| machine.group == name);
        let (leaves, lives) = (machines.clone().next().is_some(), machines.any(|machine| !machine.stopping));
        let Some(group) = self.groups.get_mut(name) else { return Ok(()) };
        if group.phase == Phase::Deleting {
            return Ok(());
        }
        if lives {
            return Err(CloudError::Conflict(format!("group {name} has machines")));
        }
        group.active()?;
        if leaves {
            return Err(CloudError::Busy(name.to_owned()));
        }
        group.phase = Phase::Deleting;
        group.desired = 0;
        let event = Event::GroupGone { group: name.to_owned(), serial: group.serial };
        common.after(self.takes(GROUP_DELETE_SECONDS, common), &self.id, event);
        Ok(())
    }

    pub(super) fn group_active(&mut self, name: &str, serial: u64, common: &mut Common) {
        let is_over = |group: &&mut Group| group.serial == serial && group.busy_until <= common.now;
        let busy = self.groups.get_mut(name).filter(is_over).filter(|group| group.phase != Phase::Deleting);
        if let Some(group) = busy {
            group.phase = Phase::Active;
            common.note(&self.id, format_args!("group {name}: active"));
        }
    }

    pub(super) fn group_gone(&mut self, name: &str, serial: u64, common: &mut Common) {
        if self.groups.get(name).is_some_and(|group| group.serial == serial) {
            self.groups.remove(name);
            common.note(&self.id, format_args!("group {name}: gone"));
        }
    }

    /// A group takes no change for a span.
    fn make_busy(&mut self, name: &str, phase: Phase, span: SignedDuration, common: &mut Common) {
        let Some(group) = self.groups.get_mut(name) else { return };
        group.phase = phase;
        group.busy_until = common.now.checked_add(span).unwrap_or(Timestamp::MAX);
        let event = Event::GroupActive { group: name.to_owned(), serial: group.serial };
        common.after(span, &self.id, event);
    }

    /// A group that met a shortage may take no change for a while.
    fn degrade(&mut self, name: &str, common: &mut Common) {
        let Some(span) = common.faults.degraded() else { return };
        let is_up = |group: &&Group| !matches!(group.phase, Phase::Creating | Phase::Deleting);
        if self.groups.get(name).filter(is_up).is_some() {
            common.note(&self.id, format_args!("group {name}: degraded"));
            self.make_busy(name, Phase::Degraded, span, common);
        }
    }

    /// An Auto Scaling group goes on trying to launch what it misses.
    pub(super) fn retry_launch(&mut self, name: &str, serial: u64, common: &mut Common) {
        let Some(group) = self.groups.get_mut(name).filter(|group| group.serial == serial) else { return };
        group.retries = false;
        if group.phase == Phase::Deleting {
            return;
        }
        let desired = group.desired;
        let (_, issues) = self.launch(name, desired, common);
        self.note_issues(name, issues, common);
    }

    /// Keeps what was short for people to see, and tries again later.
    fn note_issues(&mut self, name: &str, issues: Vec<String>, common: &mut Common) {
        let Some(group) = self.groups.get_mut(name) else { return };
        group.issues = issues;
        if !group.issues.is_empty() && !group.retries {
            common.note(&self.id, format_args!("group {name}: {}", group.issues.join("; ")));
            self.degrade(name, common);
            self.try_again(name, LAUNCH_RETRY_SECONDS, common);
        }
    }

    /// Lets a group launch what it misses after a while, if it will not do so anyway.
    pub(super) fn try_again(&mut self, name: &str, within: RangeInclusive<u32>, common: &mut Common) {
        let Some(group) = self.groups.get_mut(name).filter(|group| !group.retries) else { return };
        group.retries = true;
        let event = Event::Retry { group: name.to_owned(), serial: group.serial };
        common.after(self.dice.seconds(within), &self.id, event);
    }

    /// What speaks against making a group.
    fn check(&self, spec: &GroupSpec) -> Result<(), String> {
        if !(1..=GROUP_NAME_LENGTH_MAX).contains(&spec.name.len()) {
            return Err(format!("group name {:?} is not of 1 to {GROUP_NAME_LENGTH_MAX} bytes", spec.name));
        }
        if spec.zone.is_empty() {
            return Err(format!("group {} has no zone", spec.name));
        }
        if !(1..=GROUP_TYPES_MAX).contains(&spec.instance_types.len()) {
            return Err(format!("group {} does not have 1 to {GROUP_TYPES_MAX} types", spec.name));
        }
        let unknown = spec.instance_types.iter().find(|name| !self.look.knows(name));
        unknown.map_or(Ok(()), |name| Err(format!("there is no instance type {name:?}")))
    }
}

/// What an Auto Scaling group says when EC2 has no machine. Source: EC2 Auto Scaling user guide, troubleshooting.
pub(super) fn shortage(instance_type: &str, zone: &str, kind: CapacityKind) -> String {
    let kind = match kind {
        CapacityKind::OnDemand => "On-Demand",
        CapacityKind::Spot => "Spot",
    };
    format!(
        "Could not launch {kind} Instances. InsufficientInstanceCapacity - We currently do not have sufficient \
         {instance_type} capacity in the Availability Zone you requested ({zone})."
    )
}
