//! Where pods may go by their own word: selectors, taints, volumes, architecture, types.

use super::*;
use crate::selector::Operator;
use crate::workload::{HostPort, Volume, VolumeReach};

/// Offerings of a pending pod `web`, on two nodes and a catalog of m5.large and m7g.large only.
#[track_caller]
fn check(what: &str, change: impl FnOnce(Pod) -> Pod, want: &[&str]) {
    let mut world = world().with([change(pod("web", 0))]);
    world.state.nodes[1].labels.insert("team".into(), "red".into());
    world.state.nodes[1].group = "red".into();
    world.catalog.types.retain(|name, _| ["m5.large", "m7g.large"].contains(&name.as_str()));
    let got = world.built().offers("shop/web");
    assert_eq!(got.iter().map(String::as_str).collect::<Vec<_>>(), want, "{what}");
}

const BOTH: [&str; 4] = ["m5.large/a/on-demand", "m5.large/b/on-demand", "node/a1", "node/b1"];
const RED: [&str; 3] = ["m5.large/a/on-demand/red", "m5.large/b/on-demand/red", "node/b1"];

#[test]
fn a_plain_pod_goes_to_any_node_of_the_usual_architecture() {
    check("nothing said", |pod| pod, &BOTH);
}

#[test]
fn selectors_speak_of_labels_that_new_nodes_will_have() {
    let selector = |key: &'static str, value: &'static str| {
        move |pod| spec(pod, |spec| drop(spec.node_selector.insert(key.into(), value.into())))
    };
    check("zone", selector(LABEL_ZONE, "us-east-1a"), &["m5.large/a/on-demand", "node/a1"]);
    check("EBS zone", selector(LABEL_EBS_ZONE, "us-east-1b"), &["m5.large/b/on-demand", "node/b1"]);
    check(
        "old name of the zone",
        selector("failure-domain.beta.kubernetes.io/zone", "us-east-1a"),
        &["m5.large/a/on-demand"],
    );
    check("custom", selector("team", "red"), &RED);
    check("the group's name", selector(LABEL_NODE_GROUP, "main"), &["node/a1", "node/b1"]);
    check("the host's name", selector(LABEL_HOSTNAME, "a1"), &["node/a1"]);
    check("arm64", selector(LABEL_ARCH, "arm64"), &["m7g.large/a/on-demand", "m7g.large/b/on-demand"]);
}

#[test]
fn terms_of_an_affinity_are_alternatives() {
    let terms = |terms: Vec<NodeTerm>| move |pod| spec(pod, |spec| spec.node_terms = terms);
    let two = vec![term("team", &["red"]), term(LABEL_ZONE, &["us-east-1a"])];
    let want = [
        "m5.large/a/on-demand",
        "m5.large/a/on-demand/red",
        "m5.large/b/on-demand/red",
        "node/a1",
        "node/b1",
    ];
    // The red node in zone a serves whom the plain one serves.
    check("red or zone a", terms(two), &[want[0], want[2], want[3], want[4]]);
    let not_a = NodeTerm {
        labels: vec![requirement(LABEL_ZONE, Operator::NotIn, &["us-east-1a"])],
        fields: Vec::new(),
    };
    check("not zone a", terms(vec![not_a]), &["m5.large/b/on-demand", "node/b1"]);
    let hostname =
        NodeTerm { labels: vec![requirement(LABEL_HOSTNAME, Operator::Exists, &[])], fields: Vec::new() };
    check("has a host name", terms(vec![hostname]), &BOTH);
    let field =
        NodeTerm { labels: Vec::new(), fields: vec![requirement("metadata.name", Operator::In, &["b1"])] };
    check("by field", terms(vec![field]), &["node/b1"]);
}

#[test]
fn volumes_hold_pods_in_their_zone() {
    let volume = |claim: &str, terms: Vec<NodeTerm>| Volume {
        claim: claim.into(),
        driver: "efs.csi.aws.com".into(),
        reach: VolumeReach::Terms(terms),
    };
    let zone = |zones: &[&str]| vec![term(LABEL_EBS_ZONE, zones)];
    let with = |volumes: Vec<Volume>| move |pod| Pod { volumes, ..pod };
    check(
        "zone b",
        with(vec![volume("shop/x", zone(&["us-east-1b"]))]),
        &["m5.large/b/on-demand", "node/b1"],
    );
    let both =
        vec![volume("shop/x", zone(&["us-east-1a", "us-east-1b"])), volume("shop/y", zone(&["us-east-1a"]))];
    check("both volumes in a", with(both), &["m5.large/a/on-demand", "node/a1"]);
    let anywhere = Volume { reach: VolumeReach::Anywhere, ..volume("shop/x", Vec::new()) };
    check("anywhere", with(vec![anywhere]), &BOTH);
}

#[test]
fn images_decide_on_the_architecture() {
    let known = |list: &'static [&'static str]| {
        move |pod| spec(pod, |spec| spec.architectures = list.iter().map(|name| (*name).to_owned()).collect())
    };
    let arm = ["m7g.large/a/on-demand", "m7g.large/b/on-demand"];
    check("arm64 only", known(&["arm64"]), &arm);
    check("both", known(&["amd64", "arm64"]), &[BOTH[0], BOTH[1], arm[0], arm[1], BOTH[2], BOTH[3]]);
}

