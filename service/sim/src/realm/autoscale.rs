//! HorizontalPodAutoscalers: as many pods as the demand asks for, within bounds.
//!
//! The rules are those of Kubernetes' controller (kubernetes.io, "Horizontal Pod Autoscaling", algorithm details, and
//! its defaults): a ratio within the tolerance changes nothing; pods that are not ready count for nothing when growing;
//! the highest wish of five minutes holds back a shrink. Kubernetes looks every 15 s, this world every minute; its limits
//! on growth (twice as many, or four more, in 15 s) are wider than anything that a minute asks for here.
//!
//! Demand is measured in pods at their target: a snapshot does not say what the target is. It is what the pods of the
//! snapshot are just enough for, and moves from there. Nothing adds nodes: a pod too many waits.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::workload::{Pod, WorkloadKind, WorkloadRef};

use crate::common::{Common, Event};
use crate::demand::{Curve, Demand, ONE};

use super::Realm;
use super::pod::{Life, Phase, has_local_disk, like};

/// Between two looks at the load.
const LOOK_SECONDS: i64 = 60;
/// Looks whose highest wish holds back a shrink: five minutes of them.
/// Source: `--horizontal-pod-autoscaler-downscale-stabilization`, kube-controller-manager.
const WISHES_MAX: usize = 5;
/// How far a ratio may be from one without a change, in thousandths.
/// Source: `--horizontal-pod-autoscaler-tolerance`, kube-controller-manager.
const TOLERANCE: i64 = 100;

/// An autoscaler and the demand that it follows.
pub(super) struct Scaler {
    pub workload: WorkloadRef,
    min: i64,
    max: i64,
    curve: Curve,
    /// Demand when the cluster was seen, in thousandths of a pod at its target, and where its season stood then.
    base: (i64, i64),
    /// The last wishes, the newest last.
    wishes: VecDeque<i64>,
    /// The load that was seen last, and the pods that served then.
    seen: (i64, i64),
}

impl Scaler {
    /// The load now, in thousandths of a pod at its target.
    fn load(&mut self, now: Timestamp) -> i64 {
        let (load, season) = self.base;
        load.saturating_mul(self.curve.look(now)) / season.max(1)
    }

    /// The load of one pod when it was seen last, in thousandths of its target.
    pub fn load_of_one(&self) -> i64 {
        let (load, ready) = self.seen;
        load / ready.max(1)
    }

    /// How many pods there should be.
    fn decide(&mut self, load: i64, count: i64, ready: i64) -> i64 {
        self.seen = (load, ready);
        let wish = wish(load, count, ready).clamp(self.min, self.max.max(self.min));
        self.wishes.push_back(wish);
        if WISHES_MAX < self.wishes.len() {
            self.wishes.pop_front();
        }
        let highest = self.wishes.iter().copied().max().unwrap_or(wish);
        if count < wish { wish } else { count.min(highest) }
    }
}

/// What the controller's formula asks for, before bounds: `count` pods, of which `ready` serve.
fn wish(load: i64, count: i64, ready: i64) -> i64 {
    let within = |pods: i64| (load - pods * ONE).abs() <= pods * TOLERANCE;
    let needed = (load + ONE - 1) / ONE;
    let grows = ready * ONE < load;
    // Those that are not ready are taken to be idle; together with them there may be enough.
    let is_enough = within(ready) || (grows && ready < count && (within(count) || load < count * ONE));
    if ready == 0 || is_enough { count } else { needed }
}

impl Realm {
    /// Lets demand move from now on.
    pub fn follow(&mut self, demand: Demand, common: &mut Common) {
        self.demand = demand;
        if demand == Demand::Still {
            return;
        }
        let scales = |kind| {
            matches!(kind, WorkloadKind::Deployment | WorkloadKind::ReplicaSet | WorkloadKind::StatefulSet)
        };
        let autoscaled = self.rest.autoscaled.iter().filter(|one| scales(one.workload.kind));
        let scalers = autoscaled.map(|one| {
            let WorkloadRef { namespace, name, .. } = &one.workload;
            let curve = Curve::new(self.seed, &format!("{}/{namespace}/{name}", self.id));
            let count = self.members(&one.workload).count();
            let base =
                (i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(ONE), curve.season(common.now));
            let (min, max) = (one.min_replicas.into(), one.max_replicas.into());
            let seen = (base.0, i64::try_from(count).unwrap_or(i64::MAX));
            Scaler { workload: one.workload.clone(), min, max, curve, base, wishes: VecDeque::new(), seen }
        });
        self.scalers = scalers.collect();
        if !self.scalers.is_empty() {
            common.after(SignedDuration::from_secs(LOOK_SECONDS), &self.id, Event::Autoscale);
        }
    }

    /// Every autoscaler looks at the load once.
    pub(super) fn autoscale(&mut self, common: &mut Common) {
        let mut scalers = std::mem::take(&mut self.scalers);
        for scaler in &mut scalers {
            let load = scaler.load(common.now);
            let (count, ready) = self.size(&scaler.workload);
            // None asked for: the autoscaler is off.
            if 0 < count {
                let wanted = scaler.decide(load, count, ready);
                self.scale(&scaler.workload, count, wanted, common);
            }
        }
        self.scalers = scalers;
        common.after(SignedDuration::from_secs(LOOK_SECONDS), &self.id, Event::Autoscale);
    }

