//! CostService.

use std::pin::Pin;

use futures::{Stream, StreamExt};
use plimsoll_engine::Error;
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::cost_service_server::CostService;
use tonic::{Request, Response, Status};

use super::Api;
use crate::wire::status::Refused;
use crate::wire::{cost, finding, names, page, plan_parts};

/// A file in chunks.
pub type Chunks = Pin<Box<dyn Stream<Item = Result<pb::ExportChunk, Status>> + Send>>;

/// Names of the lists in page tokens.
const WASTE: &str = "waste";
const RIGHTSIZINGS: &str = "rightsizings";

#[tonic::async_trait]
impl CostService for Api {
    async fn query_costs(
        &self,
        request: Request<pb::QueryCostsRequest>,
    ) -> Result<Response<pb::QueryCostsResponse>, Status> {
        let order = cost::order(&request.into_inner())?;
        let group_by = order.group_by.clone();
        let costs = self.engine.query_costs(order).await.map_err(Refused::from)?;
        Ok(Response::new(cost::answer(&group_by, &costs)?))
    }

    type ExportCostsStream = Chunks;

    async fn export_costs(
        &self,
        request: Request<pb::ExportCostsRequest>,
    ) -> Result<Response<Chunks>, Status> {
        let request = request.into_inner();
        let cluster = cost::cluster("parent", &request.parent)?;
        let window = cost::window(request.start_time, request.end_time, request.window_duration.as_ref())?;
        let (table, format) = cost::export(&request)?;
        let (name, media) = cost::file(cluster.as_ref(), table, format);
        let bytes = self.engine.export_costs(cluster, window, table, format).await.map_err(Refused::from)?;
        let head =
            pb::ExportChunk { file_name: name, content_type: media.to_owned(), ..pb::ExportChunk::default() };
        let rest = bytes.map(|chunk| match chunk {
            Ok(data) => Ok(pb::ExportChunk { data: data.into(), ..pb::ExportChunk::default() }),
            Err(error) => Err(Refused::from(Error::from(error)).into()),
        });
        Ok(Response::new(Box::pin(futures::stream::iter([Ok(head)]).chain(rest))))
    }

    async fn get_savings(
        &self,
        request: Request<pb::GetSavingsRequest>,
    ) -> Result<Response<pb::Savings>, Status> {
        let request = request.into_inner();
        let (cluster, plan) = cost::plan("name", &request.name)?;
        let end = cost::window(None, request.end_time, None)?.end;
        let savings = self.engine.savings(&cluster, plan.as_ref(), end).await.map_err(Refused::from)?;
        Ok(Response::new(cost::savings(&cluster, &savings)))
    }

    async fn get_forecast(
        &self,
        request: Request<pb::GetForecastRequest>,
    ) -> Result<Response<pb::Forecast>, Status> {
        let request = request.into_inner();
        let cluster = names::parse_cluster("name", &request.name)?;
        let hours = cost::forecast_hours(request.hours)?;
        let filter = cost::conditions(&request.filter)?;
        let forecast = self.engine.forecast(&cluster, hours, filter).await.map_err(Refused::from)?;
        Ok(Response::new(cost::forecast(&cluster, &forecast)))
    }

    async fn list_waste(
        &self,
        request: Request<pb::ListWasteRequest>,
    ) -> Result<Response<pb::ListWasteResponse>, Status> {
        let request = request.into_inner();
        let cluster = names::parse_cluster("parent", &request.parent)?;
        let page = page::request(WASTE, request.page_size, &request.page_token)?;
        let found = self.engine.waste(&cluster).await.map_err(Refused::from)?;
        let (shown, next) = page::part(WASTE, &page, found.waste)?;
        Ok(Response::new(pb::ListWasteResponse {
            waste: shown.iter().map(cost::waste).collect(),
            next_page_token: next,
            findings: finding::findings(&found.findings),
        }))
    }

    async fn list_rightsizings(
        &self,
        request: Request<pb::ListRightsizingsRequest>,
    ) -> Result<Response<pb::ListRightsizingsResponse>, Status> {
        let request = request.into_inner();
        let cluster = names::parse_cluster("parent", &request.parent)?;
        let page = page::request(RIGHTSIZINGS, request.page_size, &request.page_token)?;
        let (found, usage_is_known) = self.engine.rightsizings(&cluster).await.map_err(Refused::from)?;
        let (shown, next) = page::part(RIGHTSIZINGS, &page, found)?;
        Ok(Response::new(pb::ListRightsizingsResponse {
            rightsizings: shown.iter().map(plan_parts::recommendation).collect(),
            next_page_token: next,
            findings: if usage_is_known { Vec::new() } else { cost::no_usage() },
        }))
    }
}
