//! Workloads: who makes pods, how many, and how a rollout goes about it.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use plimsoll_domain::workload::{Workload, WorkloadKind, WorkloadRef};

use crate::error::{At, Fault};

use super::draft::{Draft, Key, Origin};

/// The object that controls another one, by its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Controller {
    pub kind: String,
    pub name: String,
}

/// The controller of an object.
pub(super) fn controller(metadata: &ObjectMeta) -> Option<Controller> {
    let owners = metadata.owner_references.iter().flatten();
    let owner = owners.into_iter().find(|owner| owner.controller == Some(true))?;
    Some(Controller { kind: owner.kind.clone(), name: owner.name.clone() })
}

/// The kind of a workload by its Kubernetes name.
pub(crate) fn workload_kind(kind: &str) -> WorkloadKind {
    match kind {
        "Deployment" => WorkloadKind::Deployment,
        "ReplicaSet" => WorkloadKind::ReplicaSet,
        "StatefulSet" => WorkloadKind::StatefulSet,
        "DaemonSet" => WorkloadKind::DaemonSet,
        "Job" => WorkloadKind::Job,
        "CronJob" => WorkloadKind::CronJob,
        "Node" => WorkloadKind::Node,
        _ => WorkloadKind::Other,
    }
}

pub(super) fn key(metadata: &ObjectMeta) -> Key {
    let namespace = metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
    (namespace, metadata.name.clone().unwrap_or_default())
}

pub(super) fn reference(kind: WorkloadKind, metadata: &ObjectMeta) -> WorkloadRef {
    let (namespace, name) = key(metadata);
    WorkloadRef { kind, namespace, name }
}

/// Takes a Deployment.
pub(super) fn take_deployment(from: Deployment, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let reference = reference(WorkloadKind::Deployment, &from.metadata);
    let Some(spec) = from.spec else { return Ok(()) };
    let replicas = count(spec.replicas.unwrap_or(1)).at("spec.replicas")?;
    let strategy = spec.strategy.unwrap_or_default();
    let rolling = strategy.rolling_update.unwrap_or_default();
    let path = |field| format!("spec.strategy.rollingUpdate.{field}");
    let quarter = || IntOrString::String("25%".to_owned());
    let surge = rolling.max_surge.unwrap_or_else(quarter);
    let unavailable = rolling.max_unavailable.unwrap_or_else(quarter);
    let recreate = strategy.type_.as_deref() == Some("Recreate");
    let max_surge = if recreate { 0 } else { share(&surge, replicas, Round::Up).at(path("maxSurge"))? };
    let max_unavailable = match recreate {
        true => replicas,
        // Neither surge nor gap would be no rollout: the controller then takes one pod down.
        false => share(&unavailable, replicas, Round::Down)
            .at(path("maxUnavailable"))?
            .max(i32::from(max_surge == 0)),
    };
    draft.workloads.push(Workload { reference, replicas, max_surge, max_unavailable });
    Ok(())
}

/// Takes a StatefulSet: it replaces its pods in place.
pub(super) fn take_stateful_set(from: StatefulSet, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let reference = reference(WorkloadKind::StatefulSet, &from.metadata);
    let Some(spec) = from.spec else { return Ok(()) };
    let replicas = count(spec.replicas.unwrap_or(1)).at("spec.replicas")?;
    let rolling = spec.update_strategy.unwrap_or_default().rolling_update.unwrap_or_default();
    let max_unavailable = match &rolling.max_unavailable {
        Some(share_of) => share(share_of, replicas, Round::Up)
            .at("spec.updateStrategy.rollingUpdate.maxUnavailable")?
            .max(1),
        None => 1,
    };
    draft.workloads.push(Workload { reference, replicas, max_surge: 0, max_unavailable });
    Ok(())
}

/// Takes a ReplicaSet: a link to its Deployment, or a workload without rollouts.
pub(super) fn take_replica_set(from: ReplicaSet, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let controller = controller(&from.metadata);
    if controller.is_none() {
        let replicas = from.spec.and_then(|spec| spec.replicas).unwrap_or(1);
        let replicas = count(replicas).at("spec.replicas")?;
        let reference = reference(WorkloadKind::ReplicaSet, &from.metadata);
        draft.workloads.push(Workload { reference, replicas, max_surge: 0, max_unavailable: 0 });
    }
    draft.replica_sets.insert(key(&from.metadata), controller);
    Ok(())
}

pub(super) fn count(value: i32) -> Result<i32, Fault> {
    if 0 <= value { Ok(value) } else { Err(Fault::new(format!("{value} is negative"))) }
}

/// Which way a share of pods that is no whole number goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    Up,
    Down,
}

/// A number of pods, or a percentage of `total`.
pub(super) fn share(from: &IntOrString, total: i32, round: Round) -> Result<i32, Fault> {
    let text = match from {
        IntOrString::Int(number) => return count(*number),
        IntOrString::String(text) => text,
    };
    let malformed = || Fault::new(format!("{text:?} is neither a number nor a percentage such as 25%"));
    let Some(percent) = text.strip_suffix('%') else {
        return text.parse::<i32>().map_err(|_| malformed()).and_then(count);
    };
    let percent: u32 = percent.parse().map_err(|_| malformed())?;
    let hundredths = i64::from(percent) * i64::from(total);
    let pods = match round {
        Round::Up => (hundredths + 99) / 100,
        Round::Down => hundredths / 100,
    };
    i32::try_from(pods).map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, total: i32, up: i32, down: i32) {
        let from = text.parse().map_or_else(|_| IntOrString::String(text.into()), IntOrString::Int);
        assert_eq!(share(&from, total, Round::Up), Ok(up), "{text} of {total} up");
        assert_eq!(share(&from, total, Round::Down), Ok(down), "{text} of {total} down");
    }

    #[test]
    fn shares_of_pods_round_as_their_controller_does() {
        check("2", 10, 2, 2);
        check("0", 10, 0, 0);
        check("25%", 10, 3, 2);
        check("60%", 24, 15, 14);
        check("100%", 7, 7, 7);
        check("0%", 7, 0, 0);
        check("150%", 2, 3, 3);
        check("1%", 0, 0, 0);
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in ["", "%", "-5%", "1.5%", "many", "5 %", "-1"] {
            assert!(share(&IntOrString::String(text.into()), 10, Round::Up).is_err(), "{text}");
        }
        assert!(share(&IntOrString::Int(-1), 10, Round::Up).is_err());
        assert!(share(&IntOrString::String("4000000000%".into()), i32::MAX, Round::Up).is_err());
    }
}
