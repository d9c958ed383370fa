use std::collections::BTreeMap;

use crate::fleet::{LABEL_HOSTNAME, LABEL_ZONE, Node};
use crate::resources::Resources;
use crate::scheduler::fixture::{
    app, asking, node, pod, request, requires, ruled, spread, taint, term, volume,
};
use crate::scheduler::{NodeId, Reason, Settings, Simulation};
use crate::selector::{LabelSelector, Labels, NodeTerm};
use crate::workload::{HostPort, Pod, TaintEffect, Toleration, VolumeReach};

/// A cluster with pods that run.
struct World {
    simulation: Simulation,
}

impl World {
    /// Nodes, and pods each on the node of an index.
    fn new(nodes: &[Node], running: &[(Pod, usize)]) -> Self {
        let namespaces = BTreeMap::from([
            ("shop".to_owned(), Labels::from([("team".to_owned(), "web".to_owned())])),
            ("other".to_owned(), Labels::new()),
        ]);
        let mut simulation = Simulation::new(&namespaces, Settings::default());
        let nodes: Vec<NodeId> = nodes.iter().map(|node| simulation.add_node(node)).collect();
        for (pod, at) in running {
            let id = simulation.add_pod(pod);
            simulation.bind(id, nodes[*at]);
        }
        Self { simulation }
    }

    /// The first reason against each node, in their order.
    #[track_caller]
    fn check(&mut self, pod: &Pod, want: &[Option<Reason>]) {
        let id = self.simulation.add_pod(pod);
        let nodes: Vec<NodeId> = self.simulation.nodes().collect();
        let first = |node: &NodeId| self.simulation.reasons(id, *node).into_iter().next();
        assert_eq!(nodes.iter().map(first).collect::<Vec<_>>(), want, "{}", pod.name);
    }
}

/// Three nodes: `a` and `b` in zone `z1`, `c` in zone `z2`.
fn three() -> [Node; 3] {
    [node("a", "z1"), node("b", "z1"), node("c", "z2")]
}

fn exists(key: &str) -> Toleration {
    Toleration { key: key.to_owned(), exists: true, value: String::new(), effect: None }
}

fn elsewhere(mut pod: Pod) -> Pod {
    pod.namespace = "other".to_owned();
    pod
}

#[test]
fn cordons_and_taints_keep_pods_away_unless_tolerated() {
    let mut nodes = three();
    nodes[0].unschedulable = true;
    nodes[0].taints.push(taint("node.kubernetes.io/unschedulable", TaintEffect::NoSchedule));
    nodes[1].taints.push(taint("gpu", TaintEffect::NoExecute));
    nodes[2].taints.push(taint("gpu", TaintEffect::PreferNoSchedule));
    let mut world = World::new(&nodes, &[]);
    world.check(&pod("plain", "x"), &[Some(Reason::Unschedulable), Some(Reason::Taint), None]);
    let tolerant = ruled(pod("gpu", "x"), |rules| rules.tolerations.push(exists("gpu")));
    world.check(&tolerant, &[Some(Reason::Unschedulable), None, None]);
    let all = ruled(pod("all", "x"), |rules| rules.tolerations.push(exists("")));
    world.check(&all, &[None, None, None]);
}

#[test]
fn node_selectors_and_affinity_terms_choose_nodes() {
    let mut world = World::new(&three(), &[]);
    let no = Some(Reason::NodeAffinity);
    let selector = ruled(pod("selector", "x"), |rules| {
        rules.node_selector.insert(LABEL_ZONE.to_owned(), "z2".to_owned());
    });
    world.check(&selector, &[no.clone(), no.clone(), None]);
    let either = ruled(pod("either", "x"), |rules| {
        rules.node_terms = vec![requires(LABEL_ZONE, "z2"), requires(LABEL_HOSTNAME, "a")];
    });
    world.check(&either, &[None, no.clone(), None]);
    let by_name = ruled(pod("name", "x"), |rules| {
        let fields = requires("metadata.name", "b").labels;
        rules.node_terms = vec![NodeTerm { labels: Vec::new(), fields }];
    });
    world.check(&by_name, &[no.clone(), None, no]);
}

#[test]
fn host_ports_conflict_by_address_port_and_protocol() {
    let with_port = |name: &str, ip: &str, port: i32, protocol: &str| {
        let port = HostPort { ip: ip.to_owned(), port, protocol: protocol.to_owned() };
        ruled(pod(name, "x"), |rules| rules.host_ports.push(port))
    };
    let mut world = World::new(&[node("a", "z1")], &[(with_port("taken", "10.0.0.1", 80, "TCP"), 0)]);
    world.check(&with_port("same", "10.0.0.1", 80, "TCP"), &[Some(Reason::Ports)]);
    world.check(&with_port("every address", "0.0.0.0", 80, "TCP"), &[Some(Reason::Ports)]);
    world.check(&with_port("another address", "10.0.0.2", 80, "TCP"), &[None]);
    world.check(&with_port("another protocol", "10.0.0.1", 80, "UDP"), &[None]);
}

