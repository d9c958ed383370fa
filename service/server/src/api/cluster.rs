//! ClusterService.

use std::mem::take;

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::cluster_service_server::ClusterService;
use tonic::{Request, Response, Status};

use super::Api;
use crate::wire::{Invalid, cluster, estate, filter, names, page, policy, request, status::Refused};

/// Name of the list in page tokens.
const LIST: &str = "clusters";

#[tonic::async_trait]
impl ClusterService for Api {
    async fn register_cluster(
        &self,
        request: Request<pb::RegisterClusterRequest>,
    ) -> Result<Response<pb::Cluster>, Status> {
        let mut request = request.into_inner();
        let id = take(&mut request.request_id);
        let method = "/plimsoll.v1.ClusterService/RegisterCluster";
        let write = request::write(method, id, &request, self.clock.now())?;
        let wish = cluster::registration(request)?;
        let record = self.engine.register_cluster(&write, wish).await.map_err(Refused::from)?;
        Ok(Response::new(cluster::cluster(&record)))
    }

    async fn get_cluster(
        &self,
        request: Request<pb::GetClusterRequest>,
    ) -> Result<Response<pb::Cluster>, Status> {
        let id = names::parse_cluster("name", &request.into_inner().name)?;
        let record = self.engine.cluster(&id).await.map_err(Refused::from)?;
        Ok(Response::new(cluster::cluster(&record)))
    }

    async fn list_clusters(
        &self,
        request: Request<pb::ListClustersRequest>,
    ) -> Result<Response<pb::ListClustersResponse>, Status> {
        let request = request.into_inner();
        let filter = filter::parse(&request.filter, &cluster::FILTER_FIELDS)?;
        let page = page::request(LIST, request.page_size, &request.page_token)?;
        let found = self.engine.clusters(&page).await.map_err(Refused::from)?;
        let passes = |record: &&_| filter.passes(|field| cluster::filter_value(record, field));
        Ok(Response::new(pb::ListClustersResponse {
            clusters: found.items.iter().filter(passes).map(cluster::cluster).collect(),
            next_page_token: page::token(LIST, &found.next_token),
        }))
    }

    async fn create_cluster(
        &self,
        request: Request<pb::CreateClusterRequest>,
    ) -> Result<Response<pb::Operation>, Status> {
        let mut request = request.into_inner();
        let (id, dry) = (take(&mut request.request_id), request.validate_only);
        let method = "/plimsoll.v1.ClusterService/CreateCluster";
        let write = request::write(method, id, &request, self.clock.now())?;
        let order = estate::create(request, write)?;
        let proposal = self.engine.create_cluster(order).await.map_err(Refused::from)?;
        Ok(Response::new(estate::proposal(&proposal, dry)))
    }

    async fn upgrade_cluster(
        &self,
        request: Request<pb::UpgradeClusterRequest>,
    ) -> Result<Response<pb::Operation>, Status> {
        let mut request = request.into_inner();
        let (id, dry) = (take(&mut request.request_id), request.validate_only);
        let method = "/plimsoll.v1.ClusterService/UpgradeCluster";
        let write = request::write(method, id, &request, self.clock.now())?;
        let order = estate::upgrade(request, write)?;
        let proposal = self.engine.upgrade_cluster(order).await.map_err(Refused::from)?;
        Ok(Response::new(estate::proposal(&proposal, dry)))
    }

    async fn delete_cluster(
        &self,
        request: Request<pb::DeleteClusterRequest>,
    ) -> Result<Response<pb::Operation>, Status> {
        let mut request = request.into_inner();
        let (id, dry) = (take(&mut request.request_id), request.validate_only);
        let method = "/plimsoll.v1.ClusterService/DeleteCluster";
        let write = request::write(method, id, &request, self.clock.now())?;
        let order = estate::delete(request, write)?;
        let proposal = self.engine.delete_cluster(order).await.map_err(Refused::from)?;
        Ok(Response::new(estate::proposal(&proposal, dry)))
    }

    async fn get_policy(
        &self,
        request: Request<pb::GetPolicyRequest>,
    ) -> Result<Response<pb::Policy>, Status> {
        let id = names::parse_policy("name", &request.into_inner().name)?;
        let stored = self.engine.policy(&id).await.map_err(Refused::from)?;
        Ok(Response::new(policy::stored(&id, &stored)))
    }

    async fn update_policy(
        &self,
        request: Request<pb::UpdatePolicyRequest>,
    ) -> Result<Response<pb::Policy>, Status> {
        let mut request = request.into_inner();
        let id = take(&mut request.request_id);
        let method = "/plimsoll.v1.ClusterService/UpdatePolicy";
        let write = request::write(method, id, &request, self.clock.now())?;
        let wish = request.policy.ok_or_else(|| Invalid::new("policy", "is required"))?;
        let cluster = names::parse_policy("policy.name", &wish.name)?;
        let mask = request.update_mask.map(|mask| mask.paths).unwrap_or_default();
        let before = self.engine.policy(&cluster).await.map_err(Refused::from)?;
        let mut after = before.policy;
        policy::merge(&mut after, &wish, &mask, "policy", "update_mask")?;
        // Without an etag of the caller's, the one just read: two updates of different fields both count, or the
        // later one is told to read again.
        let etag = if wish.etag.is_empty() { before.etag } else { wish.etag };
        let stored = self.engine.put_policy(&write, &cluster, &after, &etag).await.map_err(Refused::from)?;
        Ok(Response::new(policy::stored(&cluster, &stored)))
    }
}
