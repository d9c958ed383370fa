//! Machines: launched until a group has as many as it should, and terminated by name.

use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::state::{Group, Shortage, State, Work};

/// A machine.
#[derive(Clone, Debug)]
pub struct Machine {
    pub id: String,
    pub group: String,
    pub instance_type: String,
    pub zone: String,
    pub is_spot: bool,
    pub labels: Value,
    pub taints: Value,
    pub launched: Timestamp,
    pub boots: Instant,
    pub joined: bool,
    pub end: Option<Timestamp>,
    pub leaves: Option<Instant>,
    pub left: bool,
}

impl Machine {
    pub fn node(&self) -> String {
        format!("{}.ec2.internal", self.id)
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
        let zone = zone.to_owned();
        let created = Timestamp::now();
        let (status, until, failures) = ("ACTIVE", None, Default::default());
        let group = Group { made, status, until, created, zone, min: 1, max: 50, desired: count, failures };
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
        if group.status == "DELETING" || group.status == "CREATING" {
            return;
        }
        for _ in has..usize::try_from(group.desired).unwrap_or(0) {
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
                launched: Timestamp::now(),
                boots: Instant::now() + self.manners.boot,
                joined: false,
                end: None,
                leaves: None,
                left: false,
            };
            self.machines.insert(id, machine);
        }
    }

    /// One failed activity for each time that a size is asked for is enough.
    fn fail(&mut self, name: &str) {
        let Some(group) = self.groups.get_mut(name) else { return };
        if group.failures.is_empty() {
            let words = "Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient capacity in the Availability Zone you requested. Launching EC2 instance failed.";
            group.failures.push_front((Timestamp::now(), words.to_owned()));
        }
    }

    /// Ends a machine.
    pub fn terminate(&mut self, id: &str) {
        let leaves = Instant::now() + self.manners.leave;
        if let Some(machine) = self.machines.get_mut(id).filter(|machine| machine.end.is_none()) {
            machine.end = Some(Timestamp::now());
            machine.leaves = Some(leaves);
        }
    }

    /// Machines that have booted join, those that ended leave.
    pub fn settle(&mut self, now: Instant) -> Vec<Work> {
        let mut works = Vec::new();
        for machine in self.machines.values_mut() {
            if !machine.joined && machine.end.is_none() && machine.boots <= now {
                machine.joined = true;
                works.push(Work::Join(Box::new(machine.clone())));
            }
            if !machine.left && machine.leaves.is_some_and(|leaves| leaves <= now) {
                machine.left = true;
                works.push(Work::Leave(machine.node()));
            }
        }
        works
    }
}
