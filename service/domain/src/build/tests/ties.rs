//! What pods have to do with one another.

use super::*;
use crate::problem::{Spread, Topology};
use crate::workload::{HostPort, SpreadConstraint};

fn apart(from: &'static str, key: &'static str) -> impl Fn(Pod) -> Pod {
    move |pod| spec(pod, |spec| spec.pod_anti_affinity.push(pods_of(from, key)))
}

/// What makes a pod a case.
type Change = Box<dyn Fn(Pod) -> Pod>;

fn near(whom: &'static str, key: &'static str) -> impl Fn(Pod) -> Pod {
    move |pod| spec(pod, |spec| spec.pod_affinity.push(pods_of(whom, key)))
}

fn same(pod: Pod) -> Pod {
    pod
}

/// The problem of two pods of `web` and two of `api`, pending.
fn pair(web: impl Fn(Pod) -> Pod, api: impl Fn(Pod) -> Pod) -> World {
    let api_pods = [0, 1].map(|number| Pod { requests: resources(600, 512), ..api(pod("api", number)) });
    world().with([0, 1].map(|number| web(pod("web", number)))).with(api_pods)
}

/// Most on a node and in a zone, conflicts on nodes and in zones.
type Caps<'a> = (Option<u32>, Option<u32>, &'a [u32], &'a [u32]);

