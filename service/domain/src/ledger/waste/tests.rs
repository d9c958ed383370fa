//! What is waste, and what only looks like it.

use super::*;
use crate::scheduler::fixture::{node, pod};
use crate::usage::Sample;
use crate::workload::{Pod, Volume, VolumeReach, WorkloadKind};

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().expect("a time")
}

#[derive(Default)]
struct Given {
    state: ClusterState,
    usage: ClusterUsage,
    version: &'static str,
}

impl Given {
    fn look(&self) -> Vec<Waste> {
        look(&WasteInput {
            state: &self.state,
            catalog: &Catalog::builtin(),
            kubernetes_version: self.version,
            usage: &self.usage,
            now: now(),
        })
    }

    #[track_caller]
    fn check(&self, what: &str, want: &[(&str, &str, i64)]) {
        let found = self.look();
        let got: Vec<(&str, &str, i64)> =
            found.iter().map(|one| (one.rule.code(), one.subject.as_str(), one.nano_usd_per_hour)).collect();
        assert_eq!(got, want, "{what}");
    }
}

fn volume(phase: VolumePhase, volume_type: &str) -> PersistentVolume {
    PersistentVolume {
        name: "pv".into(),
        claim: "shop/data".into(),
        gb: 73,
        volume_type: volume_type.into(),
        phase,
        ..PersistentVolume::default()
    }
}

fn on(node: &str, name: &str, app: &str) -> Pod {
    Pod { node: Some(node.into()), ..pod(name, app) }
}

fn large(name: &str, group: &str) -> Node {
    Node { group: group.into(), instance_type: "m5.xlarge".into(), ..node(name, "us-east-1a") }
}

#[test]
fn volumes_without_use_are_waste() {
    let volumes = |volume: PersistentVolume, pods: Vec<Pod>| Given {
        state: ClusterState { volumes: vec![volume], pods, ..ClusterState::default() },
        ..Given::default()
    };
    let subject = "persistentVolume/pv";
    volumes(volume(VolumePhase::Released, "gp3"), vec![])
        .check("released", &[("VOLUME_RELEASED", subject, 8_000_000)]);
    volumes(volume(VolumePhase::Bound, "gp3"), vec![])
        .check("unmounted", &[("CLAIM_UNMOUNTED", subject, 8_000_000)]);
    let mounted = Volume { claim: "shop/data".into(), driver: String::new(), reach: VolumeReach::Anywhere };
    let pods = vec![Pod { volumes: vec![mounted], ..pod("db", "db") }];
    volumes(volume(VolumePhase::Bound, "gp3"), pods.clone()).check("in use", &[]);
    volumes(volume(VolumePhase::Bound, "gp2"), pods).check("gp2", &[("VOLUME_GP2", subject, 2_000_000)]);
    volumes(volume(VolumePhase::Released, ""), vec![]).check("not of EBS", &[]);
}

#[test]
fn a_group_of_daemons_is_idle_and_an_old_version_costs() {
    let daemon = |node: &str, name: &str| {
        let mut pod = on(node, name, "agent");
        pod.owner.as_mut().expect("an owner").kind = WorkloadKind::DaemonSet;
        pod
    };
    let mut given = Given::default();
    given.state.nodes = vec![large("n1", "spare"), large("n2", "spare"), large("n3", "web")];
    given.state.pods = vec![daemon("n1", "a"), daemon("n3", "b"), on("n3", "cart-1", "cart")];
    given.check("one group works", &[("GROUP_IDLE", "nodeGroup/spare", 384_000_000)]);
    given.version = "1.33";
    let want = [("EXTENDED_SUPPORT", "cluster", 500_000_000), ("GROUP_IDLE", "nodeGroup/spare", 384_000_000)];
    given.check("and it is old", &want);
}

#[test]
fn a_weeks_rule_takes_a_week() {
    let mut given = Given::default();
    given.state.volumes = vec![volume(VolumePhase::Bound, "gp3")];
    let seen = given.look();
    let hours = |hours: i64| now() - SignedDuration::from_hours(hours);
    let check = |since: &Since, count: usize| assert_eq!(proven(seen.clone(), since, now()).len(), count);
    check(&Since::default(), 0);
    let early = Since::default().after(&seen, hours(7 * 24));
    check(&early, 1);
    assert_eq!(proven(seen.clone(), &early, now())[0].since, Some(hours(7 * 24)));
    check(&early.clone().after(&seen, hours(1)), 1);
    check(&early.after(&[], hours(2)).after(&seen, hours(1)), 0);
    given.state.volumes = vec![volume(VolumePhase::Released, "gp3")];
    assert_eq!(proven(given.look(), &Since::default(), now()).len(), 1, "no wait where nothing can use it");
}

/// Two nodes of four cores, seven pods of `cart`, each asking for a core and using `used_milli` for `days`.
fn sized(used_milli: f64, days: i64) -> Given {
    let mut given = Given::default();
    given.state.nodes = vec![large("n1", "web"), large("n2", "web")];
    let places = ["n1", "n1", "n1", "n1", "n2", "n2", "n2"];
    given.state.pods =
        places.iter().enumerate().map(|(index, node)| on(node, &format!("cart-{index}"), "cart")).collect();
    let owner = given.state.pods[0].owner.clone();
    for hour in 0..=days * 24 {
        let sample = Sample {
            time: now() - SignedDuration::from_hours(hour),
            namespace: "shop".into(),
            pod: "cart-0".into(),
            container: String::new(),
            cpu_milli: Some(used_milli),
            memory_bytes: None,
            workload: owner.clone(),
        };
        given.usage.add(&sample, |_, _| None, now()).expect("a sample");
    }
    given
}

#[test]
fn a_request_is_waste_only_if_a_node_goes() {
    let waste = [("REQUEST_UNUSED", "shop/deployment/cart", 192_000_000)];
    sized(200.0, 15).check("seven pods fit on one node", &waste);
    sized(200.0, 13).check("not known for two weeks", &[]);
    sized(640.0, 15).check("seven do not fit with two thirds", &[]);
    sized(900.0, 15).check("nearly used", &[]);
    let mut two = sized(200.0, 15);
    two.state.pods.truncate(4);
    two.check("a node could go as it is", &[]);
}
