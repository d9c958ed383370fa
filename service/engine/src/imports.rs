//! Imports: snapshots, usage and prices, each parsed beside the runtime's threads and stored at once.

use std::collections::BTreeMap;
use std::io::Read;

use jiff::Timestamp;
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::ids::{CatalogId, ClusterId, SnapshotId};
use plimsoll_domain::snapshot::{Content, Snapshot};
use plimsoll_domain::store::{Mode, StoreError, StoredCatalog, StoredSnapshot, Write};
use plimsoll_domain::usage::{ClusterUsage, Rejected, Sample};
use plimsoll_domain::workload::WorkloadRef;
use plimsoll_manifest::{ReadError, ReadOptions, price};

use crate::clusters::{REGION_DEFAULT, ShownSnapshot};
use crate::{Engine, Error};

/// Version of the usage checkpoint: its first byte.
const CHECKPOINT_VERSION: u8 = 1;

/// A file about a cluster.
pub struct SnapshotImport {
    /// Name of the file, which tells some formats apart; may be empty.
    pub file_name: String,
    /// Whether pods of a trace that have finished count.
    pub include_finished: bool,
    /// The bytes; gzip is recognised.
    pub source: Box<dyn Read + Send>,
}

/// A file with prices.
pub struct PriceImport {
    /// Where the file comes from, for the catalog's sources; may be empty.
    pub file_name: String,
    /// Region; empty: us-east-1.
    pub region: String,
    /// The bytes; gzip is recognised.
    pub source: Box<dyn Read + Send>,
}

/// A stored catalog and what the reader remarked.
pub struct Imported<T> {
    /// What is stored.
    pub stored: T,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

/// What became of samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleSummary {
    /// Samples folded in.
    pub accepted: u64,
    /// Batches skipped, for they were seen before.
    pub skipped_batches: u64,
    /// First and last sample of the cluster's usage.
    pub window: Option<(Timestamp, Timestamp)>,
    /// Samples left out, and why.
    pub findings: Vec<Finding>,
}

impl Engine {
    /// Stores a snapshot from a file. A file of usage is folded into the cluster's usage; the answer is the
    /// newest snapshot then, and among its findings is what was left out of the file.
    ///
    /// # Errors
    /// [`Error::BadImport`] and [`Error::TooLarge`] say what is wrong with the file; nothing is stored then.
    pub async fn import_snapshot(
        &self,
        write: &Write,
        cluster: &ClusterId,
        import: SnapshotImport,
    ) -> Result<ShownSnapshot, Error> {
        let stored = self.stored_from(write, cluster, import).await?;
        self.shown(cluster, stored).await
    }

    async fn stored_from(
        &self,
        write: &Write,
        cluster: &ClusterId,
        import: SnapshotImport,
    ) -> Result<StoredSnapshot, Error> {
        self.store.cluster(cluster).await?;
        if let Some(name) = self.store.earlier(write).await? {
            // A file of usage made no snapshot: the newest is the answer, as it was then.
            let id = SnapshotId::from_name(&name, cluster);
            return Ok(self.store.snapshot(cluster, id.as_ref()).await?);
        }
        let SnapshotImport { file_name, include_finished, source } = import;
        let options = ReadOptions { include_finished, now: write.time };
        let read = parse(move || plimsoll_manifest::any::read_named(source, &file_name, &options)).await?;
        match read {
            plimsoll_manifest::Read::Snapshot(snapshot) => {
                let simulated = self.store.cluster(cluster).await?.mode == Mode::Simulated;
                if simulated && matches!(snapshot.content, Content::Ready(_)) {
                    let message = "a SIMULATED cluster takes Kubernetes objects only".to_owned();
                    return Err(Error::InvalidArgument { field: "header.parent", message });
                }
                if simulated {
                    self.expect_free(cluster).await?;
                }
                let id = fresh_id("s", write.time)?;
                let stored = self.store.create_snapshot(write, cluster, &id, &snapshot).await?;
                if simulated {
                    self.simulate(cluster, &snapshot)?;
                }
                Ok(stored)
            }
            plimsoll_manifest::Read::Usage(usage) => {
                let mut newest = self.store.snapshot(cluster, None).await?;
                let summary = self.push_samples(write, cluster, vec![(String::new(), usage)]).await?;
                newest.snapshot.findings.extend(summary.findings);
                Ok(newest)
            }
        }
    }

    /// A snapshot that is imported into a SIMULATED cluster is what its world is from then on.
    fn simulate(&self, cluster: &ClusterId, snapshot: &Snapshot) -> Result<(), Error> {
        match (&self.simulator, &snapshot.content) {
            (Some(simulator), Content::Cluster(state)) => {
                let loaded = simulator.load(cluster, (**state).clone());
                loaded.map_err(|error| Error::World(error.to_string()))
            }
            _ => Err(Error::World("this server has no simulated world".to_owned())),
        }
    }

    /// Folds batches of samples into a cluster's usage. A batch whose id was seen before is skipped.
    pub async fn push_samples(
        &self,
        write: &Write,
        cluster: &ClusterId,
        batches: Vec<(String, Vec<Sample>)>,
    ) -> Result<SampleSummary, Error> {
        self.store.cluster(cluster).await?;
        let _only_writer = self.usage_writer.lock().await;
        let mut usage = self.usage(cluster).await?.unwrap_or_default();
        let owners = self.owners(cluster).await?;
        let mut summary = SampleSummary::default();
        let mut rejected: BTreeMap<Rejected, u64> = BTreeMap::new();
        let mut ids: Vec<String> = Vec::new();
        for (id, samples) in batches {
            let seen =
                !id.is_empty() && (ids.contains(&id) || self.store.usage_batch_seen(cluster, &id).await?);
            if seen {
                summary.skipped_batches += 1;
                continue;
            }
            for sample in &samples {
                let owner = |namespace: &str, pod: &str| owners.get(&format!("{namespace}/{pod}")).cloned();
                match usage.add(sample, owner, write.time) {
                    Ok(()) => summary.accepted += 1,
                    Err(why) => *rejected.entry(why).or_insert(0) += 1,
                }
            }
            if !id.is_empty() {
                ids.push(id);
            }
        }
        summary.window = usage.window();
        summary.findings = rejected.into_iter().map(left_out).collect();
        self.store.put_usage(write, cluster, &write_checkpoint(&usage)?, &ids).await?;
        Ok(summary)
    }

