//! Which clusters can be reached, and how: each is connected when it is first asked something.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use kube::config::{KubeConfigOptions, Kubeconfig};
use plimsoll_domain::catalog::quotes::Quotes;
use plimsoll_domain::clock::Clock;
use plimsoll_domain::commitments::Held;
use plimsoll_domain::estate::{Estate, Part, Standing, Subnet, Survey};
use plimsoll_domain::ids::{ClusterId, OperationId};
use plimsoll_domain::ledger::Span;
use plimsoll_domain::quota::Quota;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::store::ClusterRecord;
use plimsoll_domain::usage::Sample;
use plimsoll_domain::world::{
    Atlas, Cloud, CloudError, Cluster, ClusterError, Cordon, Eviction, GroupSpec, GroupStatus, MachineLife,
    Metrics, Notice, PodUse, Prices, SpotChange, World,
};
use tokio::sync::OnceCell;

use crate::aws::{Account, Aws, Told};
use crate::kubernetes::{ConnectError, Kubernetes};
use crate::prometheus::{self, Prometheus};

/// How clusters are reached.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// A kubeconfig whose contexts are named like clusters; none: API servers are reached as EKS tells.
    pub kubeconfig: Option<PathBuf>,
    /// See [`Account::queue_url`].
    pub queue_url: String,
    /// See [`Account::node_role_arn`].
    pub node_role_arn: String,
    /// What remembers usage.
    pub prometheus: prometheus::Settings,
}

/// Clusters of AWS. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    settings: Settings,
    clock: Arc<dyn Clock>,
    told: Told,
    doors: Arc<Mutex<BTreeMap<ClusterId, Arc<Door>>>>,
}

impl Live {
    /// Nothing is connected yet.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { settings, clock, told: Told::default(), doors: Arc::default() }
    }
}

impl Atlas for Live {
    fn world(&self, record: &ClusterRecord) -> World {
        let account = Account {
            region: record.region.clone(),
            role_arn: record.role_arn.clone(),
            queue_url: self.settings.queue_url.clone(),
            node_role_arn: self.settings.node_role_arn.clone(),
        };
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        let known = doors.get(&record.id).filter(|door| door.account == account);
        let door = known.cloned().unwrap_or_else(|| {
            Arc::new(Door {
                cluster: record.id.clone(),
                account,
                kubeconfig: self.settings.kubeconfig.clone(),
                remembers: self.settings.prometheus.clone(),
                told: self.told.clone(),
                clock: Arc::clone(&self.clock),
                aws: OnceCell::new(),
                kubernetes: tokio::sync::Mutex::default(),
                prometheus: OnceCell::new(),
            })
        });
        doors.insert(record.id.clone(), Arc::clone(&door));
        World {
            cloud: door.clone(),
            cluster: door.clone(),
            metrics: door.clone(),
            prices: door.clone(),
            estate: Some(door),
            clock: Arc::clone(&self.clock),
        }
    }
}

/// One cluster's doors.
struct Door {
    cluster: ClusterId,
    account: Account,
    kubeconfig: Option<PathBuf>,
    remembers: prometheus::Settings,
    told: Told,
    clock: Arc<dyn Clock>,
    aws: OnceCell<Aws>,
    /// Empty until it is asked for, and again once its control plane is gone: the next has another address.
    kubernetes: tokio::sync::Mutex<Option<Kubernetes>>,
    prometheus: OnceCell<Option<Prometheus>>,
}

impl Door {
    async fn aws(&self) -> &Aws {
        let make = || {
            let (cluster, account) = (self.cluster.clone(), self.account.clone());
            Aws::new(cluster, account, self.told.clone(), Arc::clone(&self.clock))
        };
        self.aws.get_or_init(make).await
    }

    /// What failed is tried again by whoever asks next.
    async fn kubernetes(&self) -> Result<Kubernetes, ClusterError> {
        let mut known = self.kubernetes.lock().await;
        if let Some(kubernetes) = &*known {
            return Ok(kubernetes.clone());
        }
        let reached = match &self.kubeconfig {
            Some(path) => named(path, &self.cluster).await.map_err(|error| error.to_string()),
            None => self.aws().await.kubernetes().await.map_err(|error| error.to_string()),
        };
        let reached = reached.map_err(ClusterError::Failed)?;
        *known = Some(reached.clone());
        Ok(reached)
    }
}

/// The cluster behind a context of a kubeconfig that is named like it.
async fn named(path: &PathBuf, cluster: &ClusterId) -> Result<Kubernetes, ConnectError> {
    let context = Some(cluster.to_string());
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    let config = kube::Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &options).await?;
    Kubernetes::new(cluster.clone(), config)
}

#[async_trait]
impl Cluster for Door {
    async fn state(&self, cluster: &ClusterId) -> Result<ClusterState, ClusterError> {
        self.kubernetes().await?.state(cluster).await
    }

