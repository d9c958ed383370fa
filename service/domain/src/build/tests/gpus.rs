//! Which GPUs a pod gets.

use super::*;
use crate::resources::NVIDIA_GPU;

fn gpu_pod(app: &str, number: u32, gpus: i64) -> Pod {
    let mut pod = spec(pod(app, number), |spec| spec.tolerations = vec![tolerates(NVIDIA_GPU)]);
    pod.requests.extended.insert(NVIDIA_GPU.into(), gpus);
    pod
}

fn gpu_node(name: &str, instance_type: &str) -> Node {
    Node { group: "gpu".into(), taints: vec![taint(NVIDIA_GPU)], ..node(name, instance_type, "a") }
}

fn new_types(built: &Built, id: &str) -> Vec<String> {
    let new = built.offers(id).into_iter().filter(|id| !id.starts_with("node/"));
    let types: BTreeSet<String> = new.map(|id| id.split('/').next().unwrap_or_default().to_owned()).collect();
    types.into_iter().collect()
}

/// New types for a demand in a cluster with the given GPU nodes.
#[track_caller]
fn check(what: &str, nodes: &[(&str, &str)], pods: Vec<Pod>, id: &str, want: &[&str]) {
    let mut world = world().with(pods);
    world.state.nodes.extend(nodes.iter().map(|(name, instance_type)| gpu_node(name, instance_type)));
    assert_eq!(new_types(&world.built(), id), want, "{what}");
}

#[test]
fn a_pod_keeps_its_kind_of_gpu() {
    let a10 = ["g5.12xlarge", "g5.xlarge", "p4d.24xlarge"];
    check("an A10G is no T4", &[("g", "g5.xlarge")], vec![on("g", gpu_pod("llm", 0, 1))], "shop/llm", &a10);
    check(
        "a T4 is no A10G",
        &[("g", "g4dn.xlarge")],
        vec![on("g", gpu_pod("llm", 0, 1))],
        "shop/llm",
        &["g4dn.xlarge"],
    );
    check(
        "an A100 has more memory",
        &[("g", "p4d.24xlarge")],
        vec![on("g", gpu_pod("llm", 0, 1))],
        "shop/llm",
        &["p4d.24xlarge"],
    );
    let siblings = vec![on("g", gpu_pod("llm", 0, 1)), gpu_pod("llm", 1, 1)];
    check(
        "a sibling runs",
        &[("g", "g4dn.xlarge"), ("h", "g5.xlarge")],
        siblings,
        "shop/llm",
        &["g4dn.xlarge"],
    );
    let both = vec![on("g", gpu_pod("llm", 0, 1)), on("h", gpu_pod("llm", 1, 1))];
    let four = ["g4dn.xlarge", "g5.12xlarge", "g5.xlarge", "p4d.24xlarge"];
    check("siblings run on either", &[("g", "g4dn.xlarge"), ("h", "g5.xlarge")], both, "shop/llm", &four);
}

#[test]
fn a_pending_pod_gets_the_kind_of_the_group_that_could_hold_it() {
    let nodes = [("g", "g4dn.xlarge"), ("h", "g5.12xlarge")];
    check("four GPUs", &nodes, vec![gpu_pod("llm", 0, 4)], "shop/llm", &["g5.12xlarge", "p4d.24xlarge"]);
}

#[test]
fn else_the_policy_decides_or_the_pod_is_refused() {
    let mut world = world().with([gpu_pod("llm", 0, 1)]);
    let Err(BuildError::Infeasible(refusals)) = world.build() else { panic!("it should be refused") };
    assert_eq!((refusals[0].demand.as_str(), refusals[0].pods.len()), ("shop/llm", 1));
    assert!(refusals[0].reason.contains("gpu_classes"), "{}", refusals[0]);

    world.policy.gpu_classes.insert("shop/llm".into(), "T4".into());
    let built = world.built();
    let want = ["g4dn.xlarge/a/on-demand/gpu", "g4dn.xlarge/b/on-demand/gpu"];
    assert_eq!(built.offers("shop/llm").into_iter().collect::<Vec<_>>(), want);
    let template = built.context.templates.iter().find(|template| template.gpu).expect("there is one");
    assert_eq!((template.name.as_str(), template.taints[0].key.as_str()), ("gpu", NVIDIA_GPU));
}

#[test]
fn a_pod_that_names_its_gpu_gets_what_it_names() {
    let named =
        spec(gpu_pod("llm", 0, 1), |spec| spec.node_terms = vec![term(LABEL_INSTANCE_TYPE, &["g5.xlarge"])]);
    check("by type", &[], vec![named], "shop/llm", &["g5.xlarge"]);
}

#[test]
fn new_gpu_nodes_are_tainted_unless_a_pod_tolerates_no_taint() {
    let mut world = world().with([spec(gpu_pod("llm", 0, 1), |spec| spec.tolerations.clear())]);
    world.policy.gpu_classes.insert("shop/llm".into(), "T4".into());
    let want = ["g4dn.xlarge/a/on-demand", "g4dn.xlarge/b/on-demand"];
    assert_eq!(world.built().offers("shop/llm").into_iter().collect::<Vec<_>>(), want);
}

#[test]
fn gpu_nodes_are_for_gpu_pods_and_for_those_who_are_there() {
    let mut world = world().with([pod("web", 0), on("g", pod("web", 1))]);
    world.state.nodes.push(Node { taints: Vec::new(), ..gpu_node("g", "g5.xlarge") });
    let built = world.built();
    assert!(!built.offers("shop/web").contains("node/g"));
    assert!(built.offers("shop/web#2").contains("node/g"));
    world.policy.gpu_only_for_gpu_pods = false;
    assert!(world.built().offers("shop/web").contains("node/g"));
}