#[test]
fn every_resource_that_is_short_is_named() {
    let mut small = node("a", "z1");
    small.allocatable.pods = 1;
    let mut world = World::new(&[small, node("b", "z1")], &[(asking(pod("big", "x"), request(5000, 1)), 1)]);
    let id = world.simulation.add_pod(&asking(
        pod("gpu", "x"),
        Resources { extended: BTreeMap::from([("nvidia.com/gpu".to_owned(), 1)]), ..request(4001, 17) },
    ));
    let refusal = world.simulation.schedule(id).expect_err("there is no GPU");
    let want =
        "0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory, 2 Insufficient nvidia.com/gpu.";
    assert_eq!(refusal.to_string(), want);
    // The second node is overfull: a pod that asks for nothing may still go there.
    world.check(&asking(pod("nothing", "x"), request(0, 0)), &[None, None]);
    let first = world.simulation.add_pod(&asking(pod("first", "x"), request(0, 0)));
    let a = world.simulation.node("a").expect("it was added");
    world.simulation.bind(first, a);
    world.check(&asking(pod("second", "x"), request(0, 0)), &[Some(Reason::TooManyPods), None]);
}

#[test]
fn volumes_are_counted_once_for_each_claim_against_the_drivers_limit() {
    let mut limited = node("a", "z1");
    limited.attach_limits.insert("ebs".to_owned(), 2);
    let mounting = |name: &str, claims: &[&str], driver: &str| {
        let mut pod = pod(name, "x");
        pod.volumes = claims.iter().map(|claim| volume(claim, driver, VolumeReach::Anywhere)).collect();
        pod
    };
    let mut world = World::new(&[limited], &[(mounting("one", &["p/1"], "ebs"), 0)]);
    world.check(&mounting("a second", &["p/2"], "ebs"), &[None]);
    world.check(&mounting("two more", &["p/2", "p/3"], "ebs"), &[Some(Reason::VolumeLimit)]);
    world.check(&mounting("one more and a shared one", &["p/1", "p/2"], "ebs"), &[None]);
    world.check(&mounting("another driver", &["p/4", "p/5", "p/6"], "efs"), &[None]);
}

#[test]
fn volumes_reach_some_nodes_only() {
    let mut world = World::new(&three(), &[]);
    let with = |name: &str, reach: VolumeReach| {
        let mut pod = pod(name, "x");
        pod.node = Some("b".to_owned());
        pod.volumes = vec![volume("p/1", "ebs", reach)];
        pod
    };
    let far = Some(Reason::VolumeReach);
    let zonal = VolumeReach::Terms(vec![requires(LABEL_ZONE, "z2")]);
    world.check(&with("zonal", zonal), &[far.clone(), far.clone(), None]);
    world.check(&with("local", VolumeReach::Local), &[far.clone(), None, far]);
    let broken = VolumeReach::Broken("claim is lost".to_owned());
    let why = Some(Reason::VolumeBroken("claim is lost".to_owned()));
    world.check(&with("broken", broken), &[why.clone(), why.clone(), why]);
}

#[test]
fn a_required_spread_keeps_domains_level() {
    let running = [(pod("1", "web"), 0), (pod("2", "web"), 1), (elsewhere(pod("3", "web")), 2)];
    let mut world = World::new(&three(), &running);
    let skewed = Some(Reason::Spread);
    let zonal = |name: &str, change: fn(&mut crate::workload::SpreadConstraint)| {
        let mut rule = spread("web", LABEL_ZONE);
        change(&mut rule);
        ruled(pod(name, "web"), |rules| rules.spreads.push(rule))
    };
    // Two in z1, none in z2: the pod of the other namespace does not count.
    world.check(&zonal("skew 1", |_| ()), &[skewed.clone(), skewed.clone(), None]);
    world.check(&zonal("skew 3", |rule| rule.max_skew = 3), &[None, None, None]);
    world.check(&zonal("soft", |rule| rule.required = false), &[None, None, None]);
    let few = zonal("three zones wanted", |rule| {
        rule.min_domains = 3;
        rule.max_skew = 2;
    });
    world.check(&few, &[skewed.clone(), skewed, None]);
    let mut stranger = zonal("counts others only", |rule| rule.max_skew = 2);
    stranger.labels = Labels::new();
    world.check(&stranger, &[None, None, None]);
    // The empty selector counts nobody but the pod itself: one against none is no skew.
    world.check(&zonal("everybody", |rule| rule.selector.requirements.clear()), &[None, None, None]);
    let labelless = ruled(pod("rack", "web"), |rules| rules.spreads.push(spread("web", "rack")));
    world.check(&labelless, &[const { Some(Reason::SpreadLabel) }; 3]);
}

