//! The wire's JSON of a problem has the digest that the verifier computes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use plimsoll_proto::v1 as pb;
use sha2::{Digest, Sha256};

/// A problem with something in every field.
fn problem() -> pb::Problem {
    pb::Problem {
        version: 1,
        resources: vec!["cpu_milli".into(), "memory_bytes".into()],
        offerings: vec![offering("a", pb::CapacityKind::OnDemand), offering("b", pb::CapacityKind::Spot)],
        demands: vec![demand("shop/cart \"ü\" \u{1}"), demand("tail\u{2028}\u{10000}")],
        nodes: vec![pb::ExistingNode {
            name: "n1".into(),
            offering: 1,
            drain_cost_nano_usd_per_hour: 5,
            residents: vec![pb::Placed { demand: 0, count: 2 }],
            group: "g".into(),
            sealed: true,
            kept: true,
        }],
        rules: Some(pb::Rules {
            spot_share_max_permille: Some(0),
            zone_share_max_permille: Some(1000),
            on_demand_base_count: 2,
            nodes_max: 3,
            groups_max: 4,
            nodes_per_group_max: 5,
            types_per_spot_group_min: 6,
            moved_pods_max: Some(0),
        }),
    }
}

fn offering(id: &str, kind: pb::CapacityKind) -> pb::Offering {
    pb::Offering {
        id: id.into(),
        instance_type: "m7i.large".into(),
        zone: "us-east-1a".into(),
        kind: kind.into(),
        template: "t".into(),
        capacity: vec![i64::MAX, 0],
        price_nano_usd_per_hour: 96_000_000,
        risk_nano_usd_per_hour: 1,
        quantity_max: Some(0),
    }
}

fn demand(id: &str) -> pb::Demand {
    pb::Demand {
        id: id.into(),
        count: 2,
        request: vec![1, 9_007_199_254_740_993],
        max_per_node: Some(1),
        offerings: vec![0, 1],
        conflicts: vec![1],
        spreads: vec![pb::Spread {
            topology: pb::spread::Topology::Zone.into(),
            max_skew: 1,
            min_domains: 2,
            counted_demands: vec![0],
            domain_offerings: vec![1],
        }],
        together: "zone/x".into(),
        pods: vec!["shop/a".into(), "shop/b".into()],
        max_per_zone: Some(3),
        zone_conflicts: vec![0],
        move_cost_nano_usd_per_hour: 7,
    }
}

/// Members sorted by name, nothing between them: for texts and small integers, the form of RFC 8785.
fn canonical(problem: &pb::Problem) -> String {
    let value = serde_json::to_value(problem).unwrap();
    serde_json::to_string(&value).unwrap()
}

#[track_caller]
fn check(problem: &pb::Problem) {
    let text = canonical(problem);
    let known: plimsoll_verify::Problem = serde_json::from_str(&text).unwrap();
    let digest: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(plimsoll_verify::digest(&known), digest, "{text}");
    let back: pb::Problem = serde_json::from_str(&serde_json::to_string(&known).unwrap()).unwrap();
    assert_eq!(&back, problem);
}

#[test]
fn the_wire_and_the_verifier_agree_on_the_digest() {
    check(&problem());
    check(&pb::Problem::default());
    check(&pb::Problem { rules: Some(pb::Rules::default()), ..Default::default() });
}
