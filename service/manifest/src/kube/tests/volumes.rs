//! Which nodes the claims of a pod can be attached to.

use plimsoll_domain::selector::{NodeTerm, Operator, Requirement};
use plimsoll_domain::workload::VolumeReach;
use serde_json::{Value, json};

use super::{cluster, object, pod};

fn zone_term(key: &str, zones: &[&str]) -> NodeTerm {
    let values = zones.iter().map(|zone| (*zone).to_owned()).collect();
    NodeTerm {
        labels: vec![Requirement { key: key.into(), operator: Operator::In, values }],
        fields: Vec::new(),
    }
}

fn terms(key: &str, zones: &[&[&str]]) -> VolumeReach {
    VolumeReach::Terms(zones.iter().map(|zones| zone_term(key, zones)).collect())
}

fn broken(why: &str) -> VolumeReach {
    VolumeReach::Broken(why.into())
}

fn class(name: &str, mode: &str, rest: Value) -> Value {
    let base = json!({"provisioner": "ebs.csi.aws.com", "volumeBindingMode": mode});
    let mut class = object("storage.k8s.io/v1", "StorageClass", name, base);
    super::merge(&mut class, rest);
    class
}

fn claim(spec: Value, rest: Value) -> Value {
    let mut claim = object("v1", "PersistentVolumeClaim", "data", json!({"spec": spec}));
    super::merge(&mut claim, rest);
    claim
}

fn volume(spec: Value, rest: Value) -> Value {
    let mut volume = object("v1", "PersistentVolume", "pv", json!({"spec": spec}));
    super::merge(&mut volume, rest);
    volume
}

