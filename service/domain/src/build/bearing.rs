//! What families of pods bring along beside their specs, from where they and their siblings run.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::gpu;
use super::pods::{Kin, Pods};
use super::reach::Bearing;
use super::sites::{node_keys, selects};
use super::spot::SpotRules;
use crate::catalog::Catalog;
use crate::fleet::{LABEL_ARCH, LABEL_INSTANCE_TYPE};
use crate::policy::Policy;
use crate::selector::{Labels, NodeTerm};
use crate::workload::{Taint, Toleration, WorkloadRef, untolerated};

/// Architecture of images of which nothing is known.
const USUAL_ARCHITECTURE: &str = "amd64";
/// Labels by which pods choose an architecture themselves.
const ARCHITECTURE_KEYS: [&str; 3] = [LABEL_ARCH, "beta.kubernetes.io/arch", LABEL_INSTANCE_TYPE];

/// Finds the bearings of all families.
pub(super) fn bearings(kins: &[Kin], pods: &Pods<'_>, catalog: &Catalog, policy: &Policy) -> Vec<Bearing> {
    let spot = SpotRules::new(policy, &pods.state.workloads);
    let mut siblings: BTreeMap<&WorkloadRef, Vec<usize>> = BTreeMap::new();
    for pod in &pods.placed {
        if let Some(owner) = &pods.pod(*pod).owner {
            siblings.entry(owner).or_default().push(*pod);
        }
    }
    let mut homes = Homes::new(pods);
    let bearing = |kin: &Kin| {
        let siblings = kin.workload.as_ref().and_then(|workload| siblings.get(workload));
        let siblings = siblings.unwrap_or(&kin.pods);
        let homes = homes.of(kin, pods);
        let fits = |home: &usize| kin.request.fits(&pods.state.nodes[*home].allocatable);
        let could_hold = homes.iter().copied().filter(fits);
        Bearing {
            spot: spot.allow(kin, pods, &homes),
            architectures: architectures(kin, siblings, pods, catalog),
            gpu: gpu::need(kin, siblings, could_hold, pods, catalog, policy),
        }
    };
    kins.iter().map(bearing).collect()
}

/// What its images say; else where it or siblings run; else its selectors, if they speak of it; else
/// the usual one.
fn architectures(kin: &Kin, siblings: &[usize], pods: &Pods<'_>, catalog: &Catalog) -> BTreeSet<String> {
    if !kin.scheduling.architectures.is_empty() {
        return kin.scheduling.architectures.iter().cloned().collect();
    }
    let homes: BTreeSet<usize> = siblings.iter().filter_map(|pod| pods.node_of[*pod]).collect();
    let of_node = |node: usize| {
        let node = &pods.state.nodes[node];
        let by_type = || catalog.types.get(&node.instance_type).map(|facts| &facts.architecture);
        node.labels.get(LABEL_ARCH).or_else(by_type).cloned()
    };
    let running: BTreeSet<String> = homes.into_iter().filter_map(of_node).collect();
    let speaks = || node_keys(&kin.scheduling).into_iter().any(|key| ARCHITECTURE_KEYS.contains(&key));
    if running.is_empty() && !speaks() {
        return BTreeSet::from([USUAL_ARCHITECTURE.to_owned()]);
    }
    running
}

type HomeKey = (Labels, Vec<NodeTerm>, Vec<Toleration>);

/// Running nodes that selectors and tolerations allow, asked once for each.
struct Homes {
    taints: Vec<Vec<Taint>>,
    known: BTreeMap<HomeKey, Rc<Vec<usize>>>,
}

impl Homes {
    fn new(pods: &Pods<'_>) -> Self {
        let taints = pods.state.nodes.iter().map(|node| node.lasting_taints().cloned().collect());
        Self { taints: taints.collect(), known: BTreeMap::new() }
    }

    fn of(&mut self, kin: &Kin, pods: &Pods<'_>) -> Rc<Vec<usize>> {
        let spec = &kin.scheduling;
        let key = (spec.node_selector.clone(), spec.node_terms.clone(), spec.tolerations.clone());
        let taints = &self.taints;
        let allows = |node: &usize| {
            let facts = &pods.state.nodes[*node];
            selects(spec, &facts.name, &facts.labels)
                && untolerated(&taints[*node], &spec.tolerations).is_none()
        };
        let search = || Rc::new((0..pods.state.nodes.len()).filter(allows).collect());
        self.known.entry(key).or_insert_with(search).clone()
    }
}
