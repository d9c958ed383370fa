//! Who pays a charge: each of its four costs divided to the nano.

use std::collections::BTreeMap;

use super::presence::{Owner, Weights};
use crate::ledger::money::largest_remainder;
use crate::ledger::rows::Share;
use crate::ledger::{Allocation, Charge, Quality, SplitMethod};

/// The costs of a charge or of a part: list, contracted, effective, billed.
type Costs = [i64; 4];

/// Divides a charge by shares, and each share by its owners. A share that has no owners is left out of the division; if
/// none has any, nothing is divided and the caller has to name somebody.
pub(super) fn divide(
    charge: &Charge,
    shares: &[(Share, u64)],
    owners: &BTreeMap<Share, Weights<'_>>,
    method: SplitMethod,
) -> Vec<Allocation> {
    let owned: Vec<(Share, u64)> = shares
        .iter()
        .copied()
        .filter(|(share, _)| owners.get(share).is_some_and(|weights| !weights.is_empty()))
        .collect();
    let of_shares = parts(costs(charge), &owned);
    let mut rows = Vec::new();
    for ((share, _), share_costs) in owned.iter().zip(of_shares) {
        let weights: Vec<(&Owner<'_>, u64)> =
            owners[share].iter().map(|(owner, (weight, _))| (owner, *weight)).collect();
        for ((owner, (_, quality)), costs) in owners[share].iter().zip(parts(share_costs, &weights)) {
            if costs != [0; 4] {
                rows.push(allocation(charge, *share, owner, *quality, costs, method));
            }
        }
    }
    rows
}

/// Gives the whole of a charge to owners by weight.
pub(super) fn give(charge: &Charge, owners: Weights<'_>, method: SplitMethod) -> Vec<Allocation> {
    divide(charge, &[(Share::Whole, 1)], &BTreeMap::from([(Share::Whole, owners)]), method)
}

fn costs(charge: &Charge) -> Costs {
    [charge.list_cost, charge.contracted_cost, charge.effective_cost, charge.billed_cost]
}

/// Each of the four costs by the same weights.
fn parts<K: Ord>(costs: Costs, weights: &[(K, u64)]) -> Vec<Costs> {
    let mut parts = vec![[0; 4]; weights.len()];
    for (index, cost) in costs.into_iter().enumerate() {
        // As a rule all four are the same.
        if 0 < index && costs[index - 1] == cost {
            parts.iter_mut().for_each(|part: &mut Costs| part[index] = part[index - 1]);
            continue;
        }
        for (part, value) in parts.iter_mut().zip(largest_remainder(cost, weights)) {
            part[index] = value;
        }
    }
    parts
}

fn allocation(
    charge: &Charge,
    share: Share,
    owner: &Owner<'_>,
    quality: Quality,
    costs: Costs,
    method: SplitMethod,
) -> Allocation {
    let [list_cost, contracted_cost, effective_cost, billed_cost] = costs;
    Allocation {
        hour: charge.hour,
        item: charge.item,
        resource_id: charge.resource_id.clone(),
        meter: charge.meter.clone(),
        capacity: charge.capacity,
        instance_type: charge.instance_type.clone(),
        group: charge.group.clone(),
        zone: charge.zone.clone(),
        share,
        kind: owner.kind,
        method,
        namespace: owner.namespace.to_owned(),
        workload: owner.workload.to_owned(),
        pod: owner.pod.to_owned(),
        team: owner.team.to_owned(),
        model: owner.model.to_owned(),
        list_cost,
        contracted_cost,
        effective_cost,
        billed_cost,
        quality: quality.max(charge.quality),
    }
}