fn zonal(zones: &[&[&str]]) -> Value {
    let terms: Vec<Value> = zones
        .iter()
        .map(|zones| json!({"matchExpressions": [{"key": "topology.ebs.csi.aws.com/zone", "operator": "In", "values": zones}]}))
        .collect();
    json!({"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "v"}, "nodeAffinity": {"required": {"nodeSelectorTerms": terms}}})
}

#[track_caller]
fn check(what: &str, beside: &[Value], driver: &str, reach: &VolumeReach) {
    let mounted = json!({"volumes": [
        {"name": "a", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "b", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "c", "emptyDir": {}},
    ]});
    let volumes = pod(mounted, beside).volumes;
    assert_eq!(volumes.len(), 1, "{what}: one claim, mounted twice");
    assert_eq!(volumes[0].claim, "shop/data", "{what}");
    assert_eq!((volumes[0].driver.as_str(), &volumes[0].reach), (driver, reach), "{what}");
}

const EBS: &str = "ebs.csi.aws.com";
const EBS_ZONE: &str = "topology.ebs.csi.aws.com/zone";
const ZONE: &str = "topology.kubernetes.io/zone";

#[test]
fn a_bound_claim_goes_where_its_volume_is() {
    let bound = claim(json!({"volumeName": "pv"}), json!({"status": {"phase": "Bound"}}));
    let check = |what: &str, volume: Value, driver: &str, reach: &VolumeReach| {
        check(what, &[bound.clone(), volume], driver, reach);
    };
    check("one zone", volume(zonal(&[&["a"]]), json!({})), EBS, &terms(EBS_ZONE, &[&["a"]]));
    let two = zonal(&[&["a"], &["b", "c"]]);
    check("alternatives", volume(two, json!({})), EBS, &terms(EBS_ZONE, &[&["a"], &["b", "c"]]));
    let efs = json!({"csi": {"driver": "efs.csi.aws.com", "volumeHandle": "v"}});
    check("a network file system", volume(efs, json!({})), "efs.csi.aws.com", &VolumeReach::Anywhere);
    let nfs = json!({"nfs": {"server": "s", "path": "/"}});
    check("NFS", volume(nfs, json!({})), "", &VolumeReach::Anywhere);
    let in_tree = json!({"awsElasticBlockStore": {"volumeID": "v"}});
    let labels = json!({"metadata": {"labels": {"failure-domain.beta.kubernetes.io/zone": "a__b"}}});
    check("in-tree, by label", volume(in_tree, labels), EBS, &terms(ZONE, &[&["a", "b"]]));
    let local = json!({"local": {"path": "/disk"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n"]}]}]}}});
    check("a local disk", volume(local, json!({})), "", &VolumeReach::Local);
    let host_path = json!({"hostPath": {"path": "/disk"}});
    check("a host path", volume(host_path, json!({})), "", &VolumeReach::Local);
}

#[test]
fn a_claim_that_cannot_be_used_breaks_its_pod() {
    let of_class = |name: &str| claim(json!({"storageClassName": name}), json!({}));
    check("missing", &[], "", &broken("the claim does not exist"));
    let lost = claim(json!({"volumeName": "pv"}), json!({"status": {"phase": "Lost"}}));
    check("lost", &[lost], "", &broken("the claim has lost its volume"));
    let deletion = json!({"metadata": {"deletionTimestamp": "2026-11-22T00:00:00Z"}});
    let deleting = claim(json!({"volumeName": "pv"}), deletion);
    check(
        "deleting",
        &[deleting, volume(zonal(&[&["a"]]), json!({}))],
        "",
        &broken("the claim is being deleted"),
    );
    let dangling = claim(json!({"volumeName": "pv"}), json!({}));
    check("no volume", &[dangling], "", &broken("the volume pv does not exist"));
    let at_once = class("gp2", "Immediate", json!({}));
    let why = broken("the claim is not bound, though class gp2 binds at once");
    check("immediate", &[of_class("gp2"), at_once], "", &why);
    check("no class", &[of_class("gp2")], "", &broken("the class gp2 does not exist"));
    check("static", &[of_class("")], "", &broken("the claim is not bound and has no class"));
    let unclassed = claim(json!({}), json!({}));
    check("no default", &[unclassed], "", &broken("the claim has no class and there is no default"));
    let none = class("disks", "WaitForFirstConsumer", json!({"provisioner": "kubernetes.io/no-provisioner"}));
    let why = broken("no volume of class disks is available");
    check("no free disk", &[of_class("disks"), none], "", &why);
}

#[test]
fn a_claim_that_waits_for_its_pod_goes_where_its_class_allows() {
    let waits = |name: &str, rest: Value| class(name, "WaitForFirstConsumer", rest);
    let of_class = claim(json!({"storageClassName": "gp3"}), json!({}));
    check("anywhere", &[of_class.clone(), waits("gp3", json!({}))], EBS, &VolumeReach::Anywhere);
    let topologies = json!({"allowedTopologies": [
        {"matchLabelExpressions": [{"key": EBS_ZONE, "values": ["a", "b"]}]},
        {"matchLabelExpressions": [{"key": EBS_ZONE, "values": ["c"]}]},
    ]});
    let want = terms(EBS_ZONE, &[&["a", "b"], &["c"]]);
    check("some zones", &[of_class.clone(), waits("gp3", topologies)], EBS, &want);
    let in_tree = json!({"provisioner": "kubernetes.io/aws-ebs"});
    check("in-tree", &[of_class, waits("gp3", in_tree)], EBS, &VolumeReach::Anywhere);

    let default_since = |time: &str| {
        let annotations = json!({"storageclass.kubernetes.io/is-default-class": "true"});
        json!({"metadata": {"annotations": annotations, "creationTimestamp": time}})
    };
    let old = class("old", "Immediate", default_since("2024-01-01T00:00:00Z"));
    let new = waits("new", default_since("2026-01-01T00:00:00Z"));
    let unclassed = claim(json!({}), json!({}));
    check("the newest default", &[unclassed, old, new], EBS, &VolumeReach::Anywhere);

    let free = json!({"status": {"phase": "Available"}});
    let mut spec = zonal(&[&["a"]]);
    spec["storageClassName"] = json!("disks");
    let none = waits("disks", json!({"provisioner": "kubernetes.io/no-provisioner"}));
    let of_class = claim(json!({"storageClassName": "disks"}), json!({}));
    check("a free volume", &[of_class, none, volume(spec, free)], "", &terms(EBS_ZONE, &[&["a"]]));
}

#[test]
fn an_ephemeral_volume_follows_its_template_until_its_claim_is_there() {
    let template = json!({"spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "gp3"}});
    let mounted = json!({"volumes": [{"name": "data", "ephemeral": {"volumeClaimTemplate": template}}]});
    let gp3 = class("gp3", "WaitForFirstConsumer", json!({}));
    let volume_before = pod(mounted.clone(), std::slice::from_ref(&gp3)).volumes.remove(0);
    assert_eq!(
        (volume_before.claim.as_str(), &volume_before.reach),
        ("shop/web-0-data", &VolumeReach::Anywhere)
    );
    let mut bound = claim(json!({"volumeName": "pv"}), json!({}));
    bound["metadata"]["name"] = json!("web-0-data");
    let volume_after = pod(mounted, &[gp3, bound, volume(zonal(&[&["a"]]), json!({}))]).volumes.remove(0);
    assert_eq!(volume_after.reach, terms(EBS_ZONE, &[&["a"]]));
}

/// One node at a time can have the volume, so moving one of those who share it would part them.
#[test]
fn who_shares_a_claim_of_one_node_stays_with_it() {
    let sharers = |modes: Value, nodes: [Option<&str>; 2]| {
        let mut claim = claim(json!({"volumeName": "pv", "accessModes": ["ReadWriteOnce"]}), json!({}));
        super::merge(&mut claim, json!({"status": {"accessModes": modes}}));
        let pods = ["web-0", "web-1"].into_iter().zip(nodes).map(|(name, node)| {
            let mounts = json!([{"name": "a", "persistentVolumeClaim": {"claimName": "data"}}]);
            let spec = super::with_container(json!({"nodeName": node, "volumes": mounts}));
            object("v1", "Pod", name, json!({"spec": spec}))
        });
        let pods =
            cluster(&pods.chain([claim, volume(zonal(&[&["a"]]), json!({}))]).collect::<Vec<_>>()).pods;
        let beyond_us = |index: usize| pods[index].scheduling.beyond_us.is_some();
        ([beyond_us(0), beyond_us(1)], pods[1].volumes[0].reach.clone())
    };
    let in_zone = || terms(EBS_ZONE, &[&["a"]]);
    let once = || json!(["ReadWriteOnce"]);
    assert_eq!(sharers(once(), [Some("n"), Some("n")]), ([true, true], in_zone()));
    assert_eq!(sharers(json!(null), [Some("n"), Some("n")]).0, [true, true], "as the claim asks");
    assert_eq!(sharers(json!(["ReadWriteOncePod"]), [Some("n"), Some("n")]).0, [true, true]);
    assert_eq!(sharers(once(), [None, None]), ([true, true], in_zone()), "nobody knows where yet");
    let named = Requirement { key: "metadata.name".into(), operator: Operator::In, values: vec!["n".into()] };
    let beside = VolumeReach::Terms(vec![NodeTerm { labels: Vec::new(), fields: vec![named] }]);
    assert_eq!(sharers(once(), [Some("n"), None]), ([true, false], beside), "where the other has it");
    assert_eq!(sharers(json!(["ReadWriteMany"]), [Some("n"), None]), ([false, false], in_zone()));
}
