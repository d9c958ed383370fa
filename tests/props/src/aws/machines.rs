//! Machines: launched until a group has as many as it should, and terminated by name.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::state::{Group, Shortage, State, Work};

/// A machine.
#[derive(Clone, Debug)]
pub struct Machine {
    pub(super) id: String,
    pub(super) group: String,
    pub(super) instance_type: String,
    pub(super) zone: String,
    pub(super) is_spot: bool,
    pub(super) labels: Value,
    pub(super) taints: Value,
    pub(super) launched: Timestamp,
    pub(super) boots: Timestamp,
    pub(super) joined: bool,
    pub(super) end: Option<Timestamp>,
    pub(super) leaves: Option<Timestamp>,
    /// Whether the cloud took it back.
    pub(super) taken_back: bool,
    /// When it does, if it has said so.
    pub(super) reclaims: Option<Timestamp>,
    pub(super) left: bool,
}

impl Machine {
    pub(super) fn node(&self) -> String {
        Self::node_of(&self.id)
    }

    /// The name of a machine's node.
    pub fn node_of(id: &str) -> String {
        format!("{id}.ec2.internal")
    }
}

impl State {
    /// A group that others made, with machines that run.
    pub fn found(&mut self, name: &str, zone: &str, instance_type: &str, count: i32) {
        let subnet = self.subnets.iter().find(|(_, its)| its == zone).map(|(id, _)| id.clone());
        let made = json!({
            "nodegroupName": name,
            "scalingConfig": { "minSize": 1, "maxSize": 50, "desiredSize": count },
            "subnets": [subnet],
            "instanceTypes": [instance_type],
            "amiType": "AL2023_x86_64_STANDARD",
            "capacityType": "ON_DEMAND",
            "nodeRole": "arn:aws:iam::123456789012:role/nodes",
            "labels": {},
            "tags": {},
        });
        let group = Group::new(made, self.estate.version(), self.now(), zone.to_owned(), (1, 50, count));
        self.groups.insert(name.to_owned(), group);
    }

    /// Machines of a group that stay.
    pub fn members(&self, group: &str) -> Vec<&Machine> {
        self.machines.values().filter(|machine| machine.group == group && machine.end.is_none()).collect()
    }

    /// Launches what a group lacks; what is not to be had is a failed activity.
    pub fn launch(&mut self, name: &str) {
        let has = self.members(name).len();
        let Some(group) = self.groups.get(name).cloned() else { return };
        if matches!(group.status, "DELETING" | "CREATING" | "CREATE_FAILED" | "DELETE_FAILED") {
            return;
        }
        // One more while machines are replaced.
        let old = group.rolling.iter().flat_map(|rolling| &rolling.old);
        let surge = i32::from(old.clone().any(|id| self.machines[id].end.is_none()));
        for _ in has..usize::try_from(group.desired + surge).unwrap_or(0) {
            let types =
                group.made["instanceTypes"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let to_be_had = |instance_type: &&str| {
                let (instance_type, zone) = ((*instance_type).to_owned(), group.zone.clone());
                !self.shortages.contains(&Shortage { instance_type, zone })
            };
            let Some(instance_type) = types.clone().find(to_be_had).map(str::to_owned) else {
                self.fail(name);
                return;
            };
            let id = format!("i-{:017x}", self.next());
            let machine = Machine {
                id: id.clone(),
                group: name.to_owned(),
                instance_type,
                zone: group.zone.clone(),
                is_spot: group.made["capacityType"] == "SPOT",
                labels: group.made["labels"].clone(),
                taints: group.made["taints"].clone(),
                launched: self.now(),
                boots: self.after(self.manners.boot),
                joined: false,
                end: None,
                leaves: None,
                reclaims: None,
                left: false,
                taken_back: false,
            };
            self.machines.insert(id, machine);
            self.groups.get_mut(name).into_iter().for_each(|group| group.failures.clear());
        }
    }

    /// One failed activity for each time that a size is asked for is enough.
    fn fail(&mut self, name: &str) {
        let now = self.now();
        let Some(group) = self.groups.get_mut(name) else { return };
        if group.failures.front().is_none_or(|(time, _)| *time < group.asked) {
            let words = "Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient capacity in the Availability Zone you requested. Launching EC2 instance failed.";
            group.failures.push_front((now, words.to_owned()));
        }
    }

    /// Ends a machine.
    pub fn terminate(&mut self, id: &str) {
        let (now, leaves) = (self.now(), self.after(self.manners.leave));
        if let Some(machine) = self.machines.get_mut(id).filter(|machine| machine.end.is_none()) {
            machine.end = Some(now);
            machine.leaves = Some(leaves);
        }
    }

    /// Machines that have booted join, those that ended leave.
    pub fn settle(&mut self, now: Timestamp) -> Vec<Work> {
        let mut works = Vec::new();
        for machine in self.machines.values_mut() {
            if machine.end.is_none() && machine.reclaims.is_some_and(|reclaims| reclaims <= now) {
                (machine.end, machine.leaves, machine.taken_back) = (Some(now), Some(now), true);
            }
            if !machine.joined && machine.end.is_none() && machine.boots <= now {
                machine.joined = true;
                works.push(Work::Join(Box::new(machine.clone())));
            }
            if !machine.left && machine.leaves.is_some_and(|leaves| leaves <= now) {
                machine.left = true;
                works.push(Work::Leave(machine.node(), machine.taken_back));
            }
        }
        works
    }
}

impl State {
    /// Replaces machines of a group: one more is launched, then an old one is emptied and goes.
    pub fn roll(&mut self, name: &str) -> Option<Work> {
        let group = self.groups.get(name)?;
        let rolling = group.rolling.clone()?;
        let members = self.members(name);
        let ready = members.iter().filter(|machine| machine.joined).count();
        let old = rolling.old.iter().find_map(|id| members.iter().find(|machine| machine.id == *id));
        let Some(old) = old.map(|machine| (machine.id.clone(), machine.node())) else {
            let group = self.groups.get_mut(name)?;
            (group.rolling, group.status, group.version) = (None, "ACTIVE", rolling.version);
            self.updates.end(&rolling.update, None);
            return None;
        };
        if ready <= usize::try_from(group.desired).unwrap_or(0) {
            return None;
        }
        if self.emptied.remove(&old.1) {
            self.terminate(&old.0);
            return None;
        }
        Some(Work::Empty(old.1))
    }
}
