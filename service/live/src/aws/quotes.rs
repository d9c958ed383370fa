//! Everything that AWS sells in a region: types and zones from EC2, on-demand prices from the price list, spot prices from
//! their history.

use aws_sdk_pricing::types::{Filter, FilterType};
use jiff::Timestamp;
use plimsoll_domain::catalog::change::ByType;
use plimsoll_domain::catalog::quotes::Quotes;
use plimsoll_domain::units::HourlyRate;
use plimsoll_domain::world::CloudError;
use plimsoll_manifest::price::offer;

use super::{Aws, fault};

/// Products of one page: the most that the price list gives.
const PAGE: i32 = 100;
/// What is bought, in the words of the price list.
const WANTED: [(&str, &str); 5] = [
    ("operatingSystem", "Linux"),
    ("tenancy", "Shared"),
    ("preInstalledSw", "NA"),
    ("capacitystatus", "Used"),
    ("marketoption", "OnDemand"),
];

/// The region whose endpoint serves the price list of all others, the nearest of the three that there are. Source: AWS
/// General Reference, "AWS Price List endpoints".
pub(super) fn list_region(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("eu" | "af" | "il" | "me") => "eu-central-1",
        Some("ap") => "ap-south-1",
        _ => "us-east-1",
    }
}

impl Aws {
    /// All four lists, asked at once.
    pub(super) async fn quoted(&self) -> Result<Quotes, CloudError> {
        let time = Timestamp::now();
        let (types, zones, on_demand, spot) =
            futures::try_join!(self.types(), self.offers(), self.on_demand(), self.spot_now(time))?;
        Ok(Quotes { region: self.account.region.clone(), time, types, zones, on_demand, spot })
    }

    /// On-demand prices of the region.
    async fn on_demand(&self) -> Result<ByType<HourlyRate>, CloudError> {
        let region = self.account.region.clone();
        let mut filters = Vec::new();
        for (field, value) in WANTED.into_iter().chain([("regionCode", region.as_str())]) {
            let filter = Filter::builder().r#type(FilterType::TermMatch).field(field).value(value).build();
            filters.push(filter.map_err(|error| CloudError::Failed(error.to_string()))?);
        }
        let call = self.pricing.get_products().service_code("AmazonEC2").max_results(PAGE);
        let mut pages = call.set_filters(Some(filters)).into_paginator().send();
        let mut items: Vec<String> = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| fault::of("pricing:GetProducts", error))?;
            items.extend(page.price_list.unwrap_or_default());
        }
        // Tens of megabytes.
        let read = move || offer::items(items.iter().map(String::as_str), &region);
        let read = tokio::task::spawn_blocking(read).await;
        let (prices, odd) = read
            .map_err(|panic| CloudError::Failed(panic.to_string()))?
            .map_err(|error| CloudError::Failed(format!("the price list cannot be read: {error}")))?;
        for why in odd {
            tracing::warn!(why, "the price list has a product without a price: its type is left out");
        }
        Ok(prices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_list_is_asked_at_the_nearest_of_its_endpoints() {
        let regions = ["us-east-1", "us-west-2", "eu-central-1", "me-south-1", "ap-northeast-1", "sa-east-1"];
        let wanted = ["us-east-1", "us-east-1", "eu-central-1", "eu-central-1", "ap-south-1", "us-east-1"];
        assert_eq!(regions.map(list_region), wanted);
    }
}
