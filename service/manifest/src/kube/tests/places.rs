//! Where pods may run, and what nodes are.

use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::selector::{LabelSelector, Operator, Requirement};
use plimsoll_domain::snapshot::Content;
use plimsoll_domain::workload::{HostPort, Toleration};
use serde_json::{Value, json};

use super::{cluster, codes, object, pod, snapshot};

fn requirement(key: &str, operator: Operator, values: &[&str]) -> Requirement {
    Requirement { key: key.into(), operator, values: values.iter().map(|value| (*value).into()).collect() }
}

/// Reads a pod with labels.
fn labelled(labels: Value, spec: Value) -> plimsoll_domain::workload::Pod {
    let rest = json!({"metadata": {"labels": labels}, "spec": super::with_container(spec)});
    cluster(&[object("v1", "Pod", "web-0", rest)]).pods.remove(0)
}

#[test]
fn spread_selectors_take_in_the_labels_that_keys_name() {
    let spread = |extra: Value| {
        let mut spread = json!({"maxSkew": 1, "topologyKey": "failure-domain.beta.kubernetes.io/zone",
            "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "web"}}});
        super::merge(&mut spread, extra);
        let labels = json!({"app": "web", "pod-template-hash": "abc"});
        let pod = labelled(labels, json!({"topologySpreadConstraints": [spread]}));
        pod.scheduling.spreads[0].clone()
    };
    let plain = spread(json!({}));
    assert_eq!(plain.topology_key, "topology.kubernetes.io/zone", "under its present name");
    assert_eq!((plain.max_skew, plain.min_domains, plain.required), (1, 1, true));
    assert_eq!((plain.honor_affinity, plain.honor_taints), (true, false), "defaults of Kubernetes");
    let app = requirement("app", Operator::In, &["web"]);
    let hash = requirement("pod-template-hash", Operator::In, &["abc"]);
    let keys = json!({"matchLabelKeys": ["pod-template-hash", "missing"]});
    assert_eq!(spread(keys).selector.requirements, [app.clone(), hash.clone()]);
    let folded = json!({"matchLabelKeys": ["pod-template-hash"],
        "labelSelector": {"matchLabels": {"pod-template-hash": "abc"}}});
    assert_eq!(spread(folded).selector.requirements, [app, hash], "an API server folded it in already");
    let policies = json!({"nodeAffinityPolicy": "Ignore", "nodeTaintsPolicy": "Honor", "minDomains": 3,
        "whenUnsatisfiable": "ScheduleAnyway"});
    let stated = spread(policies);
    assert_eq!((stated.honor_affinity, stated.honor_taints), (false, true));
    assert_eq!((stated.min_domains, stated.required), (3, false));
}

#[test]
fn a_missing_selector_selects_nothing_and_an_empty_one_everything() {
    let selector = |selector: Value| -> LabelSelector {
        let spread = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": selector});
        let pod = labelled(json!({"app": "web"}), json!({"topologySpreadConstraints": [spread]}));
        pod.scheduling.spreads[0].selector.clone()
    };
    let web = [("app".to_owned(), "web".to_owned())].into();
    assert!(!selector(Value::Null).matches(&web));
    assert!(selector(json!({})).matches(&web));
    let expressions = json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]});
    assert!(!selector(expressions).matches(&web));
}

#[test]
fn terms_of_affinity_know_their_namespaces() {
    let affinity = |term: Value| {
        let mut full = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {}});
        super::merge(&mut full, term);
        let terms = json!({"requiredDuringSchedulingIgnoredDuringExecution": [full]});
        let pod = labelled(json!({"track": "new"}), json!({"affinity": {"podAntiAffinity": terms}}));
        pod.scheduling.pod_anti_affinity[0].clone()
    };
    assert_eq!(affinity(json!({})).namespaces, ["shop"], "the pod's own");
    assert_eq!(affinity(json!({"namespaces": ["b", "a"]})).namespaces, ["a", "b"]);
    let all = affinity(json!({"namespaceSelector": {}}));
    assert_eq!((all.namespaces.len(), all.namespace_selector), (0, Some(LabelSelector::default())));
    let keyed = affinity(json!({"matchLabelKeys": ["track"], "mismatchLabelKeys": ["track"]}));
    let want =
        [requirement("track", Operator::In, &["new"]), requirement("track", Operator::NotIn, &["new"])];
    assert_eq!(keyed.selector.requirements, want);
}

