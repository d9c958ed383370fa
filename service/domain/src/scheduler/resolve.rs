//! What a class of pods says about other pods, turned into tallies and topologies.

use crate::fleet::{LABEL_HOSTNAME, LABEL_ZONE};
use crate::workload::{PodTerm, Scheduling, SpreadConstraint};

use super::class::{Spread, Term};
use super::facts::Facts;
use super::tally::{Scope, Tally};

/// Default spread over hosts and over zones: key and skew. Source: kube-scheduler
/// `podtopologyspread/plugin.go`, systemDefaultConstraints.
const DEFAULT_SPREADS: [(&str, i64); 2] = [(LABEL_HOSTNAME, 3), (LABEL_ZONE, 5)];

/// Weight of a required affinity term in the score of the pods that it speaks of. Source:
/// kube-scheduler, InterPodAffinityArgs.hardPodAffinityWeight.
const HARD_AFFINITY_WEIGHT: i64 = 1;

impl Facts {
    /// Resolves the spread constraints of a class, or the default ones.
    pub fn resolve_spreads(&mut self, index: usize, scheduling: &Scheduling) {
        let declared: Vec<_> = scheduling.spreads.iter().map(|it| (it, self.spread(index, it))).collect();
        let class = &mut self.classes[index];
        for (constraint, spread) in declared {
            let list =
                if constraint.required { &mut class.required_spreads } else { &mut class.soft_spreads };
            list.push(spread);
        }
        let Some(owner) = self.classes[index].key.spread_by_default().cloned() else { return };
        let revision = self.classes[index].key.revision().to_owned();
        let tally = self.tally(Tally::Replicas { owner, revision });
        let defaults = DEFAULT_SPREADS.map(|(key, max_skew)| Spread {
            topology: self.topology(key),
            tally,
            max_skew,
            min_domains: 1,
            honor_affinity: true,
            honor_taints: false,
            selects_itself: true,
        });
        let class = &mut self.classes[index];
        class.soft_spreads = defaults.to_vec();
        class.soft_needs_all_keys = false;
    }

    fn spread(&mut self, class: usize, constraint: &SpreadConstraint) -> Spread {
        let key = &self.classes[class].key;
        let selector = constraint.selector.clone();
        let selects_itself = selector.matches(&key.labels);
        let namespace = key.namespace.clone();
        Spread {
            topology: self.topology(&constraint.topology_key),
            tally: self.tally(Tally::Selected { namespace, selector }),
            max_skew: i64::from(constraint.max_skew),
            min_domains: i64::from(constraint.min_domains),
            honor_affinity: constraint.honor_affinity,
            honor_taints: constraint.honor_taints,
            selects_itself,
        }
    }

    /// Resolves what a class says about other pods.
    pub fn resolve_affinity(&mut self, index: usize, scheduling: &Scheduling) {
        if !scheduling.pod_affinity.is_empty() {
            let terms = &scheduling.pod_affinity;
            let topologies = terms.iter().map(|term| self.topology(&term.topology_key)).collect();
            let all = Tally::Covered(terms.iter().map(Scope::of).collect());
            let attracts_itself = all.concerns(&self.classes[index].key, &self.namespaces);
            let tally = self.tally(all);
            self.classes[index].affinity = Some((topologies, tally));
            self.classes[index].attracts_itself = attracts_itself;
        }
        for term in &scheduling.pod_affinity {
            self.hold(index, pulling(term), HARD_AFFINITY_WEIGHT);
        }
        for term in &scheduling.pod_anti_affinity {
            let watched = self.term(term);
            self.classes[index].anti_affinity.push(watched);
            let scope = Scope::of(term);
            self.hold(index, Tally::Repelling { scope, key: term.topology_key.clone() }, 1);
        }
        for (weight, term) in &scheduling.preferred_pod_terms {
            let watched = self.term(term);
            self.classes[index].preferred.push((i64::from(*weight), watched));
            self.hold(index, pulling(term), i64::from(*weight));
        }
    }

    fn term(&mut self, term: &PodTerm) -> Term {
        Term {
            topology: self.topology(&term.topology_key),
            tally: self.tally(Tally::Covered(vec![Scope::of(term)])),
        }
    }

    /// Pods of a class add `weight` to a tally of what pods demand of others.
    fn hold(&mut self, class: usize, what: Tally, weight: i64) {
        let tally = self.tally(what);
        self.classes[class].adds.push((tally, weight));
    }

    /// Connects a tally with a class that it counts or speaks of.
    pub fn relate(&mut self, tally: usize, class: usize) {
        let what = &self.tallies[tally];
        if !what.concerns(&self.classes[class].key, &self.namespaces) {
            return;
        }
        match what.clone() {
            Tally::Repelling { key, .. } => {
                let topology = self.topology(&key);
                self.classes[class].repelled_by.push(Term { topology, tally });
            }
            Tally::Pulling { key, .. } => {
                let topology = self.topology(&key);
                self.classes[class].pulled_by.push(Term { topology, tally });
            }
            _ => {
                self.classes[class].adds.push((tally, 1));
            }
        }
    }
}

fn pulling(term: &PodTerm) -> Tally {
    Tally::Pulling { scope: Scope::of(term), key: term.topology_key.clone() }
}
