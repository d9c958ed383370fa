//! What a fleet of before would have cost on the demand that came.
//!
//! The old policy was: groups keep their size, and grow when pods find no room. So each hour begins with the groups as
//! they were; the pods that were seen, DaemonSets aside, are put on their nodes, largest first, each where it fits first;
//! one that fits nowhere adds a node of the cheapest group whose empty node holds it, until the hour is over. Only what
//! pods ask for counts: zones, selectors and spread do not, so the old fleet is never made dearer than it was. No node is
//! taken away, for nobody did. Deterministic: the same hour gives the same cost, in whatever order pods are listed.

use std::collections::BTreeMap;

use super::split::Shape;
use super::{Observation, PodSeen};

/// Most nodes that a replay grows to: ten times what one cluster of EKS is tested with.
pub const REPLAY_NODES_MAX: usize = 150_000;

/// A node group as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldGroup {
    /// Its name; unique.
    pub name: String,
    /// Nodes that it had.
    pub count: u32,
    /// What a node of it leaves to pods, its DaemonSets taken off.
    pub room: Shape,
    /// What a node of it costs in the hour that is replayed, nano-USD; none: nobody knows.
    pub nano_usd: Option<i64>,
}

/// An hour of the old fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayedHour {
    /// What it would have cost, nano-USD.
    pub nano_usd: i64,
    /// What it would have cost without growing, nano-USD: as it was planned, at the hour's prices.
    pub nano_usd_at_size: i64,
    /// Nodes that it would have had, by group.
    pub counts: BTreeMap<String, u32>,
}

/// Why an hour cannot be replayed: the counterfactual is unknown then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Nobody looked at the cluster in that hour.
    #[error("nothing was seen in the hour")]
    Unseen,
    /// A price is missing.
    #[error("the price of group {0} is not known")]
    NoPrice(String),
    /// No group has nodes that are large enough.
    #[error("pod {0} fits on no node of the old groups")]
    NoRoom(String),
    /// It would grow beyond [`REPLAY_NODES_MAX`].
    #[error("more than {REPLAY_NODES_MAX} nodes")]
    TooLarge,
}

/// Replays an hour: `seen` are its observations. What counts is the fullest of them, by each of CPU, memory and GPUs.
///
/// # Errors
/// As of [`ReplayError`].
pub fn replay(groups: &[OldGroup], seen: &[Observation]) -> Result<ReplayedHour, ReplayError> {
    let mut groups: Vec<(&OldGroup, i64)> = groups
        .iter()
        .map(|group| Ok((group, group.nano_usd.ok_or_else(|| ReplayError::NoPrice(group.name.clone()))?)))
        .collect::<Result<_, _>>()?;
    groups.sort_by(|(one, price), (other, other_price)| (price, &one.name).cmp(&(other_price, &other.name)));
    let looks = fullest(seen);
    if looks.is_empty() {
        return Err(ReplayError::Unseen);
    }
    let mut counts: BTreeMap<&str, u32> =
        groups.iter().map(|(group, _)| (group.name.as_str(), group.count)).collect();
    for look in looks {
        for (name, count) in grown(&groups, look)? {
            let most = counts.entry(name).or_insert(0);
            *most = (*most).max(count);
        }
    }
    let cost = |count: &dyn Fn(&OldGroup) -> u32| {
        let of = |(group, price): &(&OldGroup, i64)| price.saturating_mul(i64::from(count(group)));
        groups.iter().map(of).fold(0, i64::saturating_add)
    };
    Ok(ReplayedHour {
        nano_usd: cost(&|group| counts.get(group.name.as_str()).copied().unwrap_or(0)),
        nano_usd_at_size: cost(&|group| group.count),
        counts: counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
    })
}

/// The observations that ask for most CPU, memory and GPUs; the earliest of equal ones.
fn fullest(seen: &[Observation]) -> Vec<&Observation> {
    let sums: [fn(&PodSeen) -> i64; 3] = [|pod| pod.cpu_milli, |pod| pod.memory_bytes, |pod| pod.gpus];
    let of = |sum: fn(&PodSeen) -> i64| {
        seen.iter().max_by_key(|look| {
            let all = look.pods.iter().filter(|pod| !pod.daemon).map(sum).fold(0, i64::saturating_add);
            (all, std::cmp::Reverse(look.time))
        })
    };
    let mut looks: Vec<&Observation> = sums.into_iter().filter_map(of).collect();
    looks.sort_by_key(|look| look.time);
    looks.dedup_by_key(|look| look.time);
    looks
}

