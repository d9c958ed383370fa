//! Who used a node, second by second.
//!
//! What an observation shows holds until the next. A pod takes the larger of what it asks for and what it used, and of
//! accelerators what it asks for; if all together take more than the node can give, each gets the less for it, and
//! nothing is idle. What a pod used is told by the observation at the end of a span, for that is when it was measured.

use std::collections::BTreeMap;

use super::stay::Stay;
use crate::ledger::inventory::Room;
use crate::ledger::money::largest_remainder;
use crate::ledger::rows::{AllocationKind, Share};
use crate::ledger::{Observation, PodSeen, Quality};

/// Whose a part is: what tells allocations of one share apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner<'a> {
    pub kind: AllocationKind,
    pub namespace: &'a str,
    pub workload: &'a str,
    pub pod: &'a str,
    pub team: &'a str,
    pub model: &'a str,
}

impl<'a> Owner<'a> {
    /// Nobody in particular.
    pub fn nobody(kind: AllocationKind) -> Self {
        Self { kind, namespace: "", workload: "", pod: "", team: "", model: "" }
    }

    fn of(pod: &'a PodSeen) -> Self {
        let kind = if pod.daemon { AllocationKind::DaemonSet } else { AllocationKind::Workload };
        let (namespace, workload) = (&pod.namespace, &pod.workload);
        Self { kind, namespace, workload, pod: &pod.name, team: &pod.team, model: &pod.model }
    }
}

/// Weights of the owners of one share of a node: amount times seconds, and how well each is known.
pub(super) type Weights<'a> = BTreeMap<Owner<'a>, (u64, Quality)>;

/// A span of time in which the same pods are on the nodes.
#[derive(Clone, Copy, Debug)]
struct Look {
    from: i64,
    to: i64,
    quality: Quality,
}

/// A pod on a node and what it takes.
#[derive(Clone, Copy, Debug)]
struct Seat<'a> {
    pod: &'a PodSeen,
    cpu_milli: i64,
    memory_bytes: i64,
}

/// All that was seen, by provider id.
pub(super) struct Watch<'a> {
    /// By time.
    spans: Vec<Look>,
    /// By provider id: pods by the index of the span.
    by_node: BTreeMap<&'a str, BTreeMap<usize, Vec<Seat<'a>>>>,
}

impl<'a> Watch<'a> {
    /// Puts observations in order. Of two at the same second the last in the list counts.
    pub fn new(observations: &'a [Observation], interval_seconds: i64, hold_seconds: i64) -> Self {
        let by_time: BTreeMap<i64, &Observation> =
            observations.iter().map(|seen| (seen.time.as_second(), seen)).collect();
        let times: Vec<i64> = by_time.keys().copied().collect();
        let mut spans = Vec::new();
        let mut by_node: BTreeMap<&str, BTreeMap<usize, Vec<Seat<'_>>>> = BTreeMap::new();
        for (index, (from, seen)) in by_time.iter().enumerate() {
            let next = times.get(index + 1).copied();
            let measured = from.saturating_add(interval_seconds.max(1));
            let held = from.saturating_add(interval_seconds.max(hold_seconds).max(1));
            let until = next.unwrap_or(i64::MAX).min(held);
            let later = next.and_then(|next| by_time.get(&next)).filter(|_| next == Some(until));
            let seats = seats(seen, later.copied());
            let cut = until.min(measured);
            for (from, to, quality) in [(*from, cut, Quality::Measured), (cut, until, Quality::Estimated)] {
                if from < to {
                    for seat in &seats {
                        let node = by_node.entry(seat.pod.provider_id.as_str()).or_default();
                        node.entry(spans.len()).or_default().push(*seat);
                    }
                    spans.push(Look { from, to, quality });
                }
            }
        }
        Self { spans, by_node }
    }

    /// Who used a machine during its stay, by share. Every share has an owner whose weight is not zero, unless the stay
    /// has no second.
    pub fn weigh(&self, provider_id: &str, stay: &Stay, room: &Room) -> BTreeMap<Share, Weights<'a>> {
        let mut tally = Tally::new(*room);
        tally.reserve(stay.seconds());
        let none = BTreeMap::new();
        let seats = self.by_node.get(provider_id).unwrap_or(&none);
        let mut seen_until = stay.from;
        let first = self.spans.partition_point(|span| span.to <= stay.from);
        for (index, span) in self.spans.iter().enumerate().skip(first) {
            if stay.to <= span.from {
                break;
            }
            let (from, to) = (span.from.max(stay.from), span.to.min(stay.to));
            tally.unseen(from - seen_until);
            let pods = seats.get(&index).map_or(&[][..], Vec::as_slice);
            tally.seen(pods, to - from, span.quality);
            seen_until = to;
        }
        tally.unseen(stay.to - seen_until);
        tally.shares
    }
}

