//! Instances without Kubernetes.

use super::*;
use crate::build::ready;
use crate::policy::Preset;
use crate::problem::{Offering, Problem};
use crate::snapshot::{ReadyInstance, ReadyKind, TracePod};

fn trace(pods: &[(i64, i64, i64)]) -> ReadyInstance {
    let pod = |(index, (cpu_milli, memory_mib, gpus)): (usize, &(i64, i64, i64))| TracePod {
        name: format!("p{index}"),
        cpu_milli: *cpu_milli,
        memory_bytes: memory_mib << 20,
        gpus: *gpus,
    };
    ReadyInstance { preset: Preset::None, kind: ReadyKind::Pods(pods.iter().enumerate().map(pod).collect()) }
}

#[test]
fn pods_of_a_trace_are_offered_ordinary_types_on_demand_in_one_zone() {
    let built = ready(
        &trace(&[(1000, 100, 0), (2000, 100, 1), (1000, 100, 0)]),
        &world().catalog,
        &Policy::default(),
    )
    .expect("sound");
    assert_eq!(
        built.context.demands.iter().map(|facts| facts.pods.clone()).collect::<Vec<_>>(),
        [vec![0, 2], vec![1]]
    );
    let types = |demand: usize| {
        let list = built.problem.demands[demand].offerings.iter();
        list.map(|index| built.problem.offerings[*index as usize].instance_type.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(types(0), ["c5.4xlarge", "m5.large", "m5.xlarge", "m7g.large"]);
    assert_eq!(types(1), ["g4dn.xlarge", "g5.12xlarge", "g5.xlarge", "p4d.24xlarge"]);
    assert_eq!(built.problem.rules, Default::default());
    assert!(
        built
            .problem
            .offerings
            .iter()
            .all(|offering| offering.zone == "us-east-1a" && offering.kind == CapacityKind::OnDemand)
    );
    assert_eq!(built.context.node(0, "n").allocatable.cpu_milli, built.problem.offerings[0].capacity[0]);
}

#[test]
fn a_problem_stands_as_it_is_if_it_is_sound() {
    let offering = Offering { id: "o".into(), capacity: vec![10], ..Offering::default() };
    let demand = |cpu| Demand {
        id: "d".into(),
        count: 3,
        request: vec![cpu],
        offerings: vec![0],
        ..Demand::default()
    };
    let problem = |cpu| Problem {
        resources: vec!["cpu_milli".into()],
        offerings: vec![offering.clone()],
        demands: vec![demand(cpu)],
        ..Problem::default()
    };
    let build = |problem: Problem| {
        let instance = ReadyInstance { preset: Preset::None, kind: ReadyKind::Problem(problem) };
        ready(&instance, &world().catalog, &Policy::default())
    };
    assert_eq!(build(problem(5)).map(|built| built.problem), Ok(problem(5)));
    let Err(BuildError::Infeasible(refusals)) = build(problem(11)) else { panic!("it fits nowhere") };
    assert_eq!(refusals[0].demand, "d");
    assert!(matches!(build(problem(-1)), Err(BuildError::Unsound(_))));
    assert_eq!(build(Problem { demands: Vec::new(), ..problem(1) }), Err(BuildError::NoPods));
}
