//! Clusters, their policies, and reading things back.

use plimsoll_domain::ids::{CatalogId, ClusterId, PlanId, SnapshotId};
use plimsoll_domain::plan::Plan;
use plimsoll_domain::policy::Policy;
use plimsoll_domain::store::{
    ClusterRecord, Mode, Page, PageRequest, StoreError, StoredCatalog, StoredPolicy, StoredSnapshot, Write,
};

use crate::{Engine, Error};

/// A cluster to be registered.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Id.
    pub id: ClusterId,
    /// How it is reached; only [`Mode::Offline`] is possible so far.
    pub mode: Mode,
    /// AWS region; empty: us-east-1.
    pub region: String,
    /// AWS account; may be empty.
    pub aws_account_id: String,
    /// Role to assume; may be empty.
    pub role_arn: String,
    /// Kubernetes version; may be empty.
    pub kubernetes_version: String,
    /// Its policy.
    pub policy: Policy,
}

/// The region whose prices are built in.
pub const REGION_DEFAULT: &str = "us-east-1";

impl Engine {
    /// Registers a cluster that is fed by imports.
    pub async fn register_cluster(&self, write: &Write, wish: Registration) -> Result<ClusterRecord, Error> {
        if wish.mode != Mode::Offline {
            let message = "only OFFLINE clusters can be registered; import snapshots into them".to_owned();
            return Err(Error::InvalidArgument { field: "cluster.mode", message });
        }
        let region = if wish.region.is_empty() { REGION_DEFAULT.to_owned() } else { wish.region };
        let record = ClusterRecord {
            id: wish.id,
            mode: wish.mode,
            region,
            aws_account_id: wish.aws_account_id,
            role_arn: wish.role_arn,
            kubernetes_version: wish.kubernetes_version,
            generation: 0,
            etag: String::new(),
            create_time: write.time,
        };
        Ok(self.store.create_cluster(write, &record, &wish.policy).await?)
    }

    /// Reads a cluster.
    pub async fn cluster(&self, id: &ClusterId) -> Result<ClusterRecord, Error> {
        Ok(self.store.cluster(id).await?)
    }

    /// Lists clusters by id.
    pub async fn clusters(&self, page: &PageRequest) -> Result<Page<ClusterRecord>, Error> {
        Ok(self.store.clusters(page).await?)
    }

    /// Reads a cluster's policy.
    pub async fn policy(&self, cluster: &ClusterId) -> Result<StoredPolicy, Error> {
        Ok(self.store.policy(cluster).await?)
    }

    /// Replaces a cluster's policy; `etag` empty: whatever it is now.
    pub async fn put_policy(
        &self,
        write: &Write,
        cluster: &ClusterId,
        policy: &Policy,
        etag: &str,
    ) -> Result<StoredPolicy, Error> {
        Ok(self.store.put_policy(write, cluster, policy, etag).await?)
    }

    /// Reads a snapshot; no id: the newest.
    pub async fn snapshot(
        &self,
        cluster: &ClusterId,
        id: Option<&SnapshotId>,
    ) -> Result<StoredSnapshot, Error> {
        Ok(self.store.snapshot(cluster, id).await?)
    }

    /// Reads a catalog; no id: the newest imported one of the region, or the built-in one.
    pub async fn catalog(&self, id: Option<&CatalogId>, region: &str) -> Result<StoredCatalog, Error> {
        let built_in = builtin_catalog();
        match id {
            Some(id) if *id == built_in.id => Ok(built_in),
            Some(id) => Ok(self.store.catalog(id).await?),
            None => match self.store.newest_catalog(region).await? {
                Some(newest) => Ok(newest),
                None if region == built_in.catalog.region => Ok(built_in),
                None => Err(StoreError::NotFound(format!("a catalog of {region}")).into()),
            },
        }
    }

    /// Reads a plan.
    pub async fn plan(&self, cluster: &ClusterId, id: &PlanId) -> Result<Plan, Error> {
        Ok(self.store.plan(cluster, id).await?)
    }

    /// Lists a cluster's plans, newest first.
    pub async fn plans(&self, cluster: &ClusterId, page: &PageRequest) -> Result<Page<Plan>, Error> {
        Ok(self.store.plans(cluster, page).await?)
    }
}

/// The id of the catalog that needs no import.
pub const BUILTIN_CATALOG: &str = "builtin";

pub(crate) fn builtin_catalog() -> StoredCatalog {
    let id = CatalogId::try_from(BUILTIN_CATALOG.to_owned()).expect("a literal of lower-case letters");
    StoredCatalog { id, catalog: (*plimsoll_domain::catalog::Catalog::builtin()).clone() }
}
