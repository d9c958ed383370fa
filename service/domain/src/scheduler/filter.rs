//! The filters of kube-scheduler, in its order.

use super::class::{Class, Spread, Term};
use super::facts::{CPU, Facts, MEMORY, PODS};
use super::load::{PodLoad, State};
use super::reason::Reason;
use super::site::Site;
use super::topology::Topology;

/// What one pod's scheduling cycle knows of the cluster: sums over domains, taken once.
pub(super) struct Cycle<'a> {
    pub facts: &'a Facts,
    pub state: &'a State,
    pub pod: &'a PodLoad,
    pub class: &'a Class,
    pub site: &'a Site,
    spreads: Vec<SpreadSums<'a>>,
    affinity: Option<AffinitySums<'a>>,
    /// Domains closed by the pod's own anti-affinity.
    avoided: Vec<ClosedDomains<'a>>,
    /// Domains closed by the anti-affinity of other pods.
    repelling: Vec<ClosedDomains<'a>>,
}

struct SpreadSums<'a> {
    topology: &'a Topology,
    sums: Vec<Option<i64>>,
    emptiest: i64,
    spread: &'a Spread,
}

struct AffinitySums<'a> {
    domains: Vec<(&'a Topology, Vec<Option<i64>>)>,
    /// Nobody meets the terms yet, except the pod itself.
    first: bool,
}

struct ClosedDomains<'a> {
    topology: &'a Topology,
    closed: Vec<bool>,
}

impl ClosedDomains<'_> {
    fn contains(&self, node: usize) -> bool {
        self.topology.domain(node).is_some_and(|domain| self.closed[domain])
    }
}

/// The first filter that rejects a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Cordon,
    Taint,
    NodeAffinity,
    Ports,
    Resources,
    VolumeLimit,
    Reach,
    SpreadLabel,
    Spread,
    PodAffinity,
    PodAntiAffinity,
    ExistingAntiAffinity,
}

impl<'a> Cycle<'a> {
    /// Begins the cycle of a pod.
    pub fn new(facts: &'a Facts, state: &'a State, pod: &'a PodLoad) -> Self {
        let class = &facts.classes[pod.class];
        let mut cycle = Self {
            facts,
            state,
            pod,
            class,
            site: &facts.sites[class.site],
            spreads: Vec::new(),
            affinity: None,
            avoided: Vec::new(),
            repelling: Vec::new(),
        };
        cycle.spreads = class.required_spreads.iter().map(|it| cycle.spread_sums(it)).collect();
        cycle.affinity = cycle.affinity_sums();
        cycle.avoided = class.anti_affinity.iter().map(|term| cycle.closed(term)).collect();
        cycle.repelling = class.repelled_by.iter().map(|term| cycle.closed(term)).collect();
        cycle
    }

    /// Whether the pod may be placed on the node.
    pub fn accepts(&self, node: usize) -> bool {
        self.site.broken.is_none() && self.stop(node).is_none()
    }

    /// All that kube-scheduler would say against the node: the first filter that rejects it, or
    /// every resource that is short. Empty: nothing.
    pub fn reasons(&self, node: usize) -> Vec<Reason> {
        if let Some(why) = &self.site.broken {
            return vec![Reason::VolumeBroken(why.clone())];
        }
        let Some(stop) = self.stop(node) else { return Vec::new() };
        let reason = match stop {
            Stop::Resources => return self.shortages(node).map(|it| self.shortage(it)).collect(),
            Stop::Cordon => Reason::Unschedulable,
            Stop::Taint => Reason::Taint,
            Stop::NodeAffinity => Reason::NodeAffinity,
            Stop::Ports => Reason::Ports,
            Stop::VolumeLimit => Reason::VolumeLimit,
            Stop::Reach => Reason::VolumeReach,
            Stop::SpreadLabel => Reason::SpreadLabel,
            Stop::Spread => Reason::Spread,
            Stop::PodAffinity => Reason::PodAffinity,
            Stop::PodAntiAffinity => Reason::PodAntiAffinity,
            Stop::ExistingAntiAffinity => Reason::ExistingAntiAffinity,
        };
        vec![reason]
    }

    fn stop(&self, node: usize) -> Option<Stop> {
        let load = &self.state.nodes[node];
        let checks = [
            (load.cordoned && !self.site.tolerates_cordon, Stop::Cordon),
            (!self.site.tolerated[node], Stop::Taint),
            (!self.site.selected[node], Stop::NodeAffinity),
        ];
        if let Some((_, stop)) = checks.into_iter().find(|(fails, _)| *fails) {
            return Some(stop);
        }
        if self.ports_conflict(node) {
            return Some(Stop::Ports);
        }
        if self.shortages(node).next().is_some() {
            return Some(Stop::Resources);
        }
        if self.exceeds_attachments(node) {
            return Some(Stop::VolumeLimit);
        }
        let at_home = self.pod.home.is_none_or(|home| home == node);
        if !self.site.reachable[node] || (self.site.local && !at_home) {
            return Some(Stop::Reach);
        }
        self.spread_stop(node).or_else(|| self.affinity_stop(node))
    }

    fn ports_conflict(&self, node: usize) -> bool {
        let taken = &self.state.nodes[node].ports;
        self.class.ports().iter().any(|port| taken.iter().any(|other| port.conflicts(other)))
    }