/// Caps and conflicts of `api` (demand 0) and `web` (demand 1).
#[track_caller]
fn check(what: &str, world: &World, want: [Caps<'_>; 2]) {
    let built = world.built();
    assert_eq!(built.ids(), ["shop/api", "shop/web"], "{what}");
    for (demand, want) in built.problem.demands.iter().zip(want) {
        let got =
            (demand.max_per_node, demand.max_per_zone, &demand.conflicts[..], &demand.zone_conflicts[..]);
        assert_eq!(got, want, "{what}: {}", demand.id);
    }
}

#[test]
fn anti_affinity_becomes_caps_and_conflicts() {
    let free: Caps<'_> = (None, None, &[], &[]);
    check("none", &pair(same, same), [free, free]);
    check("self, node", &pair(apart("web", LABEL_HOSTNAME), same), [free, (Some(1), None, &[], &[])]);
    check("self, zone", &pair(apart("web", LABEL_ZONE), same), [free, (None, Some(1), &[], &[])]);
    let other = [(None, None, &[1][..], &[][..]), (None, None, &[0][..], &[][..])];
    check("other, node: mutual", &pair(apart("api", LABEL_HOSTNAME), same), other);
    let zone = [(None, None, &[][..], &[1][..]), (None, None, &[][..], &[0][..])];
    check("other, zone: mutual", &pair(same, apart("web", LABEL_ZONE)), zone);
    check("nobody", &pair(apart("nobody", LABEL_HOSTNAME), same), [free, free]);
    check("a label that no node has", &pair(apart("web", "example.com/rack"), same), [free, free]);
}

#[test]
fn anti_affinity_reaches_namespaces_by_label() {
    let term = |team: &str| PodTerm {
        namespaces: Vec::new(),
        namespace_selector: Some(LabelSelector {
            requirements: vec![requirement("team", Operator::In, &[team])],
        }),
        ..pods_of("api", LABEL_HOSTNAME)
    };
    let world = |team: &str| {
        let term = term(team);
        let mut world = pair(move |pod| spec(pod, |spec| spec.pod_anti_affinity.push(term.clone())), same);
        world.state.namespaces.insert("shop".into(), Labels::from([("team".to_owned(), "red".to_owned())]));
        world
    };
    assert_eq!(world("red").built().demand("shop/web").conflicts, [0]);
    assert!(world("blue").built().demand("shop/web").conflicts.is_empty());
}

#[test]
fn host_ports_keep_pods_apart() {
    let port = |port: i32| {
        move |pod| {
            spec(pod, |spec| {
                spec.host_ports = vec![HostPort { ip: String::new(), port, protocol: "TCP".into() }]
            })
        }
    };
    check("same port", &pair(port(80), port(80)), [(Some(1), None, &[1], &[]), (Some(1), None, &[0], &[])]);
    check("two ports", &pair(port(80), port(81)), [(Some(1), None, &[], &[]), (Some(1), None, &[], &[])]);
}

fn spread(key: &str, counted: &str) -> SpreadConstraint {
    SpreadConstraint {
        topology_key: key.into(),
        max_skew: 2,
        min_domains: 1,
        required: true,
        selector: app(counted),
        honor_affinity: true,
        honor_taints: false,
    }
}

fn spreads(constraint: SpreadConstraint) -> impl Fn(Pod) -> Pod {
    move |pod| spec(pod, |spec| spec.spreads.push(constraint.clone()))
}

#[test]
fn a_spread_counts_whom_its_selector_matches() {
    let rule = |topology, counted: &[u32]| Spread {
        topology,
        max_skew: 2,
        min_domains: 1,
        counted: counted.to_vec(),
        domain_offerings: Vec::new(),
    };
    let of = |constraint| pair(spreads(constraint), same).built().demand("shop/web").spreads.clone();
    assert_eq!(of(spread(LABEL_ZONE, "web")), [rule(Topology::Zone, &[1])]);
    assert_eq!(of(spread(LABEL_HOSTNAME, "api")), [rule(Topology::Node, &[0])]);
    assert_eq!(
        of(SpreadConstraint { selector: LabelSelector::default(), ..spread(LABEL_ZONE, "") }),
        [rule(Topology::Zone, &[])],
        "the empty selector counts nobody"
    );
    let wish = SpreadConstraint { required: false, ..spread(LABEL_ZONE, "web") };
    assert_eq!(of(wish.clone()), []);
    assert_eq!(pair(spreads(wish), same).built().findings(), [("PREFERENCES_NOT_PRICED", "")]);
    assert_eq!(of(SpreadConstraint { min_domains: 3, ..spread(LABEL_ZONE, "web") })[0].min_domains, 3);
}

#[test]
fn a_spreads_domains_are_the_nodes_that_the_pod_selects() {
    let domains = |honor_affinity, honor_taints| {
        let constraint = SpreadConstraint { honor_affinity, honor_taints, ..spread(LABEL_HOSTNAME, "web") };
        let web = move |pod| {
            let zone = Labels::from([(LABEL_ZONE.to_owned(), "us-east-1a".to_owned())]);
            spec(spreads(constraint.clone())(pod), |spec| spec.node_selector = zone)
        };
        let mut world = pair(web, same);
        world.state.nodes.push(spot_node("s1", "a"));
        world.catalog.types.retain(|name, _| name == "m5.large" || name == "c5.4xlarge");
        let built = world.built();
        let name = |index: &u32| built.problem.offerings[*index as usize].id.replace("us-east-1", "");
        let rule = &built.demand("shop/web").spreads[0];
        rule.domain_offerings.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(domains(false, false), [] as [&str; 0], "all");
    let new = ["c5.4xlarge/a/on-demand/main", "m5.large/a/on-demand/main"];
    assert_eq!(domains(true, false), ["node/a1", "node/s1", new[0], new[1]]);
    assert_eq!(domains(true, true), ["node/a1", new[0], new[1]]);
}

#[test]
fn affinity_to_its_own_kind_is_a_shared_place() {
    let together = |world: World| {
        let built = world.built();
        built.problem.demands.iter().map(|demand| demand.together.clone()).collect::<Vec<_>>()
    };
    let place = |text: &str| Some(text.to_owned());
    assert_eq!(together(pair(near("web", LABEL_ZONE), same)), [None, place("zone/shop/web")]);
    assert_eq!(together(pair(near("web", LABEL_HOSTNAME), same)), [None, place("node/shop/web")]);
    let mutual = |pod| {
        spec(pod, |spec| {
            let selector = LabelSelector { requirements: vec![requirement("app", Operator::Exists, &[])] };
            spec.pod_affinity.push(PodTerm { selector, ..pods_of("", LABEL_ZONE) });
        })
    };
    let both = together(pair(mutual, mutual));
    assert!(both[0].is_some() && both[0] == both[1], "{both:?}");
}

/// The scheduler lets a pod in only where its company runs, so nobody can leave for another place.
#[test]
fn who_runs_near_its_kind_cannot_leave_the_place() {
    let web = |number| near("web", LABEL_ZONE)(pod("web", number));
    let mut world = world().with([on("a1", web(0)), on("a1", web(1)), web(2)]);
    world.catalog.types.retain(|name, _| name == "m5.large");
    let built = world.built();
    assert_eq!(built.demand("shop/web").count, 3, "{:?}", built.ids());
    assert_eq!(built.offers("shop/web").into_iter().collect::<Vec<_>>(), ["m5.large/a/on-demand", "node/a1"]);

    let both = world.clone().with([on("b1", web(3))]).built();
    let in_b: Vec<&str> = both
        .problem
        .demands
        .iter()
        .filter(|demand| demand.pods == ["shop/web-3"])
        .map(|demand| demand.id.as_str())
        .collect();
    assert_eq!(both.offers(in_b[0]).into_iter().collect::<Vec<_>>(), ["m5.large/b/on-demand", "node/b1"]);

    let beside = |number| near("web", LABEL_HOSTNAME)(pod("web", number));
    let mut world = self::world().with([on("a1", beside(0)), on("a1", beside(1)), beside(2)]);
    let built = world.built();
    assert_eq!(built.findings(), [("POD_PINNED", "workload/shop/web")]);
    assert!(
        built.problem.demands.iter().all(|demand| demand.offerings == [0]),
        "{:?}",
        built.problem.demands
    );
    world.state.nodes[0].unschedulable = true;
    let Err(BuildError::Infeasible(refusals)) = world.build() else { panic!("no place is left") };
    assert!(refusals[0].reason.contains("near pods of its kind"), "{}", refusals[0]);

    let single = self::world().with([on("a1", beside(0))]).built();
    assert_eq!(single.demand("shop/web").together.as_deref(), Some("node/shop/web"));
    assert!(single.offers("shop/web").contains("node/b1") && single.findings.is_empty(), "nobody holds it");
}

#[test]
fn what_cannot_be_expressed_pins_running_pods_and_refuses_pending_ones() {
    let over_racks = spreads(spread("example.com/rack", "web"));
    let devices = |pod| spec(pod, |spec| spec.beyond_us = Some("it asks for devices".into()));
    let cases: [(&str, Change, &str); 5] = [
        ("by its own word", Box::new(devices), "it asks for devices"),
        ("near others", Box::new(near("api", LABEL_ZONE)), "near pods of other workloads"),
        ("near others by rack", Box::new(near("web", "example.com/rack")), "share example.com/rack"),
        ("spread over racks", Box::new(over_racks), "spreads over example.com/rack"),
        ("apart by rack", Box::new(apart("web", "example.com/rack")), "keeps apart over example.com/rack"),
    ];
    for (what, change, reason) in cases {
        let racked = |mut world: World| {
            world.state.nodes[0].labels.insert("example.com/rack".into(), "1".into());
            world
        };
        let Err(BuildError::Infeasible(refusals)) = racked(pair(&change, same)).build() else {
            panic!("{what}: refused")
        };
        assert!(refusals[0].reason.contains(reason), "{what}: {}", refusals[0]);

        let mut world = racked(world().with([on("a1", change(pod("web", 0))), pod("api", 0)]));
        world.state.pods.sort_by_key(Pod::key);
        let built = world.built();
        assert!(built.findings().contains(&("POD_PINNED", "pod/shop/web-0")), "{what}: {:?}", built.findings);
        assert_eq!(built.offers("shop/web").into_iter().collect::<Vec<_>>(), ["node/a1"], "{what}");
    }
}

/// A leader that moved away would leave those behind who must run near it and cannot follow.
#[test]
fn whom_pinned_pods_must_run_near_stays_too() {
    let web = near("api", LABEL_ZONE)(pod("web", 0));
    let built = world().with([on("a1", web), on("a1", pod("api", 0)), pod("api", 1)]).built();
    let findings: Vec<(&str, &str)> =
        built.findings.iter().map(|found| (found.subject.as_str(), found.message.as_str())).collect();
    let want = [
        ("pod/shop/api-0", "the pod stays where it runs, for shop/web must run near it"),
        ("pod/shop/web-0", "the pod stays where it runs, for it must run near pods of other workloads"),
    ];
    assert_eq!(findings, want);
    assert!(built.offers("shop/api").contains("node/b1"), "a new leader may go anywhere");
    assert_eq!(built.offers("shop/api+1").into_iter().collect::<Vec<_>>(), ["node/a1"], "both that run");
}

#[test]
fn whom_pinned_pods_keep_apart_from_stays_too() {
    let racked = |api: Pod| {
        let web = apart("api", "example.com/rack")(pod("web", 0));
        let mut world = world().with([on("a1", web), api]);
        world.state.nodes[0].labels.insert("example.com/rack".into(), "1".into());
        world
    };
    let running = racked(on("b1", pod("api", 0))).built();
    assert_eq!(running.offers("shop/api").into_iter().collect::<Vec<_>>(), ["node/b1"]);
    assert_eq!(running.findings(), [("POD_PINNED", "pod/shop/api-0"), ("POD_PINNED", "pod/shop/web-0")]);
    let Err(BuildError::Infeasible(refusals)) = racked(pod("api", 0)).build() else { panic!("refused") };
    assert!(refusals[0].reason.contains("shop/web keeps apart from it over"), "{}", refusals[0]);
}

/// A pod of DaemonSet `kube-system/agent` on a node.
fn agent(node: &str, keeps_away: Option<PodTerm>) -> Pod {
    let kind = WorkloadKind::DaemonSet;
    let owner = WorkloadRef { kind, namespace: "kube-system".into(), name: "agent".into() };
    let pod = Pod { namespace: "kube-system".into(), owner: Some(owner), ..on(node, pod("agent", 0)) };
    spec(pod, |spec| spec.pod_anti_affinity.extend(keeps_away))
}

#[test]
fn pods_that_come_with_their_node_keep_others_away() {
    let offers = |key: &str, expected: bool| {
        let mut world = world().with([agent("a1", Some(pods_of("web", key))), pod("web", 0), pod("api", 0)]);
        world.state.nodes.insert(1, node("a2", "m5.large", "a"));
        world.catalog.types.retain(|name, _| name == "m5.large");
        if expected {
            let mut set = daemon_set("agent", 10);
            Arc::make_mut(&mut set.scheduling).node_selector =
                Labels::from([(LABEL_ZONE.to_owned(), "us-east-1a".to_owned())]);
            Arc::make_mut(&mut set.scheduling).pod_anti_affinity.push(pods_of("web", key));
            world.state.daemon_sets = vec![set];
        }
        let built = world.built();
        assert_eq!(built.offers("shop/api").len(), 5, "{key}: speaks of web only");
        built.offers("shop/web").into_iter().collect::<Vec<_>>()
    };
    let (new_a, new_b) = ("m5.large/a/on-demand", "m5.large/b/on-demand");
    assert_eq!(offers(LABEL_HOSTNAME, false), [new_a, new_b, "node/a2", "node/b1"]);
    assert_eq!(offers(LABEL_HOSTNAME, true), [new_b, "node/b1"], "where the DaemonSet will land, too");
    assert_eq!(offers(LABEL_ZONE, false), [new_b, "node/b1"]);

    let mut world = world().with([agent("a1", Some(pods_of("web", "example.com/rack"))), pod("web", 0)]);
    world.state.nodes[0].labels.insert("example.com/rack".into(), "1".into());
    let Err(BuildError::Infeasible(refusals)) = world.build() else {
        panic!("a rack is no place that we know")
    };
    assert!(refusals[0].reason.contains("keep it away over example.com/rack"), "{}", refusals[0]);
}

#[test]
fn a_pod_beside_one_that_keeps_it_away_may_stay_there() {
    let keeps_away = Some(pods_of("web", LABEL_HOSTNAME));
    let mut world = world().with([agent("a1", keeps_away), on("a1", pod("web", 0))]);
    world.catalog.types.retain(|name, _| name == "m5.large");
    let built = world.built();
    assert!(built.offers("shop/web").is_superset(&BTreeSet::from(["node/a1".into(), "node/b1".into()])));
    assert!(built.findings.is_empty(), "{:?}", built.findings);
}