    async fn left_on(&self, cluster: &ClusterId, node: &str) -> Result<Vec<String>, ClusterError> {
        self.kubernetes().await?.left_on(cluster, node).await
    }

    async fn set_cordon(&self, cluster: &ClusterId, node: &str, cordon: Cordon) -> Result<(), ClusterError> {
        self.kubernetes().await?.set_cordon(cluster, node, cordon).await
    }

    async fn evict(&self, cluster: &ClusterId, pod: &str, node: &str) -> Result<Eviction, ClusterError> {
        self.kubernetes().await?.evict(cluster, pod, node).await
    }
}

#[async_trait]
impl Metrics for Door {
    async fn usage(&self, cluster: &ClusterId) -> Result<Vec<PodUse>, ClusterError> {
        self.kubernetes().await?.usage(cluster).await
    }

    async fn samples(&self, cluster: &ClusterId, span: Span) -> Result<Option<Vec<Sample>>, ClusterError> {
        let found =
            self.prometheus.get_or_try_init(async || Prometheus::of(&self.remembers, cluster)).await?;
        match found {
            Some(prometheus) => prometheus.samples(span).await.map(Some),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl Cloud for Door {
    async fn groups(&self, cluster: &ClusterId) -> Result<Vec<String>, CloudError> {
        self.aws().await.groups(cluster).await
    }

    async fn group(&self, cluster: &ClusterId, name: &str) -> Result<Option<GroupStatus>, CloudError> {
        self.aws().await.group(cluster, name).await
    }

    async fn ensure_group(&self, cluster: &ClusterId, spec: &GroupSpec) -> Result<(), CloudError> {
        self.aws().await.ensure_group(cluster, spec).await
    }

    async fn ensure_size(&self, cluster: &ClusterId, name: &str, count: u32) -> Result<(), CloudError> {
        self.aws().await.ensure_size(cluster, name, count).await
    }

    async fn ensure_instance_gone(
        &self,
        cluster: &ClusterId,
        name: &str,
        provider_id: &str,
    ) -> Result<(), CloudError> {
        self.aws().await.ensure_instance_gone(cluster, name, provider_id).await
    }

    async fn give_up_missing(&self, cluster: &ClusterId, name: &str) -> Result<(), CloudError> {
        self.aws().await.give_up_missing(cluster, name).await
    }

    async fn ensure_group_gone(&self, cluster: &ClusterId, name: &str) -> Result<(), CloudError> {
        self.aws().await.ensure_group_gone(cluster, name).await
    }

    async fn lives(&self, cluster: &ClusterId, since: Timestamp) -> Result<Vec<MachineLife>, CloudError> {
        self.aws().await.lives(cluster, since).await
    }

    async fn notices(&self, cluster: &ClusterId) -> Result<Vec<Notice>, CloudError> {
        self.aws().await.notices(cluster).await
    }
}

#[async_trait]
impl Estate for Door {
    async fn ensure(
        &self,
        cluster: &ClusterId,
        part: &Part,
        by: &OperationId,
    ) -> Result<Standing, CloudError> {
        match part {
            Part::DevicePlugin(types) => match self.kubernetes().await {
                Ok(kubernetes) => kubernetes.ensure_device_plugin(types).await,
                Err(why) => Err(CloudError::Failed(why.to_string())),
            },
            _ => self.aws().await.ensure(cluster, part, by).await,
        }
    }

    async fn ensure_gone(
        &self,
        cluster: &ClusterId,
        part: &Part,
        made_by: Option<&OperationId>,
    ) -> Result<Standing, CloudError> {
        let standing = self.aws().await.ensure_gone(cluster, part, made_by).await?;
        if let (Part::ControlPlane(_), Standing::Reached) = (part, &standing) {
            *self.kubernetes.lock().await = None;
        }
        Ok(standing)
    }

    async fn survey(&self, cluster: &ClusterId, next: Option<&str>) -> Result<Survey, CloudError> {
        self.aws().await.survey(cluster, next).await
    }

    async fn subnets(&self, ids: &[String]) -> Result<Vec<Subnet>, CloudError> {
        Estate::subnets(self.aws().await, ids).await
    }

    async fn quotas(&self) -> Result<Vec<Quota>, CloudError> {
        Estate::quotas(self.aws().await).await
    }
}

#[async_trait]
impl Prices for Door {
    async fn quotes(&self, cluster: &ClusterId) -> Result<Quotes, CloudError> {
        self.aws().await.quotes(cluster).await
    }

    async fn spot_changes(
        &self,
        cluster: &ClusterId,
        since: Timestamp,
    ) -> Result<Vec<SpotChange>, CloudError> {
        self.aws().await.spot_changes(cluster, since).await
    }

    async fn commitments(&self, cluster: &ClusterId) -> Result<Vec<Held>, CloudError> {
        self.aws().await.commitments(cluster).await
    }
}