#[test]
fn a_spread_counts_the_domains_that_the_pod_may_use() {
    let mut nodes = three();
    nodes[2].taints.push(taint("gpu", TaintEffect::NoSchedule));
    let mut dying = pod("dying", "web");
    dying.terminating = true;
    let mut world = World::new(&nodes, &[(pod("1", "web"), 0), (dying, 0)]);
    let skewed = Some(Reason::Spread);
    let zonal = ruled(pod("taints ignored", "web"), |rules| rules.spreads.push(spread("web", LABEL_ZONE)));
    world.check(&zonal, &[skewed.clone(), skewed, Some(Reason::Taint)]);
    let honest = ruled(pod("taints honoured", "web"), |rules| {
        rules.spreads.push(spread("web", LABEL_ZONE));
        rules.spreads[0].honor_taints = true;
    });
    world.check(&honest, &[None, None, Some(Reason::Taint)]);
    let picky = ruled(pod("one zone selected", "web"), |rules| {
        rules.spreads.push(spread("web", LABEL_ZONE));
        rules.node_selector.insert(LABEL_ZONE.to_owned(), "z1".to_owned());
    });
    world.check(&picky, &[None, None, Some(Reason::Taint)]);
}

#[test]
fn required_affinity_follows_pods_and_lets_the_first_one_begin() {
    let no = Some(Reason::PodAffinity);
    let to = |name: &str, target: &str| {
        ruled(pod(name, "web"), |rules| rules.pod_affinity.push(term(target, LABEL_ZONE)))
    };
    let mut empty = World::new(&three(), &[]);
    empty.check(&to("to itself", "web"), &[None, None, None]);
    empty.check(&to("to nobody", "db"), &[no.clone(), no.clone(), no.clone()]);
    let mut world = World::new(&three(), &[(pod("1", "web"), 2), (pod("2", "db"), 0)]);
    world.check(&to("to its kind", "web"), &[no.clone(), no.clone(), None]);
    world.check(&to("to the other", "db"), &[None, None, no.clone()]);
    let both = ruled(to("to both at once", "db"), |rules| {
        rules.pod_affinity.push(term("web", LABEL_ZONE));
    });
    // No single pod meets both terms, and the pod itself does not either.
    world.check(&both, &[no.clone(), no.clone(), no]);
}

#[test]
fn anti_affinity_holds_in_both_directions() {
    let guarded = |name: &str, key: &str| {
        ruled(pod(name, "web"), |rules| rules.pod_anti_affinity.push(term("web", key)))
    };
    let own = Some(Reason::PodAntiAffinity);
    let others = Some(Reason::ExistingAntiAffinity);
    let mut world = World::new(&three(), &[(pod("1", "web"), 0)]);
    world.check(&guarded("by host", LABEL_HOSTNAME), &[own.clone(), None, None]);
    world.check(&guarded("by zone", LABEL_ZONE), &[own.clone(), own.clone(), None]);
    world.check(&guarded("by a label that no node has", "rack"), &[None, None, None]);
    let mut repelled = World::new(&three(), &[(guarded("1", LABEL_ZONE), 0)]);
    repelled.check(&pod("plain", "web"), &[others.clone(), others, None]);
    repelled.check(&pod("another app", "db"), &[None, None, None]);
    repelled.check(&elsewhere(pod("another namespace", "web")), &[None, None, None]);
}

#[test]
fn terms_reach_namespaces_by_name_and_by_label() {
    let from_elsewhere = |name: &str, selector: Option<LabelSelector>| {
        elsewhere(ruled(pod(name, "x"), |rules| {
            let mut term = term("web", LABEL_HOSTNAME);
            term.namespaces = vec!["other".to_owned()];
            term.namespace_selector = selector;
            rules.pod_anti_affinity.push(term);
        }))
    };
    let mut team = app("web");
    team.requirements[0].key = "team".to_owned();
    let mut world = World::new(&[node("a", "z1")], &[(pod("1", "web"), 0)]);
    world.check(&from_elsewhere("own namespace", None), &[None]);
    world.check(&from_elsewhere("by label", Some(team)), &[Some(Reason::PodAntiAffinity)]);
    let all = Some(LabelSelector::default());
    world.check(&from_elsewhere("all", all), &[Some(Reason::PodAntiAffinity)]);
}
