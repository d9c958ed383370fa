//! What is read off a cluster's objects.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::ledger::{Inventory, Used, observe};
use crate::policy::Policy;
use crate::priced::{LoadBalancer, LoadBalancerKind, PersistentVolume, VolumePhase};
use crate::resources::NVIDIA_GPU;
use crate::scheduler::fixture::{node, pod};
use crate::selector::Labels;
use crate::snapshot::ClusterState;
use crate::workload::{Volume, VolumeReach, WorkloadKind};

fn labels(of: &[(&str, &str)]) -> Labels {
    of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Two zones, a pod on a node, one pending.
fn state() -> ClusterState {
    let mut nodes = vec![node("n1", "us-east-1a"), node("n2", "us-east-1b")];
    nodes[0].provider_id = "aws:///us-east-1a/i-1".into();
    let mut placed = pod("cart-1", "cart");
    placed.node = Some("n1".into());
    ClusterState { nodes, pods: vec![placed, pod("cart-2", "cart")], ..ClusterState::default() }
}

#[test]
fn pods_on_known_nodes_are_seen_with_what_they_ask_for_and_use() {
    let mut state = state();
    state.pods[0].requests.extended.insert(NVIDIA_GPU.into(), 2);
    let mut lost = pod("lost", "cart");
    lost.node = Some("n2".into());
    state.pods.push(lost);
    let used = Used { cpu_milli: Some(1500), memory_bytes: None };
    let used = BTreeMap::from([("shop/cart-1".to_owned(), used)]);
    let seen = observe(&state, &Policy::default(), Timestamp::UNIX_EPOCH, &used);
    assert_eq!(seen.pods.len(), 1, "neither the pending one, nor that on a node without an id");
    let pod = &seen.pods[0];
    assert_eq!(
        (pod.provider_id.as_str(), pod.workload.as_str()),
        ("aws:///us-east-1a/i-1", "deployment/cart")
    );
    assert_eq!((pod.cpu_milli, pod.used_cpu_milli, pod.used_memory_bytes), (1000, Some(1500), None));
    assert_eq!((pod.gpus, pod.daemon), (2, false));
}

#[test]
fn what_the_node_runs_for_itself_is_a_daemon() {
    for (kind, daemon) in
        [(WorkloadKind::DaemonSet, true), (WorkloadKind::Node, true), (WorkloadKind::Job, false)]
    {
        let mut state = state();
        state.pods[0].owner.as_mut().expect("an owner").kind = kind;
        let seen = observe(&state, &Policy::default(), Timestamp::UNIX_EPOCH, &BTreeMap::new());
        assert_eq!(seen.pods[0].daemon, daemon, "{kind:?}");
    }
}

#[test]
fn the_policy_names_a_team_before_any_label() {
    let check = |policy: &[(&str, &str)], pod: &[(&str, &str)], namespace: &[(&str, &str)], want: &str| {
        let mut state = state();
        state.pods[0].labels = labels(pod);
        state.namespaces.insert("shop".into(), labels(namespace));
        let policy = Policy { teams: labels(policy), ..Policy::default() };
        let seen = observe(&state, &policy, Timestamp::UNIX_EPOCH, &BTreeMap::new());
        assert_eq!(seen.pods[0].team, want);
    };
    check(&[("shop", "web")], &[("team", "rogue")], &[("team", "ns")], "web");
    check(&[("other", "web")], &[("team", "own")], &[("team", "ns")], "own");
    check(&[], &[], &[("team", "ns")], "ns");
    check(&[], &[("app", "cart")], &[], "");
}

#[test]
fn volumes_belong_to_who_mounts_them_else_to_the_namespace_of_their_claim() {
    let check = |phase: VolumePhase, mounted: bool, want: &[(&str, &str)]| {
        let mut state = state();
        let claim = "shop/data".to_owned();
        if mounted {
            let volume = Volume { claim: claim.clone(), driver: String::new(), reach: VolumeReach::Anywhere };
            state.pods[0].volumes = vec![volume.clone(), volume];
        }
        state.volumes = vec![PersistentVolume { claim, phase, ..PersistentVolume::default() }];
        let inventory = Inventory::of(&state, &Policy::default(), "1.35");
        let users: Vec<(&str, &str)> = inventory.volumes[0]
            .users
            .iter()
            .map(|user| (user.namespace.as_str(), user.pod.as_str()))
            .collect();
        assert_eq!(users, want);
    };
    check(VolumePhase::Bound, true, &[("shop", "cart-1")]);
    check(VolumePhase::Bound, false, &[("shop", "")]);
    check(VolumePhase::Released, false, &[]);
}

#[test]
fn ingresses_of_a_group_share_a_load_balancer() {
    let ingress = |name: &str, shared: &str, is_public: bool| LoadBalancer {
        namespace: "shop".into(),
        name: format!("ingress/{name}"),
        kind: LoadBalancerKind::Application,
        address: String::new(),
        shared: shared.into(),
        is_public,
        create_time: None,
    };
    let mut state = state();
    state.load_balancers =
        vec![ingress("a", "front", true), ingress("b", "front", true), ingress("c", "", false)];
    let found = Inventory::of(&state, &Policy::default(), "").balancers;
    let told: Vec<(&str, i64, usize)> =
        found.iter().map(|one| (one.id.as_str(), one.public_address_count, one.users.len())).collect();
    assert_eq!(told, [("group/front", 2, 2), ("shop/ingress/c", 0, 1)]);
}

#[test]
fn rooms_of_nodes_that_are_gone_are_remembered_while_they_matter() {
    let earlier = Inventory::of(&state(), &Policy::default(), "");
    let life = crate::world::MachineLife {
        provider_id: "aws:///us-east-1a/i-1".into(),
        instance_type: String::new(),
        zone: String::new(),
        kind: crate::fleet::CapacityKind::OnDemand,
        group: String::new(),
        launch_time: Timestamp::UNIX_EPOCH,
        end: None,
    };
    let mut now = Inventory::default();
    now.remember(&earlier, &[]);
    assert!(now.rooms.is_empty());
    now.remember(&earlier, &[life]);
    let room = now.rooms["aws:///us-east-1a/i-1"];
    assert_eq!((room.allocatable.cpu_milli, room.root_gb), (4000, 0));
}
