//! Comments, and YAML below them.

use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::workload::{Taint, TaintEffect};
use serde_json::{Value, json};

use super::{Fleet, Group, yaml};

/// Most names of nodes in a comment.
const NODES_MAX: usize = 20;

/// What a file begins with: which plan, when priced, what is estimated, what becomes of each group. `reader`: whom it is
/// for, and what to do with it.
pub fn head(fleet: &Fleet, reader: &[&str]) -> Vec<String> {
    let mut lines = vec![
        format!("Plan {}, computed at {}, at prices of {}.", fleet.plan, fleet.create_time, fleet.price_time),
        format!(
            "Nodes of cluster {} cost {} now and {} after it.",
            fleet.cluster, fleet.cost_before, fleet.cost_after
        ),
    ];
    lines.extend(fleet.estimates.iter().map(|what| format!("Estimated, not quoted: {what}.")));
    lines.extend(reader.iter().map(|line| (*line).to_owned()));
    lines.extend(fleet.groups.iter().map(fate));
    if 0 < fleet.ungrouped_count {
        lines.push(format!(
            "Nodes that belong to no group and are left as they are: {}.",
            fleet.ungrouped_count
        ));
    }
    lines.iter().map(|line| clean(line)).collect()
}

/// What becomes of a group, and what it costs.
fn fate(group: &Group) -> String {
    let (name, from, to) = (&group.name, group.from_count, group.to_count);
    let cost = match group.price() {
        _ if !group.stays() => String::new(),
        None => "; its price is not known".to_owned(),
        Some(price) => {
            let estimated = group.types.iter().any(|one| one.estimated);
            format!("; a node costs at most {price}{}", if estimated { ", estimated" } else { "" })
        }
    };
    let what = match (group.existing, from, to) {
        (false, _, _) => format!("new, {to} nodes"),
        (true, _, 0) => format!("loses its {from} nodes"),
        (true, from, to) if from == to => format!("kept, {to} nodes"),
        (true, _, _) => format!("from {from} to {to} nodes"),
    };
    let leaving = match group.leaving.as_slice() {
        [] => String::new(),
        all if all.len() <= NODES_MAX => format!(": drain {}", all.join(", ")),
        all => format!(": drain {} and {} more", all[..NODES_MAX].join(", "), all.len() - NODES_MAX),
    };
    format!("Group {name}: {what}{leaving}{cost}.")
}

/// Lines of comment, then one YAML document for each value.
pub fn file(head: &[String], documents: Vec<Value>) -> String {
    let mut text: String = head.iter().map(|line| format!("# {line}\n")).collect();
    for document in documents {
        text.push_str("---\n");
        text.push_str(&yaml::document(document));
    }
    text
}

/// Taints as Kubernetes, eksctl and Karpenter spell them.
pub fn taints(group: &Group) -> Value {
    let told =
        |taint: &Taint| json!({ "key": taint.key, "value": stated(&taint.value), "effect": effect(taint) });
    group.taints.iter().map(told).collect()
}

/// None if there is no text.
pub fn stated(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// Names of a group's types, the cheapest first.
pub fn types(group: &Group) -> Vec<&str> {
    group.types.iter().map(|one| one.name.as_str()).collect()
}

/// On one line, whatever a reader of YAML takes for the end of one.
pub fn clean(line: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    line.chars().map(|c| if breaks(c) { ' ' } else { c }).collect()
}

/// Whether its nodes are spot.
pub fn is_spot(group: &Group) -> bool {
    group.kind == CapacityKind::Spot
}

/// What a taint does, in the words of Kubernetes.
fn effect(taint: &Taint) -> &'static str {
    match taint.effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    }
}
