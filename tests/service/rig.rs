//! A service of one test's own, and what a caller does with it.

use std::net::{Ipv4Addr, SocketAddr};

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::audit_service_client::AuditServiceClient;
use plimsoll_proto::v1::cluster_service_client::ClusterServiceClient;
use plimsoll_proto::v1::cost_service_client::CostServiceClient;
use plimsoll_proto::v1::import_chunk::Part;
use plimsoll_proto::v1::ingest_service_client::IngestServiceClient;
use plimsoll_proto::v1::node_group_service_client::NodeGroupServiceClient;
use plimsoll_proto::v1::operation_service_client::OperationServiceClient;
use plimsoll_proto::v1::plan_service_client::PlanServiceClient;
use plimsoll_proto::v1::pricing_service_client::PricingServiceClient;
use plimsoll_server::Running;
use plimsoll_server::config::{Listen, Plan, Settings, Simulator, Store};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::{ErrorInfo, StatusExt};

/// The cluster that most tests import into.
pub const CLUSTER: &str = "clusters/shop";
/// Its region: the one whose prices are built in.
pub const REGION: &str = "us-east-1";
/// Time to solve that is plenty for a few pods.
const SECONDS_TO_SOLVE: i64 = 2;
/// Bytes of a chunk of an upload; small, so that even small files take several.
const CHUNK_BYTES: usize = 1024;
/// Largest answer that is taken: plans of the example cluster are far below.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A service and a connection to it. Dropped, it stops.
pub struct Rig {
    /// The service.
    pub running: Running,
    channel: Channel,
}

/// What must not change when a request is refused.
#[derive(Debug, PartialEq)]
pub struct Stored {
    snapshot: Option<pb::Snapshot>,
    cluster: pb::Cluster,
    policy: pb::Policy,
    plans: Vec<String>,
    catalog: String,
}

impl Rig {
    /// A service that knows [`CLUSTER`] by name and nothing else.
    pub async fn start() -> Self {
        let rig = Self::over_nothing().await;
        rig.register("shop").await.unwrap();
        rig
    }

    /// A service that knows nothing.
    pub async fn over_nothing() -> Self {
        Self::over(plimsoll_server::embedded().await.unwrap()).await
    }