#[test]
fn wishes_keep_their_weight_and_sign() {
    let term = json!({"topologyKey": "zone", "labelSelector": {}});
    let pods = |weight| json!({"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": weight, "podAffinityTerm": term}]});
    let nodes = json!({"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 5, "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}}]});
    let affinity = json!({"nodeAffinity": nodes, "podAffinity": pods(10), "podAntiAffinity": pods(20)});
    let pod = pod(json!({"affinity": affinity}), &[]);
    let weights: Vec<i32> = pod.scheduling.preferred_pod_terms.iter().map(|(weight, _)| *weight).collect();
    assert_eq!(weights, [10, -20]);
    assert_eq!(pod.scheduling.preferred_node_terms[0].0, 5);
    assert_eq!(pod.scheduling.preferred_node_terms[0].1.labels, [requirement("disk", Operator::Exists, &[])]);
}

#[test]
fn selectors_and_tolerations_are_taken_as_they_are_meant() {
    let terms = json!([{"matchExpressions": [{"key": "beta.kubernetes.io/instance-type", "operator": "Gt", "values": ["4"]}],
        "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}]);
    let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}});
    let tolerations = json!([{"key": "a", "value": "b", "effect": "NoSchedule"}, {"operator": "Exists"},
        {"key": "n", "operator": "Gt", "value": "3"}]);
    let spec = json!({"nodeSelector": {"beta.kubernetes.io/arch": "arm64"}, "affinity": {"nodeAffinity": required},
        "tolerations": tolerations});
    let scheduling = pod(spec, &[]).scheduling;
    assert_eq!(scheduling.node_selector["kubernetes.io/arch"], "arm64");
    assert_eq!(scheduling.architectures, ["arm64"], "the pod says so itself");
    let want = requirement("node.kubernetes.io/instance-type", Operator::Gt, &["4"]);
    assert_eq!(scheduling.node_terms[0].labels, [want]);
    assert_eq!(scheduling.node_terms[0].fields, [requirement("metadata.name", Operator::In, &["n"])]);
    let everything = Toleration { key: String::new(), exists: true, value: String::new(), effect: None };
    assert_eq!(scheduling.tolerations.len(), 2, "one that compares numbers tolerates nothing");
    assert_eq!(scheduling.tolerations[1], everything);
}

#[test]
fn ports_on_the_host_are_those_that_last() {
    let port = |number: i32| json!({"containerPort": number, "hostPort": number, "hostIP": "10.0.0.1", "protocol": "UDP"});
    let spec = json!({
        "containers": [{"name": "a", "ports": [port(53), {"containerPort": 8080}]}],
        "initContainers": [{"name": "i", "ports": [port(1)]}, {"name": "s", "restartPolicy": "Always", "ports": [port(2)]}],
    });
    let ports: Vec<i32> = pod(spec, &[]).scheduling.host_ports.iter().map(|port| port.port).collect();
    assert_eq!(ports, [2, 53]);
    let on_host =
        json!({"hostNetwork": true, "containers": [{"name": "a", "ports": [{"containerPort": 9100}]}]});
    let want = HostPort { ip: "0.0.0.0".into(), port: 9100, protocol: "TCP".into() };
    assert_eq!(pod(on_host, &[]).scheduling.host_ports, [want]);
}

#[test]
fn every_namespace_with_a_pod_has_its_name_for_a_label() {
    let check = |key: &str, beside: &[Value], namespace: Value, want: bool| {
        let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {},
            "namespaceSelector": {"matchLabels": {key: "shop"}}});
        let terms = json!({"requiredDuringSchedulingIgnoredDuringExecution": [term]});
        let spec = super::with_container(json!({"affinity": {"podAntiAffinity": terms}}));
        let pod = object("v1", "Pod", "web-0", json!({"spec": spec}));
        let snapshot = snapshot(&[&[pod], beside].concat());
        assert_eq!(codes(&snapshot).contains(&"NO_NAMESPACES"), want, "{key}");
        let Content::Cluster(cluster) = snapshot.content else { panic!("not a cluster") };
        assert_eq!(json!(cluster.namespaces["shop"]), namespace, "{key}");
    };
    let name = "kubernetes.io/metadata.name";
    check(name, &[], json!({name: "shop"}), false);
    check("team", &[], json!({name: "shop"}), true);
    let known = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "red"}}});
    check("team", &[known], json!({name: "shop", "team": "red"}), false);
}

fn node(name: &str, labels: Value, rest: Value) -> Value {
    let mut node = object("v1", "Node", name, json!({"metadata": {"labels": labels}}));
    super::merge(&mut node, rest);
    node
}

