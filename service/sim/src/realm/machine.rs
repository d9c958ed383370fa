//! Machines: launched, joined as nodes, terminated.

use std::collections::BTreeSet;

use jiff::Timestamp;
use plimsoll_domain::fleet::{CapacityKind, Node};
use plimsoll_domain::workload::{Taint, TaintEffect};
use plimsoll_domain::world::{End, MachineLife};

use crate::common::{Common, Event};
use crate::manners::{BOOT_SECONDS, LIVES_KEPT_SECONDS, NODE_LEAVE_SECONDS};
use crate::market::Pool;
use crate::tally::{Cause, Meter, remember};

use super::Realm;
use super::group::shortage;
use super::look::New;

/// The taint of a cordoned node. Source: kubernetes.io/docs/reference/labels-annotations-taints.
const CORDON_TAINT: &str = "node.kubernetes.io/unschedulable";
/// Tries to find a free address in 10.0.0.0/16. Even with half of it taken, all fail once in 2^32.
const ADDRESS_TRIES_MAX: usize = 32;

/// A machine of a group, or of none.
pub(super) struct Machine {
    /// Its group; empty if it belongs to none.
    pub group: String,
    pub instance_type: String,
    zone: String,
    pub kind: CapacityKind,
    launch_time: Timestamp,
    /// Tells which was launched first.
    pub serial: u64,
    /// Its node, once it has joined.
    pub node: Option<Node>,
    /// Whether it is terminated, its node not yet gone.
    pub stopping: bool,
    /// When the cloud takes it back, once it has said so.
    pub reclaim_time: Option<Timestamp>,
}

impl Machine {
    /// Its life so far; `end` if it is over.
    fn life(&self, provider_id: &str, end: Option<End>) -> MachineLife {
        MachineLife {
            provider_id: provider_id.to_owned(),
            instance_type: self.instance_type.clone(),
            zone: self.zone.clone(),
            kind: self.kind,
            group: self.group.clone(),
            launch_time: self.launch_time,
            end,
        }
    }

    /// Where it comes from.
    pub fn pool(&self) -> Pool {
        Pool::new(&self.instance_type, &self.zone)
    }
}

impl Realm {
    /// The machines of a group that are not being terminated.
    pub(super) fn living(&self, group: &str) -> impl Iterator<Item = (&String, &Machine)> {
        self.machines.iter().filter(move |(_, machine)| machine.group == group && !machine.stopping)
    }

    /// Takes a node in as it was seen, on a machine that runs since now.
    pub(super) fn adopt_node(&mut self, mut node: Node, common: &mut Common) {
        if node.provider_id.is_empty() || self.machines.contains_key(&node.provider_id) {
            node.provider_id = self.free_provider_id(&node.zone);
        }
        let machine = Machine {
            group: node.group.clone(),
            instance_type: node.instance_type.clone(),
            zone: node.zone.clone(),
            kind: node.kind,
            launch_time: common.now,
            serial: self.next_serial(),
            node: None,
            stopping: false,
            reclaim_time: None,
        };
        let id = node.provider_id.clone();
        self.homes.insert(node.name.clone(), id.clone());
        self.add_machine(id, Machine { node: Some(node), ..machine }, common);
    }

    /// Launches what a group misses to `count`: how many were launched, and why the others were not.
    pub(super) fn launch(&mut self, group: &str, count: u32, common: &mut Common) -> (u32, Vec<String>) {
        let has = u32::try_from(self.living(group).count()).unwrap_or(u32::MAX);
        let (mut launched, mut issues) = (0, BTreeSet::new());
        for _ in has..count {
            match self.launch_one(group, common) {
                Ok(()) => launched += 1,
                Err(issue) => {
                    issues.insert(issue);
                }
            }
        }
        (launched, issues.into_iter().collect())
    }

    /// The first type that is there, in the zone with the fewest machines, or else in another of the group's.
    fn launch_one(&mut self, name: &str, common: &mut Common) -> Result<(), String> {
        let Some(group) = self.groups.get(name) else { return Err(String::new()) };
        let machines = |zone: &String| self.living(name).filter(|(_, machine)| machine.zone == *zone).count();
        let mut zones = group.zones.clone();
        zones.sort_by_cached_key(machines);
        let (kind, types) = (group.spec.kind, group.spec.instance_types.clone());
        let places = zones.iter().flat_map(|zone| types.iter().map(move |name| (zone, name)));
        let mut short = String::new();
        for (zone, instance_type) in places {
            if common.is_short(&Pool::new(instance_type, zone), kind) {
                short = shortage(instance_type, zone, kind);
                continue;
            }
            self.boot(name, instance_type, zone, kind, common);
            return Ok(());
        }
        Err(short)
    }

    fn boot(
        &mut self,
        group: &str,
        instance_type: &str,
        zone: &str,
        kind: CapacityKind,
        common: &mut Common,
    ) {
        let id = self.free_provider_id(zone);
        let machine = Machine {
            group: group.to_owned(),
            instance_type: instance_type.to_owned(),
            zone: zone.to_owned(),
            kind,
            launch_time: common.now,
            serial: self.next_serial(),
            node: None,
            stopping: false,
            reclaim_time: None,
        };
        self.add_machine(id.clone(), machine, common);
        common.note(&self.id, format_args!("group {group}: launched {id}, {instance_type} {}", kind.label()));
        common.after(self.takes(BOOT_SECONDS, common), &self.id, Event::Join { provider_id: id });
    }

