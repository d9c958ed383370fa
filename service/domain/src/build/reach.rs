//! Who may go where: for each family of pods the sites that allow it, stage by stage, so that a
//! refusal can say which stage refused.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::bits::Bits;
use super::capacity::Residue;
use super::gpu::GpuNeed;
use super::pods::Kin;
use super::sites::Sites;
use super::ties::Ties;
use super::types::Asks;
use crate::fleet::CapacityKind;
use crate::policy::Policy;
use crate::selector::NodeTerm;
use crate::workload::{HostPort, PodTerm, Scheduling, Toleration};

/// What can keep a pod off a node, in the order in which it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Obstacle {
    /// Node selector or required node affinity.
    Selector,
    /// Where its volumes are.
    Volume,
    /// Architecture of its images.
    Architecture,
    /// A taint that it does not tolerate.
    Taint,
    /// The node has accelerators that it does not use, or is exotic.
    Accelerator,
    /// The GPUs are of another class.
    GpuClass,
    /// It may not be interrupted.
    Spot,
    /// A DaemonSet or static pod has its host port.
    HostPort,
    /// A DaemonSet or static pod keeps it away by required anti-affinity.
    Repelled,
    /// It asks for more than the node has.
    Capacity,
    /// The node takes no newcomers.
    Sealed,
}

/// What a family of pods brings along beside its spec.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bearing {
    /// Whether it may run on spot.
    pub spot: bool,
    /// Architectures that it runs on; empty: its selectors decide.
    pub architectures: BTreeSet<String>,
    /// GPUs that it can do with.
    pub gpu: GpuNeed,
}

/// One stage: what it asks, and which sites pass.
pub(super) type Stage = (Obstacle, Rc<Bits>);

/// Answers, each question once.
#[derive(Default)]
pub(super) struct Reach {
    selected: BTreeMap<SelectorKey, Rc<Bits>>,
    tolerated: BTreeMap<Vec<Toleration>, Rc<Bits>>,
    volumes: BTreeMap<Vec<NodeTerm>, Rc<Bits>>,
    architectures: BTreeMap<BTreeSet<String>, Rc<Bits>>,
    accelerators: BTreeMap<Asks, Rc<Bits>>,
    gpus: BTreeMap<GpuNeed, Rc<Bits>>,
    spot: BTreeMap<bool, Rc<Bits>>,
    ports: BTreeMap<Vec<HostPort>, Rc<Bits>>,
    repelled: BTreeMap<BTreeSet<PodTerm>, Rc<Bits>>,
    capacity: BTreeMap<Vec<i64>, Rc<Bits>>,
    open: Option<Rc<Bits>>,
}

type SelectorKey = (crate::selector::Labels, Vec<NodeTerm>);

impl Reach {
    /// Sites whose labels a pod selects.
    pub fn selected(&mut self, sites: &mut Sites<'_>, scheduling: &Scheduling) -> Rc<Bits> {
        let key = (scheduling.node_selector.clone(), scheduling.node_terms.clone());
        self.selected.entry(key).or_insert_with(|| Rc::new(sites.selected(scheduling))).clone()
    }

    /// Sites whose taints a pod tolerates.
    pub fn tolerated(&mut self, sites: &Sites<'_>, scheduling: &Scheduling) -> Rc<Bits> {
        let key = scheduling.tolerations.clone();
        self.tolerated.entry(key).or_insert_with(|| Rc::new(sites.tolerated(scheduling))).clone()
    }

