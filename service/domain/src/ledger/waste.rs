//! What costs money and serves nobody, as a look at a cluster shows it. Findings only: nothing is touched.
//!
//! [`look`] tells what is so now. Some rules hold only of what has been so for a while: [`Since`] remembers since when,
//! and [`proven`] keeps what has been so for long enough.

mod request;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::support::Support;
use super::{tariffs, volumes};
use crate::catalog::Catalog;
use crate::fleet::Node;
use crate::priced::{PersistentVolume, VolumePhase};
use crate::snapshot::ClusterState;
use crate::usage::ClusterUsage;

/// How long a claim has to be unmounted, or a group to be empty: a week, so that no weekend is taken for waste.
pub const IDLE_TIME_MIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rule {
    /// A volume that no claim has.
    VolumeReleased,
    /// A claim that no pod mounts.
    ClaimUnmounted,
    /// A volume of a type that costs more than its successor.
    VolumeGp2,
    /// A node group that carries DaemonSets only.
    GroupIdle,
    /// Requests so far above use that a node is there for them.
    RequestUnused,
    /// A Kubernetes version that is charged for its age.
    ExtendedSupport,
}

impl Rule {
    /// Its stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::VolumeReleased => "VOLUME_RELEASED",
            Self::ClaimUnmounted => "CLAIM_UNMOUNTED",
            Self::VolumeGp2 => "VOLUME_GP2",
            Self::GroupIdle => "GROUP_IDLE",
            Self::RequestUnused => "REQUEST_UNUSED",
            Self::ExtendedSupport => "EXTENDED_SUPPORT",
        }
    }

    /// How long it has to be so.
    fn time_min(self) -> SignedDuration {
        match self {
            Self::ClaimUnmounted | Self::GroupIdle => IDLE_TIME_MIN,
            Self::VolumeReleased | Self::VolumeGp2 | Self::RequestUnused | Self::ExtendedSupport => {
                SignedDuration::ZERO
            }
        }
    }
}

/// Something that costs money and serves nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waste {
    /// By which rule.
    pub rule: Rule,
    /// What it is about, such as `nodeGroup/web`. With the rule it is the key.
    pub subject: String,
    /// What it costs, nano-USD per hour, at list prices.
    pub nano_usd_per_hour: i64,
    /// What was seen.
    pub evidence: String,
    /// What to do.
    pub advice: String,
    /// Since when it has been seen so, if it was looked at before.
    pub since: Option<Timestamp>,
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct WasteInput<'a> {
    /// The cluster's objects.
    pub state: &'a ClusterState,
    /// Prices.
    pub catalog: &'a Catalog,
    /// Kubernetes version; empty: unknown.
    pub kubernetes_version: &'a str,
    /// What pods use; none known: no rule on requests holds.
    pub usage: &'a ClusterUsage,
    /// Now.
    pub now: Timestamp,
}

/// Since when what was seen has been so, by rule and subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since(Vec<(Rule, String, Timestamp)>);

impl Since {
    /// Takes in a look: what is new began now, what is gone is forgotten.
    #[must_use]
    pub fn after(self, seen: &[Waste], now: Timestamp) -> Self {
        let known: BTreeMap<(Rule, String), Timestamp> =
            self.0.into_iter().map(|(rule, subject, time)| ((rule, subject), time)).collect();
        let keys: BTreeSet<(Rule, String)> = seen.iter().map(|one| (one.rule, one.subject.clone())).collect();
        let began = |key: (Rule, String)| {
            let time = known.get(&key).copied().unwrap_or(now);
            (key.0, key.1, time)
        };
        Self(keys.into_iter().map(began).collect())
    }

    fn of(&self, waste: &Waste) -> Option<Timestamp> {
        let found = self.0.iter().find(|(rule, subject, _)| *rule == waste.rule && *subject == waste.subject);
        found.map(|(.., time)| *time)
    }
}

/// What has been so for as long as its rule asks, with since when; by falling cost.
pub fn proven(seen: Vec<Waste>, since: &Since, now: Timestamp) -> Vec<Waste> {
    let dated = seen.into_iter().map(|waste| Waste { since: since.of(&waste), ..waste });
    dated
        .filter(|waste| {
            let lasted = waste.since.map_or(SignedDuration::ZERO, |since| now.duration_since(since));
            waste.rule.time_min() <= lasted
        })
        .collect()
}

