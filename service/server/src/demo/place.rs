//! Where the stock scheduler would have put the example's pods: asked of the model of it.

use std::collections::BTreeMap;

use anyhow::Context;
use jiff::Timestamp;
use plimsoll_domain::scheduler::{Settings, Simulation};
use plimsoll_domain::snapshot::Content;
use plimsoll_manifest::kube;
use serde_json::{Value, json};

/// Binds every pending pod, the gravest priority first.
pub fn place(objects: &mut [Value]) -> anyhow::Result<()> {
    let text = serde_json::to_vec(&super::list(objects))?;
    let snapshot = kube::read(text.as_slice(), &kube::Options::at(Timestamp::UNIX_EPOCH))?;
    let Content::Cluster(state) = snapshot.content else { anyhow::bail!("the example is no cluster") };
    let mut simulation = Simulation::of(&state, Settings::default());
    let mut pending: Vec<_> = state.pods.iter().filter(|pod| pod.node.is_none()).collect();
    pending.sort_by_key(|pod| (-pod.priority, pod.key()));
    let mut homes: BTreeMap<String, String> = BTreeMap::new();
    for pod in pending {
        let id = simulation.pod(&pod.key()).context("a pod is missing from the simulation")?;
        let node = simulation
            .schedule(id)
            .map_err(|refused| anyhow::anyhow!("{} is pending: {refused}", pod.key()))?;
        homes.insert(pod.key(), simulation.node_name(node).to_owned());
    }
    for object in objects.iter_mut().filter(|object| object["kind"] == "Pod") {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let key = format!("{}/{}", text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]));
        if let Some(home) = homes.get(&key) {
            object["spec"]["nodeName"] = json!(home);
        }
    }
    Ok(())
}
