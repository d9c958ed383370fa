use std::time::Duration;

use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::world::{Cloud, CloudError, GroupSpec};

use crate::support::{Seen, TYPE, ZONE, atlas, spec};

#[tokio::test]
async fn a_new_group_is_active_after_minutes() {
    let rig = Seen::default().group("web", 1).rig();
    rig.sim.ensure_group(&atlas(), &spec("new")).await.expect("accepted");
    rig.wait(119).await;
    assert!(!rig.status("new").await.expect("it is there").is_active);
    assert_eq!(rig.resize("new", 1).await, Err(CloudError::Busy("new".to_owned())));
    rig.wait(181).await;
    assert!(rig.status("new").await.expect("it is there").is_active);
    rig.expect_sizes(&[("new", 0), ("web", 1)]);
}

#[tokio::test]
async fn a_node_joins_within_two_minutes_and_not_before_one() {
    let rig = Seen::default().group("web", 1).daemon_set("agent").rig();
    rig.made(&spec("new")).await;
    rig.resize("new", 3).await.expect("accepted");
    rig.wait(59).await;
    assert_eq!(rig.state().await.nodes.len(), 1);
    rig.wait(61).await;
    let state = rig.state().await;
    let new: Vec<_> = state.nodes.iter().filter(|node| node.group == "new").collect();
    assert_eq!(new.len(), 3, "{}", rig.sim.journal());
    for node in new {
        assert!(node.ready && !node.unschedulable && node.instance_type == "m7i.large", "{node:?}");
        assert!(node.name.starts_with("ip-10-0-") && node.name.ends_with(".ec2.internal"), "{}", node.name);
        assert_eq!(node.provider_id.len(), format!("aws:///{ZONE}/i-").len() + 17, "{}", node.provider_id);
        assert_eq!(node.labels["team"], "shop");
        assert_eq!(state.pods.iter().filter(|pod| pod.node.as_ref() == Some(&node.name)).count(), 1);
    }
}

#[tokio::test]
async fn one_update_at_a_time() {
    let rig = Seen::default().group("web", 1).rig();
    rig.resize("web", 2).await.expect("accepted");
    assert_eq!(rig.resize("web", 3).await, Err(CloudError::Busy("web".to_owned())));
    assert_eq!(rig.resize("web", 2).await, Ok(()), "the end was asked for already");
    rig.wait(60).await;
    assert_eq!(rig.resize("web", 3).await, Ok(()));
    rig.expect_sizes(&[("web", 3)]);
}

#[tokio::test]
async fn a_found_group_is_the_one_that_it_looks_like() {
    let rig = Seen::default().group("web", 1).rig();
    let like = GroupSpec {
        kind: CapacityKind::OnDemand,
        instance_types: vec!["m5a.large".to_owned(), TYPE.to_owned()],
        labels: Default::default(),
        ..spec("web")
    };
    let other = rig.sim.ensure_group(&atlas(), &spec("web")).await;
    assert!(matches!(other, Err(CloudError::Conflict(_))), "{other:?}");
    assert_eq!(rig.sim.ensure_group(&atlas(), &like).await, Ok(()));
    rig.expect_sizes(&[("web", 1)]);
}

#[tokio::test]
async fn senseless_groups_and_sizes_are_refused() {
    let rig = Seen::default().group("web", 1).rig();
    let bad = [
        GroupSpec { name: String::new(), ..spec("new") },
        GroupSpec { name: "x".repeat(64), ..spec("new") },
        GroupSpec { zone: String::new(), ..spec("new") },
        GroupSpec { instance_types: Vec::new(), ..spec("new") },
        GroupSpec { instance_types: vec!["z9.huge".to_owned()], ..spec("new") },
    ];
    for spec in bad {
        let refused = rig.sim.ensure_group(&atlas(), &spec).await;
        assert!(matches!(refused, Err(CloudError::Failed(_))), "{refused:?}");
    }
    let huge = rig.resize("web", u32::MAX).await;
    assert!(matches!(huge, Err(CloudError::Failed(_))), "{huge:?}");
    let nowhere = rig.sim.ensure_group(&"zeus".parse().expect("an id"), &spec("new")).await;
    assert!(matches!(nowhere, Err(CloudError::Failed(_))), "{nowhere:?}");
    rig.expect_sizes(&[("web", 1)]);
}

#[tokio::test]
async fn a_machine_leaves_with_its_size_and_its_node_follows() {
    let rig = Seen::default().group("web", 2).rig();
    let id = rig.state().await.nodes[0].provider_id.clone();
    rig.terminate("web", &id).await.expect("terminated");
    rig.terminate("web", &id).await.expect("it is gone");
    rig.expect_sizes(&[("web", 1)]);
    rig.wait(29).await;
    let leaving = rig.state().await.nodes;
    assert_eq!((leaving.len(), leaving[0].ready), (2, false));
    rig.wait(31).await;
    assert_eq!(rig.state().await.nodes.len(), 1);
    let other = rig.terminate("api", &rig.state().await.nodes[0].provider_id).await;
    assert!(matches!(other, Err(CloudError::Conflict(_))), "{other:?}");
}

#[tokio::test]
async fn a_group_is_deleted_once_its_last_machine_has_left() {
    let rig = Seen::default().group("web", 1).rig();
    let kept = rig.sim.ensure_group_gone(&atlas(), "web").await;
    assert!(matches!(kept, Err(CloudError::Conflict(_))), "{kept:?}");
    let id = rig.state().await.nodes[0].provider_id.clone();
    rig.terminate("web", &id).await.expect("terminated");
    let leaving = rig.sim.ensure_group_gone(&atlas(), "web").await;
    assert_eq!(leaving, Err(CloudError::Busy("web".to_owned())));
    rig.wait(60).await;
    assert_eq!(rig.sim.ensure_group_gone(&atlas(), "web").await, Ok(()));
    let deleting = rig.sim.ensure_group(&atlas(), &spec("web")).await;
    assert_eq!(deleting, Err(CloudError::Busy("web".to_owned())));
    rig.wait(59).await;
    assert!(rig.status("web").await.is_some());
    rig.wait(121).await;
    assert!(rig.status("web").await.is_none());
}

#[tokio::test]
async fn machines_are_counted_from_launch_to_termination() {
    let rig = Seen::default().group("web", 1).rig();
    rig.made(&spec("new")).await;
    rig.resize("new", 1).await.expect("accepted");
    rig.wait(100).await;
    let id = rig.status("new").await.expect("it is there").instances[0].provider_id.clone();
    rig.terminate("new", &id).await.expect("terminated");
    rig.wait(1000).await;
    let times = rig.sim.tally(&atlas()).node_time;
    let of = |group: &str, name: &str| times.get(&(group.to_owned(), name.to_owned())).map(Duration::as_secs);
    assert_eq!((of("web", TYPE), of("new", "m7i.large")), (Some(1400), Some(100)));
}
