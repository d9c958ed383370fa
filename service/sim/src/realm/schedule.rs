//! Where pods go: what waits is placed by the model of kube-scheduler, what DaemonSets own comes with the node.

use plimsoll_domain::fleet::Node;
use plimsoll_domain::scheduler::{Settings, Simulation, Unschedulable};
use plimsoll_domain::workload::{DaemonSet, Pod, Taint, TaintEffect};

use crate::common::Common;

use super::Realm;
use super::pod::Phase;

/// The taint of a node that is not ready. Source: kubernetes.io/docs/reference/labels-annotations-taints.
const NOT_READY_TAINT: &str = "node.kubernetes.io/not-ready";

impl Realm {
    /// Places the pods that wait: higher priority first, then those that wait longer. The others go on waiting.
    pub(super) fn schedule(&mut self, common: &mut Common) {
        let has_home = |home: &Option<String>| home.as_ref().is_none_or(|name| self.node(name).is_some());
        let waiting =
            self.pods.iter().filter(|(_, life)| life.phase == Phase::Pending && has_home(&life.home));
        let mut waiting: Vec<_> =
            waiting.map(|(key, life)| (-i64::from(life.pod.priority), life.serial, key.clone())).collect();
        if waiting.is_empty() {
            return;
        }
        waiting.sort();
        let mut simulation = self.simulation();
        for (_, _, key) in waiting {
            let Some(life) = self.pods.get(&key) else { continue };
            // The simulation keeps a pod with a disk of a node to the node that the pod names.
            let id = simulation.add_pod(&Pod { node: life.home.clone(), ..life.pod.clone() });
            match simulation.schedule(id) {
                Ok(node) => {
                    let node = simulation.node_name(node).to_owned();
                    self.bind(&key, &node, common);
                }
                Err(refused) => self.note_waiting(&key, &refused, common),
            }
        }
    }

    fn note_waiting(&mut self, key: &str, why: &Unschedulable, common: &mut Common) {
        let Some(life) = self.pods.get_mut(key).filter(|life| !life.waits) else { return };
        life.waits = true;
        common.note(&self.id, format_args!("pod {key}: waits: {why}"));
    }

    /// Gives a node that joins one pod of every DaemonSet that would have one there.
    pub(super) fn add_daemons(&mut self, node: &Node, common: &mut Common) {
        if self.rest.daemon_sets.is_empty() {
            return;
        }
        let mut simulation = self.simulation();
        let Some(at) = simulation.node(&node.name) else { return };
        for set in self.rest.daemon_sets.clone() {
            let pod = self.daemon_pod(&set, common);
            let id = simulation.add_pod(&pod);
            if simulation.accepts(id, at) {
                simulation.bind(id, at);
                let key = self.insert(pod, Phase::Pending, None);
                self.bind(&key, &node.name, common);
            }
        }
    }

    /// The pod that a DaemonSet would make, with the labels of its siblings.
    fn daemon_pod(&mut self, set: &DaemonSet, common: &Common) -> Pod {
        let owner = set.reference();
        let name = self.free_pod_name(&set.namespace, &set.name);
        let mut lives = self.pods.values();
        let sibling = lives.find(|life| life.pod.owner.as_ref() == Some(&owner)).map(|life| &life.pod);
        Pod { create_time: Some(common.now), ..set.pod(name, sibling) }
    }

    /// The scheduler's view of nodes, and of the pods that are on one.
    fn simulation(&mut self) -> Simulation {
        let settings = Settings { seed: self.dice.roll(), ..Settings::default() };
        let mut simulation = Simulation::new(&self.rest.namespaces, settings);
        let mut nodes: Vec<Node> = self.nodes().cloned().collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        for mut node in nodes {
            if !node.ready {
                let (key, effect) = (NOT_READY_TAINT.to_owned(), TaintEffect::NoSchedule);
                node.taints.push(Taint { key, value: String::new(), effect });
            }
            // A volume that is being detached still counts.
            for (_, driver) in self.detaching(&node.name) {
                node.attach_limits.entry(driver.clone()).and_modify(|limit| *limit = (*limit - 1).max(0));
            }
            simulation.add_node(&node);
        }
        for life in self.pods.values() {
            let node = life.pod.node.as_ref().and_then(|name| simulation.node(name));
            if let Some(node) = node {
                let id = simulation.add_pod(&life.pod);
                simulation.bind(id, node);
            }
        }
        simulation
    }
}
