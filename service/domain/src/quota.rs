//! Quotas: how much of what AWS lends an account may have, how much of that is taken, and what a change needs of it.

use std::collections::BTreeMap;

use crate::catalog::traits::family;
use crate::fleet::CapacityKind;

/// Families that are variants of another, and counted as that. From the EC2 guide, "Instance type naming conventions".
const VARIANTS: [(&str, &str); 3] = [("im", "i"), ("is", "i"), ("gr", "g")];

/// What a quota counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Virtual CPUs of machines that run, of some families.
    Vcpus {
        /// How the machines are bought.
        kind: CapacityKind,
        /// Families, lower case: by their letters (`m` is `m5` and `m7i`), or by letters and generation (`p5` is `p5en`).
        families: Vec<String>,
    },
    /// Things, one by one.
    Things(Things),
}

/// What is counted one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Things {
    /// Clusters of a region.
    Clusters,
    /// Node groups of the cluster.
    Groups,
    /// Nodes of one node group.
    NodesOfGroup,
    /// Networks (VPCs) of a region.
    Networks,
    /// Elastic IP addresses of a region.
    Addresses,
}

/// A quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// As AWS calls it, `Running On-Demand P instances`.
    pub name: String,
    /// Its code, `L-417A185B`: more is asked for by that.
    pub code: String,
    /// What it counts.
    pub counted: Counted,
    /// The most of it.
    pub limit: i64,
    /// What is taken of that; 0 where it holds for each thing apart.
    pub used: i64,
}

/// Something that a change needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Virtual CPUs of an instance type.
    Vcpus {
        /// How the machines are bought.
        kind: CapacityKind,
        /// Their type.
        instance_type: String,
    },
    /// More of these; of nodes, all of the group's.
    Things(Things),
}

/// So much of something, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Of what.
    pub need: Need,
    /// So much.
    pub count: i64,
    /// For whom, for people: `4 m7i.xlarge of general`.
    pub who: String,
}

/// What of a change quotas forbid, one sentence for each with the arithmetic; empty if nothing. A need that no quota counts is
/// not judged.
pub fn shortages(quotas: &[Quota], wishes: &[Wish]) -> Vec<String> {
    let mut found = Vec::new();
    for (index, quota) in quotas.iter().enumerate() {
        let its: Vec<&Wish> = wishes.iter().filter(|wish| counts(quotas, index, &wish.need)).collect();
        if quota.counted == Counted::Things(Things::NodesOfGroup) {
            found.extend(its.into_iter().filter_map(|wish| short(quota, &[wish])));
        } else {
            found.extend(short(quota, &its));
        }
    }
    found
}

fn short(quota: &Quota, wishes: &[&Wish]) -> Option<String> {
    let needed = wishes.iter().fold(0_i64, |sum, wish| sum.saturating_add(wish.count));
    let then = quota.used.saturating_add(needed);
    if needed == 0 || then <= quota.limit {
        return None;
    }
    let Quota { name, code, limit, used, .. } = quota;
    let words: Vec<String> = wishes.iter().map(|wish| format!("{} ({})", wish.who, wish.count)).collect();
    Some(format!(
        "quota {name} ({code}): {used} of {limit} are taken, and {} need {needed}: ask AWS for {then}",
        words.join(", ")
    ))
}

/// Whether a quota counts something.
fn counts(quotas: &[Quota], index: usize, need: &Need) -> bool {
    let (kind, instance_type) = match need {
        Need::Things(things) => return quotas[index].counted == Counted::Things(*things),
        Need::Vcpus { kind, instance_type } => (kind, instance_type),
    };
    let names_it = |quota: &Quota, letters: &str| match &quota.counted {
        Counted::Vcpus { kind: its, families } => {
            its == kind && families.iter().any(|name| is_of(instance_type, name, letters))
        }
        _ => false,
    };
    let letters = letters(family(instance_type));
    if quotas.iter().any(|quota| names_it(quota, letters)) {
        return names_it(&quotas[index], letters);
    }
    let variant = VARIANTS.into_iter().find(|(name, _)| *name == letters);
    variant.is_some_and(|(_, family)| names_it(&quotas[index], family))
}

fn is_of(instance_type: &str, name: &str, letters: &str) -> bool {
    match name.bytes().last().is_some_and(|last| last.is_ascii_digit()) {
        true => family(instance_type)
            .strip_prefix(name)
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit())),
        false => letters == name,
    }
}

fn letters(family: &str) -> &str {
    family.find(|letter: char| !letter.is_ascii_alphabetic()).map_or(family, |end| &family[..end])
}

/// Virtual CPUs of machines that run, by how they are bought and their type.
pub type Running = BTreeMap<(CapacityKind, String), i64>;

