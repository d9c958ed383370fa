//! Which pods are one demand, and what is told about it.

use super::*;

#[test]
fn pods_that_no_rule_tells_apart_are_one_demand() {
    let pods = [on("a1", pod("web", 0)), pod("web", 1), on("a1", pod("api", 0))];
    let built = world().with(pods).built();
    assert_eq!(built.ids(), ["shop/api+1"]);
    let demand = built.demand("shop/api+1");
    assert_eq!((demand.count, demand.request[0], demand.request[3]), (3, 500, 1));
    assert_eq!(demand.pods, ["shop/api-0", "shop/web-0", "shop/web-1"]);
    assert_eq!(built.context.demands[0].pods, [0, 1, 2]);
    assert_eq!(built.problem.nodes[0].residents, [crate::problem::Placed { demand: 0, count: 2 }]);
    assert_eq!(demand.move_cost.nano_usd(), 13_889);
}

#[test]
fn a_rule_about_a_workload_keeps_it_apart() {
    let keeps_off_web =
        spec(pod("db", 0), |spec| spec.pod_anti_affinity.push(pods_of("web", LABEL_HOSTNAME)));
    let built = world().with([pod("web", 0), pod("api", 0), keeps_off_web]).built();
    assert_eq!(built.ids(), ["shop/api", "shop/db", "shop/web"]);
    assert_eq!(built.demand("shop/web").conflicts, [1]);
}

#[test]
fn residents_of_sealed_nodes_are_not_told_from_their_siblings() {
    let mut world = world().with([on("a1", pod("web", 0)), on("b1", pod("web", 1))]);
    world.state.nodes[0].unschedulable = true;
    let built = world.built();
    assert_eq!(built.ids(), ["shop/web"]);
    assert!(built.offers("shop/web").contains("node/a1"));
}

#[test]
fn who_runs_where_it_could_not_go_again_may_stay() {
    let drifted = |number| {
        spec(on("a1", pod("web", number)), |spec| {
            drop(spec.node_selector.insert("team".into(), "red".into()))
        })
    };
    let mut world = world().with([drifted(0)]);
    world.state.nodes.push(node("a2", "m5.large", "a"));
    world.state.nodes[1].labels.insert("team".into(), "red".into());
    world.state.nodes[1].group = "red".into();
    world.catalog.types.retain(|name, _| name == "m5.large");
    let want = ["m5.large/a/on-demand/red", "m5.large/b/on-demand/red", "node/a1", "node/b1"];
    let built = world.built();
    assert_eq!(built.offers("shop/web").into_iter().collect::<Vec<_>>(), want);
    assert_ne!(
        built.problem.nodes[0].offering, built.problem.nodes[2].offering,
        "the equal node is no place for it"
    );
}

#[test]
fn restrictions_are_told_and_only_those_that_restrict() {
    let codes = |world: World, id: &str| {
        let built = world.built();
        let index = built.ids().iter().position(|other| *other == id).expect("it is a demand");
        built.context.demands[index].tags.iter().map(|tag| tag.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(world().with([pod("web", 0)]), "shop/web"), ["ON_DEMAND_ONLY"]);
    let linux = |spec: &mut Scheduling| drop(spec.node_selector.insert(LABEL_OS.into(), "linux".into()));
    assert_eq!(
        codes(world().with([spec(pod("web", 0), linux)]), "shop/web"),
        ["ON_DEMAND_ONLY"],
        "all nodes are"
    );
    let mut rich = world().with([0, 1].map(|number| {
        spec(pod("web", number), |spec| {
            spec.node_selector.insert(LABEL_ZONE.into(), "us-east-1a".into());
            spec.pod_anti_affinity.push(pods_of("web", LABEL_HOSTNAME));
        })
    }));
    rich.state.budgets = vec![budget("web", "web", 1)];
    rich.state.nodes.push(spot_node("s1", "a"));
    assert_eq!(
        codes(rich, "shop/web"),
        ["DISRUPTION_BUDGET", "HOST_ANTI_AFFINITY", "NODE_SELECTOR", "TAINT"]
    );
}

#[test]
fn templates_that_serve_nobody_in_particular_are_left_out() {
    let mut world = world().with([pod("web", 0)]);
    world.state.nodes[1].labels.insert("team".into(), "red".into());
    world.state.nodes[1].group = "red".into();
    let new = |world: &World| {
        let built = world.built();
        let new = built.problem.offerings.iter().filter(|offering| offering.quantity_max.is_none());
        new.map(|offering| offering.template.clone()).collect::<BTreeSet<_>>()
    };
    assert_eq!(new(&world), BTreeSet::from(["main".to_owned()]));
    let red = spec(pod("api", 0), |spec| drop(spec.node_selector.insert("team".into(), "red".into())));
    assert_eq!(new(&world.with([red])), BTreeSet::from(["red".to_owned()]), "red nodes serve both");
}

#[test]
fn the_same_cluster_gives_the_same_problem() {
    let pods = (0..20).map(|number| {
        on(
            if number % 2 == 0 { "a1" } else { "b1" },
            Pod { requests: resources(50, 64), ..pod(["web", "api", "db"][number as usize % 3], number) },
        )
    });
    let world = world().with(pods);
    assert_eq!(world.built(), world.built());
}
