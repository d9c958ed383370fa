//! Dumps of real API servers, read as a whole. The totals were counted by other means.

#[path = "../../../tests/data.rs"]
mod data;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use jiff::Timestamp;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::priced::PersistentVolume;
use plimsoll_domain::selector::Operator;
use plimsoll_domain::snapshot::{ClusterState, Content, Snapshot};
use plimsoll_domain::workload::{Pod, TaintEffect, VolumeReach, WorkloadKind};
use plimsoll_manifest::kube;

fn dump(name: &str) -> Option<(Snapshot, ClusterState)> {
    let path = data::path(&format!("kube/{name}.json.gz"))?;
    let file = File::open(path).expect("the dump is there");
    let now = "2026-11-22T18:00:00Z".parse::<Timestamp>().expect("a time");
    let snapshot = kube::read(file, &kube::Options::at(now)).expect("the dump is sound");
    let Content::Cluster(cluster) = snapshot.content.clone() else { panic!("not a cluster") };
    Some((snapshot, *cluster))
}

struct Want {
    nodes: usize,
    pods: usize,
    daemon_pods: usize,
    pending: usize,
    workloads: usize,
    daemon_sets: usize,
    budgets: usize,
    cpu_milli: i64,
    memory_bytes: i64,
    gpus: i64,
    zone_rules: usize,
    zone_wishes: usize,
    apart: usize,
    capture_time: &'static str,
}

fn check(name: &str, want: &Want) {
    let Some((snapshot, cluster)) = dump(name) else { return };
    let pods = &cluster.pods;
    let of_kind =
        |kind| pods.iter().filter(|pod| pod.owner.as_ref().is_some_and(|owner| owner.kind == kind)).count();
    assert_eq!(cluster.nodes.len(), want.nodes, "{name}: nodes");
    assert_eq!(pods.len(), want.pods, "{name}: pods");
    assert_eq!(of_kind(WorkloadKind::DaemonSet), want.daemon_pods, "{name}: pods of DaemonSets");
    assert_eq!(of_kind(WorkloadKind::ReplicaSet), 0, "{name}: every ReplicaSet has its Deployment");
    assert!(pods.iter().all(|pod| pod.owner.is_some()), "{name}: every pod has an owner");
    assert_eq!(pods.iter().filter(|pod| pod.node.is_none()).count(), want.pending, "{name}: pending");
    assert_eq!(cluster.workloads.len(), want.workloads, "{name}: workloads");
    assert_eq!(cluster.daemon_sets.len(), want.daemon_sets, "{name}: DaemonSets");
    assert_eq!(cluster.budgets.len(), want.budgets, "{name}: budgets");
    assert_eq!(cluster.autoscaled.len(), 3, "{name}: autoscaled");
    assert_eq!(cluster.namespaces.len(), 9, "{name}: namespaces");
    let billed = |one: &&PersistentVolume| {
        one.volume_type == "gp3" && one.gb > 0 && !one.zone.is_empty() && !one.claim.is_empty()
    };
    assert_eq!(cluster.volumes.iter().filter(billed).count(), 14, "{name}: volumes");
    let sum = |of: fn(&Pod) -> i64| pods.iter().map(of).sum::<i64>();
    assert_eq!(sum(|pod| pod.requests.cpu_milli), want.cpu_milli, "{name}: CPU");
    assert_eq!(sum(|pod| pod.requests.memory_bytes), want.memory_bytes, "{name}: memory");
    assert_eq!(sum(|pod| pod.requests.gpus()), want.gpus, "{name}: GPUs");
    assert_eq!(sum(|pod| pod.requests.pods), pods.len() as i64, "{name}: each is one pod");
    let spreads = |required| {
        pods.iter().flat_map(|pod| &pod.scheduling.spreads).filter(move |one| one.required == required)
    };
    assert_eq!(spreads(true).count(), want.zone_rules, "{name}: spread rules");
    assert_eq!(spreads(false).count(), want.zone_wishes, "{name}: spread wishes");
    assert_eq!(sum(|pod| pod.scheduling.pod_anti_affinity.len() as i64), want.apart as i64, "{name}: apart");
    assert_eq!(snapshot.capture_time.to_string(), want.capture_time, "{name}: capture time");
    assert!(snapshot.findings.is_empty(), "{name}: {:?}", snapshot.findings);
}

