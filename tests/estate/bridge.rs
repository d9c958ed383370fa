//! AWS on the wire, and a Kubernetes in which its machines are nodes, on one virtual time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_types::retry::RetryConfig;
use jiff::Timestamp;
use plimsoll_domain::clock::Clock;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::store::ClusterRecord;
use plimsoll_domain::workload::{Pod, WorkloadKind};
use plimsoll_domain::world::{Atlas, Cordon, World};
use plimsoll_live::aws::{Account, Aws, Told};
use plimsoll_props::aws::{FakeAws, Manners, Work, seen};
use plimsoll_sim::{Edit, Fault, Pace, Sim};

use super::rig::{ROLE, cluster_id, start};

/// The queue of notices.
const QUEUE: &str = "http://aws.invalid/123456789012/plimsoll";
/// Zones of the network.
pub const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];

/// The world. Cheap to clone.
#[derive(Clone)]
pub struct Bridge {
    pub fake: Arc<FakeAws>,
    pub sim: Sim,
}

impl Bridge {
    /// Nothing in AWS but a network; pods that wait for nodes.
    pub fn new(seed: u64, state: ClusterState) -> Self {
        let sim = Sim::new(start(), seed, Pace::Jump);
        sim.load(&cluster_id(), state).unwrap();
        let clock = Arc::new(sim.clock());
        let fake = Arc::new(FakeAws::alone(cluster_id().as_str(), &ZONES, Manners::real(), clock));
        Self { fake, sim }
    }

    /// Its doors, as a process that starts now has them.
    pub fn world(&self) -> World {
        let clock: Arc<dyn Clock> = Arc::new(Pump(self.clone()));
        let account = Account {
            region: "us-east-1".into(),
            role_arn: ROLE.into(),
            queue_url: QUEUE.into(),
            node_role_arn: String::new(),
        };
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "AKID", "secret", None, None, "test",
            )))
            .endpoint_url(self.fake.url())
            .http_client(self.fake.http_client())
            // Whatever goes wrong reaches our own code.
            .retry_config(RetryConfig::disabled())
            .build();
        let told = Told::default();
        let aws = Arc::new(Aws::with(cluster_id(), account, told, Arc::clone(&clock), &config));
        World { cloud: aws.clone(), prices: aws.clone(), estate: Some(aws), clock, ..self.sim.world() }
    }

    /// What AWS did becomes true in Kubernetes.
    async fn pump(&self) {
        for work in self.fake.advance() {
            let cluster = cluster_id();
            let edit = match work {
                Work::Join(machine) => Edit::Join { node: Box::new(seen(&machine)) },
                Work::Leave(node, reclaimed) => Edit::Leave { node, reclaimed },
                Work::Empty(node) => {
                    self.empty(&node).await;
                    continue;
                }
            };
            self.sim.fault(Fault::Foreign { cluster, edit });
        }
    }

    /// What EKS does with a node that it replaces.
    async fn empty(&self, node: &str) {
        let (cluster, kubernetes) = (cluster_id(), self.sim.world().cluster);
        kubernetes.set_cordon(&cluster, node, Cordon::Final).await.unwrap();
        let state = kubernetes.state(&cluster).await.unwrap();
        let here: Vec<&Pod> = state
            .pods
            .iter()
            .filter(|pod| pod.node.as_deref() == Some(node))
            .filter(|pod| pod.owner.as_ref().is_none_or(|owner| owner.kind != WorkloadKind::DaemonSet))
            .collect();
        if here.is_empty() {
            self.fake.emptied(node);
        }
        for pod in here {
            kubernetes.evict(&cluster, &pod.key(), node).await.unwrap();
        }
    }
}

impl Atlas for Bridge {
    fn world(&self, _: &ClusterRecord) -> World {
        self.world()
    }
}

/// Time of which AWS and Kubernetes hear.
struct Pump(Bridge);

/// What EKS and EC2 do is looked at this often while somebody sleeps.
const TICK: Duration = Duration::from_secs(10);

#[async_trait]
impl Clock for Pump {
    fn now(&self) -> Timestamp {
        self.0.sim.clock().now()
    }

    fn monotonic(&self) -> Duration {
        self.0.sim.clock().monotonic()
    }

    async fn sleep(&self, span: Duration) {
        let mut left = span;
        while !left.is_zero() {
            let next = left.min(TICK);
            self.0.sim.clock().sleep(next).await;
            self.0.pump().await;
            left -= next;
        }
    }
}