/// What is so now, by falling cost, then by rule and subject.
pub fn look(input: &WasteInput<'_>) -> Vec<Waste> {
    let mut all: Vec<Waste> =
        input.state.volumes.iter().flat_map(|volume| of_volume(volume, input.state)).collect();
    all.extend(idle_groups(input));
    all.extend(request::unused(input));
    all.extend(old_version(input));
    all.sort_by(|one, other| {
        let key = |waste: &Waste| (waste.rule, waste.subject.clone());
        other.nano_usd_per_hour.cmp(&one.nano_usd_per_hour).then_with(|| key(one).cmp(&key(other)))
    });
    all
}

fn of_volume(volume: &PersistentVolume, state: &ClusterState) -> Vec<Waste> {
    let subject = format!("persistentVolume/{}", volume.name);
    let what = format!("{} GB of {}", volume.gb, volume.volume_type);
    let cost = volumes::per_hour(volume);
    let is_mounted =
        state.pods.iter().flat_map(|pod| &pod.volumes).any(|mounted| mounted.claim == volume.claim);
    let unused = match volume.phase {
        VolumePhase::Bound if is_mounted || volume.claim.is_empty() => None,
        VolumePhase::Bound => Some((
            Rule::ClaimUnmounted,
            format!("claim {} has {what}, and no pod mounts it", volume.claim),
            "delete the claim if its data is not needed, or keep a snapshot of it".to_owned(),
        )),
        VolumePhase::Available | VolumePhase::Released | VolumePhase::Failed => Some((
            Rule::VolumeReleased,
            format!("{what} is {:?}: no claim has it", volume.phase),
            "delete the volume if its data is not needed, or keep a snapshot of it".to_owned(),
        )),
    };
    // What serves nobody costs that once.
    let old = (unused.is_none() && volume.volume_type == "gp2").then(|| {
        let newer = PersistentVolume {
            volume_type: "gp3".into(),
            iops: None,
            throughput_mibps: None,
            ..volume.clone()
        };
        Waste {
            rule: Rule::VolumeGp2,
            subject: subject.clone(),
            nano_usd_per_hour: cost.saturating_sub(volumes::per_hour(&newer)),
            evidence: format!("{what}; gp3 costs a fifth less"),
            advice: "change its type to gp3, which needs no restart; compare IOPS above 1,000 GB".to_owned(),
            since: None,
        }
    });
    let unused = unused.filter(|_| 0 < cost).map(|(rule, evidence, advice)| Waste {
        rule,
        subject: subject.clone(),
        nano_usd_per_hour: cost,
        evidence,
        advice,
        since: None,
    });
    unused.into_iter().chain(old).collect()
}

/// What a node costs, nano-USD per hour; 0 if nobody knows.
fn node_price(node: &Node, catalog: &Catalog) -> i64 {
    catalog.price(&node.instance_type, &node.zone, node.kind).map_or(0, |rate| rate.nano_usd())
}

fn idle_groups(input: &WasteInput<'_>) -> Vec<Waste> {
    let state = input.state;
    let works = state.pods.iter().filter(|pod| !super::inventory::is_daemon(pod));
    let busy: BTreeSet<&str> = works.filter_map(|pod| pod.node.as_deref()).collect();
    let mut groups: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
    for node in state.nodes.iter().filter(|node| !node.group.is_empty()) {
        groups.entry(&node.group).or_default().push(node);
    }
    let idle =
        groups.into_iter().filter(|(_, nodes)| nodes.iter().all(|node| !busy.contains(node.name.as_str())));
    idle.map(|(group, nodes)| Waste {
        rule: Rule::GroupIdle,
        subject: format!("nodeGroup/{group}"),
        nano_usd_per_hour: nodes
            .iter()
            .map(|node| node_price(node, input.catalog))
            .fold(0, i64::saturating_add),
        evidence: format!("{} node(s) carry nothing but DaemonSets", nodes.len()),
        advice: "lower the group's minimum to 0, or delete it".to_owned(),
        since: None,
    })
    .collect()
}

fn old_version(input: &WasteInput<'_>) -> Option<Waste> {
    let version = input.kubernetes_version;
    Support::of(version).is_extended_at(input.now).then(|| Waste {
        rule: Rule::ExtendedSupport,
        subject: "cluster".to_owned(),
        nano_usd_per_hour: tariffs::EXTENDED_SUPPORT.nano_usd,
        evidence: format!("Kubernetes {version} is past its standard support"),
        advice: "upgrade the control plane, one minor version at a time".to_owned(),
        since: None,
    })
}

#[cfg(test)]
mod tests;
