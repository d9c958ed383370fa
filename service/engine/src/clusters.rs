//! Clusters, their policies, and reading things back.

use jiff::Timestamp;
use plimsoll_domain::ids::{CatalogId, ClusterId, PlanId, SnapshotId};
use plimsoll_domain::plan::Plan;
use plimsoll_domain::policy::Policy;
use plimsoll_domain::store::{
    CatalogHead, ClusterRecord, Mode, Page, PageRequest, SnapshotHead, StoredCatalog, StoredPolicy,
    StoredSnapshot, Write,
};

use crate::{Engine, Error};

/// A cluster to be registered.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Id.
    pub id: ClusterId,
    /// How it is reached.
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

/// A snapshot, and what usage is known beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownSnapshot {
    /// The snapshot.
    pub stored: StoredSnapshot,
    /// First and last sample of the cluster's usage as it is known now; none: no usage is.
    pub usage_window: Option<(Timestamp, Timestamp)>,
}

impl Engine {
    /// Registers a cluster. Nothing is asked of it yet.
    pub async fn register_cluster(&self, write: &Write, wish: Registration) -> Result<ClusterRecord, Error> {
        let refused = match wish.mode {
            Mode::Offline => None,
            Mode::Simulated if self.simulator.is_some() => None,
            Mode::Simulated => Some("this server has no simulated world: register the cluster as OFFLINE"),
            Mode::Live if self.atlas.is_some() => None,
            Mode::Live => Some(
                "this server reaches no LIVE cluster: set live.enabled, or register it as OFFLINE and import snapshots",
            ),
        };
        if let Some(message) = refused {
            return Err(Error::InvalidArgument { field: "cluster.mode", message: message.to_owned() });
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
    ) -> Result<ShownSnapshot, Error> {
        let stored = self.store.snapshot(cluster, id).await?;
        self.shown(cluster, stored).await
    }

    /// Lists a cluster's snapshots, newest first.
    pub async fn snapshots(
        &self,
        cluster: &ClusterId,
        page: &PageRequest,
    ) -> Result<Page<SnapshotHead>, Error> {
        Ok(self.store.snapshots(cluster, page).await?)
    }

    pub(crate) async fn shown(
        &self,
        cluster: &ClusterId,
        stored: StoredSnapshot,
    ) -> Result<ShownSnapshot, Error> {
        let usage_window = self.usage(cluster).await?.and_then(|usage| usage.window());
        Ok(ShownSnapshot { stored, usage_window })
    }

    /// Reads a catalog: a stored one, or the built-in one by its name, with or without its date.
    pub async fn catalog(&self, id: &CatalogId) -> Result<StoredCatalog, Error> {
        if id.as_str() == BUILTIN_CATALOG || *id == builtin_id() {
            return Ok(builtin_catalog());
        }
        Ok(self.store.catalog(id).await?)
    }

    /// Lists catalogs, newest first; the built-in one comes last.
    pub async fn catalogs(&self, page: &PageRequest) -> Result<Page<CatalogHead>, Error> {
        let mut listed = match page.token.as_str() {
            BUILTIN_CATALOG => Page { items: Vec::new(), next_token: String::new() },
            _ => self.store.catalogs(page).await?,
        };
        if listed.next_token.is_empty() {
            if listed.items.len() < page.size as usize {
                let StoredCatalog { id, catalog } = builtin_catalog();
                listed.items.push(CatalogHead { id, region: catalog.region, create_time: None });
            } else {
                listed.next_token = BUILTIN_CATALOG.to_owned();
            }
        }
        Ok(listed)
    }

    /// The newest imported catalog of a region, or else the built-in one, if it is of that region.
    pub async fn newest_catalog(&self, region: &str) -> Result<Option<StoredCatalog>, Error> {
        match self.store.newest_catalog(region).await? {
            None if region == plimsoll_domain::catalog::Catalog::builtin().region => {
                Ok(Some(builtin_catalog()))
            }
            found => Ok(found),
        }
    }

    /// The catalog by its id, or else the newest one of a region.
    ///
    /// # Errors
    /// [`Error::NoPrices`] if there is none of the region.
    pub async fn catalog_or_newest(
        &self,
        id: Option<&CatalogId>,
        region: &str,
    ) -> Result<StoredCatalog, Error> {
        match id {
            Some(id) => self.catalog(id).await,
            None => self.newest_catalog(region).await?.ok_or_else(|| Error::NoPrices(region.to_owned())),
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

/// The catalog that needs no import; plans name it with the day of its newest source, `builtin-20260720`.
pub const BUILTIN_CATALOG: &str = "builtin";

fn builtin_id() -> CatalogId {
    let newest = plimsoll_domain::catalog::Catalog::builtin().sources.iter().map(|source| source.time).max();
    let day = newest.unwrap_or_default().strftime("%Y%m%d");
    CatalogId::try_from(format!("{BUILTIN_CATALOG}-{day}")).expect("lower-case letters and digits")
}

pub(crate) fn builtin_catalog() -> StoredCatalog {
    StoredCatalog { id: builtin_id(), catalog: (*plimsoll_domain::catalog::Catalog::builtin()).clone() }
}
