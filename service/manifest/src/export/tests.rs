//! From a plan to a fleet.

use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::plan::{Change, ChangeKind, NodeGroup, Plan};
use plimsoll_domain::policy::Policy;
use plimsoll_domain::solution::{Objective, Solution};
use plimsoll_domain::store::{ClusterRecord, Mode};
use plimsoll_domain::units::HourlyRate;

use super::fleet::ranked;
use super::{ExportError, Fleet};

/// The name of nodes without a group.
const NONE: &str = "(none)";

fn group(name: &str, kind: CapacityKind, types: &[&str], counts: (u32, u32)) -> NodeGroup {
    NodeGroup {
        name: name.into(),
        existing: 0 < counts.0,
        solution_group: None,
        zones: vec!["us-east-1a".into()],
        kind,
        template: String::new(),
        instance_types: types.iter().map(|name| (*name).into()).collect(),
        from_count: counts.0,
        to_count: counts.1,
        labels: [("karpenter.sh/nodepool".to_owned(), name.to_owned())].into(),
        taints: Vec::new(),
    }
}

fn plan(groups: Vec<NodeGroup>) -> Plan {
    let change = |group: &NodeGroup| Change {
        kind: ChangeKind::Shrink,
        group: group.name.clone(),
        from_count: group.from_count,
        to_count: group.to_count,
        nodes: (group.to_count..group.from_count).map(|number| format!("node-{number}")).collect(),
        saving_nano_usd_per_hour: 0,
        moved_pod_count: 0,
        why: Vec::new(),
    };
    let time = "2026-07-20T00:00:00Z".parse().unwrap();
    Plan {
        id: "p1".parse().unwrap(),
        cluster: "prod".parse().unwrap(),
        parent: None,
        snapshot: "s1".parse().unwrap(),
        catalog: "k1".parse().unwrap(),
        policy: Policy { discount_ratio: 0.5, ..Policy::default() },
        applied_requests: Vec::new(),
        seed: 1,
        problem_digest: String::new(),
        base_generation: 1,
        create_time: time,
        expire_time: time,
        price_time: time,
        usage_window: None,
        cost_before: HourlyRate::ZERO,
        after: Objective::default(),
        solution: Solution::default(),
        solve_seconds: 0.0,
        changes: groups.iter().filter(|group| group.to_count < group.from_count).map(change).collect(),
        groups,
        node_names: Vec::new(),
        findings: Vec::new(),
        referee: None,
        verified: true,
    }
}

fn fleet(groups: Vec<NodeGroup>) -> Result<Fleet, ExportError> {
    let record = ClusterRecord {
        id: "prod".parse().unwrap(),
        mode: Mode::Offline,
        region: "us-east-1".into(),
        aws_account_id: String::new(),
        role_arn: String::new(),
        kubernetes_version: String::new(),
        generation: 1,
        etag: String::new(),
        create_time: "2026-07-20T00:00:00Z".parse().unwrap(),
    };
    Fleet::of(&plan(groups), &Catalog::builtin(), &record, NONE)
}

#[test]
fn a_fleet_is_what_the_plan_says() {
    let groups = vec![
        group("new", CapacityKind::OnDemand, &["m7i.2xlarge", "m7i.large"], (0, 3)),
        group("pool", CapacityKind::Spot, &["c7i.large"], (4, 2)),
        group(NONE, CapacityKind::OnDemand, &["m5.large"], (2, 2)),
    ];
    let fleet = fleet(groups).unwrap();
    assert_eq!(fleet.ungrouped_count, 2);
    let [new, pool] = fleet.groups.as_slice() else { panic!("{fleet:?}") };
    let names: Vec<&str> = new.types.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["m7i.large", "m7i.2xlarge"], "the cheapest first");
    let list = Catalog::builtin().on_demand["m7i.2xlarge"].nano_usd();
    assert_eq!(new.price().unwrap().nano_usd(), (list + 1) / 2, "the dearest, less the discount");
    assert_eq!((new.vcpu(), new.memory_mib()), (8, 32768));
    assert!(!new.is_pool, "what does not exist is nobody's pool yet");
    assert!(pool.is_pool && pool.types[0].estimated);
    assert_eq!(pool.leaving, ["node-2", "node-3"]);
    assert_eq!(fleet.plan, "clusters/prod/plans/p1");
    assert!(
        fleet.estimates.iter().any(|what| what.starts_with("spot price estimates")),
        "{:?}",
        fleet.estimates
    );
}

#[test]
fn what_aws_does_not_sell_is_refused_if_it_is_to_be_bought() {
    let strange = |counts| fleet(vec![group("g", CapacityKind::OnDemand, &["bin-4"], counts)]);
    let refusal = ExportError::UnknownType { group: "g".into(), instance_type: "bin-4".into() };
    assert_eq!(strange((0, 1)), Err(refusal));
    assert_eq!(strange((1, 1)).unwrap().groups[0].price(), None);
}

#[test]
fn groups_are_ranked_by_the_price_of_a_virtual_cpu() {
    let groups = vec![
        group("gpu", CapacityKind::OnDemand, &["g5.xlarge"], (0, 1)),
        group("large", CapacityKind::OnDemand, &["m7i.large"], (0, 1)),
        group("unknown", CapacityKind::OnDemand, &["bin-4"], (1, 1)),
        group("larger", CapacityKind::OnDemand, &["m7i.2xlarge"], (0, 1)),
        group("spot", CapacityKind::Spot, &["m7i.large"], (0, 1)),
    ];
    let fleet = fleet(groups).unwrap();
    let places: Vec<(usize, &str)> =
        ranked(fleet.groups.iter()).into_iter().map(|(place, group)| (place, group.name.as_str())).collect();
    assert_eq!(places, [(0, "spot"), (1, "large"), (1, "larger"), (2, "gpu"), (3, "unknown")]);
}
