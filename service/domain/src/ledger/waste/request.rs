//! Requests that nobody uses, where a node is there for them.

use std::collections::BTreeMap;

use super::{Rule, Waste, WasteInput, node_price};
use crate::fleet::Node;
use crate::ledger::inventory::is_daemon;
use crate::ledger::observe::owner_text;
use crate::resources::Resources;
use crate::usage::{ContainerUsage, Key};
use crate::workload::{Pod, WorkloadRef};

/// A request so many times the 95th percentile of use is too large.
const RATIO_MIN: f64 = 1.5;
/// The percentile.
const QUANTILE: f64 = 0.95;
/// With less history than this nothing is said, days: two weeks, so that what happens weekly was seen twice.
const HISTORY_DAYS_MIN: f64 = 14.0;
/// Workloads that are looked at, by what they ask for in vain: the search tries every node for each.
const WORKLOADS_MAX: usize = 20;
/// Nodes that are tried for each, the dearest first.
const NODES_MAX: usize = 100;

/// Workloads whose requests, lowered to what they use, would let a node go that has to stay as it is.
pub(super) fn unused(input: &WasteInput<'_>) -> Vec<Waste> {
    let excess = excess(input);
    if excess.is_empty() {
        return Vec::new();
    }
    let now = dearest_to_go(input, &BTreeMap::new());
    let found = excess.into_iter().filter_map(|(workload, less)| {
        let lowered = BTreeMap::from([(workload, less.clone())]);
        let node = dearest_to_go(input, &lowered)?;
        let price = node_price(node, input.catalog);
        let gain = price.saturating_sub(now.map_or(0, |node| node_price(node, input.catalog)));
        (0 < gain).then(|| Waste {
            rule: Rule::RequestUnused,
            subject: format!("{}/{}", workload.namespace, owner_text(Some(workload))),
            nano_usd_per_hour: gain,
            evidence: format!(
                "each pod asks for {}m and {} MiB more than it uses in 95 of 100 cases; with less, the pods of node {} fit \
                 on others",
                less.cpu_milli,
                less.memory_bytes >> 20,
                node.name
            ),
            advice: "lower its requests: see the right-sizing recommendation".to_owned(),
            since: None,
        })
    });
    found.collect()
}

/// What each pod of a workload asks for beyond its use, where that is known long enough; the largest first.
fn excess<'a>(input: &WasteInput<'a>) -> Vec<(&'a WorkloadRef, Resources)> {
    let mut all: BTreeMap<&WorkloadRef, (Resources, i64)> = BTreeMap::new();
    for pod in input.state.pods.iter().filter(|pod| pod.node.is_some()) {
        let Some(workload) = pod.owner.as_ref().filter(|_| !is_daemon(pod)) else { continue };
        if let Some((_, count)) = all.get_mut(workload) {
            *count += 1;
            continue;
        }
        all.insert(workload, (of_pod(input, pod, workload), 1));
    }
    let mut list: Vec<(&WorkloadRef, Resources, i64)> = all
        .into_iter()
        .filter(|(_, (less, _))| *less != Resources::default())
        .map(|(workload, (less, count))| (workload, less, count))
        .collect();
    list.sort_by_key(|(workload, less, count)| {
        (std::cmp::Reverse(less.cpu_milli.saturating_mul(*count)), *workload)
    });
    list.into_iter().take(WORKLOADS_MAX).map(|(workload, less, _)| (workload, less)).collect()
}

fn of_pod(input: &WasteInput<'_>, pod: &Pod, workload: &WorkloadRef) -> Resources {
    let mut less = Resources::default();
    for container in pod.containers.iter().filter(|container| !container.init) {
        let key = Key { workload: workload.clone(), container: container.name.clone() };
        let Some(used) = input.usage.containers.get(&key).filter(|used| HISTORY_DAYS_MIN <= used.days())
        else {
            continue;
        };
        let (cpu, memory) = use_of(used);
        less.cpu_milli += beyond(container.requests.cpu_milli, cpu);
        less.memory_bytes += beyond(container.requests.memory_bytes, memory);
    }
    less
}

/// CPU in milli-CPU and memory in bytes; memory by its peak, for what is taken away is not given back.
fn use_of(used: &ContainerUsage) -> (Option<f64>, Option<f64>) {
    (used.cpu.percentile(QUANTILE), used.memory_peak().map(|bytes| bytes as f64))
}

fn beyond(request: i64, used: Option<f64>) -> i64 {
    match used {
        Some(used) if used * RATIO_MIN < request as f64 => request - used.ceil() as i64,
        _ => 0,
    }
}

/// The dearest node whose pods would fit on the others, by what they ask for, with the requests of some workloads lower.
fn dearest_to_go<'a>(input: &WasteInput<'a>, less: &BTreeMap<&WorkloadRef, Resources>) -> Option<&'a Node> {
    let state = input.state;
    let mut free: BTreeMap<&str, Resources> =
        state.nodes.iter().map(|node| (node.name.as_str(), node.allocatable.clone())).collect();
    let mut movable: BTreeMap<&str, Vec<Resources>> = BTreeMap::new();
    for pod in &state.pods {
        let Some(node) = pod.node.as_deref() else { continue };
        let lower = pod.owner.as_ref().and_then(|owner| less.get(owner));
        let asked = lower.map_or_else(|| pod.requests.clone(), |lower| pod.requests.minus(lower));
        if let Some(room) = free.get_mut(node) {
            *room = room.minus(&asked);
        }
        if !is_daemon(pod) {
            movable.entry(node).or_default().push(asked);
        }
    }
    let mut nodes: Vec<&Node> = state.nodes.iter().collect();
    nodes.sort_by_key(|node| (std::cmp::Reverse(node_price(node, input.catalog)), &node.name));
    nodes.into_iter().take(NODES_MAX).find(|node| {
        let pods = movable.get(node.name.as_str()).map_or(&[][..], Vec::as_slice);
        let mut others: Vec<Resources> =
            free.iter().filter(|(name, _)| **name != node.name).map(|(_, room)| room.clone()).collect();
        pods.iter().all(|pod| match others.iter_mut().find(|room| pod.fits(room)) {
            Some(room) => {
                *room = room.minus(pod);
                true
            }
            None => false,
        })
    })
}