/// Counts what is taken of each quota of virtual CPUs.
pub fn count_vcpus(quotas: &mut [Quota], running: &Running) {
    for index in 0..quotas.len() {
        let its = |((kind, instance_type), vcpus): (&(CapacityKind, String), &i64)| {
            let need = Need::Vcpus { kind: *kind, instance_type: instance_type.clone() };
            counts(quotas, index, &need).then_some(*vcpus)
        };
        let used = running.iter().filter_map(its).fold(0_i64, i64::saturating_add);
        if matches!(quotas[index].counted, Counted::Vcpus { .. }) {
            quotas[index].used = used;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vcpus(name: &str, kind: CapacityKind, families: &[&str], limit: i64) -> Quota {
        let families = families.iter().map(|name| (*name).to_owned()).collect();
        let counted = Counted::Vcpus { kind, families };
        Quota { name: name.into(), code: "L-0".into(), counted, limit, used: 0 }
    }

    fn all() -> Vec<Quota> {
        vec![
            vcpus("standard", CapacityKind::OnDemand, &["a", "c", "d", "h", "i", "m", "r", "t", "z"], 100),
            vcpus("inf", CapacityKind::OnDemand, &["inf"], 0),
            vcpus("graphics", CapacityKind::OnDemand, &["g", "vt"], 8),
            vcpus("old p", CapacityKind::OnDemand, &["p2", "p3", "p4"], 96),
            vcpus("p5", CapacityKind::OnDemand, &["p5"], 0),
            vcpus("spot", CapacityKind::Spot, &["c", "i", "m", "r"], 10),
        ]
    }

    fn wish(kind: CapacityKind, instance_type: &str, count: i64) -> Wish {
        let need = Need::Vcpus { kind, instance_type: instance_type.into() };
        Wish { need, count, who: instance_type.into() }
    }

    #[track_caller]
    fn check(kind: CapacityKind, instance_type: &str, count: i64, wanted: &[&str]) {
        let found = shortages(&all(), &[wish(kind, instance_type, count)]);
        let names: Vec<&str> = found.iter().filter_map(|words| words.split([' ', '(']).nth(1)).collect();
        assert_eq!(names, wanted, "{found:?}");
    }

    #[test]
    fn a_type_counts_where_its_family_is_named() {
        check(CapacityKind::OnDemand, "m7i.xlarge", 100, &[]);
        check(CapacityKind::OnDemand, "m7i.xlarge", 101, &["standard"]);
        check(CapacityKind::OnDemand, "im4gn.xlarge", 101, &["standard"]);
        check(CapacityKind::OnDemand, "inf2.xlarge", 4, &["inf"]);
        check(CapacityKind::OnDemand, "gr6.4xlarge", 16, &["graphics"]);
        check(CapacityKind::OnDemand, "p4de.24xlarge", 97, &["old"]);
        check(CapacityKind::OnDemand, "p5en.48xlarge", 1, &["p5"]);
        check(CapacityKind::Spot, "m7i.xlarge", 11, &["spot"]);
        check(CapacityKind::Spot, "g6.xlarge", 1000, &[]);
        check(CapacityKind::OnDemand, "dl1.24xlarge", 1000, &[]);
    }

    #[test]
    fn what_is_taken_and_what_is_wanted_are_told_with_what_to_ask_for() {
        let mut quotas = all();
        let running = Running::from([
            ((CapacityKind::OnDemand, "c5.large".into()), 90),
            ((CapacityKind::Spot, "c5.large".into()), 4),
        ]);
        count_vcpus(&mut quotas, &running);
        let both =
            [wish(CapacityKind::OnDemand, "m7i.large", 8), wish(CapacityKind::OnDemand, "r7i.large", 6)];
        let words = "quota standard (L-0): 90 of 100 are taken, and m7i.large (8), r7i.large (6) need 14: ask AWS for 104";
        assert_eq!(shortages(&quotas, &both), [words]);
        assert_eq!(shortages(&quotas, &[wish(CapacityKind::Spot, "m7i.large", 6)]), Vec::<String>::new());
    }

    #[test]
    fn nodes_of_a_group_are_counted_for_each_group() {
        let quota = Quota {
            name: "nodes".into(),
            code: "L-1".into(),
            counted: Counted::Things(Things::NodesOfGroup),
            limit: 450,
            used: 0,
        };
        let of = |count, who: &str| Wish { need: Need::Things(Things::NodesOfGroup), count, who: who.into() };
        let quotas = [quota];
        assert!(shortages(&quotas, &[of(300, "a"), of(300, "b")]).is_empty());
        assert_eq!(shortages(&quotas, &[of(300, "a"), of(451, "b")]).len(), 1);
    }
}
