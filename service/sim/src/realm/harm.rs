//! What goes wrong in a cluster: machines that break, and other hands.

use plimsoll_domain::fleet::Node;

use crate::common::{Common, Event};
use crate::fault::Edit;
use crate::manners::BREAK_SECONDS;
use crate::tally::Cause;

use super::Realm;

impl Realm {
    /// A machine breaks: its node is not ready from now on.
    pub fn break_node(&mut self, name: &str, common: &mut Common) {
        let Some(id) = self.homes.get(name).cloned() else { return };
        let machine = self.machines.get_mut(&id).filter(|machine| !machine.stopping);
        let Some(node) = machine.and_then(|machine| machine.node.as_mut()) else { return };
        if !std::mem::replace(&mut node.ready, false) {
            return;
        }
        self.blame = Cause::Others;
        common.note(&self.id, format_args!("node {name}: broken"));
        common.after(self.takes(BREAK_SECONDS, common), &self.id, Event::Broken { provider_id: id });
    }

    /// A group gives a broken machine up, and gets another.
    pub(super) fn broken(&mut self, provider_id: &str, common: &mut Common) {
        let Some(machine) = self.machines.get(provider_id).filter(|machine| !machine.stopping) else {
            return;
        };
        let group = machine.group.clone();
        self.terminate(provider_id, Cause::Others, common);
        self.replace(&group, common);
    }

    /// Other hands change something.
    pub fn edited(&mut self, edit: &Edit, common: &mut Common) {
        common.note(&self.id, format_args!("by other hands: {edit:?}"));
        match edit {
            Edit::Resize { group, count } => self.resized(group, *count, common),
            // What is there already, or makes no sense, other hands do not get either.
            Edit::AddGroup { spec } => drop(self.ensure_group(spec, common)),
            Edit::Join { node } => self.joined(node, common),
            Edit::Leave { node, reclaimed } => {
                let cause = if *reclaimed { Cause::Reclaim } else { Cause::Order };
                let runs = |id: &&String| self.machines.get(*id).is_some_and(|machine| !machine.stopping);
                if let Some(id) = self.homes.get(node).filter(runs).cloned() {
                    self.terminate(&id, cause, common);
                }
            }
            Edit::Terminate { node } => {
                let Some(id) = self.homes.get(node).cloned() else { return };
                let Some(machine) = self.machines.get(&id).filter(|machine| !machine.stopping) else {
                    return;
                };
                if let Some(group) = self.groups.get_mut(&machine.group) {
                    group.desired = group.desired.saturating_sub(1);
                }
                self.terminate(&id, Cause::Others, common);
            }
        }
    }

    /// The node of a machine that runs elsewhere joins.
    fn joined(&mut self, node: &Node, common: &mut Common) {
        if self.homes.contains_key(&node.name) {
            return;
        }
        self.adopt_node(node.clone(), common);
        self.unsettled = true;
        self.add_daemons(node, common);
    }

    /// A group has another size from now on.
    fn resized(&mut self, name: &str, count: u32, common: &mut Common) {
        let Some(group) = self.groups.get_mut(name) else { return };
        group.desired = count;
        let mut living: Vec<(u64, String)> =
            self.living(name).map(|(id, machine)| (machine.serial, id.clone())).collect();
        living.sort();
        let excess = living.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        for (_, id) in living.into_iter().take(excess) {
            self.terminate(&id, Cause::Others, common);
        }
        self.replace(name, common);
    }

    /// What was held by a fault that ended goes on.
    pub fn let_go(&mut self, common: &mut Common) {
        let free = |(key, life): (&String, &super::pod::Life)| {
            (life.held && !common.faults.holds_pod(key)).then(|| (key.clone(), life.serial))
        };
        let freed: Vec<(String, u64)> = self.pods.iter().filter_map(free).collect();
        for (pod, serial) in freed {
            common.after(jiff::SignedDuration::ZERO, &self.id, Event::PodGone { pod, serial });
        }
    }
}