    /// Pods of a workload that are not leaving for good.
    fn members<'r>(&'r self, workload: &'r WorkloadRef) -> impl Iterator<Item = (&'r String, &'r Life)> {
        let its = |life: &Life| life.is_member() && life.pod.owner.as_ref() == Some(workload);
        self.pods.iter().filter(move |(_, life)| its(life))
    }

    /// Pods of a workload, and how many of them serve.
    fn size(&self, workload: &WorkloadRef) -> (i64, i64) {
        let mut size = (0, 0);
        for (_, life) in self.members(workload) {
            size.0 += 1;
            size.1 += i64::from(self.is_healthy(life));
        }
        size
    }

    fn scale(&mut self, workload: &WorkloadRef, count: i64, wanted: i64, common: &mut Common) {
        if wanted == count {
            return;
        }
        common.note(
            &self.id,
            format_args!("{}/{}: {count} -> {wanted} pods", workload.namespace, workload.name),
        );
        for number in count..wanted {
            self.add_replica(workload, number, common);
        }
        for _ in wanted..count {
            self.retire_replica(workload, common);
        }
        let (now, _) = self.size(workload);
        let mut listed = self.rest.workloads.iter_mut();
        if let Some(listed) = listed.find(|one| one.reference == *workload) {
            listed.replicas = i32::try_from(now).unwrap_or(i32::MAX);
        }
        // Fewer pods than a moment ago, or more that are not ready yet: no budget was broken by that.
        self.excuse_budgets();
    }

    /// Makes a pod like its siblings. Claims of a StatefulSet are each pod's own: a new one is bound where the pod is.
    fn add_replica(&mut self, workload: &WorkloadRef, number: i64, common: &mut Common) {
        let Some(sibling) = self.members(workload).map(|(_, life)| life).next() else { return };
        if has_local_disk(&sibling.pod) {
            return;
        }
        let mut pod = like(&sibling.pod, common.now);
        if workload.kind == WorkloadKind::StatefulSet {
            pod.name = format!("{}-{number}", workload.name);
            pod.volumes.clear();
            if self.pods.contains_key(&pod.key()) {
                return;
            }
        } else {
            pod.name = self.free_pod_name(&pod.namespace, &workload.name);
        }
        let key = self.insert(pod, Phase::Pending, None);
        self.expect_of_budgets(&key, 1);
        self.unsettled = true;
    }

    /// Lets the pod go that its controller would choose.
    fn retire_replica(&mut self, workload: &WorkloadRef, common: &mut Common) {
        let mut on_node: BTreeMap<&str, usize> = BTreeMap::new();
        for node in self.members(workload).filter_map(|(_, life)| life.pod.node.as_deref()) {
            *on_node.entry(node).or_default() += 1;
        }
        let together = |pod: &Pod| pod.node.as_deref().and_then(|node| on_node.get(node)).copied();
        let rank = |life: &Life| match life.phase {
            Phase::Pending => 2,
            Phase::Starting => 1,
            Phase::Healthy | Phase::Terminating => 0,
        };
        // ReplicaSets: who waits, then who is not ready, then who has most siblings beside it, then the newest.
        // StatefulSets: the highest number. Source: kubernetes/kubernetes pkg/controller, ActivePodsWithRanks.
        let order = |life: &Life| match workload.kind {
            WorkloadKind::StatefulSet => (ordinal(&life.pod), 0, None, 0),
            _ => (0, rank(life), together(&life.pod), life.serial),
        };
        let chosen = self.members(workload).max_by_key(|(_, life)| order(life)).map(|(key, _)| key.clone());
        if let Some(key) = chosen {
            self.expect_of_budgets(&key, -1);
            self.retire(&key, common);
        }
    }
}

/// The number at the end of a StatefulSet's pod.
fn ordinal(pod: &Pod) -> u64 {
    pod.name.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_is_kubernetes_own() {
        for (load, count, ready, want) in [
            (10_000, 10, 10, 10),
            // Within a tenth either way nothing happens.
            (11_000, 10, 10, 10),
            (11_001, 10, 10, 12),
            (9_000, 10, 10, 10),
            (8_999, 10, 10, 9),
            (25_500, 10, 10, 26),
            (1, 10, 10, 1),
            // Two that are on their way are enough, or nearly, or not.
            (11_900, 12, 10, 12),
            (13_200, 12, 10, 12),
            (13_201, 12, 10, 14),
            // Too many are ready already, whatever is on its way.
            (8_000, 12, 10, 8),
            // Nobody measures anything.
            (5_000, 3, 0, 3),
        ] {
            assert_eq!(wish(load, count, ready), want, "load {load}, {ready} of {count} ready");
        }
    }

    #[test]
    fn a_shrink_waits_five_minutes_and_bounds_hold() {
        let workload =
            WorkloadRef { kind: WorkloadKind::Deployment, namespace: "shop".into(), name: "cart".into() };
        let curve = Curve::new(1, "");
        let (min, max) = (2, 12);
        let (base, wishes, seen) = ((0, 1), VecDeque::new(), (0, 0));
        let mut scaler = Scaler { workload, min, max, curve, base, wishes, seen };
        let mut count = 10;
        for (load, want) in [
            (10_000, 10),
            (4_000, 10),
            (6_000, 10),
            (4_000, 10),
            (4_000, 10),
            (4_000, 6),
            (4_000, 6),
            (4_000, 4),
            (50_000, 12),
            (100, 12),
        ] {
            count = scaler.decide(load, count, count);
            assert_eq!(count, want, "at a load of {load}");
        }
        (0..5).for_each(|_| count = scaler.decide(100, count, count));
        assert_eq!(count, 2);
    }
}
