//! Where tests take place: a control plane, an AWS beside it, and looks at both from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use plimsoll_props::aws::{FakeAws, Manners};
use plimsoll_props::ground::{Ground, Options};
use plimsoll_props::objects;
use serde_json::Value;

/// The cluster's name.
pub const CLUSTER: &str = "prod";
pub const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
/// Longest that anything takes that is bound to come about.
const PATIENCE: Duration = Duration::from_secs(180);
/// Wait between two looks.
pub const LOOK: Duration = Duration::from_millis(250);

pub struct Site {
    ground: Ground,
    pub fake: FakeAws,
    pub client: Client,
}

impl Site {
    /// An empty cluster, if this machine has a control plane.
    pub async fn start() -> Option<Self> {
        let ground = Ground::start(Options::default()).await?;
        let client = ground.client().await;
        let fake = FakeAws::start(CLUSTER, &ZONES, Manners::default(), client.clone()).await;
        Some(Self { ground, fake, client })
    }

    /// An empty control plane, and an AWS in which no cluster is.
    pub async fn without_cluster() -> Option<Self> {
        let ground = Ground::start(Options::default()).await?;
        let client = ground.client().await;
        let fake = FakeAws::start_empty(CLUSTER, &ZONES, Manners::default(), client.clone()).await;
        Some(Self { ground, fake, client })
    }

    /// A kubeconfig whose context is named like the cluster.
    pub fn kubeconfig(&self, folder: &Path) -> PathBuf {
        let text = fs::read_to_string(self.ground.kubeconfig()).unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        config["contexts"][0]["name"] = CLUSTER.into();
        config["current-context"] = CLUSTER.into();
        let path = folder.join("kubeconfig");
        fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// Machines that run.
    pub fn machines(&self) -> usize {
        self.fake.running().values().map(Vec::len).sum()
    }

    pub async fn pods(&self) -> Vec<Pod> {
        let pods: Api<Pod> = Api::all(self.client.clone());
        pods.list(&ListParams::default()).await.unwrap().items
    }

    /// Pods that serve.
    pub async fn serving(&self) -> usize {
        self.pods().await.iter().filter(|pod| objects::is_ready(pod)).count()
    }

    /// Pods that have no node.
    pub async fn pending(&self) -> usize {
        self.pods().await.iter().filter(|pod| node_of(pod).is_none()).count()
    }

    /// Waits until so many pods serve.
    pub async fn until_serving(&self, count: usize) {
        let begun = Instant::now();
        while self.serving().await != count {
            assert!(begun.elapsed() < PATIENCE, "{} of {count} pods serve", self.serving().await);
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Waits until something holds.
pub async fn until(what: &str, longest: Duration, holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < longest, "{what}: does not come about within {longest:?}");
        tokio::time::sleep(LOOK).await;
    }
}

/// The node of a pod.
pub fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

/// The machine of a node.
pub fn instance(node: &str) -> String {
    node.split('.').next().unwrap().to_owned()
}
