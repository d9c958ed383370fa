//! PricingService.

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::pricing_service_server::PricingService;
use tonic::{Request, Response, Status, Streaming};

use super::Api;
use crate::wire::offerings::{self, Position};
use crate::wire::status::Refused;
use crate::wire::{catalog, filter, import, names, page, request};

/// Name of the list of catalogs in page tokens.
const LIST: &str = "catalogs";

#[tonic::async_trait]
impl PricingService for Api {
    async fn import_prices(
        &self,
        request: Request<Streaming<pb::ImportChunk>>,
    ) -> Result<Response<pb::Catalog>, Status> {
        let cancel = self.stopping.child_token();
        let _guard = cancel.clone().drop_guard();
        let mut chunks = request.into_inner();
        let header = self.spool.header(&mut chunks).await.map_err(Refused::from)?;
        import::check_prices(&header)?;
        let upload = self.spool.receive(&header, chunks, cancel).await.map_err(Refused::from)?;
        let method = "/plimsoll.v1.PricingService/ImportPrices";
        let write = request::keyed(method, header.request_id.clone(), upload.digest, self.clock.now())?;
        let wish = import::prices(&header, Box::new(upload.file));
        let imported = self.engine.import_prices(&write, wish).await;
        let imported = imported.map_err(|error| Refused::File(header.file_name, error))?;
        Ok(Response::new(catalog::imported(&imported.stored, &imported.findings)))
    }

    async fn get_catalog(
        &self,
        request: Request<pb::GetCatalogRequest>,
    ) -> Result<Response<pb::Catalog>, Status> {
        let request = request.into_inner();
        let id = names::parse_catalog("name", &request.name)?;
        let found =
            self.engine.catalog_or_newest(id.as_ref(), &request.region).await.map_err(Refused::from)?;
        Ok(Response::new(catalog::catalog(&found)))
    }

    async fn list_catalogs(
        &self,
        request: Request<pb::ListCatalogsRequest>,
    ) -> Result<Response<pb::ListCatalogsResponse>, Status> {
        let request = request.into_inner();
        let page = page::request(LIST, request.page_size, &request.page_token)?;
        let found = self.engine.catalogs(&page).await.map_err(Refused::from)?;
        Ok(Response::new(pb::ListCatalogsResponse {
            catalogs: found.items.iter().map(catalog::head).collect(),
            next_page_token: page::token(LIST, &found.next_token),
        }))
    }

    async fn list_offerings(
        &self,
        request: Request<pb::ListOfferingsRequest>,
    ) -> Result<Response<pb::ListOfferingsResponse>, Status> {
        let request = request.into_inner();
        let filter = filter::parse(&request.filter, &offerings::FILTER_FIELDS)?;
        let page = page::request(offerings::LIST, request.page_size, &request.page_token)?;
        let after = position(&page.token)?;
        let asked = names::parse_catalog("parent", &request.parent)?;
        let id = after.as_ref().map(|after| after.catalog.clone()).or(asked);
        let found =
            self.engine.catalog_or_newest(id.as_ref(), &request.region).await.map_err(Refused::from)?;
        Ok(Response::new(offerings::list(&found, &filter, after.as_ref(), page.size)))
    }
}

fn position(place: &str) -> Result<Option<Position>, Refused> {
    if place.is_empty() {
        return Ok(None);
    }
    Position::parse(place).map(Some).ok_or_else(|| page::bad_token(place))
}
