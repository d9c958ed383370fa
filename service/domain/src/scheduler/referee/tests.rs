use std::cell::Cell;
use std::sync::Arc;

use super::*;
use crate::fleet::LABEL_ZONE;
use crate::plan::{ChurnCounts, Move, NodeRemoval};
use crate::scheduler::fixture::{app, asking, node, pod, request, requires, ruled, spread, taint};
use crate::workload::{DaemonSet, DisruptionBudget, Pod, TaintEffect, Workload, WorkloadKind};

/// A cluster and a plan for it.
#[derive(Default)]
struct Case {
    state: ClusterState,
    after: Vec<Node>,
    assignment: BTreeMap<String, String>,
    offers: Vec<Offer>,
}

impl Case {
    /// Nodes now and after the plan, by name; all in zone z1.
    fn new(now: &[&str], after: &[&str]) -> Self {
        let nodes = |names: &[&str]| names.iter().map(|name| node(name, "z1")).collect();
        let state = ClusterState { nodes: nodes(now), ..ClusterState::default() };
        Self { state, after: nodes(after), ..Self::default() }
    }

    /// A pod, the node where it runs (empty: pending), and its target.
    fn pod(mut self, pod: Pod, from: &str, to: &str) -> Self {
        self.assignment.insert(pod.key(), to.to_owned());
        let node = Some(from.to_owned()).filter(|from| !from.is_empty());
        self.state.pods.push(Pod { node, ..pod });
        self
    }

    fn budget(mut self, name: &str, allowed: i32) -> Self {
        self.state.budgets.push(DisruptionBudget {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            selector: app(name),
            allowed,
        });
        self
    }

    /// A Deployment with the rollout's surge and patience.
    fn deployment(mut self, name: &str, max_surge: i32, max_unavailable: i32) -> Self {
        let reference = pod("", name).owner.expect("the fixture has an owner");
        self.state.workloads.push(Workload { reference, replicas: 1, max_surge, max_unavailable });
        self
    }

    fn judge(&self, stop: &dyn Fn() -> bool) -> RefereeReport {
        judge(&Inputs {
            state: &self.state,
            nodes_after: &self.after,
            assignment: &self.assignment,
            offers: &self.offers,
            settings: Settings::default(),
            orders: 10,
            stop,
        })
    }

    /// The moves as `pod>target`, and why pods are stuck as `pod: message`.
    #[track_caller]
    fn check_steering(&self, moves: &[&str], stuck: &[&str]) -> RefereeReport {
        let report = self.judge(&|| false);
        let name = |it: &Move| format!("{}>{}", it.pod.trim_start_matches("shop/"), it.to);
        assert_eq!(report.steered_moves.iter().map(name).collect::<Vec<_>>(), moves);
        let steering = report.strandings.iter().filter(|it| it.event == STEERING);
        let told = steering.map(|it| format!("{}: {}", it.pod.trim_start_matches("shop/"), it.message));
        assert_eq!(told.collect::<Vec<_>>(), stuck);
        assert_eq!(report.steered_pending.len(), stuck.len());
        report
    }
}

/// A pod of an app, named like it, that takes up most of a node: 3 of 4 cores.
fn big(name: &str) -> Pod {
    asking(pod(name, name), request(3000, 1))
}

#[test]
fn pods_move_to_new_nodes_before_others_take_what_they_leave() {
    let case = Case::new(&["a", "b"], &["a", "c"]).pod(big("x"), "a", "c").pod(big("y"), "b", "a");
    case.check_steering(&["x>c", "y>a"], &[]);
}

#[test]
fn pending_pods_go_first_and_what_may_not_move_is_told() {
    let mut protected = big("p");
    protected.do_not_disrupt = Some("annotation".to_owned());
    let mut bare = big("q");
    bare.owner = None;
    let now = ["a", "b", "c", "d", "e"];
    let case = Case::new(&now, &["v", "w", "x", "y", "z", "u"])
        .pod(big("n"), "a", "v")
        .pod(protected, "b", "w")
        .pod(bare, "c", "x")
        .pod(big("r"), "d", "y")
        .pod(big("s"), "e", "z")
        .pod(big("t"), "", "u")
        .budget("r", 0)
        .budget("s", 1)
        .budget("s", 1);
    case.check_steering(
        &["t>u", "n>v"],
        &[
            "p: it must not be disrupted",
            "q: nobody would create it again",
            "r: its disruption budget allows no eviction",
            "s: it has more than one disruption budget, so the API server refuses to evict it",
        ],
    );
}

