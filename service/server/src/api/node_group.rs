//! NodeGroupService.

use std::mem::take;

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::node_group_service_server::NodeGroupService;
use tonic::{Request, Response, Status};

use super::Api;
use crate::wire::status::Refused;
use crate::wire::{names, node_group, operation, page, request};

/// Name of the list in page tokens.
const LIST: &str = "node_groups";

#[tonic::async_trait]
impl NodeGroupService for Api {
    async fn get_node_group(
        &self,
        request: Request<pb::GetNodeGroupRequest>,
    ) -> Result<Response<pb::NodeGroup>, Status> {
        let (cluster, group) = names::parse_node_group("name", &request.into_inner().name)?;
        let found = self.engine.node_group(&cluster, &group).await.map_err(Refused::from)?;
        Ok(Response::new(node_group::group(&found)))
    }

    async fn list_node_groups(
        &self,
        request: Request<pb::ListNodeGroupsRequest>,
    ) -> Result<Response<pb::ListNodeGroupsResponse>, Status> {
        let request = request.into_inner();
        let cluster = names::parse_cluster("parent", &request.parent)?;
        let page = page::request(LIST, request.page_size, &request.page_token)?;
        let found = self.engine.node_groups(&cluster, &page).await.map_err(Refused::from)?;
        Ok(Response::new(pb::ListNodeGroupsResponse {
            node_groups: found.items.iter().map(node_group::group).collect(),
            next_page_token: page::token(LIST, &found.next_token),
        }))
    }

    async fn resize_node_group(
        &self,
        request: Request<pb::ResizeNodeGroupRequest>,
    ) -> Result<Response<pb::Operation>, Status> {
        let mut request = request.into_inner();
        let id = take(&mut request.request_id);
        let method = "/plimsoll.v1.NodeGroupService/ResizeNodeGroup";
        let write = request::write(method, id, &request, self.clock.now())?;
        let order = node_group::resize(request, write)?;
        let begun = self.engine.resize_node_group(order).await.map_err(Refused::from)?;
        Ok(Response::new(operation::operation(&begun)))
    }
}
