//! The built-in example: `atlas`, an OFFLINE cluster with a shop, data stores, batch work, models, and a fleet that is
//! larger than it has to be.
//!
//! Its manifests are in `demo/atlas`. [`example`] does what controllers, the volume provisioner and the scheduler would
//! have done, and prints the cluster as `kubectl get ... -o json` does; from there on it is imported like any other.

mod expand;
mod place;

use serde_json::{Value, json};

/// Id of the example cluster.
pub const CLUSTER: &str = "atlas";
/// Model deployments in it: those of `atlas/models.yaml` that ask for a GPU.
pub const MODELS: usize = 5;

const MANIFESTS: [&str; 7] = [
    include_str!("demo/atlas/fleet.yaml"),
    include_str!("demo/atlas/system.yaml"),
    include_str!("demo/atlas/shop.yaml"),
    include_str!("demo/atlas/autoscaling.yaml"),
    include_str!("demo/atlas/data.yaml"),
    include_str!("demo/atlas/batch.yaml"),
    include_str!("demo/atlas/models.yaml"),
];

/// The example cluster as a `v1.List` in JSON.
///
/// # Errors
/// Only if the manifests in this folder are broken.
pub fn example() -> anyhow::Result<Vec<u8>> {
    let mut objects = expand::expand(&MANIFESTS)?;
    place::place(&mut objects)?;
    Ok(serde_json::to_vec(&list(&objects))?)
}

fn list(objects: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": objects})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_cluster_whose_pods_all_run() {
        let cluster: Value = serde_json::from_slice(&example().expect("sound manifests")).expect("JSON");
        let items = cluster["items"].as_array().expect("a list");
        let of = |kind: &str| items.iter().filter(|item| item["kind"] == kind).collect::<Vec<_>>();
        assert_eq!(of("Node").len(), 42);
        assert!(of("Pod").iter().all(|pod| pod["spec"]["nodeName"].is_string()), "a pod is pending");
        let models =
            of("Deployment").into_iter().filter(|one| one.to_string().contains("nvidia.com/gpu\":1")).count();
        assert_eq!(models, MODELS);
        assert_eq!(example().expect("sound"), example().expect("sound"), "not the same twice");
    }
}
