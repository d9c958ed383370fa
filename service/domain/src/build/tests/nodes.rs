//! Nodes that run: what they are in a problem.

use super::*;

/// Sealed and kept, of a node that was changed.
#[track_caller]
fn check(what: &str, change: impl FnOnce(&mut World), want: (bool, bool)) {
    let api = Pod { requests: resources(600, 512), ..on("b1", pod("api", 0)) };
    let mut world = world().with([on("a1", pod("web", 0)), api]);
    change(&mut world);
    let built = world.built();
    let node = &built.problem.nodes[0];
    assert_eq!((node.sealed, node.kept), want, "{what}");
    assert!(built.offers("shop/web").contains("node/a1"), "{what}: residents may stay");
    let newcomer = built.offers("shop/api").contains("node/a1");
    assert_eq!(newcomer, !want.0, "{what}: newcomers");
}

#[test]
fn nodes_are_open_sealed_or_kept() {
    check("plain", |_| {}, (false, false));
    check("cordoned", |world| world.state.nodes[0].unschedulable = true, (true, false));
    check("not ready", |world| world.state.nodes[0].ready = false, (true, false));
    let protected = |world: &mut World| {
        world.state.nodes[0].group = "old".into();
        world.policy.protected_groups = vec!["old".into()];
    };
    check("protected", protected, (true, true));
    check("burstable", |world| world.state.nodes[0] = node("a1", "t3.large", "a"), (true, false));
    check("unknown type", |world| world.state.nodes[0].instance_type = "z9.huge".into(), (false, true));
    let fargate = |world: &mut World| {
        drop(world.state.nodes[0].labels.insert("eks.amazonaws.com/compute-type".into(), "fargate".into()))
    };
    check("Fargate", fargate, (true, true));
}

#[test]
fn a_node_without_a_price_is_free_and_said() {
    let mut world = world().with([pod("web", 0)]);
    world.state.nodes[0].instance_type = "z9.huge".into();
    let built = world.built();
    assert_eq!(built.findings(), [("PRICE_UNKNOWN", "node/a1")]);
    assert_eq!(built.context.unpriced_nodes, ["a1"]);
    assert_eq!(built.problem.price_now(), world.catalog.on_demand["m5.large"]);
}

#[test]
fn equal_nodes_are_one_offering() {
    let mut world = world().with([pod("web", 0)]);
    world.state.nodes.push(node("a2", "m5.large", "a"));
    world.state.nodes.push(Node { unschedulable: true, ..node("a3", "m5.large", "a") });
    let offerings = |world: &World| {
        let built = world.built();
        built.problem.nodes.iter().map(|node| node.offering).collect::<Vec<_>>()
    };
    assert_eq!(offerings(&world), [0, 1, 0, 2]);
    // Somebody selects by host name: now every node is unlike the others.
    let world = world.with([spec(pod("api", 0), |spec| {
        drop(spec.node_selector.insert(LABEL_HOSTNAME.into(), "a2".into()))
    })]);
    assert_eq!(offerings(&world), [0, 1, 2, 3]);
}

#[test]
fn a_discount_is_off_on_demand_prices_only() {
    let mut world = world().with([pod("web", 0), pod("web", 1)]);
    world.state.budgets = vec![budget("web", "web", 1)];
    world.policy.discount_ratio = 0.5;
    let built = world.built();
    for offering in &built.problem.offerings {
        let list =
            world.catalog.price(&offering.instance_type, &offering.zone, offering.kind).expect("it is sold");
        let part = if offering.kind == CapacityKind::OnDemand { 2 } else { 1 };
        assert_eq!(offering.price.nano_usd(), (list.nano_usd() + part - 1) / part, "{}", offering.id);
    }
}

#[test]
fn the_context_shows_nodes_as_the_api_server_would() {
    let mut world = world().with([pod("web", 0)]);
    world.state.nodes.iter_mut().for_each(|node| drop(node.labels.insert("team".into(), "red".into())));
    let built = world.built();
    assert_eq!(built.context.node(0, "a1"), world.state.nodes[0]);
    let index = built
        .problem
        .offerings
        .iter()
        .position(|offering| offering.id == "m5.large/us-east-1b/on-demand/main");
    let new = built.context.node(index.expect("it is offered") as u32, "new-1");
    let mut want = node("new-1", "m5.large", "b");
    want.labels.remove(LABEL_NODE_GROUP);
    want.labels.insert("team".into(), "red".into());
    for (key, value) in &want.labels {
        assert_eq!(new.labels.get(key), Some(value), "{key}");
    }
    assert_eq!((&new.allocatable, new.taints.len(), new.ready), (&want.allocatable, 0, true));
}

#[test]
fn labels_of_karpenters_nodes_follow_the_type() {
    let mut world = world().with([spec(pod("web", 0), |spec| {
        spec.node_terms = vec![term("karpenter.k8s.aws/instance-family", &["c5"])];
    })]);
    for node in &mut world.state.nodes {
        node.labels.insert("karpenter.sh/nodepool".into(), "default".into());
        node.labels.insert("karpenter.sh/capacity-type".into(), "on-demand".into());
        node.labels.insert("karpenter.k8s.aws/instance-family".into(), "m5".into());
    }
    let built = world.built();
    let offers = built.offers("shop/web");
    assert_eq!(offers.into_iter().collect::<Vec<_>>(), ["c5.4xlarge/a/on-demand", "c5.4xlarge/b/on-demand"]);
    assert_eq!(
        built.context.templates[0].labels,
        Labels::from([("karpenter.sh/nodepool".into(), "default".into())])
    );
}