    /// A service with the example cluster in it, and room for so many plannings.
    pub async fn demo(plan: Plan) -> Self {
        let listen = Listen { grpc: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), metrics: None };
        let store = Store { path: Store::MEMORY.to_owned() };
        let settings = Settings { listen, store, plan, ..Settings::default() };
        let running = plimsoll_server::serve(&settings).await.unwrap();
        running.load_example().await.unwrap();
        Self::over(running).await
    }

    /// A service that knows nothing, whose simulated world runs so many times faster than time.
    pub async fn at_speed(speed: u32) -> Self {
        let listen = Listen { grpc: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), metrics: None };
        let store = Store { path: Store::MEMORY.to_owned() };
        let simulator = Simulator { speed, ..Simulator::default() };
        let settings = Settings { listen, store, simulator, ..Settings::default() };
        Self::over(plimsoll_server::serve(&settings).await.unwrap()).await
    }

    /// The same with the shop in its simulated world.
    pub async fn with_shop(self) -> Self {
        let cluster = pb::Cluster {
            mode: pb::cluster::Mode::Simulated.into(),
            region: REGION.into(),
            kubernetes_version: "1.35".into(),
            ..Default::default()
        };
        let request = pb::RegisterClusterRequest {
            cluster_id: "shop".into(),
            cluster: Some(cluster),
            ..Default::default()
        };
        self.clusters().register_cluster(request).await.unwrap();
        self.import(super::shop::file()).await.unwrap();
        self
    }

    async fn over(running: Running) -> Self {
        let address = format!("http://{}", running.grpc_address());
        let channel = Endpoint::from_shared(address).unwrap().connect().await.unwrap();
        Self { running, channel }
    }

    /// ClusterService.
    pub fn clusters(&self) -> ClusterServiceClient<Channel> {
        ClusterServiceClient::new(self.channel.clone())
    }

    /// IngestService.
    pub fn ingest(&self) -> IngestServiceClient<Channel> {
        IngestServiceClient::new(self.channel.clone())
    }

    /// PlanService.
    pub fn plans(&self) -> PlanServiceClient<Channel> {
        PlanServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// NodeGroupService.
    pub fn node_groups(&self) -> NodeGroupServiceClient<Channel> {
        NodeGroupServiceClient::new(self.channel.clone())
    }

    /// OperationService.
    pub fn operations(&self) -> OperationServiceClient<Channel> {
        OperationServiceClient::new(self.channel.clone())
    }

    /// AuditService.
    pub fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel.clone())
    }

    /// CostService.
    pub fn costs(&self) -> CostServiceClient<Channel> {
        CostServiceClient::new(self.channel.clone())
    }

    /// PricingService.
    pub fn pricing(&self) -> PricingServiceClient<Channel> {
        PricingServiceClient::new(self.channel.clone())
    }

    /// Registers an offline cluster.
    pub async fn register(&self, id: &str) -> Result<pb::Cluster, Status> {
        let cluster = pb::Cluster { region: REGION.into(), ..Default::default() };
        let request = pb::RegisterClusterRequest {
            cluster_id: id.into(),
            cluster: Some(cluster),
            ..Default::default()
        };
        self.clusters().register_cluster(request).await.map(tonic::Response::into_inner)
    }

    /// Imports a file into [`CLUSTER`].
    pub async fn import(&self, file: impl AsRef<[u8]>) -> Result<pb::Snapshot, Status> {
        let header = pb::ImportHeader { parent: CLUSTER.into(), ..Default::default() };
        self.import_as(header, file).await
    }

    /// Imports a file under a header of the test's own.
    pub async fn import_as(
        &self,
        header: pb::ImportHeader,
        file: impl AsRef<[u8]>,
    ) -> Result<pb::Snapshot, Status> {
        let sent = self.ingest().import_snapshot(upload(header, file.as_ref())).await;
        sent.map(tonic::Response::into_inner)
    }

    /// Imports prices for [`REGION`].
    pub async fn import_prices(&self, file: &str) -> Result<pb::Catalog, Status> {
        let header = pb::ImportHeader { region: REGION.into(), ..Default::default() };
        let sent = self.pricing().import_prices(upload(header, file.as_bytes())).await;
        sent.map(tonic::Response::into_inner)
    }

    /// Plans.
    pub async fn plan(&self, request: pb::CreatePlanRequest) -> Result<pb::Plan, Status> {
        self.plans().create_plan(request).await.map(tonic::Response::into_inner)
    }

    /// What is stored now. That it can be asked for shows that the service answers.
    pub async fn stored(&self) -> Stored {
        let named = |name: &str| format!("{CLUSTER}/{name}");
        let snapshot =
            self.ingest().get_snapshot(pb::GetSnapshotRequest { name: named("snapshots/latest") }).await;
        let snapshot = match snapshot {
            Ok(found) => Some(found.into_inner()),
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => panic!("the service does not answer: {status}"),
        };
        let cluster = self.clusters().get_cluster(pb::GetClusterRequest { name: CLUSTER.into() }).await;
        let policy = self.clusters().get_policy(pb::GetPolicyRequest { name: named("policy") }).await;
        let plans = pb::ListPlansRequest { parent: CLUSTER.into(), ..Default::default() };
        let plans = self.plans().list_plans(plans).await.unwrap().into_inner().plans;
        let catalog = pb::GetCatalogRequest { name: "catalogs/latest".into(), region: REGION.into() };
        Stored {
            snapshot,
            cluster: cluster.unwrap().into_inner(),
            policy: policy.unwrap().into_inner(),
            plans: plans.into_iter().map(|plan| plan.name).collect(),
            catalog: self.pricing().get_catalog(catalog).await.unwrap().into_inner().name,
        }
    }
}

/// An order for [`CLUSTER`] that is soon done.
pub fn order() -> pb::CreatePlanRequest {
    let time_budget = Some(pbjson_types::Duration { seconds: SECONDS_TO_SOLVE, nanos: 0 });
    pb::CreatePlanRequest { parent: CLUSTER.into(), time_budget, ..Default::default() }
}

/// The code of a refusal with its reason and what the reason is about.
///
/// # Panics
/// If the refusal does not say why.
#[track_caller]
pub fn refusal<T>(what: &str, answer: Result<T, Status>) -> (Code, ErrorInfo, String) {
    let Err(status) = answer else { panic!("{what}: not refused") };
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("{what}: no ErrorInfo: {status}"));
    assert_eq!(info.domain, "plimsoll", "{what}");
    (status.code(), info.clone(), status.message().to_owned())
}

fn upload(
    header: pb::ImportHeader,
    file: &[u8],
) -> impl tonic::IntoStreamingRequest<Message = pb::ImportChunk> {
    let chunk = |part| pb::ImportChunk { part: Some(part) };
    let data = file.chunks(CHUNK_BYTES).map(|bytes| chunk(Part::Data(bytes.to_vec().into())));
    let chunks: Vec<pb::ImportChunk> = std::iter::once(chunk(Part::Header(header))).chain(data).collect();
    tokio_stream::iter(chunks)
}
