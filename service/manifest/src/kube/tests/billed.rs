//! What is billed beside nodes.

use plimsoll_domain::priced::{LoadBalancerKind, PersistentVolume, VolumePhase};
use serde_json::{Value, json};

use super::{cluster, object, with_container};

/// The volume of one PersistentVolume, beside these objects.
#[track_caller]
fn volume(spec: Value, rest: Value, beside: &[Value]) -> PersistentVolume {
    let mut volume = object("v1", "PersistentVolume", "pv", json!({"spec": spec}));
    super::merge(&mut volume, rest);
    let pod = object("v1", "Pod", "web-0", json!({"spec": with_container(json!({}))}));
    let items: Vec<Value> = beside.iter().cloned().chain([volume, pod]).collect();
    cluster(&items).volumes.remove(0)
}

fn ebs(rest: Value) -> Value {
    let mut spec = json!({
        "capacity": {"storage": "20Gi"},
        "storageClassName": "fast",
        "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"},
        "claimRef": {"namespace": "shop", "name": "data"},
    });
    super::merge(&mut spec, rest);
    spec
}

fn class(provisioner: &str, parameters: Value) -> Value {
    let rest = json!({"provisioner": provisioner, "parameters": parameters});
    object("storage.k8s.io/v1", "StorageClass", "fast", rest)
}

#[test]
fn a_volume_is_of_the_type_that_its_class_says() {
    let csi = "ebs.csi.aws.com";
    let cases = [
        (
            "stated",
            json!({}),
            vec![class(csi, json!({"type": "io2", "iops": "6000"}))],
            "io2",
            Some(6000),
            None,
        ),
        (
            "per GB",
            json!({}),
            vec![class(csi, json!({"type": "io1", "iopsPerGB": "50"}))],
            "io1",
            Some(1000),
            None,
        ),
        ("throughput", json!({}), vec![class(csi, json!({"throughput": "250"}))], "gp3", None, Some(250)),
        ("old default", json!({}), vec![class("kubernetes.io/aws-ebs", json!({}))], "gp2", None, None),
        ("no class there", json!({}), vec![], "gp3", None, None),
        ("named after it", json!({"storageClassName": "gp2"}), vec![], "gp2", None, None),
        (
            "nonsense",
            json!({}),
            vec![class(csi, json!({"iops": "many", "throughput": "999999999"}))],
            "gp3",
            None,
            Some(4000),
        ),
    ];
    for (what, spec, beside, volume_type, iops, throughput) in cases {
        let found = volume(ebs(spec), json!({}), &beside);
        assert_eq!(
            (found.volume_type.as_str(), found.iops, found.throughput_mibps),
            (volume_type, iops, throughput),
            "{what}"
        );
    }
}

#[test]
fn a_volume_says_whose_it_is_where_and_how_large() {
    let terms = json!([{"matchExpressions": [
        {"key": "topology.ebs.csi.aws.com/zone", "operator": "In", "values": ["us-east-1b"]}]}]);
    let spec = ebs(json!({"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}));
    let found = volume(spec, json!({"status": {"phase": "Released"}}), &[]);
    assert_eq!((found.gb, found.zone.as_str(), found.phase), (20, "us-east-1b", VolumePhase::Released));
    assert_eq!((found.claim.as_str(), found.volume_id.as_str()), ("shop/data", "vol-1"));
    for (size, gb) in [("20000000001", 19), ("1", 1), ("0", 0), ("9E", 65_536), ("much", 0)] {
        assert_eq!(volume(ebs(json!({"capacity": {"storage": size}})), json!({}), &[]).gb, gb, "{size}");
    }
    let in_tree = json!({"awsElasticBlockStore": {"volumeID": "aws://us-east-1a/vol-2"}});
    let found = volume(in_tree, json!({"metadata": {"labels": {"topology.kubernetes.io/zone": "a"}}}), &[]);
    assert_eq!(
        (found.volume_id.as_str(), found.zone.as_str(), found.volume_type.as_str()),
        ("vol-2", "a", "gp3")
    );
    let efs = json!({"csi": {"driver": "efs.csi.aws.com", "volumeHandle": "fs-1"}});
    assert_eq!(volume(efs, json!({}), &[]).volume_type, "", "not billed by its size");
}

#[test]
fn services_and_ingresses_ask_for_load_balancers() {
    use LoadBalancerKind::{Application, Classic, Network};
    let service = |annotations: Value, spec: Value| {
        let mut all = json!({"type": "LoadBalancer"});
        super::merge(&mut all, spec);
        object("v1", "Service", "web", json!({"metadata": {"annotations": annotations}, "spec": all}))
    };
    let ingress = |annotations: Value, class: Value| {
        let rest = json!({"metadata": {"annotations": annotations}, "spec": {"ingressClassName": class}});
        object("networking.k8s.io/v1", "Ingress", "web", rest)
    };
    let kind = "service.beta.kubernetes.io/aws-load-balancer-type";
    let scheme = "service.beta.kubernetes.io/aws-load-balancer-scheme";
    let internal = "service.beta.kubernetes.io/aws-load-balancer-internal";
    let cases = [
        ("classic", service(json!({}), json!({})), Some((Classic, true))),
        ("internal", service(json!({internal: "true"}), json!({})), Some((Classic, false))),
        ("network", service(json!({kind: "nlb"}), json!({})), Some((Network, true))),
        ("by the controller", service(json!({kind: "external"}), json!({})), Some((Network, false))),
        (
            "and public",
            service(json!({kind: "external", scheme: "internet-facing"}), json!({})),
            Some((Network, true)),
        ),
        (
            "by class",
            service(json!({}), json!({"loadBalancerClass": "service.k8s.aws/nlb"})),
            Some((Network, false)),
        ),
        ("none", service(json!({}), json!({"type": "ClusterIP"})), None),
        (
            "ALB",
            ingress(json!({"alb.ingress.kubernetes.io/scheme": "internet-facing"}), json!("alb")),
            Some((Application, true)),
        ),
        (
            "ALB, as of old",
            ingress(json!({"kubernetes.io/ingress.class": "alb"}), Value::Null),
            Some((Application, false)),
        ),
        ("another", ingress(json!({}), json!("nginx")), None),
    ];
    for (what, object_there, want) in cases {
        let pod = object("v1", "Pod", "web-0", json!({"spec": with_container(json!({}))}));
        let found = cluster(&[object_there, pod]).load_balancers;
        assert_eq!(found.first().map(|one| (one.kind, one.is_public)), want, "{what}");
    }
}
