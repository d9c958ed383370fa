//! What a pod's spec says about nodes, whatever runs on them: computed once for each node.

use crate::fleet::Node;
use crate::workload::{Scheduling, Taint, TaintEffect, VolumeReach, untolerated};

/// The taint that goes with a cordon.
const CORDON_TAINT: &str = "node.kubernetes.io/unschedulable";

/// Verdicts on each node, by node.
#[derive(Clone, Debug, Default)]
pub(super) struct Site {
    /// Whether the pod may be placed on a cordoned node.
    pub tolerates_cordon: bool,
    /// Why no node will do, if so.
    pub broken: Option<String>,
    /// Whether a volume ties the pod to the node it runs on.
    pub local: bool,
    /// Taints are tolerated.
    pub tolerated: Vec<bool>,
    /// Node selector and required affinity match.
    pub selected: Vec<bool>,
    /// All volumes can be attached.
    pub reachable: Vec<bool>,
    /// Weights of the preferred node affinity that match, summed.
    pub preference: Vec<i64>,
    /// Taints with `PreferNoSchedule` that are not tolerated.
    pub soft_taints: Vec<i64>,
}

impl Site {
    /// The site of pods with this scheduling and these volumes, before any node.
    pub fn new(scheduling: &Scheduling, reaches: &[VolumeReach]) -> Self {
        let cordon =
            Taint { key: CORDON_TAINT.to_owned(), value: String::new(), effect: TaintEffect::NoSchedule };
        let broken = reaches.iter().find_map(|reach| match reach {
            VolumeReach::Broken(why) => Some(why.clone()),
            _ => None,
        });
        Self {
            tolerates_cordon: untolerated(&[cordon], &scheduling.tolerations).is_none(),
            broken,
            local: reaches.contains(&VolumeReach::Local),
            ..Self::default()
        }
    }

    /// Takes in the next node.
    pub fn add_node(&mut self, scheduling: &Scheduling, reaches: &[VolumeReach], node: &Node) {
        // The cordon is judged apart, so that it can be lifted.
        let taints = node.taints.iter().filter(|taint| taint.key != CORDON_TAINT);
        let taints: Vec<Taint> = taints.cloned().collect();
        self.tolerated.push(untolerated(&taints, &scheduling.tolerations).is_none());
        self.selected.push(selects(scheduling, node));
        self.reachable.push(reaches.iter().all(|reach| reaches_node(reach, node)));
        self.preference.push(preference(scheduling, node));
        self.soft_taints.push(soft_taints(scheduling, &taints));
    }
}

fn selects(scheduling: &Scheduling, node: &Node) -> bool {
    let has = |(key, value): (&String, &String)| node.labels.get(key) == Some(value);
    let terms = &scheduling.node_terms;
    scheduling.node_selector.iter().all(has)
        && (terms.is_empty() || terms.iter().any(|term| term.matches(&node.name, &node.labels)))
}

fn reaches_node(reach: &VolumeReach, node: &Node) -> bool {
    match reach {
        VolumeReach::Anywhere | VolumeReach::Local => true,
        VolumeReach::Broken(_) => false,
        VolumeReach::Terms(terms) => terms.iter().any(|term| term.matches(&node.name, &node.labels)),
    }
}

fn preference(scheduling: &Scheduling, node: &Node) -> i64 {
    let terms = scheduling.preferred_node_terms.iter();
    let matching = terms.filter(|(_, term)| term.matches(&node.name, &node.labels));
    matching.map(|(weight, _)| i64::from(*weight)).sum()
}

fn soft_taints(scheduling: &Scheduling, taints: &[Taint]) -> i64 {
    let is_soft = |taint: &&Taint| taint.effect == TaintEffect::PreferNoSchedule;
    let intolerable = |taint: &&Taint| !scheduling.tolerations.iter().any(|it| it.tolerates(taint));
    i64::try_from(taints.iter().filter(is_soft).filter(intolerable).count()).unwrap_or(i64::MAX)
}
