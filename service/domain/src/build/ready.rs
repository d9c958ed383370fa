//! Problems that need no Kubernetes: benchmark instances as they stand, and pods of a trace.

use std::collections::BTreeMap;

use super::context::Context;
use super::refusal::Refusal;
use super::terms::Terms;
use super::{BuildError, Built};
use crate::catalog::node::NodeSettings;
use crate::catalog::{Catalog, InstanceType};
use crate::fleet::CapacityKind;
use crate::policy::Policy;
use crate::problem::{Demand, Offering, Problem};
use crate::resources::NVIDIA_GPU;
use crate::snapshot::{ReadyInstance, ReadyKind, TracePod};

/// Zone, within the catalog's region, of a trace's nodes if the policy names none.
const TRACE_ZONE: &str = "a";
/// Template of a trace's nodes.
const TRACE_TEMPLATE: &str = "plain";

/// Makes the problem of a ready instance. One that brings its own offerings stands as it is; pods of a
/// trace are offered every ordinary type on demand, in one zone: pods with GPUs the types with whole
/// NVIDIA GPUs, the others all types without.
///
/// # Errors
/// As [`build`](super::build()).
pub fn ready(instance: &ReadyInstance, catalog: &Catalog, policy: &Policy) -> Result<Built, BuildError> {
    let (problem, pods) = match &instance.kind {
        ReadyKind::Problem(problem) => (problem.clone(), vec![Vec::new(); problem.demands.len()]),
        ReadyKind::Pods(pods) => trace(pods, catalog, policy)?,
    };
    if problem.demands.is_empty() {
        return Err(BuildError::NoPods);
    }
    problem.validate()?;
    let context = Context::bare(&problem, pods);
    let stranded: Vec<Refusal> =
        problem.demands.iter().filter_map(|demand| refusal(&problem, demand)).collect();
    if stranded.is_empty() {
        Ok(Built { problem, context, findings: Vec::new() })
    } else {
        Err(BuildError::Infeasible(stranded))
    }
}

fn refusal(problem: &Problem, demand: &Demand) -> Option<Refusal> {
    let fits = |index: &u32| {
        let capacity = &problem.offerings[*index as usize].capacity;
        demand.request.iter().zip(capacity).all(|(ask, have)| ask <= have)
    };
    if demand.offerings.iter().any(fits) {
        return None;
    }
    let reason = match demand.offerings.len() {
        0 => "no offering is open to it".to_owned(),
        count => format!("it is larger than each of the {count} offerings that are open to it"),
    };
    Some(Refusal { demand: demand.id.clone(), pods: demand.pods.clone(), nearest: None, reason })
}

/// A problem, and by demand its pods as indexes into the trace.
type Trace = (Problem, Vec<Vec<usize>>);

/// GPUs, milli-CPU and bytes of memory of equal pods.
type Shape = (i64, i64, i64);

fn trace(pods: &[TracePod], catalog: &Catalog, policy: &Policy) -> Result<Trace, BuildError> {
    let terms = Terms::new(policy)?;
    let zone = policy.zones.first().cloned().unwrap_or_else(|| format!("{}{TRACE_ZONE}", catalog.region));
    let offerings: Vec<Offering> =
        catalog.types.values().filter_map(|facts| offering(facts, catalog, &zone, &terms)).collect();
    let mut shapes: BTreeMap<Shape, Vec<usize>> = BTreeMap::new();
    for (index, pod) in pods.iter().enumerate() {
        shapes.entry((pod.gpus, pod.cpu_milli, pod.memory_bytes)).or_default().push(index);
    }
    let open_to = |gpus: i64| -> Vec<u32> {
        let suits = |offering: &Offering| (0 < offering.capacity[2]) == (0 < gpus);
        (0..).zip(&offerings).filter(|(_, offering)| suits(offering)).map(|(index, _)| index).collect()
    };
    let demand = |number: usize, (gpus, cpu, memory): &Shape, members: &[usize]| Demand {
        id: format!("shape-{number}"),
        count: u32::try_from(members.len()).unwrap_or(u32::MAX),
        request: vec![*cpu, *memory, *gpus, 1],
        offerings: open_to(*gpus),
        move_cost: terms.restart_rate,
        pods: members.iter().map(|index| pods[*index].name.clone()).collect(),
        ..Demand::default()
    };
    let numbered = shapes.iter().enumerate();
    let demands = numbered.map(|(number, (shape, members))| demand(number, shape, members)).collect();
    let resources = ["cpu_milli", "memory_bytes", NVIDIA_GPU, "pods"].map(str::to_owned).to_vec();
    let problem = Problem { resources, offerings, demands, ..Problem::default() };
    Ok((problem, shapes.into_values().collect()))
}

fn offering(facts: &InstanceType, catalog: &Catalog, zone: &str, terms: &Terms) -> Option<Offering> {
    let ordinary = facts.exotic().is_none() && !facts.is_burstable();
    let accelerator = facts.accelerator.as_ref().map(|accelerator| accelerator.resource());
    if !ordinary || accelerator.is_some_and(|resource| resource != Some(NVIDIA_GPU)) {
        return None;
    }
    let price = catalog.price(&facts.name, zone, CapacityKind::OnDemand)?;
    let room = facts.allocatable(&NodeSettings::default());
    Some(Offering {
        id: format!("{}/{zone}/on-demand", facts.name),
        instance_type: facts.name.clone(),
        zone: zone.to_owned(),
        kind: CapacityKind::OnDemand,
        template: TRACE_TEMPLATE.to_owned(),
        capacity: vec![room.cpu_milli, room.memory_bytes, room.gpus(), room.pods],
        price: terms.discounted(price),
        ..Offering::default()
    })
}