#[test]
fn the_dumps_are_read_whole() {
    check(
        "shop",
        &Want {
            nodes: 22,
            pods: 286,
            daemon_pods: 110,
            pending: 0,
            workloads: 33 + 4 + 5,
            daemon_sets: 5,
            budgets: 20,
            cpu_milli: 117_450,
            memory_bytes: 280_498_274_304,
            gpus: 0,
            zone_rules: 27,
            zone_wishes: 22,
            apart: 19,
            capture_time: "2026-11-22T15:54:42Z",
        },
    );
    check(
        "models",
        &Want {
            nodes: 26,
            pods: 315,
            daemon_pods: 134,
            pending: 1,
            workloads: 36 + 4 + 5,
            daemon_sets: 6,
            budgets: 15,
            cpu_milli: 166_400,
            memory_bytes: 476_716_204_032,
            gpus: 7,
            zone_rules: 27,
            zone_wishes: 30,
            apart: 20,
            capture_time: "2026-11-22T15:53:11Z",
        },
    );
    check(
        "wide",
        &Want {
            nodes: 101,
            pods: 1163,
            daemon_pods: 518,
            pending: 1,
            workloads: 90 + 4 + 20,
            daemon_sets: 6,
            budgets: 41,
            cpu_milli: 514_400,
            memory_bytes: 1_151_992_856_576,
            gpus: 16,
            zone_rules: 93,
            zone_wishes: 146,
            apart: 33,
            capture_time: "2026-11-22T15:55:23Z",
        },
    );
}

#[test]
fn budgets_agree_with_the_disruption_controller() {
    for name in ["shop", "models", "wide"] {
        let Some((_, cluster)) = dump(name) else { return };
        let stated = stated_disruptions(name);
        for budget in &cluster.budgets {
            let key = (budget.namespace.clone(), budget.name.clone());
            let pods = cluster.pods.iter().filter(|pod| pod.namespace == budget.namespace);
            let selected = pods.filter(|pod| budget.selector.matches(&pod.labels));
            // The controller counts only pods that are healthy now; ours, all of them.
            let waiting = selected.filter(|pod| pod.node.is_none()).count() as i64;
            assert_eq!(i64::from(budget.allowed) - waiting, stated[&key], "{name}: {key:?}");
        }
        assert_eq!(stated.len(), cluster.budgets.len());
    }
}

/// `status.disruptionsAllowed` of every budget.
fn stated_disruptions(name: &str) -> BTreeMap<(String, String), i64> {
    let path = data::path(&format!("kube/{name}.json.gz")).expect("was there before");
    let text = flate2::read::GzDecoder::new(File::open(path).expect("the dump is there"));
    let list: serde_json::Value = serde_json::from_reader(text).expect("JSON");
    let items = list["items"].as_array().expect("items").iter();
    let budgets = items.filter(|item| item["kind"] == "PodDisruptionBudget");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    budgets
        .map(|budget| {
            let key = (text(&budget["metadata"]["namespace"]), text(&budget["metadata"]["name"]));
            (key, budget["status"]["disruptionsAllowed"].as_i64().expect("a number"))
        })
        .collect()
}

