//! AuditService.

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::audit_service_server::AuditService;
use tonic::{Request, Response, Status};

use super::Api;
use crate::wire::status::Refused;
use crate::wire::{audit, page};

/// Name of the list in page tokens.
const LIST: &str = "audit";

#[tonic::async_trait]
impl AuditService for Api {
    async fn list_audit_entries(
        &self,
        request: Request<pb::ListAuditEntriesRequest>,
    ) -> Result<Response<pb::ListAuditEntriesResponse>, Status> {
        let request = request.into_inner();
        let page = page::request(LIST, request.page_size, &request.page_token)?;
        let filter = audit::filter(request)?;
        let found = self.engine.audit(&filter, &page).await.map_err(Refused::from)?;
        Ok(Response::new(pb::ListAuditEntriesResponse {
            audit_entries: found.items.iter().map(audit::entry).collect(),
            next_page_token: page::token(LIST, &found.next_token),
        }))
    }
}
