//! What a plan wants, for comparison with what a tool reads.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_manifest::export::{Fleet, Group};
use plimsoll_proto::v1 as pb;
use serde_json::Value;

/// A node group, in nobody's words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    pub name: String,
    pub is_spot: bool,
    pub zones: BTreeSet<String>,
    /// In order.
    pub types: Vec<String>,
    pub count: u64,
    pub labels: BTreeMap<String, String>,
    /// Key, value and effect in the words of Kubernetes.
    pub taints: BTreeSet<[String; 3]>,
}

impl Wanted {
    /// A group of a fleet that was put together by hand. Its labels are those that a group has to be told.
    pub fn of_fleet(group: &Group, told: &[&str]) -> Self {
        let labels = group.labels.iter().filter(|(key, _)| told.contains(&key.as_str()));
        let effect = |taint: &plimsoll_domain::workload::Taint| format!("{:?}", taint.effect);
        Self {
            name: group.name.clone(),
            is_spot: group.kind == CapacityKind::Spot,
            zones: group.zones.iter().cloned().collect(),
            types: group.types.iter().map(|one| one.name.clone()).collect(),
            count: u64::from(group.to_count),
            labels: labels.map(|(key, value)| (key.clone(), value.clone())).collect(),
            taints: group
                .taints
                .iter()
                .map(|taint| [taint.key.clone(), taint.value.clone(), effect(taint)])
                .collect(),
        }
    }

    /// A group of a plan on the wire, its types in the order of their prices.
    pub fn of_plan(group: &pb::NodeGroup) -> Self {
        let catalog = Catalog::builtin();
        let is_spot = group.kind() == pb::CapacityKind::Spot;
        let kind = if is_spot { CapacityKind::Spot } else { CapacityKind::OnDemand };
        let mut types = group.instance_types.clone();
        types.sort_by_key(|name| (catalog.price(name, &group.zones[0], kind), name.clone()));
        let effect = |taint: &pb::Taint| match taint.effect() {
            pb::taint::Effect::NoSchedule => "NoSchedule",
            pb::taint::Effect::PreferNoSchedule => "PreferNoSchedule",
            pb::taint::Effect::NoExecute => "NoExecute",
            pb::taint::Effect::Unspecified => panic!("a taint without effect"),
        };
        let custom = group.labels.iter().filter(|(key, _)| !key.contains('/'));
        Self {
            name: group.name.clone(),
            is_spot,
            zones: group.zones.iter().cloned().collect(),
            types,
            count: u64::try_from(group.to_count).unwrap(),
            labels: custom.map(|(key, value)| (key.clone(), value.clone())).collect(),
            taints: group
                .taints
                .iter()
                .map(|taint| [taint.key.clone(), taint.value.clone(), effect(taint).to_owned()])
                .collect(),
        }
    }
}

/// Sorted, for comparison.
pub fn sorted(groups: impl IntoIterator<Item = Wanted>) -> Vec<Wanted> {
    let mut groups: Vec<Wanted> = groups.into_iter().collect();
    groups.sort();
    groups
}

/// A list of texts.
pub fn texts<T: FromIterator<String>>(value: &Value) -> T {
    value.as_array().into_iter().flatten().map(text).collect()
}

/// A text; empty if there is none.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A map of texts.
pub fn map(value: &Value) -> BTreeMap<String, String> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect()
}

/// Key, value and effect of taints, with the effect in a tool's own words.
pub fn taints(value: &Value) -> BTreeSet<[String; 3]> {
    let one = |taint: &Value| [text(&taint["key"]), text(&taint["value"]), text(&taint["effect"])];
    value.as_array().into_iter().flatten().map(one).collect()
}

/// A file begins with comments that say which plan it is, when it was priced, what is estimated, and what becomes of groups.
#[track_caller]
pub fn check_head(head: &str, fleet: &Fleet) {
    let facts =
        [fleet.plan.clone(), fleet.price_time.to_string(), "Estimated, not quoted: spot prices".to_owned()];
    let names =
        fleet.groups.iter().map(|group| format!("Group {}: ", group.name.replace(['\n', '\u{2028}'], " ")));
    for fact in facts.into_iter().chain(names) {
        assert!(head.contains(&fact), "{fact:?} is not in\n{head}");
    }
}

/// The lines of comment that a file of YAML begins with.
#[track_caller]
pub fn head(file: &str) -> String {
    let lines: Vec<&str> = file.lines().take_while(|line| line.starts_with("# ")).collect();
    assert!(!lines.is_empty(), "{file}");
    lines.join("\n")
}
