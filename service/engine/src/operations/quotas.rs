//! Whether the account may have what steps ask for, before the first of them.

use std::collections::BTreeMap;
use std::time::Duration;

use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::estate::{Estate, Part};
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::operation::{Step, StepRecord};
use plimsoll_domain::quota::{Need, Things, Wish, shortages};
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::world::CloudError;
use tracing::warn;

use crate::Error;

/// Longest wait for quotas. A guess: some ten calls that are answered within a second each.
const READ_MAX: Duration = Duration::from_secs(15);

/// Refuses steps that quotas of the account forbid. Quotas that cannot be read, or not in time, forbid nothing: AWS itself will.
///
/// # Errors
/// [`Error::Unready`] with everything that is short.
pub async fn expect_room(estate: &dyn Estate, wishes: &[Wish]) -> Result<(), Error> {
    if wishes.is_empty() {
        return Ok(());
    }
    let late = |_| Err(CloudError::Failed(format!("nothing was told within {} s", READ_MAX.as_secs())));
    let quotas = match tokio::time::timeout(READ_MAX, estate.quotas()).await.unwrap_or_else(late) {
        Ok(quotas) => quotas,
        Err(why) => {
            warn!(%why, "quotas are not known, and not judged");
            return Ok(());
        }
    };
    match shortages(&quotas, wishes) {
        short if short.is_empty() => Ok(()),
        short => Err(Error::Unready(short.join("; "))),
    }
}

/// What steps add: nodes that leave do so later. `now`: the cluster, where there is one.
pub fn of_steps(steps: &[StepRecord], now: Option<&ClusterState>, catalog: &Catalog) -> Vec<Wish> {
    let groups = groups(steps, now);
    let mut wishes = Vec::new();
    let mut wish = |need, count: i64, who: String| wishes.push(Wish { need, count, who });
    for record in steps {
        match &record.step {
            Step::EnsureGroup { spec } => wish(Need::Things(Things::Groups), 1, spec.name.clone()),
            Step::Grow { group, from, to } => {
                wish(Need::Things(Things::NodesOfGroup), i64::from(*to), format!("nodes of {group}"));
                let Some((kind, types)) = groups.get(group.as_str()) else { continue };
                let vcpus = |name: &&String| catalog.types.get(name.as_str()).map_or(0, |known| known.vcpu);
                // The least that it may come to: what cannot be even then is refused.
                let Some(least) = types.iter().copied().min_by_key(vcpus) else { continue };
                let more = to.saturating_sub(*from);
                let count = i64::from(more).saturating_mul(vcpus(&least));
                let need = Need::Vcpus { kind: *kind, instance_type: least.clone() };
                wish(need, count, format!("{more} {least} of {group}"));
            }
            Step::Ensure { part: Part::ControlPlane(_) } => {
                wish(Need::Things(Things::Clusters), 1, "the cluster".to_owned())
            }
            Step::Ensure { part: Part::Network(network) } => {
                let gates = if network.nat_per_zone { network.zones.len() } else { 1 };
                wish(Need::Things(Things::Networks), 1, "its network".to_owned());
                let count = i64::try_from(gates).unwrap_or(i64::MAX);
                wish(Need::Things(Things::Addresses), count, "NAT gateways".to_owned());
            }
            _ => {}
        }
    }
    wishes
}

/// How nodes of each group are bought, and the types that they may have.
fn groups<'a>(
    steps: &'a [StepRecord],
    now: Option<&'a ClusterState>,
) -> BTreeMap<&'a str, (CapacityKind, Vec<&'a String>)> {
    let mut groups: BTreeMap<&str, (CapacityKind, Vec<&String>)> = BTreeMap::new();
    for node in now.iter().flat_map(|state| &state.nodes) {
        let (_, types) = groups.entry(&node.group).or_insert((node.kind, Vec::new()));
        types.push(&node.instance_type);
    }
    for record in steps {
        if let Step::EnsureGroup { spec } = &record.step {
            groups.insert(&spec.name, (spec.kind, spec.instance_types.iter().collect()));
        }
    }
    groups
}
