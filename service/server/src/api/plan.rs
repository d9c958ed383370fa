//! PlanService.

use std::sync::Arc;

use plimsoll_domain::plan::Plan;
use plimsoll_engine::{ApplyOrder, PlanOrder};
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::plan_service_server::PlanService;
use tonic::{Request, Response, Status};

use super::{Api, plan_stream};
use crate::wire::export::Form;
use crate::wire::status::Refused;
use crate::wire::{export, filter, names, operation, order, page, plan, request, simulation};

/// Name of the list in page tokens.
const LIST: &str = "plans";

#[tonic::async_trait]
impl PlanService for Api {
    async fn create_plan(
        &self,
        request: Request<pb::CreatePlanRequest>,
    ) -> Result<Response<pb::Plan>, Status> {
        let order = self.order(request.into_inner()).await?;
        let cancel = self.stopping.child_token();
        let made = self.engine.create_plan(order, Arc::new(|_| {}), cancel).await.map_err(Refused::from)?;
        Ok(Response::new(self.whole(&made).await?))
    }

    type StreamPlanStream = plan_stream::Events;

    async fn stream_plan(
        &self,
        request: Request<pb::CreatePlanRequest>,
    ) -> Result<Response<plan_stream::Events>, Status> {
        let order = self.order(request.into_inner()).await?;
        Ok(Response::new(plan_stream::start(self.clone(), order)))
    }

    async fn get_plan(&self, request: Request<pb::GetPlanRequest>) -> Result<Response<pb::Plan>, Status> {
        let request = request.into_inner();
        let (cluster, id) = names::parse_plan("name", &request.name)?;
        let view = order::view(request.view, pb::PlanView::Full)?;
        let found = self.engine.plan(&cluster, &id).await.map_err(Refused::from)?;
        let present = self.present(&found).await?;
        Ok(Response::new(plan::viewed(&found, present, view)))
    }

    async fn list_plans(
        &self,
        request: Request<pb::ListPlansRequest>,
    ) -> Result<Response<pb::ListPlansResponse>, Status> {
        let request = request.into_inner();
        let cluster = names::parse_cluster("parent", &request.parent)?;
        let view = order::view(request.view, pb::PlanView::Basic)?;
        let filter = filter::parse(&request.filter, &plan::FILTER_FIELDS)?;
        let page = page::request(LIST, request.page_size, &request.page_token)?;
        let generation = self.engine.cluster(&cluster).await.map_err(Refused::from)?.generation;
        let found = self.engine.plans(&cluster, &page).await.map_err(Refused::from)?;
        let operations = self.engine.plan_operations(&cluster).await.map_err(Refused::from)?;
        let time = self.clock.now();
        let plans = found.items.iter().map(|found| {
            let operation = operations.get(&found.id).copied();
            plan::viewed(found, plan::Present { generation, time, operation }, view)
        });
        Ok(Response::new(pb::ListPlansResponse {
            plans: plans.filter(|found| filter.passes(|field| plan::filter_value(found, field))).collect(),
            next_page_token: page::token(LIST, &found.next_token),
        }))
    }

    async fn apply_plan(
        &self,
        request: Request<pb::ApplyPlanRequest>,
    ) -> Result<Response<pb::Operation>, Status> {
        let mut request = request.into_inner();
        let id = std::mem::take(&mut request.request_id);
        let write = request::write("/plimsoll.v1.PlanService/ApplyPlan", id, &request, self.clock.now())?;
        let (cluster, id) = names::parse_plan("name", &request.name)?;
        let found = self.engine.plan(&cluster, &id).await.map_err(Refused::from)?;
        plan::check_etag(&found, &request.etag)?;
        let order = ApplyOrder { write, cluster, plan: id };
        let begun = self.engine.apply_plan(order).await.map_err(Refused::from)?;
        Ok(Response::new(operation::operation(&begun)))
    }

    async fn explain_plan(
        &self,
        request: Request<pb::ExplainPlanRequest>,
    ) -> Result<Response<pb::Explanation>, Status> {
        let request = request.into_inner();
        let (cluster, id) = names::parse_plan("name", &request.name)?;
        let explained = self.engine.explain_plan(&cluster, &id, &request.offering).await;
        Ok(Response::new(plan::explanation(request.name, &explained.map_err(Refused::from)?)))
    }

    async fn simulate_plan(
        &self,
        request: Request<pb::SimulatePlanRequest>,
    ) -> Result<Response<pb::Simulation>, Status> {
        let order = simulation::order(&request.into_inner())?;
        let cancel = self.stopping.child_token();
        let simulated = self.engine.simulate_plan(order.clone(), cancel).await.map_err(Refused::from)?;
        Ok(Response::new(simulation::simulation(&order, &simulated)))
    }

    type ExportPlanStream = export::Chunks;

    async fn export_plan(
        &self,
        request: Request<pb::ExportPlanRequest>,
    ) -> Result<Response<export::Chunks>, Status> {
        let request = request.into_inner();
        let (cluster, id) = names::parse_plan("name", &request.name)?;
        let form = Form::read(request.format)?;
        let bytes = match form {
            Form::Bundle => {
                export::json(self.engine.export_bundle(&cluster, &id).await.map_err(Refused::from)?).await?
            }
            Form::For(tool) => {
                self.engine.export_for(&cluster, &id, tool).await.map_err(Refused::from)?.into()
            }
        };
        Ok(Response::new(export::chunks(&format!("{cluster}-{id}"), form, bytes)))
    }
}

impl Api {
    /// Reads an order over the policy of its cluster.
    async fn order(&self, request: pb::CreatePlanRequest) -> Result<PlanOrder, Status> {
        let cluster = names::parse_cluster("parent", &request.parent)?;
        let base = self.engine.policy(&cluster).await.map_err(Refused::from)?;
        Ok(order::plan_order(request, &base.policy, self.clock.now())?)
    }

    /// A plan with everything in it, and its state now.
    pub(super) async fn whole(&self, made: &Plan) -> Result<pb::Plan, Refused> {
        Ok(plan::full(made, self.present(made).await?))
    }

    async fn present(&self, made: &Plan) -> Result<plan::Present, Refused> {
        let generation = self.engine.cluster(&made.cluster).await?.generation;
        let operation = self.engine.plan_operation(&made.cluster, &made.id).await?;
        Ok(plan::Present { generation, time: self.clock.now(), operation })
    }
}
