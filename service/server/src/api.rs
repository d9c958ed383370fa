//! The services of `plimsoll.v1`: each method reads a message, has the engine do the work in one call, and writes a
//! message.
//!
//! Beside that call a method reads what the translation needs: UpdatePolicy and an order of a plan lay the fields of
//! the message over the cluster's policy, a plan's state compares it with the cluster's generation now, an upload is
//! taken in only for a cluster that exists.

mod audit;
mod cluster;
mod cost;
mod ingest;
mod node_group;
mod operation;
mod plan;
mod plan_stream;
mod pricing;
pub mod spool;

use std::sync::Arc;

use plimsoll_domain::clock::Clock;
use plimsoll_engine::Engine;
use plimsoll_proto::v1 as pb;
use prost::Message as _;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::codec::CompressionEncoding;
use tonic::service::{Routes, RoutesBuilder};

use crate::limits::{ANSWER_BYTES_MAX, MESSAGE_BYTES_MAX};
use spool::Spool;

/// What every handler needs. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    /// Does the work.
    pub engine: Engine,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Takes uploads in.
    pub spool: Spool,
    /// Ends what runs when the server stops.
    pub stopping: CancellationToken,
}

/// Adds a service with its limits and its compression.
macro_rules! add {
    ($routes:ident, $server:expr) => {
        $routes.add_service(
            $server
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(ANSWER_BYTES_MAX)
                .accept_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Gzip),
        );
    };
}

impl Api {
    /// All services, with health and reflection. Health becomes "serving" here.
    ///
    /// # Errors
    /// If the descriptor set cannot be read, which is a bug of the build.
    pub async fn routes(self, health: &tonic_health::server::HealthReporter) -> Result<Routes, Status> {
        let mut routes: RoutesBuilder = Routes::builder();
        add!(routes, pb::cluster_service_server::ClusterServiceServer::new(self.clone()));
        add!(routes, pb::ingest_service_server::IngestServiceServer::new(self.clone()));
        add!(routes, pb::cost_service_server::CostServiceServer::new(self.clone()));
        add!(routes, pb::pricing_service_server::PricingServiceServer::new(self.clone()));
        add!(routes, pb::node_group_service_server::NodeGroupServiceServer::new(self.clone()));
        add!(routes, pb::operation_service_server::OperationServiceServer::new(self.clone()));
        add!(routes, pb::audit_service_server::AuditServiceServer::new(self.clone()));
        add!(routes, pb::plan_service_server::PlanServiceServer::new(self));
        health.set_serving::<pb::cluster_service_server::ClusterServiceServer<Self>>().await;
        health.set_serving::<pb::ingest_service_server::IngestServiceServer<Self>>().await;
        health.set_serving::<pb::cost_service_server::CostServiceServer<Self>>().await;
        health.set_serving::<pb::pricing_service_server::PricingServiceServer<Self>>().await;
        health.set_serving::<pb::node_group_service_server::NodeGroupServiceServer<Self>>().await;
        health.set_serving::<pb::operation_service_server::OperationServiceServer<Self>>().await;
        health.set_serving::<pb::audit_service_server::AuditServiceServer<Self>>().await;
        health.set_serving::<pb::plan_service_server::PlanServiceServer<Self>>().await;
        reflection(&mut routes)?;
        Ok(routes.routes())
    }
}

/// Full names of all methods, `/package.Service/Method`: the labels that metrics may have.
pub fn method_names() -> Vec<String> {
    let ours = prost_types::FileDescriptorSet::decode(pb::FILE_DESCRIPTOR_SET);
    let ours = ours.expect("the build wrote the descriptor set");
    let mut names = Vec::new();
    for file in &ours.file {
        for service in &file.service {
            let methods = service.method.iter();
            names.extend(
                methods.map(|method| format!("/{}.{}/{}", file.package(), service.name(), method.name())),
            );
        }
    }
    names
}

fn reflection(routes: &mut RoutesBuilder) -> Result<(), Status> {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let broken = |error: tonic_reflection::server::Error| Status::internal(error.to_string());
    routes.add_service(builder().build_v1().map_err(broken)?);
    routes.add_service(builder().build_v1alpha().map_err(broken)?);
    Ok(())
}
