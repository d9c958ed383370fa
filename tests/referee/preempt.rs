//! Preemption. The model has none: what the real scheduler makes room for stays pending in it. What both can be asked is
//! whom nobody makes room for, and whether the room that was made is what the model calls just enough.

use plimsoll_domain::scheduler::{Settings, Simulation};
use plimsoll_props::ground::{Ground, Options};
use serde_json::{Value, json};

use super::real::{Outcome, Real, pods_path, until};
use super::world::World;

fn node(name: &str) -> Value {
    let room = json!({ "cpu": "2", "memory": "8Gi", "pods": "10" });
    json!({
        "metadata": {
            "name": name,
            "annotations": { "kwok.x-k8s.io/node": "fake" },
            "labels": { "kubernetes.io/hostname": name },
        },
        "status": { "capacity": room, "allocatable": room },
    })
}

/// A pod of a priority class, on a node or not yet.
fn pod(name: &str, class: &str, cpu: &str, node: Option<&str>) -> Value {
    let container = json!({
        "name": "app",
        "image": "registry.k8s.io/pause:3.10",
        "resources": { "requests": { "cpu": cpu, "memory": "64Mi" } },
    });
    json!({
        "metadata": { "name": name, "namespace": "default", "labels": { "app": name } },
        "spec": { "containers": [container], "priorityClassName": class, "nodeName": node },
    })
}

/// Node `one` is full of three pods that matter little; node `two` of one that matters.
fn full() -> World {
    World {
        nodes: vec![node("one"), node("two")],
        pods: vec![
            pod("a", "low", "600m", Some("one")),
            pod("b", "low", "600m", Some("one")),
            pod("c", "low", "600m", Some("one")),
            pod("d", "high", "1800m", Some("two")),
        ],
        ..World::default()
    }
}

async fn start() -> Option<(Ground, Real)> {
    let ground = Ground::start(Options::default()).await?;
    let real = Real::new(ground.client().await).await;
    for (name, value, policy) in
        [("low", 10, "PreemptLowerPriority"), ("high", 1000, "PreemptLowerPriority"), ("calm", 1000, "Never")]
    {
        let class = json!({ "metadata": { "name": name }, "value": value, "preemptionPolicy": policy });
        real.post("/apis/scheduling.k8s.io/v1/priorityclasses", &class).await;
    }
    Some((ground, real))
}

/// Nobody makes room for a pod that matters no more than the others, for one that does not want it, or for one that would
/// still not fit: the verdict is the model's.
#[tokio::test(flavor = "multi_thread")]
async fn whom_preemption_does_not_help_stays_pending_as_in_the_model() {
    let Some((_ground, real)) = start().await else { return };
    let world = full();
    real.put(&world).await;
    let mut stranger = pod("stranger", "high", "600m", None);
    stranger["spec"]["nodeSelector"] = json!({ "disk": "ssd" });
    let probes = [
        pod("equal", "low", "600m", None),
        pod("calm", "calm", "600m", None),
        pod("large", "high", "2500m", None),
        stranger,
    ];
    for probe in probes {
        let state = real.state_with(&probe).await;
        let name = probe["metadata"]["name"].as_str().unwrap();
        let mut simulation = Simulation::of(&state, Settings::default());
        let id = simulation.pod(&format!("default/{name}")).unwrap();
        let refusal = simulation.schedule(id).expect_err(name).to_string();
        let Outcome::Refused(why) = real.outcome(&probe).await else { panic!("{name} is placed") };
        assert!(why.starts_with(refusal.trim_end_matches('.')), "{name}: {why}, the model: {refusal}");
        real.delete(&format!("{}/{name}", pods_path(&probe)), true).await;
        let after = real.state_with(&probe).await;
        assert_eq!(after.pods.len(), state.pods.len(), "nobody left for {name}");
    }
}

/// Room is made on the node whose pods matter less, and no more than the model says is needed: without those who left it
/// accepts the node, with any one of them it does not.
#[tokio::test(flavor = "multi_thread")]
async fn the_room_that_preemption_makes_is_what_the_model_calls_just_enough() {
    let Some((_ground, real)) = start().await else { return };
    for (name, cpu, victims) in [("one-leaves", "700m", 1), ("two-leave", "1200m", 2), ("all-leave", "2", 3)]
    {
        let world = full();
        real.put(&world).await;
        let probe = pod(name, "high", cpu, None);
        let before = real.state_with(&probe).await;
        real.outcome(&probe).await;
        let path = format!("{}/{name}", pods_path(&probe));
        let placed = async || real.get(&path).await.is_some_and(|pod| pod["spec"]["nodeName"] == "one");
        until("room is made", placed).await;
        let after = real.state().await;

        let mut simulation = Simulation::of(&before, Settings::default());
        let id = simulation.pod(&format!("default/{name}")).unwrap();
        assert_eq!(simulation.favourites(id), [], "{name}: the model makes no room");
        let left = |key: &String| !after.pods.iter().any(|pod| pod.key() == *key);
        let gone: Vec<String> = before.pods.iter().map(|pod| pod.key()).filter(left).collect();
        assert_eq!(gone.len(), victims, "{name}: {gone:?}");
        let one = simulation.node("one").unwrap();
        for key in &gone {
            assert_eq!(simulation.evict(simulation.pod(key).unwrap()), Some(one), "{name}: {key}");
        }
        assert!(simulation.accepts(id, one), "{name}: {:?}", simulation.reasons(id, one));
        for key in &gone {
            let mut with = simulation.clone();
            with.bind(with.pod(key).unwrap(), one);
            assert!(!with.accepts(id, one), "{name}: {key} left for nothing");
        }
        real.clear(&world).await;
    }
}