#[test]
fn groups_and_kinds_of_nodes_are_told_by_their_labels() {
    let cases = [
        (
            json!({"eks.amazonaws.com/nodegroup": "a", "eks.amazonaws.com/capacityType": "SPOT"}),
            "a",
            CapacityKind::Spot,
        ),
        (
            json!({"eks.amazonaws.com/nodegroup": "a", "eks.amazonaws.com/capacityType": "ON_DEMAND"}),
            "a",
            CapacityKind::OnDemand,
        ),
        (
            json!({"karpenter.sh/nodepool": "p", "karpenter.sh/capacity-type": "spot"}),
            "p",
            CapacityKind::Spot,
        ),
        (
            json!({"karpenter.sh/nodepool": "p", "karpenter.sh/capacity-type": "reserved"}),
            "p",
            CapacityKind::OnDemand,
        ),
        (json!({"alpha.eksctl.io/nodegroup-name": "e"}), "e", CapacityKind::OnDemand),
        (json!({}), "", CapacityKind::OnDemand),
    ];
    let pod = object("v1", "Pod", "web-0", json!({"spec": {"containers": [{"name": "main"}]}}));
    for (labels, group, kind) in cases {
        let node = cluster(&[pod.clone(), node("n", labels.clone(), json!({}))]).nodes.remove(0);
        assert_eq!((node.group.as_str(), node.kind), (group, kind), "{labels}");
    }
}

