use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::workload::{VolumeReach, WorkloadKind};
use plimsoll_domain::world::{Cluster, ClusterError, Eviction};

use crate::support::{Rig, Seen, atlas, spec};

#[tokio::test]
async fn a_cluster_is_taken_in_as_it_was_seen() {
    let seen =
        Seen::default().group("web", 3).deployment("api", 5).budget("api", "api", 1).daemon_set("agent");
    let rig = seen.clone().rig();
    assert_eq!(rig.state().await, seen.0);
    rig.sim.load(&atlas(), ClusterState::default()).expect("loaded");
    assert_eq!(rig.state().await, ClusterState::default());
}

#[tokio::test]
async fn a_deployments_pod_has_a_successor_at_once() {
    let rig = Seen::default().group("web", 2).deployment("api", 2).rig();
    rig.cordon("web-0", true).await;
    assert_eq!(rig.evict("api-0").await, Eviction::Accepted);
    let pods = rig.pods("api").await;
    let new = pods.iter().find(|pod| pod.name != "api-1").expect("another");
    assert_eq!((new.name.len(), new.node.as_deref()), ("api-".len() + 5, Some("web-1")), "{new:?}");
    assert!(rig.pod("api-0").await.is_some_and(|pod| pod.terminating));
    assert_eq!(rig.evict("api-0").await, Eviction::Accepted, "it is leaving");
    rig.wait(30).await;
    assert!(rig.pod("api-0").await.is_none());
    assert_eq!(rig.evict("api-0").await, Eviction::Gone);
    assert_eq!(rig.pods("api").await.len(), 2);
}

#[tokio::test]
async fn a_stateful_sets_pod_comes_back_under_its_name() {
    let rig =
        Seen::default().group("web", 2).pods(Some(WorkloadKind::StatefulSet), "db", 2).disks("db").rig();
    rig.cordon("web-0", true).await;
    assert_eq!(rig.evict("db-0").await, Eviction::Accepted);
    let leaving = rig.pod("db-0").await.expect("it will be made again");
    assert_eq!((leaving.node, leaving.terminating), (None, false), "shown as made again");
    assert_eq!(rig.sim.evict(&atlas(), "shop/db-0", "web-0").await, Ok(Eviction::Accepted));
    rig.wait(30).await;
    let back = rig.pod("db-0").await.expect("made again");
    assert_eq!(back.node.as_deref(), Some("web-1"), "{}", rig.sim.journal());
    assert_eq!(back.volumes[0].claim, "shop/data-db-0");
}

#[tokio::test]
async fn a_bare_pod_is_gone_for_good() {
    let rig = Seen::default().group("web", 2).pods(None, "job", 1).rig();
    assert_eq!(rig.evict("job-0").await, Eviction::Accepted);
    rig.wait(30).await;
    assert!(rig.pods("job").await.is_empty());
    assert!(rig.sim.journal().contains("shop/job-0: gone for good"), "{}", rig.sim.journal());
}

/// Seconds from the eviction of `db-0` until its budget lets the next one go.
async fn seconds_to_heal(seen: Seen) -> u64 {
    let rig = seen.budget("db", "db", 1).rig();
    assert_eq!(rig.evict("db-0").await, Eviction::Accepted);
    for second in 0..200 {
        match rig.evict("db-1").await {
            Eviction::Blocked(budget) => assert_eq!(budget, "shop/db"),
            Eviction::Accepted => return second,
            Eviction::Gone => panic!("{}", rig.sim.journal()),
        }
        rig.wait(1).await;
    }
    panic!("{}", rig.sim.journal())
}

#[tokio::test]
async fn a_budget_counts_a_pod_that_moves_until_it_serves_again() {
    let seen = || Seen::default().group("web", 2).deployment("db", 3);
    let plain = seconds_to_heal(seen()).await;
    let with_disk = seconds_to_heal(seen().disks("db")).await;
    assert!((5..=20).contains(&plain), "{plain}");
    assert!((15..=140).contains(&with_disk), "{with_disk}");
}

#[tokio::test]
async fn a_pod_that_moves_is_one_disruption_and_not_two() {
    let rig = Seen::default().group("web", 2).deployment("api", 4).budget("api", "api", 2).rig();
    assert_eq!(rig.evict("api-0").await, Eviction::Accepted);
    assert_eq!(rig.evict("api-1").await, Eviction::Accepted);
    assert_eq!(rig.evict("api-2").await, Eviction::Blocked("shop/api".to_owned()));
    rig.wait(20).await;
    assert_eq!(rig.evict("api-2").await, Eviction::Accepted);
    assert!(rig.sim.tally(&atlas()).budget_violations.is_empty());
}

#[tokio::test]
async fn two_budgets_on_a_pod_fail_its_eviction() {
    let seen = Seen::default().group("web", 1).deployment("api", 2);
    let rig = seen.budget("api", "api", 1).budget("also", "api", 1).rig();
    let failed = rig.sim.evict(&atlas(), "shop/api-0", "web-0").await;
    assert!(matches!(failed, Err(ClusterError::Failed(_))), "{failed:?}");
}

