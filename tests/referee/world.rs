//! A random cluster with pods that run in it, and pods to be placed.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::draw::{in_percent, one};
use super::machine::{ZONES, attach_limit, claim, node, volume};
use super::{demand, rules};

/// Namespaces of pods.
pub const NAMESPACES: [&str; 2] = ["default", "other"];

/// Objects as the API server is told them. Names begin with the seed, so that no world meets another.
#[derive(Default)]
pub struct World {
    pub seed: u64,
    pub nodes: Vec<Value>,
    pub attach_limits: Vec<Value>,
    pub volumes: Vec<Value>,
    pub claims: Vec<Value>,
    /// ReplicaSets, whose pods are spread by default.
    pub sets: Vec<Value>,
    /// Pods that are on nodes.
    pub pods: Vec<Value>,
    /// Names and namespaces of those pods that are being deleted.
    pub leaving: Vec<(String, String)>,
    /// Pods to be placed, one after another.
    pub probes: Vec<Value>,
}

impl World {
    /// The world of a seed.
    pub fn seeded(seed: u64) -> Self {
        let random = &mut SmallRng::seed_from_u64(seed);
        let mut world = Self { seed, ..Self::default() };
        world.add_nodes(random);
        world.add_volumes(random);
        for namespace in NAMESPACES {
            world.sets.push(set(&format!("w{seed}-set"), namespace));
        }
        world.add_pods(random);
        for number in 0..random.random_range(5..=10) {
            let probe = world.probe(random, number);
            world.probes.push(probe);
        }
        world
    }

    fn names(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    fn add_nodes(&mut self, random: &mut SmallRng) {
        let most = *one(random, &[4, 8, 12, 20, 20, 30, 99]);
        let zones = random.random_range(1..=ZONES.len());
        let limited = in_percent(random, 40);
        for number in 0..random.random_range(2..=most) {
            let name = format!("w{}-n{number}", self.seed);
            self.nodes.push(node(random, &name, zones));
            if limited {
                self.attach_limits.push(attach_limit(random, &name));
            }
        }
    }

    fn add_volumes(&mut self, random: &mut SmallRng) {
        let seed = self.seed;
        for number in 0..random.random_range(0..8) {
            let (name, namespace) = (format!("w{seed}-v{number}"), *one(random, &NAMESPACES));
            let claim = claim(namespace, &name, Some(&name));
            let zone = *one(random, &ZONES);
            self.volumes.push(volume(random, &name, zone, Some(&claim)));
            self.claims.push(claim);
        }
        for number in 0..random.random_range(0..3) {
            let (name, namespace) = (format!("w{seed}-l{number}"), *one(random, &NAMESPACES));
            let zone = *one(random, &ZONES);
            self.volumes.push(volume(random, &name, zone, None));
            self.claims.push(claim(namespace, &name, None));
        }
    }

    fn add_pods(&mut self, random: &mut SmallRng) {
        let most = random.random_range(0..5);
        for node in self.names() {
            for _ in 0..random.random_range(0..=most) {
                let (namespace, name) =
                    (*one(random, &NAMESPACES), format!("w{}-p{}", self.seed, self.pods.len()));
                let mut pod = demand::pod(random, namespace, &name);
                rules::add(random, 8, &self.names(), &mut pod);
                self.join_set(random, &mut pod);
                // What it mounts was bound before.
                let bound = |claim: &&Value| claim["spec"]["volumeName"].is_string();
                let claims: Vec<&Value> = self.claims.iter().filter(bound).collect();
                mount(random, 5, &claims, &mut pod);
                pod["spec"]["nodeName"] = json!(node);
                if in_percent(random, 6) {
                    pod["metadata"]["annotations"] = json!({ "ground.plimsoll/gone-after": "1h" });
                    self.leaving.push((namespace.to_owned(), name));
                }
                self.pods.push(pod);
            }
        }
    }

    fn probe(&self, random: &mut SmallRng, number: usize) -> Value {
        let (namespace, name) = (*one(random, &NAMESPACES), format!("w{}-probe{number}", self.seed));
        let mut pod = demand::pod(random, namespace, &name);
        if in_percent(random, 20) {
            demand::enlarge(random, &mut pod);
        }
        rules::add(random, 25, &self.names(), &mut pod);
        self.join_set(random, &mut pod);
        mount(random, 25, &self.claims.iter().collect::<Vec<_>>(), &mut pod);
        pod
    }

    /// Some pods belong to the set of their namespace.
    fn join_set(&self, random: &mut SmallRng, pod: &mut Value) {
        if in_percent(random, 30) {
            let name = format!("w{}-set", self.seed);
            pod["metadata"]["labels"]["set"] = json!(name);
            let owner =
                json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "controller": true });
            pod["metadata"]["ownerReferences"] = json!([owner]);
        }
    }
}

/// A ReplicaSet. Its finalizer keeps it once it is deleted: then its pods are nobody's business but this test's.
fn set(name: &str, namespace: &str) -> Value {
    let template = json!({
        "metadata": { "labels": { "set": name } },
        "spec": { "containers": [{ "name": "app", "image": "registry.k8s.io/pause:3.10" }] },
    });
    json!({
        "metadata": { "name": name, "namespace": namespace, "finalizers": ["ground.plimsoll/kept"] },
        "spec": { "replicas": 0, "selector": { "matchLabels": { "set": name } }, "template": template },
    })
}

/// Some pods mount one of the claims of their namespace.
fn mount(random: &mut SmallRng, percent: u32, claims: &[&Value], pod: &mut Value) {
    let mine = |claim: &&&Value| claim["metadata"]["namespace"] == pod["metadata"]["namespace"];
    let mine: Vec<&&Value> = claims.iter().filter(mine).collect();
    if mine.is_empty() || !in_percent(random, percent) {
        return;
    }
    let name = &one(random, &mine)["metadata"]["name"];
    pod["spec"]["volumes"] = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": name } }]);
}