/// Pods of an observation with what they take; `later` tells what they used.
fn seats<'a>(seen: &'a Observation, later: Option<&Observation>) -> Vec<Seat<'a>> {
    let used: BTreeMap<(&str, &str), &PodSeen> = later
        .iter()
        .flat_map(|later| &later.pods)
        .map(|pod| ((pod.namespace.as_str(), pod.name.as_str()), pod))
        .collect();
    let seat = |pod: &'a PodSeen| {
        let used = used.get(&(pod.namespace.as_str(), pod.name.as_str()));
        let used = used.filter(|used| used.provider_id == pod.provider_id);
        let cpu = used.and_then(|used| used.used_cpu_milli).unwrap_or(0);
        let memory = used.and_then(|used| used.used_memory_bytes).unwrap_or(0);
        Seat { pod, cpu_milli: pod.cpu_milli.max(cpu), memory_bytes: pod.memory_bytes.max(memory) }
    };
    let pods: BTreeMap<(&str, &str), &PodSeen> =
        seen.pods.iter().map(|pod| ((pod.namespace.as_str(), pod.name.as_str()), pod)).collect();
    pods.into_values().map(seat).collect()
}

/// Weights of one machine as they add up.
struct Tally<'a> {
    room: Room,
    shares: BTreeMap<Share, Weights<'a>>,
}

impl<'a> Tally<'a> {
    fn new(room: Room) -> Self {
        let shares = [Share::Cpu, Share::Memory, Share::Gpu];
        Self { room, shares: shares.map(|share| (share, Weights::new())).into() }
    }

    /// What the node keeps for itself, all the time that it is there.
    fn reserve(&mut self, seconds: u64) {
        for share in [Share::Cpu, Share::Memory, Share::Gpu] {
            let kept = self.capacity(share).saturating_sub(self.allocatable(share));
            let owner = Owner::nobody(AllocationKind::Overhead);
            self.add(share, owner, kept.saturating_mul(seconds), Quality::Measured);
        }
    }

    fn unseen(&mut self, seconds: i64) {
        let Some(seconds) = u64::try_from(seconds).ok().filter(|seconds| 0 < *seconds) else { return };
        for share in [Share::Cpu, Share::Memory, Share::Gpu] {
            let owner = Owner::nobody(AllocationKind::Unattributed);
            self.add(share, owner, self.allocatable(share).max(1).saturating_mul(seconds), Quality::Gap);
        }
    }

    fn seen(&mut self, pods: &[Seat<'a>], seconds: i64, quality: Quality) {
        let Some(seconds) = u64::try_from(seconds).ok().filter(|seconds| 0 < *seconds) else { return };
        for share in [Share::Cpu, Share::Memory, Share::Gpu] {
            let there = self.allocatable(share).saturating_mul(seconds);
            let mut taken: Vec<(Owner<'_>, u64)> = pods
                .iter()
                .map(|seat| (Owner::of(seat.pod), amount(seat, share).saturating_mul(seconds)))
                .collect();
            let sum = taken.iter().fold(0, |sum: u64, (_, weight)| sum.saturating_add(*weight));
            if there < sum {
                let parts = largest_remainder(i64::try_from(there).unwrap_or(i64::MAX), &taken);
                for ((_, weight), part) in taken.iter_mut().zip(parts) {
                    *weight = u64::try_from(part).unwrap_or(0);
                }
            }
            // A share that nobody can be given any of is idle as a whole.
            let idle = there.saturating_sub(sum).max(u64::from(there == 0 && self.capacity(share) == 0));
            self.add(share, Owner::nobody(AllocationKind::Idle), idle, quality);
            for (owner, weight) in taken {
                self.add(share, owner, weight, quality);
            }
        }
    }

    fn add(&mut self, share: Share, owner: Owner<'a>, weight: u64, quality: Quality) {
        if weight == 0 {
            return;
        }
        let weights = self.shares.entry(share).or_default();
        let entry = weights.entry(owner).or_insert((0, quality));
        entry.0 = entry.0.saturating_add(weight);
        entry.1 = entry.1.max(quality);
    }

    fn capacity(&self, share: Share) -> u64 {
        of_share(share, &self.room.capacity).max(self.allocatable(share))
    }

    fn allocatable(&self, share: Share) -> u64 {
        of_share(share, &self.room.allocatable)
    }
}

fn of_share(share: Share, shape: &crate::ledger::split::Shape) -> u64 {
    let value = match share {
        Share::Cpu => shape.cpu_milli,
        Share::Memory => shape.memory_bytes,
        Share::Gpu => shape.gpus,
        Share::Whole => 1,
    };
    u64::try_from(value).unwrap_or(0)
}

fn amount(seat: &Seat<'_>, share: Share) -> u64 {
    let value = match share {
        Share::Cpu => seat.cpu_milli,
        Share::Memory => seat.memory_bytes,
        Share::Gpu => seat.pod.gpus,
        Share::Whole => 0,
    };
    u64::try_from(value).unwrap_or(0)
}
