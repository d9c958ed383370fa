//! A plan of the whole service, exported over gRPC.

use std::net::{Ipv4Addr, SocketAddr};

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::export_plan_request::Format;
use plimsoll_proto::v1::plan_service_client::PlanServiceClient;
use plimsoll_server::Running;
use plimsoll_server::config::{Listen, Settings, Store};
use tonic::transport::{Channel, Endpoint};

/// A service with the example cluster, and a plan for it.
pub struct Service {
    /// The plan.
    pub plan: pb::Plan,
    channel: Channel,
    _running: Running,
}

/// An exported file.
pub struct Export {
    /// Suggested name.
    pub name: String,
    /// Media type.
    pub media: String,
    /// What is in it.
    pub text: String,
}

impl Service {
    /// Plans for the example cluster.
    pub async fn start() -> Self {
        let listen = Listen { grpc: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), metrics: None };
        let store = Store { path: Store::MEMORY.to_owned() };
        let running =
            plimsoll_server::serve(&Settings { listen, store, ..Settings::default() }).await.unwrap();
        running.load_example().await.unwrap();
        let address = format!("http://{}", running.grpc_address());
        let channel = Endpoint::from_shared(address).unwrap().connect().await.unwrap();
        let mut plans = PlanServiceClient::new(channel.clone()).max_decoding_message_size(64 << 20);
        let time_budget = Some(pbjson_types::Duration { seconds: 3, nanos: 0 });
        let parent = format!("clusters/{}", plimsoll_server::DEMO_CLUSTER);
        // Somebody else's autoscaler grows groups, and is told how.
        let actuator = pb::policy::Actuator::ClusterAutoscaler.into();
        let policy_override = Some(pb::Policy { actuator, ..Default::default() });
        let order = pb::CreatePlanRequest { parent, time_budget, policy_override, ..Default::default() };
        let plan = plans.create_plan(order).await.unwrap().into_inner();
        assert!(
            plan.groups.iter().any(|group| !group.existing),
            "a plan that makes no group shows little: {plan:?}"
        );
        Self { plan, channel, _running: running }
    }

    /// Groups that the plan makes.
    pub fn new_groups(&self) -> impl Iterator<Item = &pb::NodeGroup> {
        self.plan.groups.iter().filter(|group| !group.existing && 0 < group.to_count)
    }

    /// Puts the chunks of a file together.
    pub async fn export(&self, format: Format) -> Export {
        let request = pb::ExportPlanRequest { name: self.plan.name.clone(), format: format.into() };
        let mut plans = PlanServiceClient::new(self.channel.clone());
        let mut chunks = plans.export_plan(request).await.unwrap().into_inner();
        let first = chunks.message().await.unwrap().unwrap();
        let mut bytes = first.data.to_vec();
        while let Some(chunk) = chunks.message().await.unwrap() {
            bytes.extend_from_slice(&chunk.data);
        }
        Export { name: first.file_name, media: first.content_type, text: String::from_utf8(bytes).unwrap() }
    }
}