#[test]
fn a_pod_that_waits_uses_up_its_budget_until_it_runs() {
    let web = |name: &str| asking(pod(name, "web"), request(3000, 1));
    let case = Case::new(&["a", "b"], &["b", "c"]).budget("web", 1);
    let fits = case.pod(web("1"), "a", "c").pod(web("2"), "", "b");
    fits.check_steering(&["2>b", "1>c"], &[]);
    let case = Case::new(&["a", "b"], &["b", "c"]).budget("web", 1).pod(big("full"), "b", "b");
    let stuck = case.pod(web("1"), "a", "c").pod(web("2"), "", "b");
    stuck.check_steering(&[], &["2: b: Insufficient cpu", "1: its disruption budget allows no eviction"]);
}

#[test]
fn two_pods_that_swap_need_a_third_node() {
    let swap = |nodes: &[&str]| Case::new(nodes, nodes).pod(big("x"), "a", "b").pod(big("y"), "b", "a");
    swap(&["a", "b", "c"]).check_steering(&["y>c", "x>b", "y>a"], &[]);
    swap(&["a", "b"]).check_steering(&[], &["x: b: Insufficient cpu", "y: a: Insufficient cpu"]);
}

/// Both zones are domains as long as they have a node: the last pod of a zone that goes may only be
/// placed in the other when the zone is gone.
#[test]
fn a_zone_that_goes_is_removed_before_its_last_pod_is_placed() {
    let web = |name: &str| ruled(pod(name, "web"), |rules| rules.spreads.push(spread("web", LABEL_ZONE)));
    let mut case = Case::new(&["a", "b"], &["a"]).pod(web("1"), "a", "a").pod(web("2"), "b", "a");
    case.state.nodes[1] = node("b", "z2");
    let report = case.check_steering(&["2>a"], &[]);
    assert_eq!(report.steered_removals, [NodeRemoval { node: "b".to_owned(), before_move: 0 }]);
}

#[test]
fn a_pod_without_a_place_in_the_plan_is_stuck() {
    let mut case = Case::new(&["a", "b"], &["b"]).pod(big("x"), "a", "b");
    case.assignment.clear();
    case.check_steering(&[], &["x: the plan has no place for it"]);
}

/// A pending pod that the plan does not place, but that fits, goes to the node that is opened for another.
#[test]
fn a_pod_that_the_plan_forgot_takes_what_is_open() {
    let forgetting = |forgotten: Pod| {
        let mut case = Case::new(&["a"], &["b"]).pod(big("x"), "a", "b").pod(forgotten, "", "");
        case.assignment.remove("shop/z");
        case
    };
    let why = "x: another pending pod would take its room";
    forgetting(big("z")).check_steering(&[], &[why]);
    forgetting(pod("z", "z")).check_steering(&["z>b", "x>b"], &[]);
    let humble = Pod { priority: -1, ..pod("z", "z") };
    forgetting(humble).check_steering(&["x>b", "z>b"], &[]);
    forgetting(Pod { priority: -1, ..big("z") }).check_steering(&["x>b"], &[]);
}

/// Checks who is stranded by what.
#[track_caller]
fn check_churn(case: &Case, tried: ChurnCounts, want: &[(&str, &str)]) {
    let report = case.judge(&|| false);
    let told: Vec<(&str, &str)> =
        report.strandings.iter().map(|it| (it.event.as_str(), it.pod.as_str())).collect();
    assert_eq!((report.churn_tried, told.as_slice()), (tried, want));
    assert_eq!(report.churn_stranded, want.iter().map(|(_, pod)| (*pod).to_owned()).collect::<Vec<_>>());
}

#[test]
fn a_rollout_needs_room_for_its_surge_or_patience() {
    let full = || Case::new(&["a"], &["a"]).pod(big("x"), "a", "a");
    let tried = ChurnCounts { restarts: 1, rollouts: 1, losses: 1 };
    check_churn(&full().deployment("x", 1, 0), tried, &[("rollout of shop/x", "shop/x")]);
    check_churn(&full().deployment("x", 0, 1), tried, &[]);
    check_churn(&full().deployment("x", 1, 1), tried, &[]);
    // Kubernetes lets no rollout stand still for want of both.
    check_churn(&full().deployment("x", 0, 0), tried, &[]);
}

/// The next revision has labels of its own, so a spread over one revision counts it anew.
#[test]
fn a_rollout_counts_its_own_revision() {
    let web = |name: &str| {
        let mut pod = asking(pod(name, "web"), request(1000, 1));
        pod.labels.insert("pod-template-hash".to_owned(), "abc".to_owned());
        ruled(pod, |rules| {
            let mut rule = spread("web", LABEL_ZONE);
            rule.selector.requirements.extend(requires("pod-template-hash", "abc").labels);
            rules.spreads.push(rule);
        })
    };
    let mut case = Case::new(&["a", "b"], &["a", "b"]).deployment("web", 1, 0);
    case.state.nodes[1] = node("b", "z2");
    case.after[1] = node("b", "z2");
    let case = case.pod(web("1"), "a", "a").pod(web("2"), "b", "b").pod(web("3"), "a", "a");
    check_churn(&case, ChurnCounts { restarts: 3, rollouts: 1, losses: 2 }, &[]);
}