    /// All stages of a family of pods. `free`: by site, what it holds.
    pub fn stages(
        &mut self,
        kin: &Kin,
        bearing: &Bearing,
        ties: &Ties,
        request: &[i64],
        ground: &mut Ground<'_, '_>,
    ) -> Vec<Stage> {
        let len = ground.sites.len();
        let mut stages = vec![(Obstacle::Selector, self.selected(ground.sites, &kin.scheduling))];
        for terms in &kin.volumes {
            let row = self.volumes.entry(terms.clone());
            stages.push((
                Obstacle::Volume,
                row.or_insert_with(|| Rc::new(ground.sites.matching(terms))).clone(),
            ));
        }
        let ground = &*ground;
        let all = &ground.sites.all;
        let row = |keep: &dyn Fn(usize) -> bool| Rc::new(Bits::of(len, keep));
        let architectures = self
            .architectures
            .entry(bearing.architectures.clone())
            .or_insert_with(|| row(&|site| architecture_allows(&bearing.architectures, ground.sites, site)));
        stages.push((Obstacle::Architecture, architectures.clone()));
        stages.push((Obstacle::Taint, self.tolerated(ground.sites, &kin.scheduling)));
        let asks = Asks::of(kin);
        let accelerators = self
            .accelerators
            .entry(asks.clone())
            .or_insert_with(|| row(&|site| accelerator_allows(&asks, ground, site)));
        stages.push((Obstacle::Accelerator, accelerators.clone()));
        let gpus = self.gpus.entry(bearing.gpu.clone()).or_insert_with(|| {
            let any = bearing.gpu == GpuNeed::Free;
            row(&|site| any || all[site].facts.as_ref().is_some_and(|facts| bearing.gpu.allows(facts)))
        });
        stages.push((Obstacle::GpuClass, gpus.clone()));
        let spot = self
            .spot
            .entry(bearing.spot)
            .or_insert_with(|| row(&|site| bearing.spot || all[site].kind == CapacityKind::OnDemand));
        stages.push((Obstacle::Spot, spot.clone()));
        let ports = self
            .ports
            .entry(kin.scheduling.host_ports.clone())
            .or_insert_with(|| row(&|site| ports_allow(&kin.scheduling.host_ports, ground.residue, site)));
        stages.push((Obstacle::HostPort, ports.clone()));
        let repelled = self.repelled.entry(ties.repelled_by.clone()).or_insert_with(|| {
            let closed = ties.repelled_by.iter().filter_map(|term| ground.residue.closed.get(term));
            let closed: Vec<&Bits> = closed.collect();
            row(&|site| !closed.iter().any(|closed| closed.contains(site)))
        });
        stages.push((Obstacle::Repelled, repelled.clone()));
        let fits =
            |site: usize| request.iter().zip(&ground.free[site]).all(|(ask, have)| *ask == 0 || ask <= have);
        let capacity = self.capacity.entry(request.to_vec()).or_insert_with(|| row(&fits));
        stages.push((Obstacle::Capacity, capacity.clone()));
        let open = self.open.get_or_insert_with(|| row(&|site| !all[site].sealed));
        stages.push((Obstacle::Sealed, open.clone()));
        stages
    }
}

/// What the questions are asked about.
pub(super) struct Ground<'g, 's> {
    pub sites: &'g mut Sites<'s>,
    pub residue: &'g Residue,
    /// By site: what it holds for pods, in the order of the problem's resources.
    pub free: &'g [Vec<i64>],
    pub policy: &'g Policy,
}

/// Sites that pass every stage.
pub(super) fn passes(stages: &[Stage], len: usize) -> Bits {
    let mut left = Bits::of(len, |_| true);
    stages.iter().for_each(|(_, row)| left.intersect(row));
    left
}

fn architecture_allows(allowed: &BTreeSet<String>, sites: &Sites<'_>, site: usize) -> bool {
    let facts = sites.all[site].facts.as_ref();
    allowed.is_empty() || facts.is_none_or(|facts| allowed.contains(&facts.architecture))
}

fn accelerator_allows(asks: &Asks, ground: &Ground<'_, '_>, site: usize) -> bool {
    let place = &ground.sites.all[site];
    match (&place.facts, place.node) {
        (None, _) => true,
        (Some(facts), Some(_)) => asks.may_join(facts, ground.policy),
        (Some(facts), None) => asks.may_use(facts, ground.policy),
    }
}

fn ports_allow(ports: &[HostPort], residue: &Residue, site: usize) -> bool {
    let taken = &residue.port_sets[residue.ports[site] as usize];
    ports.iter().all(|port| taken.iter().all(|other| !port.conflicts(other)))
}