    /// A machine runs from now on.
    fn add_machine(&mut self, id: String, machine: Machine, common: &mut Common) {
        let key = (machine.group.clone(), machine.instance_type.clone());
        self.meters.entry(key).or_insert_with(|| Meter::new(common.now)).start(common.now);
        common.market.take(machine.pool(), machine.kind);
        if machine.kind == CapacityKind::Spot {
            self.watch(machine.pool(), common);
        }
        self.machines.insert(id, machine);
    }

    fn free_provider_id(&mut self, zone: &str) -> String {
        loop {
            let id = format!("aws:///{zone}/{}", self.dice.instance_id());
            if !self.machines.contains_key(&id) {
                return id;
            }
        }
    }

    /// A machine's node joins, ready, with its DaemonSets' pods.
    pub(super) fn join(&mut self, provider_id: &str, common: &mut Common) {
        let name = self.free_host_name(provider_id);
        let Some(machine) = self.machines.get_mut(provider_id).filter(|machine| !machine.stopping) else {
            return;
        };
        let Some(group) = self.groups.get(&machine.group) else { return };
        let node = self.look.node(&New {
            spec: &group.spec,
            zone: &machine.zone,
            instance_type: &machine.instance_type,
            name: &name,
            provider_id,
            time: common.now,
        });
        common
            .note(&self.id, format_args!("group {}: {} joined as {}", machine.group, provider_id, node.name));
        self.homes.insert(node.name.clone(), provider_id.to_owned());
        machine.node = Some(node.clone());
        self.unsettled = true;
        self.add_daemons(&node, common);
    }

    /// The host part of a private DNS name that no node has: by address, or by instance id where addresses are rare.
    fn free_host_name(&mut self, provider_id: &str) -> String {
        for _ in 0..ADDRESS_TRIES_MAX {
            let host = self.dice.below(1 << 16);
            let name = format!("ip-10-0-{}-{}", host >> 8, host & 0xff);
            if !self.homes.keys().any(|node| node.split('.').next() == Some(&name)) {
                return name;
            }
        }
        provider_id.rsplit('/').next().unwrap_or(provider_id).to_owned()
    }

    /// Ends a machine. Its node is not ready from now on, and gone soon; the pods on it are lost.
    pub(super) fn terminate(&mut self, provider_id: &str, cause: Cause, common: &mut Common) {
        let Some(machine) = self.machines.get_mut(provider_id) else { return };
        machine.stopping = true;
        let key = (machine.group.clone(), machine.instance_type.clone());
        if let Some(meter) = self.meters.get_mut(&key) {
            meter.stop(common.now);
        }
        common.market.give_back(machine.pool(), machine.kind);
        let end = End { time: common.now, reclaimed: cause == Cause::Reclaim };
        self.ended.push(machine.life(provider_id, Some(end)));
        self.ended.retain(|life| life.end.is_none_or(|end| kept(end.time, common.now)));
        self.blame = cause;
        if cause == Cause::Order {
            remember(&mut self.tally.machines_removed, provider_id.to_owned());
        }
        if let Some(node) = &mut machine.node {
            node.ready = false;
            let name = node.name.clone();
            self.count_lost(&name, cause, common);
        }
        let event = Event::NodeGone { provider_id: provider_id.to_owned() };
        common.after(self.takes(NODE_LEAVE_SECONDS, common), &self.id, event);
    }

    /// Machines that ran since `since`, by provider id. Those that ended long ago are forgotten.
    pub fn lives(&self, since: Timestamp, now: Timestamp) -> Vec<MachineLife> {
        let running = self.machines.iter().filter(|(_, machine)| !machine.stopping);
        let running = running.map(|(id, machine)| machine.life(id, None));
        let ended = self
            .ended
            .iter()
            .filter(|life| life.end.is_none_or(|end| since <= end.time && kept(end.time, now)));
        let mut lives: Vec<MachineLife> = running.chain(ended.cloned()).collect();
        lives.sort_by(|a, b| a.provider_id.cmp(&b.provider_id));
        lives
    }

    pub(super) fn node_gone(&mut self, provider_id: &str, common: &mut Common) {
        let Some(machine) = self.machines.remove(provider_id) else { return };
        let Some(node) = machine.node else { return };
        common.note(&self.id, format_args!("node {}: gone", node.name));
        self.homes.remove(&node.name);
        self.clear(&node.name, common);
        self.unsettled = true;
    }

    /// Cordons a node, or lifts that; whether it changed.
    pub fn set_cordoned(&mut self, name: &str, cordoned: bool) -> bool {
        let machine = self.homes.get(name).and_then(|id| self.machines.get_mut(id));
        let Some(node) = machine.and_then(|machine| machine.node.as_mut()) else { return false };
        if node.unschedulable == cordoned {
            return false;
        }
        node.unschedulable = cordoned;
        node.taints.retain(|taint| taint.key != CORDON_TAINT);
        if cordoned {
            let (key, effect) = (CORDON_TAINT.to_owned(), TaintEffect::NoSchedule);
            node.taints.push(Taint { key, value: String::new(), effect });
        }
        self.unsettled = true;
        true
    }
}

/// Whether the cloud still shows a machine that ended then.
fn kept(end: Timestamp, now: Timestamp) -> bool {
    now.duration_since(end).as_secs() <= LIVES_KEPT_SECONDS
}
