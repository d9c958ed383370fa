//! The model of kube-scheduler against clusters whose pods a real kube-scheduler placed.

#[path = "../../../tests/data.rs"]
mod data;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Instant;

use flate2::read::GzDecoder;
use jiff::Timestamp;
use plimsoll_domain::fleet::{LABEL_HOSTNAME, Node};
use plimsoll_domain::scheduler::referee::{Inputs, judge};
use plimsoll_domain::scheduler::{NodeId, PodId, Release, Settings, Simulation, Strategy};
use plimsoll_domain::snapshot::{ClusterState, Content};
use plimsoll_domain::workload::Pod;
use plimsoll_manifest::kube::{Options, read};
use serde_json::Value;

/// A cluster that a real scheduler filled.
struct Dump {
    name: &'static str,
    state: ClusterState,
    /// The objects as they stand in the file.
    items: Vec<Value>,
}

/// All of them, read once; none, and each test says so, where the data is not there.
fn dumps() -> &'static [Dump] {
    static DUMPS: OnceLock<Vec<Dump>> = OnceLock::new();
    let Some(folder) = data::path("kube") else { return &[] };
    DUMPS.get_or_init(|| ["shop", "models", "wide"].map(|name| dump(&folder, name)).into())
}

/// What placed the pods. That it ranks balance as 1.36 does is found below.
const SETTINGS: Settings = Settings { strategy: Strategy::LeastAllocated, release: Release::V1_36, seed: 7 };

fn dump(folder: &Path, name: &'static str) -> Dump {
    let path = folder.join(format!("{name}.json.gz"));
    let open = || File::open(&path).expect("the dump opens");
    let snapshot = read(open(), &Options::at(Timestamp::UNIX_EPOCH)).expect("the dump is read");
    let mut list: Value = serde_json::from_reader(GzDecoder::new(open())).expect("the dump is JSON");
    match (snapshot.content, list["items"].take()) {
        (Content::Cluster(state), Value::Array(items)) => Dump { name, state: *state, items },
        _ => panic!("{name} is a list of the objects of a cluster"),
    }
}

fn key(object: &Value) -> String {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text("namespace"), text("name"))
}

/// First sentence of what the real scheduler said about each pending pod, by `namespace/name`.
fn refusals(items: &[Value]) -> BTreeMap<String, String> {
    let refusal = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array()?;
        let condition =
            conditions.iter().find(|it| it["type"] == "PodScheduled" && it["status"] == "False")?;
        let (sentence, _) = condition["message"].as_str()?.split_once(". ")?;
        Some((key(pod), format!("{sentence}.")))
    };
    items.iter().filter_map(refusal).collect()
}

/// Every running pod could be placed where it runs, given all others.
#[test]
fn the_real_scheduler_placed_no_pod_against_the_model() {
    for Dump { name, state, .. } in dumps() {
        let mut simulation = Simulation::of(state, SETTINGS);
        let mut checked = 0;
        for pod in &state.pods {
            let id = simulation.pod(&pod.key()).expect("it was added");
            let Some(node) = simulation.evict(id) else { continue };
            let reasons = simulation.reasons(id, node);
            assert!(reasons.is_empty(), "{name}: {} on {:?}: {reasons:?}", pod.key(), pod.node);
            simulation.bind(id, node);
            checked += 1;
        }
        println!("{name}: {checked} running pods accepted where they run");
        assert!(200 < checked, "{name} has {checked} running pods");
    }
}

/// A pending pod is refused for the same reasons, on the same numbers of nodes, in the same words.
#[test]
fn pending_pods_are_refused_in_the_real_schedulers_words() {
    let dumps = dumps();
    let mut compared = 0;
    for Dump { name, state, items } in dumps {
        let refusals = refusals(items);
        let mut simulation = Simulation::of(state, SETTINGS);
        for pod in state.pods.iter().filter(|pod| pod.node.is_none()) {
            let id = simulation.pod(&pod.key()).expect("it was added");
            let refusal = simulation.schedule(id).expect_err("it is pending in truth");
            assert_eq!(Some(&refusal.to_string()), refusals.get(&pod.key()), "{name}: {}", pod.key());
            compared += 1;
        }
    }
    assert!(dumps.is_empty() || compared == 2, "{compared} pending pods in the dumps");
}

/// Pods restarted one after another by the stock scheduler all find a place.
#[test]
fn restarts_one_after_another_leave_nobody_pending() {
    for Dump { name, state, .. } in dumps() {
        let mut simulation = Simulation::of(state, SETTINGS);
        let mut moved = 0;
        for pod in &state.pods {
            let id = simulation.pod(&pod.key()).expect("it was added");
            let Some(node) = simulation.evict(id) else { continue };
            let place = simulation.schedule(id).unwrap_or_else(|why| panic!("{name}: {}: {why}", pod.key()));
            moved += u32::from(place != node);
        }
        println!("{name}: {moved} of {} pods took another node", state.pods.len());
    }
}

