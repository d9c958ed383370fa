//! A small bundle that is proven, with every rule of the problem just kept.

use plimsoll_verify::problem::*;
use plimsoll_verify::{Bundle, Certificate, Group, Placement, Plan, Problem, digest};

/// A million nano-USD per hour: all money of the bundle is in it.
pub const COIN: i64 = 1_000_000;
/// The same in the unit of duals.
pub const DUAL: i64 = 1_000_000 * COIN;

pub const WEB: i32 = 0;
pub const BATCH: i32 = 1;
pub const DB: i32 = 2;
pub const RIVAL: i32 = 3;
pub const AGENT: i32 = 4;
pub const SIDECAR: i32 = 5;

/// The nodes `n1` (spot group), `n2` (group in zone b), `old-1` and `old-3`; `old-2` leaves.
pub fn bundle() -> Bundle {
    let certificate = Certificate {
        version: 1,
        shape_duals: [20, 20, 150, 30, 0, 0].map(|coins| coins * DUAL).to_vec(),
        objective_floor_nano_usd_per_hour: 321 * COIN,
        ..Certificate::default()
    };
    let mut bundle = Bundle { problem: problem(), plan: plan(), certificate };
    redigest(&mut bundle);
    bundle
}

/// States the digest that the problem has.
pub fn redigest(bundle: &mut Bundle) {
    bundle.plan.problem_digest = digest(&bundle.problem);
    bundle.certificate.problem_digest = bundle.plan.problem_digest.clone();
}

fn problem() -> Problem {
    let rules = Rules {
        groups_max: 3,
        moved_pods_max: Some(1),
        nodes_max: 4,
        nodes_per_group_max: 1,
        on_demand_base_count: 3,
        spot_share_max_permille: Some(250),
        types_per_spot_group_min: 2,
        zone_share_max_permille: Some(750),
    };
    Problem {
        version: 1,
        resources: vec!["cpu_milli".into(), "memory_bytes".into()],
        offerings: offerings(),
        demands: demands(),
        nodes: nodes(),
        rules: Some(rules),
    }
}

fn offerings() -> Vec<Offering> {
    use CapacityKind::{OnDemand, Spot};
    let offering =
        |id: &str, instance_type: &str, zone: &str, kind, memory, price: i64, risk: i64| Offering {
            id: id.into(),
            instance_type: instance_type.into(),
            zone: zone.into(),
            kind,
            template: "plain".into(),
            capacity: vec![4000, memory],
            price_nano_usd_per_hour: price * COIN,
            risk_nano_usd_per_hour: risk * COIN,
            quantity_max: None,
        };
    let last = Offering { quantity_max: Some(1), ..offering("m/b", "m", "b", OnDemand, 16, 210, 0) };
    vec![
        offering("m/a", "m", "a", OnDemand, 16, 200, 0),
        offering("m/a/spot", "m", "a", Spot, 16, 80, 10),
        offering("c/a/spot", "c", "a", Spot, 8, 70, 10),
        last,
        offering("old", "m", "a", OnDemand, 16, 200, 0),
    ]
}

fn demands() -> Vec<Demand> {
    let demand = |id: &str, count, request: [i64; 2], offerings: &[i32], move_cost: i64| Demand {
        id: id.into(),
        count,
        request: request.to_vec(),
        offerings: offerings.to_vec(),
        move_cost_nano_usd_per_hour: move_cost * COIN,
        ..Demand::default()
    };
    let spread = Spread {
        topology: Topology::Zone,
        max_skew: 2,
        min_domains: 2,
        counted_demands: vec![WEB],
        domain_offerings: Vec::new(),
    };
    let web = Demand {
        max_per_node: Some(2),
        max_per_zone: Some(3),
        conflicts: vec![AGENT],
        spreads: vec![spread],
        pods: ["shop/web-1", "shop/web-2", "shop/web-3", "shop/web-4"].map(String::from).to_vec(),
        ..demand("web", 4, [1000, 2], &[0, 1, 2, 3, 4], 1)
    };
    let together = |demand: Demand| Demand { together: "node/agent".into(), ..demand };
    vec![
        web,
        demand("batch", 3, [1000, 1], &[1, 2], 0),
        Demand { zone_conflicts: vec![RIVAL], ..demand("db", 1, [2000, 8], &[0, 3, 4], 5) },
        Demand { zone_conflicts: vec![DB], ..demand("rival", 1, [500, 1], &[0, 3, 4], 0) },
        together(Demand { conflicts: vec![WEB], ..demand("agent", 1, [100, 1], &[4], 0) }),
        together(demand("sidecar", 1, [100, 1], &[4], 0)),
    ]
}

fn nodes() -> Vec<ExistingNode> {
    let node = |name: &str, residents| ExistingNode {
        name: name.into(),
        offering: 4,
        group: "legacy".into(),
        residents,
        ..ExistingNode::default()
    };
    let old_3 = vec![placed(AGENT, 1), placed(SIDECAR, 1)];
    vec![
        node("old-1", vec![placed(WEB, 2)]),
        ExistingNode { drain_cost_nano_usd_per_hour: 3 * COIN, ..node("old-2", vec![placed(DB, 1)]) },
        ExistingNode { sealed: true, kept: true, ..node("old-3", old_3) },
    ]
}

fn plan() -> Plan {
    let new = |name: &str, offering, group: &str, placed| Placement {
        node: name.into(),
        offering,
        existing_node: None,
        placed,
        group: group.into(),
    };
    let old = |name: &str, placed| Placement { existing_node: Some(name.into()), ..new(name, 4, "", placed) };
    let group = |name: &str, offerings: &[i32]| Group { name: name.into(), offerings: offerings.to_vec() };
    Plan {
        name: "clusters/shop/plans/1".into(),
        cost_after_nano_usd_per_hour: (80 + 210 + 200 + 200) * COIN,
        objective_nano_usd_per_hour: (690 + 10 + 3 + 5) * COIN,
        objective_floor_nano_usd_per_hour: 321 * COIN,
        groups: vec![group("spot", &[1, 2]), group("b", &[3]), group("legacy", &[])],
        placements: vec![
            new("n1", 2, "spot", vec![placed(WEB, 1), placed(BATCH, 3)]),
            new("n2", 3, "b", vec![placed(WEB, 1), placed(RIVAL, 1)]),
            old("old-1", vec![placed(WEB, 2), placed(DB, 1)]),
            old("old-3", vec![placed(AGENT, 1), placed(SIDECAR, 1)]),
        ],
        ..Plan::default()
    }
}

/// So many pods of a demand.
pub fn placed(demand: i32, count: i32) -> Placed {
    Placed { demand, count }
}
