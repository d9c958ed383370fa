//! OperationService.

use std::mem::take;
use std::pin::Pin;

use futures::Stream;
use plimsoll_domain::ids::OperationId;
use plimsoll_domain::operation::{Operation, State};
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::operation_service_server::OperationService;
use tonic::{Request, Response, Status};

use super::Api;
use crate::wire::status::Refused;
use crate::wire::{names, operation, page, request};

/// Name of the list in page tokens.
const LIST: &str = "operations";

/// News of an operation.
pub type Events = Pin<Box<dyn Stream<Item = Result<pb::OperationEvent, Status>> + Send>>;

#[tonic::async_trait]
impl OperationService for Api {
    async fn get_operation(
        &self,
        request: Request<pb::GetOperationRequest>,
    ) -> Result<Response<pb::Operation>, Status> {
        let id = names::parse_operation("name", &request.into_inner().name)?;
        let found = self.engine.operation(&id).await.map_err(Refused::from)?;
        Ok(Response::new(operation::operation(&found)))
    }

    async fn list_operations(
        &self,
        request: Request<pb::ListOperationsRequest>,
    ) -> Result<Response<pb::ListOperationsResponse>, Status> {
        let request = request.into_inner();
        let page = page::request(LIST, request.page_size, &request.page_token)?;
        let filter = operation::filter(&request)?;
        let found = self.engine.operations(&filter, &page).await.map_err(Refused::from)?;
        Ok(Response::new(pb::ListOperationsResponse {
            operations: found.items.iter().map(operation::operation).collect(),
            next_page_token: page::token(LIST, &found.next_token),
        }))
    }

    async fn cancel_operation(
        &self,
        request: Request<pb::CancelOperationRequest>,
    ) -> Result<Response<pb::Operation>, Status> {
        let mut request = request.into_inner();
        let id = take(&mut request.request_id);
        let method = "/plimsoll.v1.OperationService/CancelOperation";
        let write = request::write(method, id, &request, self.clock.now())?;
        let id = names::parse_operation("name", &request.name)?;
        let found = self.engine.cancel_operation(&write, &id).await.map_err(Refused::from)?;
        Ok(Response::new(operation::operation(&found)))
    }

    async fn resume_operation(
        &self,
        request: Request<pb::ResumeOperationRequest>,
    ) -> Result<Response<pb::Operation>, Status> {
        let request = request.into_inner();
        let method = "/plimsoll.v1.OperationService/ResumeOperation";
        let write = request::write(method, String::new(), &request, self.clock.now())?;
        let id = names::parse_operation("name", &request.name)?;
        let found = self.engine.resume_operation(&write, &id).await.map_err(Refused::from)?;
        Ok(Response::new(operation::operation(&found)))
    }

    async fn abandon_operation(
        &self,
        request: Request<pb::AbandonOperationRequest>,
    ) -> Result<Response<pb::Operation>, Status> {
        let request = request.into_inner();
        let method = "/plimsoll.v1.OperationService/AbandonOperation";
        let write = request::write(method, String::new(), &request, self.clock.now())?;
        let id = names::parse_operation("name", &request.name)?;
        let found = self.engine.abandon_operation(&write, &id).await.map_err(Refused::from)?;
        Ok(Response::new(operation::operation(&found)))
    }

    async fn wait_operation(
        &self,
        request: Request<pb::WaitOperationRequest>,
    ) -> Result<Response<pb::Operation>, Status> {
        let request = request.into_inner();
        let id = names::parse_operation("name", &request.name)?;
        let span = operation::wait(request.timeout.as_ref())?;
        let waited = tokio::time::timeout(span, self.end_of(&id)).await;
        let found = match waited {
            Ok(found) => found?,
            Err(_) => self.engine.operation(&id).await.map_err(Refused::from)?,
        };
        Ok(Response::new(operation::operation(&found)))
    }

    type WatchOperationStream = Events;

    async fn watch_operation(
        &self,
        request: Request<pb::WatchOperationRequest>,
    ) -> Result<Response<Events>, Status> {
        let request = request.into_inner();
        let id = names::parse_operation("name", &request.name)?;
        // Before the first event, so that an unknown operation is refused at once.
        self.engine.operation(&id).await.map_err(Refused::from)?;
        Ok(Response::new(self.clone().events(id, request.revision)))
    }
}

impl Api {
    async fn end_of(&self, id: &OperationId) -> Result<Operation, Status> {
        let mut seen = -1;
        loop {
            let found = self.engine.operation_after(id, seen).await.map_err(Refused::from)?;
            if is_at_rest(&found) {
                return Ok(found);
            }
            seen = found.revision;
        }
    }

    /// The operation whenever it was written after a revision, until it rests or the server stops. Nothing if it rests and
    /// the caller has seen that.
    fn events(self, id: OperationId, revision: i64) -> Events {
        let begin = if revision == 0 { -1 } else { revision };
        Box::pin(futures::stream::unfold(Some(begin), move |seen| {
            let api = self.clone();
            let id = id.clone();
            async move {
                let seen = seen?;
                let next = api.stopping.run_until_cancelled(api.engine.operation_after(&id, seen)).await?;
                match next {
                    Ok(found) if found.revision <= seen => None,
                    Ok(found) => {
                        let next = (!is_at_rest(&found)).then_some(found.revision);
                        let event = pb::OperationEvent { operation: Some(operation::operation(&found)) };
                        Some((Ok(event), next))
                    }
                    Err(error) => Some((Err(Refused::from(error).into()), None)),
                }
            }
        }))
    }
}

/// Whether nothing happens any more unless somebody acts.
fn is_at_rest(operation: &Operation) -> bool {
    operation.state.is_final() || operation.state == State::Stuck
}
