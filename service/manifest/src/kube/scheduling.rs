//! Where a pod may run, by its own words.

use k8s_openapi::api::core::v1 as core;
use plimsoll_domain::selector::{Labels, Operator};
use plimsoll_domain::workload::{HostPort, Scheduling, SpreadConstraint, TaintEffect, Toleration};

use crate::error::{At, Fault};

use super::notes::{Note, Notes};
use super::{affinity, labels};

/// Reads everything in a pod's spec that restricts its nodes, but for volumes. `subject` names the pod.
pub(super) fn of_pod(
    spec: &mut core::PodSpec,
    namespace: &str,
    pod: &Labels,
    notes: &mut Notes,
    subject: &str,
) -> Result<Scheduling, Fault> {
    let mut scheduling = Scheduling {
        node_selector: labels::present_labels(spec.node_selector.take().unwrap_or_default()),
        tolerations: tolerations(spec.tolerations.take(), notes, subject)?,
        spreads: spreads(spec.topology_spread_constraints.take(), pod)?,
        host_ports: host_ports(spec)?,
        ..Scheduling::default()
    };
    if let Some(affinity) = spec.affinity.take() {
        affinity::take(affinity, namespace, pod, &mut scheduling).at("affinity")?;
    }
    Ok(scheduling)
}

/// Reads tolerations; such that compare numbers (Kubernetes 1.35, alpha) tolerate nothing here.
pub(super) fn tolerations(
    from: Option<Vec<core::Toleration>>,
    notes: &mut Notes,
    subject: &str,
) -> Result<Vec<Toleration>, Fault> {
    let mut all = Vec::new();
    for (index, toleration) in from.into_iter().flatten().enumerate() {
        let path = |field: &str| format!("tolerations[{index}].{field}");
        let exists = match toleration.operator.as_deref() {
            Some("Exists") => true,
            None | Some("" | "Equal") => false,
            Some("Gt" | "Lt") => {
                notes.add(Note::NumericToleration, || subject.to_owned());
                continue;
            }
            Some(other) => {
                let fault = Fault::new(format!("{other:?} is none of Exists, Equal, Gt, Lt"));
                return Err(fault.at(path("operator")));
            }
        };
        let effect = match toleration.effect.as_deref() {
            None | Some("") => None,
            Some(effect) => Some(taint_effect(effect).at(path("effect"))?),
        };
        let key = toleration.key.unwrap_or_default();
        all.push(Toleration { key, exists, value: toleration.value.unwrap_or_default(), effect });
    }
    Ok(all)
}

/// Reads the effect of a taint.
pub(super) fn taint_effect(text: &str) -> Result<TaintEffect, Fault> {
    match text {
        "NoSchedule" => Ok(TaintEffect::NoSchedule),
        "PreferNoSchedule" => Ok(TaintEffect::PreferNoSchedule),
        "NoExecute" => Ok(TaintEffect::NoExecute),
        _ => Err(Fault::new(format!("{text:?} is none of NoSchedule, PreferNoSchedule, NoExecute"))),
    }
}

fn spreads(
    from: Option<Vec<core::TopologySpreadConstraint>>,
    pod: &Labels,
) -> Result<Vec<SpreadConstraint>, Fault> {
    let all = from.into_iter().flatten().enumerate();
    all.map(|(index, one)| spread(one, pod).at(format_args!("topologySpreadConstraints[{index}]"))).collect()
}

fn spread(from: core::TopologySpreadConstraint, pod: &Labels) -> Result<SpreadConstraint, Fault> {
    let mut selector = labels::selector(from.label_selector).at("labelSelector")?;
    labels::fold_keys(&mut selector, from.match_label_keys, Operator::In, pod);
    let required = match from.when_unsatisfiable.as_str() {
        "DoNotSchedule" => true,
        "ScheduleAnyway" => false,
        other => {
            let fault = Fault::new(format!("{other:?} is neither DoNotSchedule nor ScheduleAnyway"));
            return Err(fault.at("whenUnsatisfiable"));
        }
    };
    Ok(SpreadConstraint {
        topology_key: labels::present_key(from.topology_key),
        max_skew: at_least_one(from.max_skew).at("maxSkew")?,
        min_domains: at_least_one(from.min_domains.unwrap_or(1)).at("minDomains")?,
        required,
        selector,
        honor_affinity: honors(from.node_affinity_policy.as_deref(), true).at("nodeAffinityPolicy")?,
        honor_taints: honors(from.node_taints_policy.as_deref(), false).at("nodeTaintsPolicy")?,
    })
}

fn at_least_one(value: i32) -> Result<i32, Fault> {
    if 1 <= value { Ok(value) } else { Err(Fault::new(format!("{value} is below 1"))) }
}

fn honors(policy: Option<&str>, default: bool) -> Result<bool, Fault> {
    match policy {
        None => Ok(default),
        Some("Honor") => Ok(true),
        Some("Ignore") => Ok(false),
        Some(other) => Err(Fault::new(format!("{other:?} is neither Honor nor Ignore"))),
    }
}

/// Ports that a pod takes on its node; those of init containers only while they run beside the others.
fn host_ports(spec: &core::PodSpec) -> Result<Vec<HostPort>, Fault> {
    let on_host = spec.host_network == Some(true);
    let sidecars = spec.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|init| init.restart_policy.as_deref() == Some("Always"));
    let mut taken = Vec::new();
    for port in spec.containers.iter().chain(sidecars).flat_map(|container| container.ports.iter().flatten())
    {
        let number = port.host_port.unwrap_or(if on_host { port.container_port } else { 0 });
        if number == 0 {
            continue;
        }
        if !(1..=65_535).contains(&number) {
            return Err(Fault::new(format!("{number} is no port")).at("containers[].ports[].hostPort"));
        }
        let text = |field: &Option<String>, default: &str| match field.as_deref() {
            None | Some("") => default.to_owned(),
            Some(text) => text.to_owned(),
        };
        let (ip, protocol) = (text(&port.host_ip, "0.0.0.0"), text(&port.protocol, "TCP"));
        taken.push(HostPort { ip, port: number, protocol });
    }
    taken.sort();
    taken.dedup();
    Ok(taken)
}
