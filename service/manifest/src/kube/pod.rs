//! Pods, and DaemonSets as the pods that they make.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1 as core;
use plimsoll_domain::workload::{self, Pod, Scheduling, TaintEffect, Toleration};

use crate::error::{At, Fault};

use super::draft::{DaemonSetDraft, Draft, Origin, PodDraft};
use super::notes::Note;
use super::{disruption, job, owner, requests, scheduling, volume};

/// Takes a pod, unless it is no demand.
pub(super) fn take(mut from: core::Pod, origin: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let metadata = std::mem::take(&mut from.metadata);
    let namespace = metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let name = metadata.name.clone().ok_or_else(|| missing("metadata.name"))?;
    let subject = format!("pod/{namespace}/{name}");
    draft.saw(metadata.creation_timestamp.as_ref().map(|time| time.0));
    let status = from.status.take();
    if matches!(status.as_ref().and_then(|status| status.phase.as_deref()), Some("Succeeded" | "Failed")) {
        draft.notes.add(Note::FinishedPod, || subject);
        return Ok(());
    }
    let mut spec = from.spec.take().ok_or_else(|| missing("spec"))?;
    if spec.containers.is_empty() {
        return Err(missing("spec.containers"));
    }
    if spec.node_name.is_none() && spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty()) {
        draft.notes.add(Note::GatedPod, || subject);
        return Ok(());
    }
    let controller = owner::controller(&metadata);
    remark(&spec, controller.as_ref(), draft, &subject);
    let labels = metadata.labels.unwrap_or_default();
    let asked = requests::of_pod(&spec, status.as_ref()).at("spec")?;
    let beyond_us = beyond_us(&spec);
    let claims = volume::claims(&mut spec, &name);
    let scheduling =
        scheduling::of_pod(&mut spec, &namespace, &labels, &mut draft.notes, &subject).at("spec")?;
    let scheduling = Scheduling { beyond_us, ..scheduling };
    let pod = Pod {
        namespace,
        name,
        labels,
        owner: None,
        node: spec.node_name.filter(|node| !node.is_empty()),
        requests: asked.requests,
        containers: asked.containers,
        scheduling: draft.share(scheduling),
        volumes: Vec::new(),
        priority: spec.priority.unwrap_or_default(),
        create_time: metadata.creation_timestamp.map(|time| time.0),
        do_not_disrupt: None,
        terminating: metadata.deletion_timestamp.is_some(),
    };
    let wish = disruption::wish_of_pod(metadata.annotations.as_ref(), controller.as_ref());
    let priority_class =
        if spec.priority.is_none() { Some(spec.priority_class_name.unwrap_or_default()) } else { None };
    let runtime_class = if spec.overhead.is_none() { spec.runtime_class_name } else { None };
    let failures = job::failures(metadata.annotations.as_ref());
    let pod = PodDraft { origin, pod, controller, claims, priority_class, runtime_class, wish, failures };
    draft.pods.push(pod);
    Ok(())
}

fn missing(path: &str) -> Fault {
    Fault::new("missing").at(path)
}

/// Remarks what planning leaves out of account.
fn remark(spec: &core::PodSpec, controller: Option<&owner::Controller>, draft: &mut Draft, subject: &str) {
    let mut add = |note| draft.notes.add(note, || subject.to_owned());
    if spec.scheduler_name.as_deref().is_some_and(|name| !name.is_empty() && name != "default-scheduler") {
        add(Note::OtherScheduler);
    }
    if asks_for_devices(spec) {
        add(Note::ResourceClaims);
    }
    let on_every_node =
        controller.is_some_and(|controller| controller.kind == "DaemonSet" || controller.kind == "Node");
    if !on_every_node && spec.volumes.iter().flatten().any(|volume| volume.host_path.is_some()) {
        add(Note::HostPath);
    }
    if mounts_inline_disk(spec) {
        add(Note::InlineVolume);
    }
}

/// What it demands that a plan cannot express.
fn beyond_us(spec: &core::PodSpec) -> Option<String> {
    let devices = asks_for_devices(spec).then_some("it asks for devices by resource claims");
    let disk = || mounts_inline_disk(spec).then_some("it mounts an EBS volume without a claim");
    devices.or_else(disk).map(str::to_owned)
}

fn asks_for_devices(spec: &core::PodSpec) -> bool {
    spec.resource_claims.as_ref().is_some_and(|claims| !claims.is_empty())
}

fn mounts_inline_disk(spec: &core::PodSpec) -> bool {
    spec.volumes.iter().flatten().any(|volume| volume.aws_elastic_block_store.is_some())
}

/// Takes a DaemonSet.
pub(super) fn take_daemon_set(from: DaemonSet, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let namespace = from.metadata.namespace.unwrap_or_else(|| "default".to_owned());
    let name = from.metadata.name.ok_or_else(|| missing("metadata.name"))?;
    let template = from.spec.ok_or_else(|| missing("spec"))?.template;
    let labels = template.metadata.and_then(|metadata| metadata.labels).unwrap_or_default();
    let mut spec = template.spec.ok_or_else(|| missing("spec.template.spec"))?;
    let subject = format!("daemonset/{namespace}/{name}");
    let asked = requests::of_pod(&spec, None).at("spec.template.spec")?;
    let mut scheduling = scheduling::of_pod(&mut spec, &namespace, &labels, &mut draft.notes, &subject)
        .at("spec.template.spec")?;
    add_daemon_tolerations(&mut scheduling.tolerations, spec.host_network == Some(true));
    let runtime_class = if spec.overhead.is_none() { spec.runtime_class_name } else { None };
    let set =
        workload::DaemonSet { namespace, name, requests: asked.requests, scheduling: Arc::new(scheduling) };
    draft.daemon_sets.push(DaemonSetDraft { set, runtime_class });
    Ok(())
}

/// What the DaemonSet controller lets its pods tolerate. Source: "Taints and tolerations" in the Kubernetes
/// documentation of DaemonSet.
fn add_daemon_tolerations(tolerations: &mut Vec<Toleration>, host_network: bool) {
    let always = [
        ("node.kubernetes.io/not-ready", TaintEffect::NoExecute),
        ("node.kubernetes.io/unreachable", TaintEffect::NoExecute),
        ("node.kubernetes.io/disk-pressure", TaintEffect::NoSchedule),
        ("node.kubernetes.io/memory-pressure", TaintEffect::NoSchedule),
        ("node.kubernetes.io/pid-pressure", TaintEffect::NoSchedule),
        ("node.kubernetes.io/unschedulable", TaintEffect::NoSchedule),
    ];
    let network = ("node.kubernetes.io/network-unavailable", TaintEffect::NoSchedule);
    for (key, effect) in always.into_iter().chain(host_network.then_some(network)) {
        let toleration =
            Toleration { key: key.to_owned(), exists: true, value: String::new(), effect: Some(effect) };
        if !tolerations.contains(&toleration) {
            tolerations.push(toleration);
        }
    }
}
