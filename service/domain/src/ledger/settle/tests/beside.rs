//! What is no instance.

use super::{Given, at, by_owner, life, only};
use crate::ledger::{BalancerUse, Item, Quality, User, VolumeUse};
use crate::priced::{LoadBalancerKind, PersistentVolume, VolumePhase};

fn volume(gb: i64, volume_type: &str) -> PersistentVolume {
    PersistentVolume {
        name: "pv-1".into(),
        volume_id: "vol-1".into(),
        claim: "shop/data".into(),
        driver: "ebs.csi.aws.com".into(),
        gb,
        volume_type: volume_type.into(),
        ..PersistentVolume::default()
    }
}

fn user(namespace: &str, workload: &str) -> User {
    User { namespace: namespace.into(), workload: workload.into(), ..User::default() }
}

#[test]
fn the_control_plane_is_everybodys_and_an_old_one_costs_more() {
    let mut given = Given::lives(&[]);
    let rows = given.settle(at("10:00:00"));
    assert_eq!(only(&rows, Item::ControlPlane).list_cost, 100_000_000);
    assert_eq!(by_owner(&rows, Item::ControlPlane), [("Shared".to_owned(), 100_000_000)].into());
    assert_eq!(rows.charges.len(), 1);
    given.inventory.kubernetes_version = "1.31".into();
    let rows = given.settle(at("10:00:00"));
    let extended = only(&rows, Item::ExtendedSupport);
    assert_eq!(
        (extended.list_cost, extended.meter.as_str()),
        (500_000_000, "USE1-AmazonEKS-Hours:extendedSupport")
    );
    assert_eq!(extended.quality, Quality::Estimated);
}

/// Every day of a month, each rounded, is the price of a month.
#[test]
fn a_month_of_a_volume_costs_what_a_month_costs() {
    let mut given = Given::lives(&[]);
    given.inventory.volumes = vec![VolumeUse {
        volume: PersistentVolume { iops: Some(6000), throughput_mibps: Some(250), ..volume(500, "gp3") },
        users: vec![user("shop", "statefulset/db")],
    }];
    let first = "2026-11-01T00:00:00Z".parse::<jiff::Timestamp>().expect("a time").as_second();
    let mut sum = 0;
    for hour in 0..30 * 24 {
        let rows = given.settle(jiff::Timestamp::from_second(first + hour * 3600).expect("a time"));
        assert_eq!(rows.charges.iter().filter(|charge| charge.item == Item::Volume).count(), 3);
        sum += by_owner(&rows, Item::Volume)["statefulset/db"];
    }
    assert_eq!(sum, 60_000_000_000);
}

#[test]
fn a_volume_is_charged_from_its_first_second_and_a_released_one_is_idle() {
    let mut given = Given::lives(&[]);
    let released = PersistentVolume {
        phase: VolumePhase::Released,
        create_time: Some(at("10:30:00")),
        ..volume(100, "gp2")
    };
    given.inventory.volumes = vec![VolumeUse { volume: released, users: Vec::new() }];
    assert!(given.settle(at("09:00:00")).charges.iter().all(|charge| charge.item != Item::Volume));
    let rows = given.settle(at("10:00:00"));
    // 100 GB at $.10 for half of one of 720 hours, and what was rounded off in the month so far.
    assert_eq!(by_owner(&rows, Item::Volume), [("Idle".to_owned(), 6_944_445)].into());
    given.inventory.volumes[0].volume.volume_type = String::new();
    assert!(given.settle(at("10:00:00")).charges.iter().all(|charge| charge.item != Item::Volume));
}

#[test]
fn a_shared_load_balancer_is_shared_alike_by_the_hour() {
    let mut given = Given::lives(&[]);
    given.inventory.balancers = vec![BalancerUse {
        id: "k8s-shop.elb.amazonaws.com".into(),
        kind: LoadBalancerKind::Application,
        public_address_count: 2,
        create_time: Some(at("10:59:00")),
        users: vec![user("shop", "ingress/cart"), user("shop", "ingress/pay")],
    }];
    let rows = given.settle(at("10:00:00"));
    let half =
        |cost: i64| [("ingress/cart".to_owned(), cost / 2), ("ingress/pay".to_owned(), cost / 2)].into();
    assert_eq!(by_owner(&rows, Item::LoadBalancer), half(22_500_000));
    assert_eq!(by_owner(&rows, Item::PublicIpv4), half(10_000_000));
    assert_eq!(given.settle(at("09:00:00")).charges.len(), 1);
}

#[test]
fn a_root_volume_lives_with_its_machine() {
    let given = Given::lives(&[life("m5.large", "09:30:00", Some("10:15:00"))]);
    let rows = given.settle(at("10:00:00"));
    let charge = only(&rows, Item::RootVolume);
    // 20 GB at $.08 for a quarter of one of 720 hours.
    assert_eq!((charge.list_cost, charge.resource_id.as_str()), (555_556, "i-1"));
    assert_eq!((charge.unit.as_str(), charge.quality), ("GB-Months", Quality::Estimated));
}
