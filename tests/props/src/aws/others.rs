//! What others made and what AWS does by itself: groups of spot machines, groups whose machines run already, and machines that
//! are taken back.

use serde_json::{Value, json};

use super::machines::Machine;
use super::{FakeAws, Manners, lock};

/// A group of somebody else, whose machines are nodes already.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// The type of its machines.
    pub instance_type: String,
    /// Whether they are spot machines.
    pub is_spot: bool,
    /// Id and zone of each machine; its node is `{id}.ec2.internal`.
    pub machines: Vec<(String, String)>,
}

impl FakeAws {
    /// Ids of spot machines that run.
    pub fn spot(&self) -> Vec<String> {
        let state = lock(&self.state);
        let running = state.machines.values().filter(|machine| machine.is_spot && machine.end.is_none());
        running.map(|machine| machine.id.clone()).collect()
    }

    /// From now on things take so long.
    pub fn set_manners(&self, manners: Manners) {
        lock(&self.state).manners = manners;
    }

    /// Makes a node group of spot machines that somebody else made, with machines that run.
    pub fn found_spot_group(&self, name: &str, zone: &str, instance_type: &str, count: i32) {
        let mut state = lock(&self.state);
        state.found(name, zone, instance_type, count);
        if let Some(group) = state.groups.get_mut(name) {
            group.made["capacityType"] = "SPOT".into();
        }
    }

    /// Makes a node group that somebody else made, with machines whose nodes are there.
    pub fn found_running(&self, found: &Found) {
        let mut state = lock(&self.state);
        let Some((_, zone)) = found.machines.first() else { return };
        let count = i32::try_from(found.machines.len()).unwrap_or(i32::MAX);
        state.found(&found.name, zone, &found.instance_type, count);
        let in_its_zones = |(_, zone): &&(String, String)| found.machines.iter().any(|(_, its)| its == zone);
        let subnets: Vec<Value> =
            state.subnets.iter().filter(in_its_zones).map(|(id, _)| json!(id)).collect();
        if let Some(group) = state.groups.get_mut(&found.name) {
            group.made["subnets"] = subnets.into();
            group.made["capacityType"] = if found.is_spot { "SPOT" } else { "ON_DEMAND" }.into();
        }
        let now = state.now();
        for (id, zone) in &found.machines {
            let machine = Machine {
                id: id.clone(),
                group: found.name.clone(),
                instance_type: found.instance_type.clone(),
                zone: zone.clone(),
                is_spot: found.is_spot,
                labels: json!({}),
                taints: json!([]),
                launched: now,
                boots: now,
                joined: true,
                end: None,
                leaves: None,
                left: false,
                taken_back: false,
                reclaims: None,
            };
            state.machines.insert(id.clone(), machine);
        }
    }

    /// Takes a machine back, as AWS does two minutes after its word, and its group gets another. Whether it was still there.
    pub fn take_back(&self, id: &str) -> bool {
        let mut state = lock(&self.state);
        let Some(machine) = state.machines.get_mut(id).filter(|machine| machine.end.is_none()) else {
            return false;
        };
        machine.taken_back = true;
        state.terminate(id);
        true
    }

    /// Bodies of messages that were read and then deleted, in the order in which they were deleted.
    pub fn deleted_messages(&self) -> Vec<String> {
        let log = self.log();
        let mut bodies = Vec::new();
        for call in log.iter().filter(|call| call.action == "sqs:DeleteMessage") {
            let asked: Value = serde_json::from_str(&call.body).unwrap_or_default();
            let told = log.iter().filter(|call| call.action == "sqs:ReceiveMessage").find_map(|call| {
                let answer: Value = serde_json::from_str(&call.answer).unwrap_or_default();
                let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
                let it = messages.into_iter().find(|one| one["ReceiptHandle"] == asked["ReceiptHandle"])?;
                it["Body"].as_str().map(str::to_owned)
            });
            bodies.extend(told);
        }
        bodies
    }
}
