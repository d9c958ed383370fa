//! One cluster through its API server.
//!
//! What there is comes from a mirror that watches keep fresh ([`mirror`]); what must be known to the second (what is still on
//! a node, whether a pod may go) is asked for when it is needed.

mod authorized;
mod calls;
mod errors;
mod events;
mod eviction;
mod gpus;
mod kinds;
mod mirror;
mod nodes;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use kube::Client;
use kube::client::ClientBuilder;
use kube::runtime::events::Recorder;
use plimsoll_domain::estate::Standing;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::snapshot::{ClusterState, Snapshot};
use plimsoll_domain::world::{CloudError, Cluster, ClusterError, Cordon, Eviction, Metrics, PodUse};
use tower::buffer::BufferLayer;

use authorized::Authorizing;
pub use authorized::TokenSource;
pub use calls::Calls;
use calls::Counted;
use errors::failed;
use mirror::Mirror;

/// Longest wait for the first look at a cluster. A guess: 5,000 pods take two seconds.
const SYNC_MAX: Duration = Duration::from_secs(120);
/// Longest wait for an API server to take a connection. A guess: within a region it takes milliseconds, across an ocean a
/// second.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Longest silence of a connection that something is awaited on: watches say something more often than that
/// ([`mirror::WATCH_MAX`]), so that one whose other end is gone without a word is known by then.
const SILENCE_MAX: Duration = Duration::from_secs(75);

/// Requests that wait for their turn at the connection.
const WAITING_MAX: usize = 1_024;

/// Why a cluster cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be read, or does not make sense.
    #[error("the kubeconfig: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// No client can be made of it.
    #[error("the client of Kubernetes: {0}")]
    Client(#[from] kube::Error),
}

/// A cluster that can be reached. Cheap to clone; its watches end with the last clone.
#[derive(Clone)]
pub struct Kubernetes {
    cluster: ClusterId,
    /// Where its API server is.
    url: String,
    client: Client,
    calls: Arc<Calls>,
    mirror: Arc<Mirror>,
    events: Recorder,
}

impl Kubernetes {
    /// A cluster behind a configuration. Nothing is asked for yet.
    ///
    /// # Errors
    /// [`ConnectError::Client`] if the configuration does not make sense.
    pub fn new(cluster: ClusterId, config: kube::Config) -> Result<Self, ConnectError> {
        let config = careful(config);
        let (url, calls) = (config.cluster_url.to_string(), Arc::new(Calls::default()));
        let client = ClientBuilder::try_from(config)?.with_layer(&Counted::layer(Arc::clone(&calls))).build();
        Ok(Self::over(cluster, url, client, calls))
    }

    /// The same where tokens are made anew as time goes by.
    ///
    /// # Errors
    /// As of [`Kubernetes::new`].
    pub fn with_tokens(
        cluster: ClusterId,
        config: kube::Config,
        tokens: impl TokenSource + 'static,
    ) -> Result<Self, ConnectError> {
        let config = careful(config);
        let (url, calls) = (config.cluster_url.to_string(), Arc::new(Calls::default()));
        let client = ClientBuilder::try_from(config)?
            .with_layer(&BufferLayer::new(WAITING_MAX))
            .with_layer(&Authorizing(Arc::new(tokens)))
            .with_layer(&Counted::layer(Arc::clone(&calls)))
            .build();
        Ok(Self::over(cluster, url, client, calls))
    }

    fn over(cluster: ClusterId, url: String, client: Client, calls: Arc<Calls>) -> Self {
        let mirror = Arc::new(Mirror::new(client.clone()));
        let events = events::recorder(client.clone());
        Self { cluster, url, client, calls, mirror, events }
    }

    /// Requests so far.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Everything that planning looks at, with what the reader thinks a person should know.
    ///
    /// # Errors
    /// [`ClusterError::Failed`] if a kind cannot be listed, or what there is does not make sense.
    pub async fn snapshot(&self, now: Timestamp) -> Result<Snapshot, ClusterError> {
        self.read(now).await.map_err(|why| self.named(ClusterError::Failed(why)))
    }