#[test]
fn images_of_which_nothing_is_known_run_where_their_siblings_run() {
    let mut world = world().with([on("arm", pod("web", 0)), pod("web", 1)]);
    world.state.nodes.insert(0, node("arm", "m7g.large", "a"));
    let want = ["m7g.large/a/on-demand", "m7g.large/b/on-demand", "node/arm"];
    assert_eq!(world.built().offers("shop/web").into_iter().collect::<Vec<_>>(), want);
}

#[test]
fn taints_keep_away_whom_nobody_asked() {
    let mut world = world()
        .with([pod("web", 0), spec(pod("batch", 0), |spec| spec.tolerations = vec![tolerates("batch")])]);
    world.state.nodes[1].taints = vec![taint("batch")];
    world.state.nodes[1].group = "batch".into();
    world.catalog.types.retain(|name, _| name == "m5.large");
    let built = world.built();
    assert_eq!(
        built.offers("shop/web").into_iter().collect::<Vec<_>>(),
        ["m5.large/a/on-demand", "m5.large/b/on-demand", "node/a1"]
    );
    assert_eq!(built.offers("shop/batch").into_iter().collect::<Vec<_>>(), BOTH);
}

#[test]
fn a_taint_of_the_moment_is_no_part_of_a_template() {
    let mut world = world().with([pod("web", 0)]);
    world.state.nodes[1].taints = vec![taint("node.kubernetes.io/not-ready")];
    assert_eq!(
        world.built().context.templates.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(),
        ["main"]
    );
    world.state.nodes[1].taints = vec![taint("draining-by-hand")];
    assert_eq!(world.built().context.templates.len(), 1);
    assert!(!world.built().offers("shop/web").contains("node/b1"));
}

#[test]
fn host_ports_of_daemon_sets_are_taken() {
    let port = HostPort { ip: "0.0.0.0".into(), port: 9100, protocol: "TCP".into() };
    let mut set = daemon_set("exporter", 10);
    let scheduling = Scheduling {
        node_selector: Labels::from([(LABEL_ZONE.to_owned(), "us-east-1a".to_owned())]),
        host_ports: vec![port.clone()],
        ..(*set.scheduling).clone()
    };
    set.scheduling = Arc::new(scheduling);
    let mut world = world().with([spec(pod("web", 0), |spec| spec.host_ports = vec![port])]);
    world.state.daemon_sets = vec![set];
    world.catalog.types.retain(|name, _| name == "m5.large");
    assert_eq!(
        world.built().offers("shop/web").into_iter().collect::<Vec<_>>(),
        ["m5.large/b/on-demand", "node/b1"]
    );
}

/// Types that a pending pod may get new.
#[track_caller]
fn check_types(what: &str, change: impl FnOnce(Pod) -> Pod, policy: impl FnOnce(&mut Policy), want: &[&str]) {
    let mut world = world().with([change(pod("web", 0))]);
    policy(&mut world.policy);
    let built = world.built();
    let demand = built.demand("shop/web");
    let new = demand.offerings.iter().map(|index| &built.problem.offerings[*index as usize]);
    let new = new.filter(|offering| offering.quantity_max.is_none());
    let types: BTreeSet<&str> = new.map(|offering| offering.instance_type.as_str()).collect();
    assert_eq!(types.into_iter().collect::<Vec<_>>(), want, "{what}");
}

#[test]
fn exotic_types_are_for_those_who_ask() {
    let any = |pod: Pod| pod;
    let named = |name: &'static str| {
        move |pod| spec(pod, |spec| drop(spec.node_selector.insert(LABEL_INSTANCE_TYPE.into(), name.into())))
    };
    let neuron = |mut pod: Pod| {
        pod.requests.extended.insert("aws.amazon.com/neuron".into(), 1);
        pod
    };
    check_types("default", any, |_| {}, &["c5.4xlarge", "m5.large", "m5.xlarge"]);
    check_types(
        "metal",
        any,
        |policy| policy.metal = true,
        &["c5.4xlarge", "m5.large", "m5.metal", "m5.xlarge"],
    );
    check_types("metal by name", named("m5.metal"), |_| {}, &["m5.metal"]);
    check_types("Neuron", neuron, |_| {}, &["inf2.xlarge"]);
    check_types("family", any, |policy| policy.families_allow = vec!["c5".into()], &["c5.4xlarge"]);
    check_types("not this family", any, |policy| policy.families_deny = vec!["m5".into()], &["c5.4xlarge"]);
    let burstable = |policy: &mut Policy| policy.burstable = crate::policy::Burstable::Allowed;
    check_types("burstable", any, burstable, &["c5.4xlarge", "m5.large", "m5.xlarge", "t3.large"]);
    let everybody = |policy: &mut Policy| policy.gpu_only_for_gpu_pods = false;
    let all =
        ["c5.4xlarge", "g4dn.xlarge", "g5.12xlarge", "g5.xlarge", "m5.large", "m5.xlarge", "p4d.24xlarge"];
    check_types("GPUs for all", any, everybody, &all);
}