#[tokio::test]
async fn a_cordoned_node_gets_no_pods_until_it_is_opened() {
    let rig = Seen::default().group("web", 1).deployment("api", 1).rig();
    rig.cordon("web-0", true).await;
    assert_eq!(rig.evict("api-0").await, Eviction::Accepted);
    rig.wait(600).await;
    assert_eq!(rig.pods("api").await[0].node, None);
    rig.cordon("web-0", false).await;
    assert_eq!(rig.pods("api").await[0].node.as_deref(), Some("web-0"));
    assert!(rig.state().await.nodes[0].taints.is_empty());
}

#[tokio::test]
async fn pods_wait_for_the_node_that_comes() {
    let rig = Seen::default().group("web", 1).deployment("api", 18).rig();
    rig.made(&spec("new")).await;
    rig.cordon("web-0", true).await;
    rig.evict("api-0").await;
    rig.resize("new", 1).await.expect("accepted");
    rig.wait(120).await;
    let moved = rig.pods("api").await.into_iter().filter(|pod| pod.node.as_deref() != Some("web-0"));
    let places: Vec<_> = moved.map(|pod| pod.node.is_some()).collect();
    assert_eq!(places, [true], "{}", rig.sim.journal());
}

/// A world whose node `web-0` was terminated under its pods, a minute ago.
async fn bereaved(seen: Seen) -> Rig {
    let rig = seen.rig();
    let id = rig.state().await.nodes[0].provider_id.clone();
    rig.terminate("web", &id).await.expect("terminated");
    rig.wait(60).await;
    rig
}

#[tokio::test]
async fn pods_on_a_terminated_machine_are_lost_and_made_again() {
    let seen = Seen::default().group("web", 2).deployment("api", 4).budget("api", "api", 1);
    let seen = seen.pods(Some(WorkloadKind::DaemonSet), "agent", 2);
    let rig = bereaved(seen).await;
    let tally = rig.sim.tally(&atlas());
    assert_eq!(tally.pods_lost, ["shop/api-0 on web-0", "shop/api-2 on web-0"]);
    assert_eq!(tally.budget_violations, ["shop/api"]);
    let pods = rig.pods("api").await;
    assert_eq!(pods.len(), 4);
    assert!(pods.iter().all(|pod| pod.node.as_deref() == Some("web-1")), "{}", rig.sim.journal());
    assert_eq!(rig.pods("agent").await.len(), 1);
}

#[tokio::test]
async fn a_pod_that_has_ended_is_not_lost_with_its_machine_and_one_that_is_ending_is() {
    let rig = Seen::default().group("web", 2).pods(Some(WorkloadKind::StatefulSet), "db", 1).rig();
    let id = rig.state().await.nodes[0].provider_id.clone();
    rig.cordon("web-0", true).await;
    assert_eq!(rig.evict("db-0").await, Eviction::Accepted);
    let world = rig.sim.world();
    assert_eq!(world.cluster.left_on(&atlas(), "web-0").await, Ok(vec!["shop/db-0".to_owned()]));
    rig.wait(60).await;
    assert_eq!(world.cluster.left_on(&atlas(), "web-0").await, Ok(Vec::new()));
    rig.terminate("web", &id).await.expect("terminated");
    rig.wait(60).await;
    assert!(rig.sim.tally(&atlas()).pods_lost.is_empty());
    assert_eq!(rig.pods("db").await[0].node.as_deref(), Some("web-1"));

    let id = rig.state().await.nodes[0].provider_id.clone();
    assert_eq!(rig.evict("db-0").await, Eviction::Accepted);
    rig.terminate("web", &id).await.expect("terminated");
    assert_eq!(rig.sim.tally(&atlas()).pods_lost.len(), 1, "it had not ended yet");
}

#[tokio::test]
async fn a_disk_of_a_node_holds_its_pod_there() {
    let seen = Seen::default().group("web", 2).pods(Some(WorkloadKind::StatefulSet), "db", 1).disks("db");
    let rig = seen.with("db", |pod| pod.volumes[0].reach = VolumeReach::Local).rig();
    rig.cordon("web-0", true).await;
    rig.evict("db-0").await;
    rig.wait(600).await;
    assert_eq!(rig.pods("db").await[0].node, None);
    rig.cordon("web-0", false).await;
    assert_eq!(rig.pods("db").await[0].node.as_deref(), Some("web-0"));
}

#[tokio::test]
async fn a_daemon_sets_pod_comes_back_to_its_node() {
    let rig = Seen::default().group("web", 1).pods(Some(WorkloadKind::DaemonSet), "agent", 1).rig();
    rig.evict("agent-0").await;
    rig.wait(30).await;
    let pods = rig.pods("agent").await;
    assert_eq!((pods.len(), pods[0].node.as_deref()), (1, Some("web-0")));
    assert_ne!(pods[0].name, "agent-0");
}