    /// What is known about the usage of a cluster's containers, if anything is.
    pub(crate) async fn usage(&self, cluster: &ClusterId) -> Result<Option<ClusterUsage>, Error> {
        self.store.usage(cluster).await?.map(|bytes| read_checkpoint(&bytes)).transpose()
    }

    /// Whose pod is whose, by the newest snapshot.
    async fn owners(&self, cluster: &ClusterId) -> Result<BTreeMap<String, WorkloadRef>, Error> {
        let snapshot = match self.store.snapshot(cluster, None).await {
            Ok(stored) => stored.snapshot,
            Err(StoreError::NotFound(_)) => return Ok(BTreeMap::new()),
            Err(error) => return Err(error.into()),
        };
        Ok(owners_in(&snapshot))
    }

    /// Stores a catalog: the newest one of the region, with what the file says put in.
    pub async fn import_prices(
        &self,
        write: &Write,
        import: PriceImport,
    ) -> Result<Imported<StoredCatalog>, Error> {
        if let Some(name) = self.store.earlier(write).await? {
            let id = CatalogId::from_name(&name).ok_or_else(|| nameless(&name))?;
            return Ok(Imported { stored: self.store.catalog(&id).await?, findings: Vec::new() });
        }
        let region = if import.region.is_empty() { REGION_DEFAULT.to_owned() } else { import.region };
        let base: Catalog = match self.newest_catalog(&region).await? {
            Some(newest) => newest.catalog,
            None => facts_in(&region),
        };
        let PriceImport { file_name, source, .. } = import;
        let time = write.time;
        let read = move || {
            plimsoll_manifest::price::read(source, &price::Import { base: &base, origin: &file_name, time })
        };
        let (catalog, findings) = parse(read).await?;
        let id = fresh_id("k", write.time)?;
        let stored = self.store.create_catalog(write, &id, &catalog).await?;
        Ok(Imported { stored, findings })
    }
}

/// The built-in facts of instance types, moved to a region whose prices are not known yet.
pub(crate) fn facts_in(region: &str) -> Catalog {
    let mut facts = (*Catalog::builtin()).clone();
    facts.move_to(region);
    facts
}

/// A request id that leads to something that it cannot have made.
pub(crate) fn nameless(name: &str) -> Error {
    Error::Internal(format!("an earlier request with this id made {name}"))
}

async fn parse<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, Error> {
    let parsed =
        tokio::task::spawn_blocking(read).await.map_err(|panic| Error::Internal(panic.to_string()))?;
    parsed.map_err(refused)
}

fn refused(error: ReadError) -> Error {
    match error {
        ReadError::Bad(fault) => Error::BadImport {
            line: fault.line.unwrap_or(0),
            column: fault.column.unwrap_or(0),
            field: fault.path.clone(),
            message: fault.to_string(),
        },
        ReadError::TooLarge { what, limit } => Error::TooLarge { what: what.to_owned(), limit },
        other => Error::BadImport { field: String::new(), line: 0, column: 0, message: other.to_string() },
    }
}

fn owners_in(snapshot: &Snapshot) -> BTreeMap<String, WorkloadRef> {
    match &snapshot.content {
        Content::Cluster(state) => {
            state.pods.iter().filter_map(|pod| Some((pod.key(), pod.owner.clone()?))).collect()
        }
        Content::Ready(_) => BTreeMap::new(),
    }
}

fn left_out((why, count): (Rejected, u64)) -> Finding {
    let reason = match why {
        Rejected::Ahead => "lie more than an hour ahead: check the clock",
        Rejected::Old => "are older than 35 days",
        Rejected::NotANumber => "are negative, no numbers, or more than any machine has",
        Rejected::UnknownPod => "belong to pods that no snapshot shows, without a workload",
        Rejected::TooMany => "belong to more containers than one cluster may have",
    };
    Finding::new(Severity::Warning, "SAMPLES_LEFT_OUT", "", format!("{count} samples {reason}"))
}

fn read_checkpoint(bytes: &[u8]) -> Result<ClusterUsage, Error> {
    match bytes.split_first() {
        Some((&CHECKPOINT_VERSION, json)) => {
            serde_json::from_slice(json).map_err(|error| Error::Internal(error.to_string()))
        }
        _ => Err(Error::Internal("the usage checkpoint was written by another version".into())),
    }
}

fn write_checkpoint(usage: &ClusterUsage) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![CHECKPOINT_VERSION];
    serde_json::to_writer(&mut bytes, usage).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(bytes)
}

/// An id that sorts by time: a letter, the time to the microsecond, and a counter against two in one.
pub(crate) fn fresh_id<T>(prefix: &str, time: Timestamp) -> Result<T, Error>
where
    T: std::str::FromStr<Err = plimsoll_domain::ids::IdError>,
{
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed) % 10_000;
    let text = format!("{prefix}{}-{number:04}", time.strftime("%Y%m%d-%H%M%S-%6f"));
    text.parse().map_err(|error: plimsoll_domain::ids::IdError| Error::Internal(error.to_string()))
}