    /// Resources of which the node has too little left.
    fn shortages(&self, node: usize) -> impl Iterator<Item = usize> {
        let load = &self.state.nodes[node];
        let allocatable = &self.facts.nodes[node].allocatable;
        let requests = self.class.requests.iter();
        let short = move |(resource, amount): &&(usize, i64)| {
            let total = allocatable.get(*resource).copied().unwrap_or(0);
            0 < *amount && total.saturating_sub(load.used(*resource)) < *amount
        };
        requests.filter(short).map(|(resource, _)| *resource)
    }

    fn shortage(&self, resource: usize) -> Reason {
        match resource {
            PODS => Reason::TooManyPods,
            CPU => Reason::Insufficient("cpu".to_owned()),
            MEMORY => Reason::Insufficient("memory".to_owned()),
            _ => Reason::Insufficient(self.facts.resources.list[resource].clone()),
        }
    }

    fn exceeds_attachments(&self, node: usize) -> bool {
        let load = &self.state.nodes[node];
        let limits = &self.facts.nodes[node].attach_limits;
        limits.iter().any(|(driver, limit)| {
            let of_driver = self.pod.claims.iter().filter(|(its, _)| its == driver);
            let new = of_driver.filter(|(_, claim)| !load.claims.contains_key(claim)).count();
            let attached = load.attached.get(driver).copied().unwrap_or(0);
            let new = i64::try_from(new).unwrap_or(i64::MAX);
            0 < new && *limit < attached.saturating_add(new)
        })
    }

    fn spread_stop(&self, node: usize) -> Option<Stop> {
        for sums in &self.spreads {
            let Some(domain) = sums.topology.domain(node) else { return Some(Stop::SpreadLabel) };
            let there = sums.sums[domain].unwrap_or(0) + i64::from(sums.spread.selects_itself);
            if sums.spread.max_skew < there.saturating_sub(sums.emptiest) {
                return Some(Stop::Spread);
            }
        }
        None
    }

    fn affinity_stop(&self, node: usize) -> Option<Stop> {
        if self.affinity.as_ref().is_some_and(|sums| !sums.allow(node)) {
            return Some(Stop::PodAffinity);
        }
        if self.avoided.iter().any(|domains| domains.contains(node)) {
            return Some(Stop::PodAntiAffinity);
        }
        let repelled = self.repelling.iter().any(|domains| domains.contains(node));
        repelled.then_some(Stop::ExistingAntiAffinity)
    }

    /// Whether a node counts as part of a domain of a spread constraint.
    pub fn included(&self, spread: &Spread, node: usize) -> bool {
        let load = &self.state.nodes[node];
        let tolerated = self.site.tolerated[node] && (!load.cordoned || self.site.tolerates_cordon);
        load.present
            && (!spread.honor_affinity || self.site.selected[node])
            && (!spread.honor_taints || tolerated)
    }

    /// Whether a node has the topology key of every one of these constraints.
    pub fn has_keys(&self, spreads: &[Spread], node: usize) -> bool {
        spreads.iter().all(|spread| self.facts.topologies[spread.topology].domain(node).is_some())
    }

    fn spread_sums(&self, spread: &'a Spread) -> SpreadSums<'a> {
        let topology = &self.facts.topologies[spread.topology];
        let included =
            |node| self.included(spread, node) && self.has_keys(&self.class.required_spreads, node);
        let sums = topology.sums(&self.state.tallies[spread.tally], included);
        let domains = || sums.iter().flatten().copied();
        let few = i64::try_from(domains().count()).is_ok_and(|count| count < spread.min_domains);
        // Without any domain the real scheduler starts from the largest 32-bit number, too.
        let emptiest = if few { 0 } else { domains().min().unwrap_or(i64::from(i32::MAX)) };
        SpreadSums { topology, sums, emptiest, spread }
    }

    fn affinity_sums(&self) -> Option<AffinitySums<'a>> {
        let (topologies, tally) = self.class.affinity.as_ref()?;
        let counts = &self.state.tallies[*tally];
        let present = |node: usize| self.state.nodes[node].present;
        let sums = |topology: &usize| {
            let topology = &self.facts.topologies[*topology];
            (topology, topology.sums(counts, present))
        };
        let domains: Vec<_> = topologies.iter().map(sums).collect();
        let nobody = domains.iter().flat_map(|(_, sums)| sums).flatten().all(|sum| *sum == 0);
        Some(AffinitySums { domains, first: nobody && self.class.attracts_itself })
    }

    fn closed(&self, term: &Term) -> ClosedDomains<'a> {
        let topology = &self.facts.topologies[term.topology];
        let present = |node: usize| self.state.nodes[node].present;
        let sums = topology.sums(&self.state.tallies[term.tally], present);
        let closed = sums.into_iter().map(|sum| sum.is_some_and(|sum| 0 < sum)).collect();
        ClosedDomains { topology, closed }
    }
}

impl AffinitySums<'_> {
    fn allow(&self, node: usize) -> bool {
        let mut met = true;
        for (topology, sums) in &self.domains {
            let Some(domain) = topology.domain(node) else { return false };
            met &= sums[domain].is_some_and(|sum| 0 < sum);
        }
        met || self.first
    }
}

#[cfg(test)]
mod tests;