/// The referee on the plan that changes nothing.
#[test]
fn a_plan_that_changes_nothing_moves_nothing() {
    for Dump { name, state, .. } in dumps() {
        let begin = Instant::now();
        let report = judge(&Inputs {
            state,
            nodes_after: &state.nodes,
            assignment: &BTreeMap::new(),
            offers: &[],
            settings: SETTINGS,
            orders: 20,
            stop: &|| false,
        });
        let (tried, time) = (report.churn_tried, begin.elapsed());
        println!("{name}: {:?} of {} pending, {tried:?}, {time:.2?}", report.cold_pending, report.cold_pods);
        assert_eq!(report.steered_moves, []);
        assert_eq!(report.strandings, []);
        assert_eq!(report.omissions, Vec::<String>::new());
        assert_eq!(report.cold_pending, [0; 20], "there is plenty of room in {name}");
    }
}

/// Every node is replaced by an equal one, and one with most GPUs is added for whoever waits: each pod
/// is steered to its place, whatever spreads, budgets, volumes and priorities say on the way.
#[test]
fn a_whole_fleet_is_replaced_with_nobody_pending() {
    for Dump { name, state, .. } in dumps() {
        let largest = state.nodes.iter().max_by_key(|node| node.allocatable.gpus()).expect("it has nodes");
        let mut nodes: Vec<Node> =
            state.nodes.iter().map(|node| named(node, &format!("new-{}", node.name))).collect();
        nodes.push(named(largest, "new-extra"));
        let to = |pod: &Pod| format!("new-{}", pod.node.as_deref().unwrap_or("extra"));
        let assignment = state.pods.iter().map(|pod| (pod.key(), to(pod))).collect();
        let begin = Instant::now();
        let report = judge(&Inputs {
            state,
            nodes_after: &nodes,
            assignment: &assignment,
            offers: &[],
            settings: SETTINGS,
            orders: 1,
            stop: &|| false,
        });
        println!("{name}: {} moves, judged in {:.2?}", report.steered_moves.len(), begin.elapsed());
        assert_eq!(report.strandings, [], "{name}");
        assert_eq!(u32::try_from(report.steered_moves.len()), Ok(report.cold_pods), "{name}");
    }
}

fn named(node: &Node, name: &str) -> Node {
    let mut node = Node { name: name.to_owned(), ..node.clone() };
    node.labels.insert(LABEL_HOSTNAME.to_owned(), name.to_owned());
    node
}

/// Replays how the clusters filled up: nearly every pod went where the model would have sent it, and
/// the model with another setting would not have.
///
/// Nobody noted in which order the pods were bound. Their addresses tell it roughly, so among the next
/// [`REPLAY_WINDOW`] pods any may be the next whose node is among the best.
#[test]
fn the_real_scheduler_took_the_nodes_that_the_model_ranks_first() {
    let packing = Settings { strategy: Strategy::MostAllocated, ..SETTINGS };
    let older = Settings { release: Release::V1_35, ..SETTINGS };
    for Dump { name, state, items } in dumps().iter().filter(|dump| dump.name != "wide") {
        let order = arrivals(items);
        let shares = [SETTINGS, packing, older].map(|settings| explained(state, &order, settings));
        println!("{name}: {shares:.3?} of the choices explained: stock, packing, balance as in 1.35");
        let [stock, packing, older] = shares;
        assert!(0.9 < stock, "{name}: the stock setting explains {stock}");
        assert!(packing < 0.25, "{name}: packing explains {packing}");
        assert!(older < stock - 0.05, "{name}: the older balance explains {older}");
    }
}

/// How many of the next pods may have been bound first.
const REPLAY_WINDOW: usize = 120;

/// Pods by their addresses, which are given out as they start.
fn arrivals(items: &[Value]) -> Vec<String> {
    let arrival = |pod: &Value| {
        let address: std::net::Ipv4Addr = pod["status"]["podIP"].as_str()?.parse().ok()?;
        Some((address, key(pod)))
    };
    let pods = items.iter().filter(|item| item["kind"] == "Pod");
    let mut arrivals: Vec<_> = pods.filter_map(arrival).collect();
    arrivals.sort();
    arrivals.into_iter().map(|(_, key)| key).collect()
}

/// Share of the pods with a choice that took one of the nodes which the model ranks first.
fn explained(state: &ClusterState, order: &[String], settings: Settings) -> f64 {
    let mut simulation = Simulation::of(&ClusterState { pods: Vec::new(), ..state.clone() }, settings);
    let pods: BTreeMap<String, &Pod> = state.pods.iter().map(|pod| (pod.key(), pod)).collect();
    let mut rest: Vec<(PodId, NodeId)> = Vec::new();
    for pod in order.iter().map(|key| pods[key]) {
        let node = simulation.node(pod.node.as_deref().expect("it has an address")).expect("it is listed");
        rest.push((simulation.add_pod(pod), node));
    }
    let (mut explained, mut chosen) = (0.0, 0.0);
    while !rest.is_empty() {
        let fits = |(pod, node): &(PodId, NodeId)| simulation.favourites(*pod).contains(node);
        let next = rest.iter().take(REPLAY_WINDOW).position(fits);
        let (pod, node) = rest.remove(next.unwrap_or(0));
        if 1 < simulation.accepting(pod).count() {
            chosen += 1.0;
            explained += f64::from(u8::from(next.is_some()));
        }
        simulation.bind(pod, node);
    }
    explained / chosen
}
