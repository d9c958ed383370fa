//! What a pod asks for, as the scheduler reserves it (rule 37).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use plimsoll_domain::resources::Resources;
use plimsoll_domain::selector::Labels;
use plimsoll_domain::workload::{Container, Toleration};

use crate::error::{At, Fault};
use crate::quantity::{self, Rounding, Unit};

use super::draft::{Draft, Origin};
use super::{labels, scheduling};

/// Amounts by name.
pub(super) type Amounts = BTreeMap<String, Quantity>;

/// What a RuntimeClass adds to its pods.
#[derive(Clone, Debug, Default)]
pub(super) struct Runtime {
    /// Reserved for each pod beside its containers.
    pub overhead: Resources,
    /// Nodes that have the runtime.
    pub node_selector: Labels,
    /// Taints of such nodes.
    pub tolerations: Vec<Toleration>,
}

/// The duties of a pod's containers, and the containers themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Asked {
    /// What the scheduler reserves, with `pods` = 1.
    pub requests: Resources,
    /// By container: init containers first, each in their order.
    pub containers: Vec<Container>,
}

/// Takes a RuntimeClass.
pub(super) fn take_runtime_class(class: RuntimeClass, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let overhead = class.overhead.and_then(|overhead| overhead.pod_fixed).unwrap_or_default();
    let nodes = class.scheduling.unwrap_or_default();
    let runtime = Runtime {
        overhead: amounts(&overhead, Rounding::Up).at("overhead.podFixed")?,
        node_selector: labels::present_labels(nodes.node_selector.unwrap_or_default()),
        tolerations: scheduling::tolerations(nodes.tolerations, &mut draft.notes, "").at("scheduling")?,
    };
    draft.runtimes.insert(class.metadata.name.unwrap_or_default(), runtime);
    Ok(())
}

/// Amounts as resources: CPU in thousandths, everything else in its own unit.
pub(super) fn amounts(from: &Amounts, rounding: Rounding) -> Result<Resources, Fault> {
    let mut resources = Resources::default();
    for (name, Quantity(text)) in from {
        let unit = if name == "cpu" { Unit::Milli } else { Unit::One };
        let amount = quantity::parse(text, unit, rounding).at(name)?;
        set(&mut resources, name, amount);
    }
    Ok(resources)
}

fn set(resources: &mut Resources, name: &str, amount: i64) {
    match name {
        "cpu" => resources.cpu_milli = amount,
        "memory" => resources.memory_bytes = amount,
        "ephemeral-storage" => resources.ephemeral_bytes = amount,
        "pods" => resources.pods = amount,
        _ if amount == 0 => {
            resources.extended.remove(name);
        }
        _ => {
            resources.extended.insert(name.to_owned(), amount);
        }
    }
}

/// What a pod of this spec asks for.
///
/// Its overhead is in the spec, where an API server admitted the pod; else the caller adds that of the class.
/// While a resize is under way, `status` tells what is allocated still: the larger counts.
pub(super) fn of_pod(spec: &core::PodSpec, status: Option<&core::PodStatus>) -> Result<Asked, Fault> {
    let held = held_now(status)?;
    let mut asked = Asked::default();
    let mut init_peak = Resources::default();
    let mut sidecars = Resources::default();
    for (index, from) in spec.init_containers.iter().flatten().enumerate() {
        let sidecar = from.restart_policy.as_deref() == Some("Always");
        let container = container(from, !sidecar).at(format_args!("initContainers[{index}]"))?;
        if sidecar {
            sidecars = sidecars.plus(&with_held(&container, &held));
            init_peak = init_peak.component_max(&sidecars);
        } else {
            init_peak = init_peak.component_max(&sidecars.plus(&container.requests));
        }
        asked.containers.push(container);
    }
    let mut running = sidecars;
    for (index, from) in spec.containers.iter().enumerate() {
        let container = container(from, false).at(format_args!("containers[{index}]"))?;
        running = running.plus(&with_held(&container, &held));
        asked.containers.push(container);
    }
    let whole = whole_pod(spec.resources.as_ref(), running.component_max(&init_peak)).at("resources")?;
    let overhead = match &spec.overhead {
        Some(overhead) => amounts(overhead, Rounding::Up).at("overhead")?,
        None => Resources::default(),
    };
    asked.requests = Resources { pods: 1, ..whole.plus(&overhead) };
    Ok(asked)
}

fn container(from: &core::Container, init: bool) -> Result<Container, Fault> {
    let (requests, limits) = filled(from.resources.as_ref()).at("resources")?;
    let image = from.image.clone().unwrap_or_default();
    Ok(Container { name: from.name.clone(), image, requests, limits, init })
}

/// Requests and limits; a limit without a request is the request.
fn filled(from: Option<&core::ResourceRequirements>) -> Result<(Resources, Resources), Fault> {
    let Some(from) = from else { return Ok(Default::default()) };
    let none = Amounts::new();
    let requested = from.requests.as_ref().unwrap_or(&none);
    let limited = from.limits.as_ref().unwrap_or(&none);
    let mut requests = amounts(requested, Rounding::Up).at("requests")?;
    let limits = amounts(limited, Rounding::Up).at("limits")?;
    for name in limited.keys().filter(|name| !requested.contains_key(*name)) {
        set(&mut requests, name, limits.get(name));
    }
    Ok((requests, limits))
}

/// Requests of the pod as a whole take the place of its containers' sum, resource by resource. A limit of the
/// pod is its request where its containers ask for nothing.
fn whole_pod(pod: Option<&core::ResourceRequirements>, containers: Resources) -> Result<Resources, Fault> {
    let Some(pod) = pod else { return Ok(containers) };
    let mut whole = containers;
    if let Some(limits) = &pod.limits {
        let limited = amounts(limits, Rounding::Up).at("limits")?;
        for name in limits.keys().filter(|name| whole_pod_may_have(name)) {
            if whole.get(name) == 0 {
                set(&mut whole, name, limited.get(name));
            }
        }
    }
    if let Some(requests) = &pod.requests {
        let requested = amounts(requests, Rounding::Up).at("requests")?;
        for name in requests.keys().filter(|name| whole_pod_may_have(name)) {
            set(&mut whole, name, requested.get(name));
        }
    }
    Ok(whole)
}

/// Resources that can be stated for a pod as a whole. Source: "pod-level resources" in the Kubernetes documentation.
fn whole_pod_may_have(name: &str) -> bool {
    name == "cpu" || name == "memory" || name.starts_with("hugepages-")
}

/// What containers hold now by their status, by name.
fn held_now(status: Option<&core::PodStatus>) -> Result<BTreeMap<&str, Resources>, Fault> {
    let Some(status) = status else { return Ok(BTreeMap::new()) };
    let running = status.container_statuses.iter().flatten();
    let mut held = BTreeMap::new();
    for container in running.chain(status.init_container_statuses.iter().flatten()) {
        let actual = container.resources.as_ref().and_then(|resources| resources.requests.as_ref());
        let lists = [actual, container.allocated_resources.as_ref()];
        let mut most = Resources::default();
        for list in lists.into_iter().flatten() {
            let path = format_args!("(status of container {})", container.name);
            most = most.component_max(&amounts(list, Rounding::Up).at(path)?);
        }
        held.insert(container.name.as_str(), most);
    }
    Ok(held)
}

fn with_held(container: &Container, held: &BTreeMap<&str, Resources>) -> Resources {
    let held = held.get(container.name.as_str());
    held.map_or_else(|| container.requests.clone(), |held| container.requests.component_max(held))
}
