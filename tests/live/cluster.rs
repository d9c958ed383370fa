//! A cluster that others made: three node groups that are too large, workloads with budgets, a DaemonSet.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ListParams;
use kube::{Api, Client};
use plimsoll_props::aws::{FakeAws, Manners};
use plimsoll_props::ground::{Ground, Options};
use plimsoll_props::objects::{self, put};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Its name.
pub const CLUSTER: &str = "prod";
pub const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
/// Machines of each group.
const MACHINES: i32 = 4;
/// Workloads of three pods with a budget each.
const APPS: usize = 6;
/// Longest that anything takes.
const PATIENCE: Duration = Duration::from_secs(90);
/// Budgets are looked at so often.
const WATCH: Duration = Duration::from_millis(250);

pub struct Shop {
    ground: Ground,
    pub fake: FakeAws,
    pub client: Client,
}

impl Shop {
    /// Workloads that wait for machines, and an AWS without a cluster.
    pub async fn without_machines() -> Option<Self> {
        let ground = Ground::start(Options::default()).await?;
        let client = ground.client().await;
        let fake = FakeAws::start_empty(CLUSTER, &ZONES, Manners::default(), client.clone()).await;
        for app in 0..APPS {
            let app = format!("app-{app}");
            put(&client, objects::deployment(&app, 3, &slow(&app))).await;
            put(&client, objects::budget(&app, 1)).await;
        }
        Some(Self { ground, fake, client })
    }

    /// Pods of its workloads.
    pub fn wanted(&self) -> usize {
        3 * APPS
    }

    pub async fn start() -> Option<Self> {
        let ground = Ground::start(Options::default()).await?;
        let client = ground.client().await;
        let fake = FakeAws::start(CLUSTER, &ZONES, Manners::default(), client.clone()).await;
        for zone in ZONES {
            fake.found_group(&format!("general-{}", &zone[zone.len() - 1..]), zone, "m7i.xlarge", MACHINES);
        }
        let agent = objects::template("agent", "50m", &json!({ "tolerations": [{ "operator": "Exists" }] }));
        put(&client, objects::daemon_set("agent", &agent)).await;
        for app in 0..APPS {
            let app = format!("app-{app}");
            put(&client, objects::deployment(&app, 3, &slow(&app))).await;
            put(&client, objects::budget(&app, 1)).await;
        }
        let shop = Self { ground, fake, client };
        let count = 3 * APPS + shop.machines();
        let begun = Instant::now();
        while shop.serving().await != count {
            assert!(begun.elapsed() < PATIENCE, "{} of {count} pods serve", shop.serving().await);
            tokio::time::sleep(WATCH).await;
        }
        Some(shop)
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

    /// The machine of a node.
    pub fn instance(&self, node: &str) -> String {
        node.split('.').next().unwrap().to_owned()
    }

    async fn pods(&self) -> Vec<Pod> {
        let pods: Api<Pod> = Api::all(self.client.clone());
        pods.list(&ListParams::default()).await.unwrap().items
    }

    pub async fn serving(&self) -> usize {
        self.pods().await.iter().filter(|pod| objects::is_ready(pod)).count()
    }

    /// Pods that have no node.
    pub async fn pending(&self) -> usize {
        let no_node = |pod: &&Pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_none());
        self.pods().await.iter().filter(no_node).count()
    }

    /// Watches from outside whether any budget has fewer healthy pods than it demands.
    pub fn watch_budgets(&self) -> Watch {
        let (stop, mut stopped) = oneshot::channel();
        let budgets: Api<PodDisruptionBudget> = Api::all(self.client.clone());
        let task = tokio::spawn(async move {
            let mut broken = Vec::new();
            while stopped.try_recv().is_err() {
                for budget in budgets.list(&ListParams::default()).await.unwrap() {
                    let Some(status) = budget.status else { continue };
                    if status.current_healthy < status.desired_healthy {
                        broken
                            .push(format!("{:?}: {} healthy", budget.metadata.name, status.current_healthy));
                    }
                }
                tokio::time::sleep(WATCH).await;
            }
            broken
        });
        Watch { stop, task }
    }
}

/// A watch that goes on.
pub struct Watch {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Vec<String>>,
}

impl Watch {
    /// Ends it; what was seen.
    pub async fn broken(self) -> Vec<String> {
        self.stop.send(()).unwrap();
        self.task.await.unwrap()
    }
}

/// Pods that are ready a while after they start, so that a budget has something to keep.
fn slow(app: &str) -> Value {
    let mut template = objects::template(app, "400m", &json!({}));
    template["metadata"]["annotations"] = json!({ "ground.plimsoll/ready-after": "1s" });
    template
}
