//! Reaching a server: the one named, or one of our own inside this process.

use anyhow::Context;
use plimsoll_proto::v1::audit_service_client::AuditServiceClient;
use plimsoll_proto::v1::cluster_service_client::ClusterServiceClient;
use plimsoll_proto::v1::cost_service_client::CostServiceClient;
use plimsoll_proto::v1::ingest_service_client::IngestServiceClient;
use plimsoll_proto::v1::node_group_service_client::NodeGroupServiceClient;
use plimsoll_proto::v1::operation_service_client::OperationServiceClient;
use plimsoll_proto::v1::plan_service_client::PlanServiceClient;
use plimsoll_proto::v1::pricing_service_client::PricingServiceClient;
use plimsoll_server::Running;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};

use crate::exit::{Misuse, Unreachable};

/// Largest answer that is taken: a plan of 100,000 pods with its contents is some 30 MB.
const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// A way to a server.
pub struct Client {
    channel: Channel,
    /// The server inside this process, if there is one; stops when dropped.
    own: Option<Running>,
}

/// Reaches the server at `address`.
///
/// # Errors
/// [`Misuse`] without an address: what the command is about outlives no server of our own.
pub async fn reach_named(address: Option<&str>) -> anyhow::Result<Client> {
    match address {
        Some(_) => reach(address).await,
        None => {
            Err(Misuse("this needs a server that remembers: give --server ADDRESS, or set PLIMSOLL_SERVER")
                .into())
        }
    }
}

/// Reaches the server at `address`; none: starts one in this process that remembers nothing.
pub async fn reach(address: Option<&str>) -> anyhow::Result<Client> {
    let (address, own) = match address {
        Some(address) => (address.to_owned(), None),
        None => {
            let running =
                plimsoll_server::embedded().await.context("the server inside this process did not start")?;
            (format!("http://{}", running.grpc_address()), Some(running))
        }
    };
    let endpoint =
        Endpoint::from_shared(address.clone()).with_context(|| format!("{address:?} is no address"))?;
    let channel = endpoint.connect().await.map_err(|_| Unreachable(address))?;
    Ok(Client { channel, own })
}

impl Client {
    /// Whether the server is ours and is gone afterwards.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Clusters and policies.
    pub fn clusters(&self) -> ClusterServiceClient<Channel> {
        ClusterServiceClient::new(self.channel.clone()).accept_compressed(CompressionEncoding::Gzip)
    }

    /// Snapshots and usage.
    pub fn ingest(&self) -> IngestServiceClient<Channel> {
        IngestServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Node groups.
    pub fn node_groups(&self) -> NodeGroupServiceClient<Channel> {
        NodeGroupServiceClient::new(self.channel.clone()).accept_compressed(CompressionEncoding::Gzip)
    }

    /// Operations.
    pub fn operations(&self) -> OperationServiceClient<Channel> {
        OperationServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The audit log.
    pub fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel.clone()).accept_compressed(CompressionEncoding::Gzip)
    }

    /// Prices.
    pub fn pricing(&self) -> PricingServiceClient<Channel> {
        PricingServiceClient::new(self.channel.clone()).accept_compressed(CompressionEncoding::Gzip)
    }

    /// Costs.
    pub fn costs(&self) -> CostServiceClient<Channel> {
        CostServiceClient::new(self.channel.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Plans.
    pub fn plans(&self) -> PlanServiceClient<Channel> {
        PlanServiceClient::new(self.channel.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Lets a server of our own finish.
    pub async fn close(self) {
        if let Some(running) = self.own {
            running.shut_down().await;
        }
    }
}

/// A fresh request id: a call that is sent twice has its effect once.
pub fn request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