/// Its own pods come back with it, and take their room.
#[test]
fn a_lost_node_that_is_replaced_carries_its_pods_again() {
    let mut case = Case::new(&["a", "b"], &["a", "b"]).pod(big("x"), "a", "a").pod(big("y"), "b", "b");
    let kind = WorkloadKind::DaemonSet;
    for name in ["a", "b"] {
        let mut agent = asking(pod(&format!("agent-{name}"), "agent"), request(1000, 1));
        agent.owner.as_mut().expect("the fixture has an owner").kind = kind;
        case = case.pod(agent, name, name);
    }
    check_churn(&case, ChurnCounts { restarts: 2, rollouts: 0, losses: 2 }, &[]);
}

/// A node with a scarce label, and two pods: one needs the label, the other fits anywhere. Arriving in
/// the wrong order, it takes the scarce node half of the time.
fn scarce() -> Case {
    let picky = ruled(big("picky"), |rules| rules.node_terms.push(requires("arch", "x86")));
    let mut case = Case::new(&[], &["a", "b"]).pod(picky, "", "a").pod(big("easy"), "", "b");
    case.after[0].labels.insert("arch".to_owned(), "x86".to_owned());
    case
}

fn offer(name: &str, arch: &str, nano_usd: i64) -> Offer {
    let mut node = node(name, "z1");
    node.labels.insert("arch".to_owned(), arch.to_owned());
    Offer { node, price: HourlyRate::from_nano_usd(nano_usd).expect("not negative") }
}

#[test]
fn a_cold_start_wastes_scarce_nodes_and_the_reserve_has_a_price() {
    let mut case = scarce();
    let without = case.judge(&|| false);
    assert_eq!((without.cold_orders, without.cold_pods), (10, 2));
    assert!(without.cold_pending.contains(&0) && without.cold_pending.contains(&1), "{without:?}");
    assert!(!without.cold_reserve_complete, "nothing is offered");
    assert_eq!(without.steered_pending, Vec::<String>::new());
    // The cheap one has the wrong architecture.
    case.offers = vec![offer("arm", "arm", 1), offer("large", "x86", 9), offer("small", "x86", 5)];
    let with = case.judge(&|| false);
    assert_eq!(with.cold_reserve_nodes, ["small"]);
    assert_eq!((with.cold_reserve.nano_usd(), with.cold_reserve_complete), (5, true));
    assert_eq!(with.cold_pending, without.cold_pending, "the plan itself is not changed");
}

#[test]
fn higher_priority_arrives_first() {
    let mut case = scarce();
    case.state.pods[0].priority = 1;
    assert_eq!(case.judge(&|| false).cold_pending, [0; 10]);
}

#[test]
fn daemon_sets_take_their_share_of_new_nodes() {
    let mut case = Case::new(&[], &["a", "b"]).pod(asking(pod("x", "x"), request(4000, 1)), "", "a");
    case.after[1].taints.push(taint("gpu", TaintEffect::NoSchedule));
    case.state.daemon_sets.push(DaemonSet {
        namespace: "kube-system".to_owned(),
        name: "agent".to_owned(),
        requests: request(100, 1),
        scheduling: Arc::default(),
    });
    case.check_steering(&[], &["x: a: Insufficient cpu"]);
    let world = World::after(&Inputs {
        state: &case.state,
        nodes_after: &case.after,
        assignment: &case.assignment,
        offers: &[],
        settings: Settings::default(),
        orders: 0,
        stop: &|| false,
    });
    let tainted = world.simulation.node("b").expect("it is planned");
    assert_eq!(world.simulation.pods_on(tainted).count(), 0, "the agent does not tolerate the taint");
}

#[test]
fn what_is_left_out_for_want_of_time_is_told() {
    let asked = Cell::new(0);
    let patience = || {
        asked.set(asked.get() + 1);
        6 < asked.get()
    };
    let report = scarce().judge(&patience);
    assert!(report.cold_orders < 10, "{report:?}");
    let cold = format!("cold start: {} of 10 orders tried", report.cold_orders);
    assert!(report.omissions.contains(&cold), "{:?}", report.omissions);
}

#[test]
fn the_same_input_gives_the_same_report() {
    let mut case = scarce().pod(big("x"), "", "").pod(pod("y", "y"), "", "b");
    case.offers = vec![offer("small", "x86", 5)];
    assert_eq!(case.judge(&|| false), case.judge(&|| false));
}
