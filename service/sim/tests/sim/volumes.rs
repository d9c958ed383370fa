use plimsoll_domain::workload::WorkloadKind;
use plimsoll_domain::world::{Cluster, Eviction};
use plimsoll_sim::Fault;

use crate::support::{Rig, Seen, atlas};

/// Two nodes, and `db-0` with a disk on the first.
fn rig() -> Rig {
    let seen = Seen::default().group("web", 2).pods(Some(WorkloadKind::StatefulSet), "db", 1).disks("db");
    seen.budget("db", "db", 1).rig()
}

async fn left(rig: &Rig) -> Vec<String> {
    rig.sim.left_on(&atlas(), "web-0").await.expect("answered")
}

/// Evicts `db-0` from `web-0`; seconds until nothing is left there, and until it serves elsewhere.
async fn seconds_to_move(rig: &Rig) -> (u64, u64) {
    rig.cordon("web-0", true).await;
    assert_eq!(rig.evict("db-0").await, Eviction::Accepted);
    let mut left_after = None;
    let mut only_volume = false;
    for second in 0..1000 {
        let there = left(rig).await;
        only_volume |= there == ["volume shop/data-db-0"];
        if there.is_empty() {
            left_after.get_or_insert(second);
        }
        if rig.sim.journal().contains("pod shop/db-0: healthy") {
            assert!(only_volume, "the volume goes after the pod\n{}", rig.sim.journal());
            return (left_after.expect("it left before"), second);
        }
        rig.wait(1).await;
    }
    panic!("{}", rig.sim.journal())
}

#[tokio::test]
async fn a_volume_leaves_after_its_pod_and_holds_the_next_up() {
    let (left, serves) = seconds_to_move(&rig()).await;
    assert!((6..=61).contains(&left) && (left + 15..=left + 81).contains(&serves), "{left} {serves}");
}

#[tokio::test]
async fn a_volume_that_does_not_let_go_is_detached_by_force_after_six_minutes() {
    let rig = rig();
    rig.sim.fault(Fault::StuckVolume { claim: "shop/data-db-0".to_owned() });
    let (left, serves) = seconds_to_move(&rig).await;
    assert!((361..=391).contains(&left) && left < serves, "{left} {serves}");
}

#[tokio::test]
async fn a_machine_that_goes_under_a_pod_keeps_its_volume_for_six_minutes() {
    let rig = rig();
    let id = rig.state().await.nodes[0].provider_id.clone();
    rig.terminate("web", &id).await.expect("terminated");
    rig.wait(360).await;
    assert_eq!(rig.pod("db-0").await.expect("made again").node.as_deref(), Some("web-1"));
    assert!(!rig.sim.journal().contains("pod shop/db-0: healthy"), "{}", rig.sim.journal());
    rig.wait(60 + 80).await;
    assert!(rig.sim.journal().contains("pod shop/db-0: healthy"), "{}", rig.sim.journal());
}

#[tokio::test]
async fn a_pod_that_comes_back_to_its_node_finds_its_volume() {
    let rig = rig();
    rig.cordon("web-1", true).await;
    assert_eq!(rig.evict("db-0").await, Eviction::Accepted);
    rig.wait(30 + 20).await;
    assert!(rig.sim.journal().contains("pod shop/db-0: healthy"), "{}", rig.sim.journal());
    assert_eq!(left(&rig).await, ["shop/db-0"]);
}

#[tokio::test]
async fn a_volume_that_is_being_detached_takes_its_place_on_the_node() {
    let seen = Seen::default().group("web", 1).pods(Some(WorkloadKind::StatefulSet), "db", 2).disks("db");
    let mut seen = seen.with("db", |pod| {
        if pod.name == "db-1" {
            pod.node = None;
        }
    });
    seen.0.nodes[0].attach_limits.insert("ebs.csi.aws.com".to_owned(), 1);
    let rig = seen.rig();
    rig.cordon("web-0", true).await;
    assert_eq!(rig.evict("db-0").await, Eviction::Accepted);
    while left(&rig).await != ["volume shop/data-db-0"] {
        rig.wait(1).await;
    }
    rig.cordon("web-0", false).await;
    assert_eq!(rig.pod("db-1").await.expect("there").node, None);
    rig.wait(31).await;
    let placed = rig.pods("db").await.into_iter().filter(|pod| pod.node.is_some()).count();
    assert_eq!(placed, 1, "{}", rig.sim.journal());
}