/// Nodes of each group that hold the pods of an observation.
fn grown<'a>(
    groups: &[(&'a OldGroup, i64)],
    look: &Observation,
) -> Result<BTreeMap<&'a str, u32>, ReplayError> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut nodes: Vec<Shape> = Vec::new();
    for (group, _) in groups {
        counts.insert(&group.name, group.count);
        let count = usize::try_from(group.count).unwrap_or(usize::MAX);
        if REPLAY_NODES_MAX < nodes.len().saturating_add(count) {
            return Err(ReplayError::TooLarge);
        }
        nodes.extend(std::iter::repeat_n(group.room, count));
    }
    let mut pods: Vec<&PodSeen> = look.pods.iter().filter(|pod| !pod.daemon).collect();
    // Scarce things first, so that what needs a GPU is not kept from it by what does not.
    pods.sort_by(|one, other| {
        let size = |pod: &PodSeen| (pod.gpus, pod.memory_bytes, pod.cpu_milli);
        size(other)
            .cmp(&size(one))
            .then_with(|| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)))
    });
    for pod in pods {
        if let Some(node) = nodes.iter_mut().find(|node| fits(pod, node)) {
            take(pod, node);
            continue;
        }
        let group = groups.iter().map(|(group, _)| *group).find(|group| fits(pod, &group.room));
        let group = group.ok_or_else(|| ReplayError::NoRoom(format!("{}/{}", pod.namespace, pod.name)))?;
        if REPLAY_NODES_MAX <= nodes.len() {
            return Err(ReplayError::TooLarge);
        }
        let mut node = group.room;
        take(pod, &mut node);
        nodes.push(node);
        *counts.entry(&group.name).or_insert(0) += 1;
    }
    Ok(counts)
}

fn fits(pod: &PodSeen, node: &Shape) -> bool {
    pod.cpu_milli <= node.cpu_milli && pod.memory_bytes <= node.memory_bytes && pod.gpus <= node.gpus
}

fn take(pod: &PodSeen, node: &mut Shape) {
    node.cpu_milli -= pod.cpu_milli.max(0);
    node.memory_bytes -= pod.memory_bytes.max(0);
    node.gpus -= pod.gpus.max(0);
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn group(name: &str, count: u32, cpu_milli: i64, gpus: i64, price: i64) -> OldGroup {
        let room = Shape { cpu_milli, memory_bytes: 8_000, gpus };
        OldGroup { name: name.into(), count, room, nano_usd: Some(price) }
    }

    fn pod(name: &str, cpu_milli: i64, gpus: i64) -> PodSeen {
        PodSeen { name: name.into(), cpu_milli, gpus, memory_bytes: 10, ..PodSeen::default() }
    }

    fn look(second: i64, pods: Vec<PodSeen>) -> Observation {
        Observation { time: Timestamp::from_second(second).expect("a time"), pods, ..Observation::default() }
    }

    #[track_caller]
    fn check(groups: &[OldGroup], seen: &[Observation], want: Result<(i64, i64), &str>) {
        let got = replay(groups, seen).map(|hour| (hour.nano_usd, hour.nano_usd_at_size));
        assert_eq!(got.map_err(|error| error.to_string()), want.map_err(str::to_owned));
    }

    #[test]
    fn groups_keep_their_size_and_grow_when_pods_find_no_room() {
        let groups =
            [group("small", 2, 1000, 0, 10), group("large", 1, 4000, 0, 35), group("gpu", 0, 4000, 1, 90)];
        let of = |pods: &[(i64, i64)]| {
            pods.iter()
                .enumerate()
                .map(|(index, (cpu, gpus))| pod(&format!("p{index}"), *cpu, *gpus))
                .collect::<Vec<_>>()
        };
        check(&groups, &[look(0, vec![])], Ok((55, 55)));
        check(&groups, &[look(0, of(&[(1000, 0); 6]))], Ok((55, 55)));
        check(&groups, &[look(0, of(&[(1000, 0); 7]))], Ok((65, 55)));
        check(&groups, &[look(0, of(&[(3000, 0); 3]))], Ok((125, 55)));
        check(&groups, &[look(0, of(&[(100, 1)]))], Ok((145, 55)));
        let hour = [look(0, of(&[(1000, 0); 6])), look(60, of(&[(1000, 0); 8])), look(120, vec![])];
        check(&groups, &hour, Ok((75, 55)));
        let daemon = PodSeen { daemon: true, ..pod("agent", 9000, 0) };
        check(&groups, &[look(0, vec![daemon])], Ok((55, 55)));
    }

    #[test]
    fn what_cannot_be_known_is_said() {
        let groups = [group("small", 2, 1000, 0, 10)];
        check(&groups, &[], Err("nothing was seen in the hour"));
        check(
            &groups,
            &[look(0, vec![pod("big", 1001, 0)])],
            Err("pod /big fits on no node of the old groups"),
        );
        let unknown = OldGroup { nano_usd: None, ..group("odd", 1, 1000, 0, 0) };
        check(&[unknown], &[look(0, vec![])], Err("the price of group odd is not known"));
        check(&[group("vast", u32::MAX, 1, 0, 1)], &[look(0, vec![])], Err("more than 150000 nodes"));
    }

    #[test]
    fn the_order_of_pods_does_not_matter() {
        let groups = [group("b", 1, 1500, 0, 10), group("a", 1, 1500, 0, 10)];
        let mut pods: Vec<PodSeen> = (0..9).map(|index| pod(&format!("p{index}"), 100 * index, 0)).collect();
        let first = replay(&groups, &[look(0, pods.clone())]);
        pods.reverse();
        assert_eq!(replay(&groups, &[look(0, pods)]), first);
        assert!(
            first.is_ok_and(|hour| hour.counts["a"] == 2 && hour.counts["b"] == 1),
            "the first by name grows"
        );
    }
}
