//! IngestService.

use futures::StreamExt;
use plimsoll_domain::ids::ClusterId;
use plimsoll_engine::SampleSummary;
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::ingest_service_server::IngestService;
use tonic::{Request, Response, Status, Streaming};

use super::Api;
use crate::limits::{FOLD_BATCHES_MAX, FOLD_SAMPLES_MAX, UPLOAD_IDLE_MAX};
use crate::wire::samples::{self, Batch};
use crate::wire::status::Refused;
use crate::wire::{import, names, page, request, snapshot};

/// Name of the list in page tokens.
const LIST: &str = "snapshots";

#[tonic::async_trait]
impl IngestService for Api {
    async fn import_snapshot(
        &self,
        request: Request<Streaming<pb::ImportChunk>>,
    ) -> Result<Response<pb::Snapshot>, Status> {
        let cancel = self.stopping.child_token();
        let _guard = cancel.clone().drop_guard();
        let mut chunks = request.into_inner();
        let header = self.spool.header(&mut chunks).await.map_err(Refused::from)?;
        let cluster = names::parse_cluster("header.parent", &header.parent)?;
        self.engine.cluster(&cluster).await.map_err(Refused::from)?;
        let upload = self.spool.receive(&header, chunks, cancel).await.map_err(Refused::from)?;
        let method = "/plimsoll.v1.IngestService/ImportSnapshot";
        let write = request::keyed(method, header.request_id.clone(), upload.digest, self.clock.now())?;
        let wish = import::snapshot(&header, Box::new(upload.file));
        let stored = self.engine.import_snapshot(&write, &cluster, wish).await;
        let stored = stored.map_err(|error| Refused::File(header.file_name, error))?;
        Ok(Response::new(snapshot::snapshot(&cluster, &stored)))
    }

    async fn refresh_cluster(
        &self,
        request: Request<pb::RefreshClusterRequest>,
    ) -> Result<Response<pb::Snapshot>, Status> {
        let mut request = request.into_inner();
        let id = std::mem::take(&mut request.request_id);
        let write =
            request::write("/plimsoll.v1.IngestService/RefreshCluster", id, &request, self.clock.now())?;
        let cluster = names::parse_cluster("name", &request.name)?;
        let shown = self.engine.refresh_cluster(&write, &cluster).await.map_err(Refused::from)?;
        Ok(Response::new(snapshot::snapshot(&cluster, &shown)))
    }

    async fn push_samples(
        &self,
        request: Request<Streaming<pb::SampleBatch>>,
    ) -> Result<Response<pb::PushSummary>, Status> {
        let mut stream = request.into_inner();
        let mut pushing = Pushing::default();
        while let Some(batch) = next(&mut stream).await? {
            if let Err(refused) =
                samples::batch(batch).map_err(Status::from).and_then(|batch| pushing.take(batch))
            {
                // What came before is kept.
                if !pushing.waiting.is_empty() {
                    self.fold(&mut pushing).await?;
                }
                return Err(refused);
            }
            if FOLD_SAMPLES_MAX <= pushing.sample_count() || FOLD_BATCHES_MAX <= pushing.waiting.len() {
                self.fold(&mut pushing).await?;
            }
        }
        // Also a stream without batches says what is known about its cluster, if it names one.
        self.fold(&mut pushing).await?;
        Ok(Response::new(samples::summary(&pushing.total)))
    }

    async fn get_snapshot(
        &self,
        request: Request<pb::GetSnapshotRequest>,
    ) -> Result<Response<pb::Snapshot>, Status> {
        let (cluster, id) = names::parse_snapshot("name", &request.into_inner().name)?;
        let stored = self.engine.snapshot(&cluster, id.as_ref()).await.map_err(Refused::from)?;
        Ok(Response::new(snapshot::snapshot(&cluster, &stored)))
    }

    async fn list_snapshots(
        &self,
        request: Request<pb::ListSnapshotsRequest>,
    ) -> Result<Response<pb::ListSnapshotsResponse>, Status> {
        let request = request.into_inner();
        let cluster = names::parse_cluster("parent", &request.parent)?;
        let page = page::request(LIST, request.page_size, &request.page_token)?;
        let found = self.engine.snapshots(&cluster, &page).await.map_err(Refused::from)?;
        Ok(Response::new(pb::ListSnapshotsResponse {
            snapshots: found.items.iter().map(|head| snapshot::head(&cluster, head)).collect(),
            next_page_token: page::token(LIST, &found.next_token),
        }))
    }
}

impl Api {
    async fn fold(&self, pushing: &mut Pushing) -> Result<(), Status> {
        let cluster = pushing.cluster.as_ref().ok_or_else(samples::no_parent)?;
        let method = "/plimsoll.v1.IngestService/PushSamples";
        let write = request::keyed(method, String::new(), String::new(), self.clock.now())?;
        let batches = std::mem::take(&mut pushing.waiting);
        let folded = self.engine.push_samples(&write, cluster, batches).await.map_err(Refused::from)?;
        samples::add(&mut pushing.total, folded);
        Ok(())
    }
}

/// A stream of samples under way.
#[derive(Default)]
struct Pushing {
    cluster: Option<ClusterId>,
    /// Batches that came and are not folded in yet: id and samples.
    waiting: Vec<(String, Vec<plimsoll_domain::usage::Sample>)>,
    total: SampleSummary,
}

impl Pushing {
    fn take(&mut self, batch: Batch) -> Result<(), Status> {
        match (&self.cluster, batch.cluster) {
            (Some(known), Some(named)) if *known != named => return Err(samples::other_parent(known).into()),
            (None, named) => self.cluster = named,
            _ => {}
        }
        self.waiting.push((batch.id, batch.samples));
        Ok(())
    }

    fn sample_count(&self) -> usize {
        self.waiting.iter().map(|(_, samples)| samples.len()).sum()
    }
}

async fn next(stream: &mut Streaming<pb::SampleBatch>) -> Result<Option<pb::SampleBatch>, Status> {
    let stalled = |_| Refused::from(super::spool::Error::Stalled { seconds: UPLOAD_IDLE_MAX.as_secs() });
    match tokio::time::timeout(UPLOAD_IDLE_MAX, stream.next()).await.map_err(stalled)? {
        None => Ok(None),
        Some(batch) => batch.map(Some),
    }
}