#[test]
fn a_node_is_what_its_parts_say() {
    let labels = json!({"failure-domain.beta.kubernetes.io/zone": "us-east-1a", "node.kubernetes.io/instance-type": "m5.large",
        "beta.kubernetes.io/instance-type": "m4.large", "team": "a"});
    let status = json!({"capacity": {"cpu": "2", "memory": "8000000001m"}, "allocatable": {"cpu": "1930900u", "pods": "29"},
        "conditions": [{"type": "Ready", "status": "Unknown"}]});
    let spec = json!({"providerID": "aws:///us-east-1a/i-1", "unschedulable": true,
        "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]});
    let csi = object(
        "storage.k8s.io/v1",
        "CSINode",
        "n",
        json!({"spec": {"drivers": [
        {"name": "ebs.csi.aws.com", "nodeID": "i", "allocatable": {"count": 25}}, {"name": "efs.csi.aws.com", "nodeID": "i"}]}}),
    );
    let pod = object("v1", "Pod", "web-0", json!({"spec": {"containers": [{"name": "main"}]}}));
    let node =
        cluster(&[pod, csi, node("n", labels, json!({"spec": spec, "status": status}))]).nodes.remove(0);
    assert_eq!((node.zone.as_str(), node.instance_type.as_str()), ("us-east-1a", "m5.large"));
    let keys: Vec<&String> = node.labels.keys().collect();
    assert_eq!(keys, ["node.kubernetes.io/instance-type", "team", "topology.kubernetes.io/zone"]);
    assert_eq!((node.capacity.cpu_milli, node.capacity.memory_bytes), (2000, 8_000_000));
    assert_eq!((node.allocatable.cpu_milli, node.allocatable.pods), (1930, 29), "rounded down");
    assert_eq!((node.unschedulable, node.ready, node.taints.len()), (true, false, 1));
    assert_eq!(node.attach_limits, [("ebs.csi.aws.com".to_owned(), 25)].into());
}

#[test]
fn what_holds_a_pod_in_place_is_told_with_its_reason() {
    let marked = |annotations: Value| {
        object(
            "v1",
            "Pod",
            "web-0",
            json!({"metadata": {"annotations": annotations},
            "spec": {"nodeName": "n", "containers": [{"name": "main"}]}}),
        )
    };
    let protected = json!({"metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "true"}}});
    let cases = [
        (marked(json!({})), node("n", json!({}), json!({})), None),
        (
            marked(json!({"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"})),
            node("n", json!({}), json!({})),
            Some("annotation cluster-autoscaler.kubernetes.io/safe-to-evict=false"),
        ),
        (
            marked(json!({})),
            node("n", json!({}), protected),
            Some("annotation karpenter.sh/do-not-disrupt=true on its node"),
        ),
    ];
    for (pod, node, want) in cases {
        let pod = cluster(&[pod, node]).pods.remove(0);
        assert_eq!(pod.do_not_disrupt.as_deref(), want);
    }
}

#[test]
fn images_are_known_to_run_where_they_run() {
    let runs = |name: &str, node: Option<&str>, images: &[&str]| {
        let containers: Vec<Value> =
            images.iter().map(|image| json!({"name": image, "image": image})).collect();
        let mut pod = object("v1", "Pod", name, json!({"spec": {"containers": containers}}));
        if let Some(node) = node {
            pod["spec"]["nodeName"] = json!(node);
        }
        pod
    };
    let arch = |name: &str, arch: &str| node(name, json!({"kubernetes.io/arch": arch}), json!({}));
    let pods = cluster(&[
        arch("amd", "amd64"),
        arch("arm", "arm64"),
        runs("a", Some("amd"), &["web:1", "proxy:1"]),
        runs("b", Some("arm"), &["proxy:1"]),
        runs("c", None, &["proxy:1"]),
        runs("d", None, &["web:1", "proxy:1"]),
        runs("e", None, &["web:2"]),
    ])
    .pods;
    let known: Vec<&[String]> = pods.iter().map(|pod| pod.scheduling.architectures.as_slice()).collect();
    let want: [&[&str]; 5] = [&["amd64"], &["amd64", "arm64"], &["amd64", "arm64"], &["amd64"], &[]];
    assert_eq!(known, want);
}

#[test]
fn budgets_count_the_pods_of_their_namespace() {
    let web = |name: &str, rest: Value| {
        let mut pod = object(
            "v1",
            "Pod",
            name,
            json!({"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main"}]}}),
        );
        super::merge(&mut pod, rest);
        pod
    };
    let budget =
        |name: &str, spec: Value| object("policy/v1", "PodDisruptionBudget", name, json!({"spec": spec}));
    let selector = json!({"matchLabels": {"app": "web"}});
    let budgets = cluster(&[
        web("a", json!({})),
        web("b", json!({})),
        web("c", json!({})),
        web("d", json!({"metadata": {"deletionTimestamp": "2026-11-22T00:00:00Z"}})),
        web("e", json!({"metadata": {"namespace": "other"}})),
        budget("all", json!({"maxUnavailable": "34%", "selector": {}})),
        budget("none", json!({"maxUnavailable": 1, "selector": null})),
        budget("web", json!({"minAvailable": 2, "selector": selector})),
    ])
    .budgets;
    let allowed: Vec<(&str, i32)> = budgets.iter().map(|one| (one.name.as_str(), one.allowed)).collect();
    assert_eq!(allowed, [("all", 2), ("none", 0), ("web", 1)], "34 % of 3; of none; 3 - 2");
}

#[test]
fn rollouts_follow_their_strategy() {
    let deployment = |spec: Value| {
        let mut full = json!({"selector": {}, "template": {}, "replicas": 10});
        super::merge(&mut full, spec);
        let pod = object("v1", "Pod", "web-0", json!({"spec": {"containers": [{"name": "main"}]}}));
        let workload = cluster(&[pod, object("apps/v1", "Deployment", "web", json!({"spec": full}))])
            .workloads
            .remove(0);
        (workload.replicas, workload.max_surge, workload.max_unavailable)
    };
    let rolling = |surge: Value, unavailable: Value| json!({"strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}});
    assert_eq!(deployment(json!({})), (10, 3, 2), "a quarter each");
    assert_eq!(deployment(json!({"replicas": null})), (1, 1, 0));
    assert_eq!(deployment(json!({"strategy": {"type": "Recreate"}})), (10, 0, 10));
    assert_eq!(deployment(rolling(json!(0), json!(0))), (10, 0, 1), "it must move somehow");
    assert_eq!(deployment(rolling(json!("100%"), json!(0))), (10, 10, 0));
}

#[test]
fn what_is_left_out_of_account_is_told() {
    let spec = json!({"schedulerName": "volcano", "resourceClaims": [{"name": "gpu"}], "nodeName": "gone",
        "containers": [{"name": "main"}], "volumes": [{"name": "h", "hostPath": {"path": "/var"}}]});
    let fargate = json!({"eks.amazonaws.com/compute-type": "fargate"});
    let secret = object("v1", "Secret", "s", json!({}));
    let service = object("v1", "Service", "s", json!({}));
    let old = object("policy/v1beta1", "PodDisruptionBudget", "b", json!({}));
    let snapshot = snapshot(&[
        object("v1", "Pod", "web-0", json!({"spec": spec})),
        node("n", fargate, json!({})),
        secret.clone(),
        secret,
        service,
        old,
    ]);
    let want = [
        "NO_BUDGETS",
        "UNKNOWN_NODE",
        "HOST_PATH",
        "OTHER_SCHEDULER",
        "RESOURCE_CLAIMS",
        "FARGATE",
        "IGNORED_KIND",
        "IGNORED_KIND",
    ];
    assert_eq!(codes(&snapshot), want);
    assert_eq!(snapshot.findings[1].subject, "pod/shop/web-0");
    assert_eq!(snapshot.findings[7].message, "2 object(s) of kind Secret (v1) were ignored.");
    assert!(matches!(snapshot.content, Content::Cluster(_)));
}
