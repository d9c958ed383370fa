//! Autoscalers of workloads, and priorities.

use k8s_openapi::api::autoscaling::{v1, v2};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use plimsoll_domain::snapshot::Autoscaled;
use plimsoll_domain::workload::WorkloadRef;

use crate::error::Fault;

use super::draft::{Draft, Origin, Priority};
use super::owner;

/// Takes a HorizontalPodAutoscaler.
pub(super) fn take_v2(from: v2::HorizontalPodAutoscaler, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let Some(spec) = from.spec else { return Ok(()) };
    let resource_of = |metric: v2::MetricSpec| {
        let by_pod = metric.resource.map(|resource| resource.name);
        by_pod.or(metric.container_resource.map(|resource| resource.name))
    };
    let metrics = spec.metrics.unwrap_or_default();
    let mut resources: Vec<String> = metrics.into_iter().filter_map(resource_of).collect();
    resources.sort();
    resources.dedup();
    let target = spec.scale_target_ref;
    let workload = workload(&from.metadata, &target.kind, target.name);
    let min_replicas = spec.min_replicas.unwrap_or(1);
    draft.autoscaled.push(Autoscaled { workload, min_replicas, max_replicas: spec.max_replicas, resources });
    Ok(())
}

/// Takes a HorizontalPodAutoscaler of the old version, which knows only CPU.
pub(super) fn take_v1(from: v1::HorizontalPodAutoscaler, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let Some(spec) = from.spec else { return Ok(()) };
    let target = spec.scale_target_ref;
    draft.autoscaled.push(Autoscaled {
        workload: workload(&from.metadata, &target.kind, target.name),
        min_replicas: spec.min_replicas.unwrap_or(1),
        max_replicas: spec.max_replicas,
        resources: vec!["cpu".to_owned()],
    });
    Ok(())
}

fn workload(metadata: &ObjectMeta, kind: &str, name: String) -> WorkloadRef {
    let namespace = metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
    WorkloadRef { kind: owner::workload_kind(kind), namespace, name }
}

/// Takes a PriorityClass.
pub(super) fn take_priority_class(from: PriorityClass, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let priority = Priority { value: from.value, is_default: from.global_default == Some(true) };
    draft.priorities.insert(from.metadata.name.unwrap_or_default(), priority);
    Ok(())
}

/// The priority of a pod that names a class, or none (empty). Two classes are built into Kubernetes.
pub(super) fn priority(class: &str, draft: &Draft) -> Option<i32> {
    let of_class = draft.priorities.get(class).map(|priority| priority.value);
    match class {
        "" => Some(
            draft.priorities.values().filter(|one| one.is_default).map(|one| one.value).max().unwrap_or(0),
        ),
        "system-node-critical" => Some(2_000_001_000),
        "system-cluster-critical" => Some(2_000_000_000),
        _ => of_class,
    }
}