#[test]
fn constraints_of_the_shop_are_what_its_objects_say() {
    let Some((_, cluster)) = dump("shop") else { return };
    let pods_of = |name: &str| -> Vec<&Pod> {
        let is_owner = |pod: &&Pod| pod.owner.as_ref().is_some_and(|owner| owner.name == name);
        cluster.pods.iter().filter(is_owner).collect()
    };

    let shipping = pods_of("shipping")[0];
    assert_eq!((shipping.requests.cpu_milli, shipping.requests.memory_bytes), (1000, 1 << 30), "init peak");
    assert_eq!(shipping.containers.iter().map(|one| one.init).collect::<Vec<_>>(), [true, false]);

    let elastic = pods_of("elastic");
    assert_eq!(elastic.len(), 3);
    let zones: BTreeSet<String> = elastic.iter().map(|pod| volume_zone(pod)).collect();
    assert_eq!(zones.len(), 3, "one volume in each zone");
    assert_eq!(elastic[0].volumes[0].driver, "ebs.csi.aws.com");
    assert_eq!(elastic[0].volumes[0].claim, "data/data-elastic-0");
    assert_eq!(elastic[0].scheduling.pod_anti_affinity[0].topology_key, "kubernetes.io/hostname");
    assert_eq!(elastic[0].scheduling.pod_anti_affinity[0].namespaces, ["data"]);

    let job = pods_of("job-0")[0];
    assert_eq!(job.owner.as_ref().map(|owner| owner.kind), Some(WorkloadKind::Job));
    assert_eq!(job.scheduling.node_selector["eks.amazonaws.com/capacityType"], "SPOT");
    assert!(job.scheduling.tolerations.iter().any(|one| one.key == "workload" && one.value == "batch"));
    assert_eq!(job.priority, -10);

    let spot = cluster.nodes.iter().filter(|node| node.kind == CapacityKind::Spot).collect::<Vec<_>>();
    assert_eq!(spot.len(), 4);
    assert!(spot.iter().all(|node| node.group == "batch-spot" && node.taints.len() == 1));
    assert_eq!(spot[0].taints[0].effect, TaintEffect::NoSchedule);
    assert_eq!(cluster.nodes[0].allocatable.cpu_milli, 7910);
    assert_eq!(cluster.nodes[0].allocatable.memory_bytes, 29_317 << 20);
    assert!(
        cluster.nodes.iter().all(|node| node.ready && !node.labels.contains_key("beta.kubernetes.io/arch"))
    );

    let aws_node = cluster.daemon_sets.iter().find(|one| one.name == "aws-node").expect("is there");
    assert_eq!((aws_node.requests.cpu_milli, aws_node.requests.pods), (50, 1));
    assert!(aws_node.scheduling.node_terms.is_empty());
    let daemon = pods_of("aws-node")[0];
    assert_eq!(daemon.scheduling.node_terms[0].fields[0].values, [daemon.node.clone().expect("bound")]);

    let frontend = cluster.workloads.iter().find(|one| one.reference.name == "frontend").expect("is there");
    let replicas = pods_of("frontend").len() as i32;
    assert_eq!(frontend.replicas, replicas);
    assert_eq!((frontend.max_surge, frontend.max_unavailable), ((replicas + 3) / 4, replicas / 4));
    let scaled = cluster.autoscaled.iter().find(|one| one.workload == frontend.reference).expect("is there");
    assert_eq!(
        (scaled.min_replicas, scaled.max_replicas, scaled.resources.as_slice()),
        (8, 24, &["cpu".to_owned()][..])
    );
    assert_eq!(
        pods_of("frontend")[0].scheduling.architectures,
        ["amd64"],
        "runs there, nobody knows of more"
    );

    let shared: BTreeSet<_> =
        pods_of("frontend").iter().map(|pod| std::sync::Arc::as_ptr(&pod.scheduling)).collect();
    assert_eq!(shared.len(), 1, "replicas share one value");
}

fn volume_zone(pod: &Pod) -> String {
    let VolumeReach::Terms(terms) = &pod.volumes[0].reach else { panic!("{:?}", pod.volumes) };
    let requirement = &terms[0].labels[0];
    assert_eq!(
        (requirement.key.as_str(), requirement.operator),
        ("topology.ebs.csi.aws.com/zone", Operator::In)
    );
    requirement.values[0].clone()
}
