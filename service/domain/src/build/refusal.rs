//! Why nothing can carry a pod.

use std::fmt;

use super::bits::Bits;
use super::capacity::Axes;
use super::pods::Kin;
use super::reach::{Obstacle, Stage};
use super::sites::Sites;
use crate::workload::untolerated;

/// Pods that nothing which runs or can be bought could carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose pods they are: the workload, or the pod if it has none, `namespace/name`.
    pub demand: String,
    /// The pods, `namespace/name`.
    pub pods: Vec<String>,
    /// What comes nearest to carrying them; none: nothing does.
    pub nearest: Option<String>,
    /// One sentence for people: what is asked, what there is, and what would help.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.demand, self.reason)
    }
}

/// What refusals are read from.
pub(super) struct Case<'a, 's> {
    pub axes: &'a Axes,
    pub sites: &'a Sites<'s>,
    /// By site: what it holds.
    pub free: &'a [Vec<i64>],
}

impl Case<'_, '_> {
    /// Explains from the stages which one left nothing; returns what came nearest, and why it would not do.
    pub fn explain(&self, kin: &Kin, stages: &[Stage], request: &[i64]) -> (Option<String>, String) {
        let mut left = Bits::of(self.sites.len(), |_| true);
        for (obstacle, row) in stages {
            let mut next = left.clone();
            next.intersect(row);
            if next.is_empty() {
                let nearest = self.nearest(*obstacle, &left, request);
                let reason = self.reason(*obstacle, kin, nearest, request);
                return (nearest.map(|site| self.name(site)), reason);
            }
            left = next;
        }
        (None, "no node may take it".into())
    }

    /// The site that lacks least, for want of room; else the cheapest.
    fn nearest(&self, obstacle: Obstacle, left: &Bits, request: &[i64]) -> Option<usize> {
        let by_room = |site: usize| match obstacle {
            Obstacle::Capacity => shortage(request, &self.free[site]),
            _ => 0.0,
        };
        let price = |site: usize| self.sites.all[site].price.unwrap_or_default();
        left.iter().min_by(|one, other| {
            by_room(*one).total_cmp(&by_room(*other)).then_with(|| price(*one).cmp(&price(*other)))
        })
    }

    fn name(&self, site: usize) -> String {
        let place = &self.sites.all[site];
        match place.node {
            Some(_) => format!("a running {} in {}", place.instance_type, place.zone),
            None => format!("{} in {}", place.instance_type, place.zone),
        }
    }

    fn reason(&self, obstacle: Obstacle, kin: &Kin, nearest: Option<usize>, request: &[i64]) -> String {
        let at = nearest.map_or_else(|| "anything".to_owned(), |site| self.name(site));
        match obstacle {
            Obstacle::Selector => "no node, running or new, has the labels that its selectors demand".into(),
            Obstacle::Volume => "no node that its selectors allow can attach its volumes".into(),
            Obstacle::Architecture => format!("its images are not known to run on the architecture of {at}"),
            Obstacle::Taint => format!("it does not tolerate {} of {at}", self.taint(kin, nearest)),
            Obstacle::Accelerator => {
                format!("{at} is only for pods that ask for its accelerator or name its type")
            }
            Obstacle::GpuClass => GPU_UNKNOWN.into(),
            Obstacle::Spot => format!("it may not run on spot, and {at} could take it no other way"),
            Obstacle::HostPort => format!("a DaemonSet on {at} has its host port"),
            Obstacle::Repelled => format!("a DaemonSet or static pod on {at} keeps it away by anti-affinity"),
            Obstacle::Capacity => self.shortage_text(&at, nearest, request),
            Obstacle::Sealed => format!("only {at} could take it, which takes no newcomers"),
        }
    }

    fn taint(&self, kin: &Kin, site: Option<usize>) -> String {
        let taints = site.map(|site| &self.sites.taint_sets[self.sites.all[site].taints as usize]);
        let taint = taints.and_then(|taints| untolerated(taints, &kin.scheduling.tolerations));
        taint.map_or_else(|| "a taint".to_owned(), |taint| format!("the taint {}", taint.key))
    }

    fn shortage_text(&self, at: &str, nearest: Option<usize>, request: &[i64]) -> String {
        let have = nearest.map(|site| self.free[site].as_slice()).unwrap_or_default();
        let asked = self.axes.names.iter().zip(request).zip(have);
        let mut short = asked.filter(|((_, ask), have)| have < ask);
        short.next().map_or_else(
            || "it is larger than any node".to_owned(),
            |((name, ask), have)| {
                format!("it asks for {ask} of {name}; {at}, which comes nearest, has {have}")
            },
        )
    }
}

const GPU_UNKNOWN: &str = "it is not known which GPU it needs, or none of that kind is on offer: neither it nor a \
                           sibling runs, and no running group could hold it; name the GPU in the policy's gpu_classes";

/// How much of the scarcest resource is missing, as a multiple of what there is.
fn shortage(request: &[i64], free: &[i64]) -> f64 {
    let ratio = |(ask, have): (&i64, &i64)| *ask as f64 / (*have).max(1) as f64;
    request.iter().zip(free).filter(|(ask, have)| have < ask).map(ratio).fold(0.0, f64::max)
}
