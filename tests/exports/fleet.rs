//! A fleet with everything in it that could go wrong on the way.

use std::collections::BTreeMap;

use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::policy::{Budget, Policy, Window};
use plimsoll_domain::rightsize::Recommendation;
use plimsoll_domain::usage::Key;
use plimsoll_domain::workload::{Taint, TaintEffect, WorkloadKind, WorkloadRef};
use plimsoll_manifest::export::{Fleet, Group, Type};

/// Where it is.
pub const ZONE: &str = "us-east-1a";
/// Labels of the group `odd` that it has to be told.
pub const TOLD: [&str; 9] =
    ["a", "b", "c", "d", "e", "f", "g", "node.kubernetes.io/pool", "example.com/team"];

/// Groups that are new, kept, shrunk, emptied, and a pool; labels and taints that a careless reader takes for something
/// else than text; a name that breaks lines.
pub fn odd() -> Fleet {
    let catalog = Catalog::builtin();
    let labels = [
        ("a", "on"),
        ("b", "1e3"),
        ("c", "0x1f"),
        ("d", ""),
        ("e", "2026-01-01"),
        ("f", "y"),
        ("g", "1_000"),
        ("node.kubernetes.io/pool", "null"),
        ("example.com/team", "shop.eu"),
        ("kubernetes.io/arch", "amd64"),
        ("eks.amazonaws.com/capacityType", "SPOT"),
        ("karpenter.sh/capacity-type", "spot"),
        ("node-role.kubernetes.io/worker", "yes"),
    ];
    let odd = Group {
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        taints: vec![
            taint("example.com/only", "no", TaintEffect::NoSchedule),
            taint("slow", "", TaintEffect::PreferNoSchedule),
            taint("leave", "0o7", TaintEffect::NoExecute),
        ],
        ..group(&catalog, "odd", CapacityKind::Spot, &["m7i.large", "m6i.large", "m5.large"], (0, 7))
    };
    let kept = group(&catalog, "kept", CapacityKind::OnDemand, &["c7i.xlarge"], (4, 4));
    let shrunk = Group {
        zones: vec!["us-east-1a".to_owned(), "us-east-1b".to_owned()],
        leaving: vec!["ip-10-0-0-1.ec2.internal".to_owned(), "ip\n10".to_owned()],
        ..group(&catalog, "shrunk_1", CapacityKind::OnDemand, &["r7i.large"], (5, 3))
    };
    let emptied =
        group(&catalog, "gone\u{2028}kind: Secret\n", CapacityKind::OnDemand, &["m5.large"], (2, 0));
    let pool = Group {
        is_pool: true,
        node_class: Some("theirs".to_owned()),
        ..group(&catalog, "pool", CapacityKind::Spot, &["c7g.large", "c6g.large"], (1, 2))
    };
    let new = |name, kind, types: &[&str], count| Group {
        existing: false,
        ..group(&catalog, name, kind, types, (0, count))
    };
    let groups = vec![
        Group { existing: false, ..odd },
        new("accelerated", CapacityKind::OnDemand, &["g5.xlarge"], 1),
        new("arm", CapacityKind::OnDemand, &["m7g.large", "m6g.large"], 2),
        kept,
        shrunk,
        emptied,
        pool,
    ];
    let time = "2026-07-20T08:00:00Z".parse().unwrap();
    Fleet {
        plan: "clusters/prod/plans/p1".to_owned(),
        cluster: "prod".to_owned(),
        region: "us-east-1".to_owned(),
        kubernetes_version: "1.35".to_owned(),
        create_time: time,
        price_time: time,
        cost_before: groups.iter().filter_map(Group::price).sum(),
        cost_after: groups.iter().filter_map(Group::price).sum(),
        estimates: vec!["spot prices, from the Spot Advisor\nof 2025".to_owned()],
        policy: policy(),
        groups,
        ungrouped_count: 1,
        requests: requests(),
    }
}

fn policy() -> Policy {
    let window = Window { cron: "0 9 * * mon-fri".to_owned(), duration_minutes: 90 };
    let budgets = vec![
        Budget { nodes_max: None, nodes_max_ratio: Some(0.15), window: None },
        Budget { nodes_max: Some(0), nodes_max_ratio: None, window: Some(window) },
    ];
    Policy { disruption_budgets: budgets, ..Policy::default() }
}

/// One group in [`ZONE`], existing, of types whose prices are estimated for spot.
fn group(catalog: &Catalog, name: &str, kind: CapacityKind, types: &[&str], counts: (u32, u32)) -> Group {
    let mut types: Vec<Type> = types
        .iter()
        .map(|name| Type {
            name: (*name).to_owned(),
            facts: Some(catalog.types[*name].clone()),
            price: catalog.price(name, ZONE, kind),
            estimated: kind == CapacityKind::Spot,
        })
        .collect();
    types.sort_by_key(|one| one.price);
    Group {
        name: name.to_owned(),
        existing: true,
        is_pool: false,
        node_class: None,
        zones: vec![ZONE.to_owned()],
        kind,
        types,
        from_count: counts.0,
        to_count: counts.1,
        leaving: Vec::new(),
        labels: BTreeMap::new(),
        taints: Vec::new(),
    }
}

fn taint(key: &str, value: &str, effect: TaintEffect) -> Taint {
    Taint { key: key.to_owned(), value: value.to_owned(), effect }
}

fn requests() -> Vec<Recommendation> {
    let of = |kind, name: &str, container: &str| Recommendation {
        key: Key {
            workload: WorkloadRef { kind, namespace: "default".to_owned(), name: name.to_owned() },
            container: container.to_owned(),
        },
        cpu_milli_now: 500,
        cpu_milli: 230,
        memory_bytes_now: 1 << 30,
        memory_bytes: 300 << 20,
        history_days: 14.0,
        pod_count: 2,
    };
    vec![
        of(WorkloadKind::Deployment, "web", "app"),
        of(WorkloadKind::Deployment, "web", "sidecar"),
        of(WorkloadKind::CronJob, "night", "app"),
        of(WorkloadKind::Job, "once", "app"),
    ]
}