    async fn read(&self, now: Timestamp) -> Result<Snapshot, String> {
        let synced = tokio::time::timeout(SYNC_MAX, self.mirror.synced()).await;
        synced.unwrap_or_else(|_| {
            Err(format!("what there is was not listed within {} s", SYNC_MAX.as_secs()))
        })?;
        let mirror = Arc::clone(&self.mirror);
        // Thousands of objects: not on a thread that serves others.
        tokio::task::spawn_blocking(move || mirror.read(now)).await.map_err(|died| died.to_string())?
    }

    /// Brings the device plugin of NVIDIA to nodes of these types, or finds out how far it is.
    ///
    /// # Errors
    /// `Refused` if the API server forbids it.
    pub async fn ensure_device_plugin(&self, types: &[String]) -> Result<Standing, CloudError> {
        gpus::ensure(&self.client, types).await
    }

    /// A failure with the API server that it is of.
    fn named(&self, error: ClusterError) -> ClusterError {
        match error {
            ClusterError::Failed(why) => ClusterError::Failed(format!("{}: {why}", self.url)),
            other => other,
        }
    }

    fn is_mine(&self, cluster: &ClusterId) -> Result<(), ClusterError> {
        match *cluster == self.cluster {
            true => Ok(()),
            false => Err(ClusterError::NotFound(format!("cluster {cluster}"))),
        }
    }
}

/// The same, but what an API server answers is not tried again, and one that is not there is not waited for.
fn careful(mut config: kube::Config) -> kube::Config {
    // More than one library that encrypts may be linked: which it is has to be said, once in a process.
    let _said_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // A budget that blocks an eviction is an answer; callers try again in their own time.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_MAX);
    config.read_timeout = Some(SILENCE_MAX);
    config
}

#[async_trait]
impl Cluster for Kubernetes {
    async fn state(&self, cluster: &ClusterId) -> Result<ClusterState, ClusterError> {
        self.is_mine(cluster)?;
        let snapshot = self.snapshot(Timestamp::now()).await?;
        match snapshot.content {
            plimsoll_domain::snapshot::Content::Cluster(state) => Ok(*state),
            plimsoll_domain::snapshot::Content::Ready(_) => Err(ClusterError::Failed("no cluster".into())),
        }
    }

    async fn left_on(&self, cluster: &ClusterId, node: &str) -> Result<Vec<String>, ClusterError> {
        self.is_mine(cluster)?;
        nodes::left_on(&self.client, node).await.map_err(|error| self.named(failed(&error)))
    }

    async fn set_cordon(&self, cluster: &ClusterId, node: &str, cordon: Cordon) -> Result<(), ClusterError> {
        self.is_mine(cluster)?;
        let changed = nodes::set_cordon(&self.client, node, cordon).await;
        let changed = changed.map_err(|error| self.named(failed(&error)))?;
        if let Some(node) = changed {
            // Whoever looks next must see it, whether or not the watch has told of it.
            self.mirror.renew_node(&node);
            events::tell_cordon(&self.events, &node, cordon).await;
        }
        Ok(())
    }

    async fn evict(&self, cluster: &ClusterId, pod: &str, node: &str) -> Result<Eviction, ClusterError> {
        self.is_mine(cluster)?;
        let outcome = eviction::evict(&self.client, pod, node).await.map_err(|error| self.named(error))?;
        match outcome {
            // Whoever looks next must see that it leaves, whether or not the watch has told of it.
            eviction::Outcome::Leaves(pod) => self.mirror.renew_pod(&pod),
            eviction::Outcome::Left(pod) => self.mirror.forget_pod(&pod),
            eviction::Outcome::Stays(eviction) => return Ok(eviction),
        }
        Ok(Eviction::Accepted)
    }
}

#[async_trait]
impl Metrics for Kubernetes {
    async fn usage(&self, cluster: &ClusterId) -> Result<Vec<PodUse>, ClusterError> {
        self.is_mine(cluster)?;
        usage::now(&self.client).await.map_err(|error| self.named(error))
    }
}
