//! Spot prices as they were.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_ec2::operation::describe_spot_price_history::builders::DescribeSpotPriceHistoryFluentBuilder;
use aws_sdk_ec2::types::InstanceType;
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use plimsoll_domain::catalog::change::ByZone;
use plimsoll_domain::catalog::quotes::Quotes;
use plimsoll_domain::commitments::Held;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::units::parse_usd_per_hour;
use plimsoll_domain::world::{CloudError, Prices, SpotChange};

use super::{Aws, fault};

/// What is bought: the prices of other systems are others.
const LINUX: &str = "Linux/UNIX";
/// Prices of one page: the most that EC2 gives.
const PAGE: i32 = 1_000;

#[async_trait]
impl Prices for Aws {
    async fn quotes(&self, cluster: &ClusterId) -> Result<Quotes, CloudError> {
        if *cluster != self.cluster {
            return Err(CloudError::Failed(format!("there is no cluster {cluster}")));
        }
        self.quoted().await
    }

    async fn spot_changes(
        &self,
        cluster: &ClusterId,
        since: Timestamp,
    ) -> Result<Vec<SpotChange>, CloudError> {
        if *cluster != self.cluster {
            return Ok(Vec::new());
        }
        let lives = self.machines(since).await?;
        let spot = lives.into_iter().filter(|life| life.kind == CapacityKind::Spot);
        let pools: BTreeSet<(String, String)> = spot.map(|life| (life.zone, life.instance_type)).collect();
        let zones: BTreeSet<&String> = pools.iter().map(|(zone, _)| zone).collect();
        let mut changes = Vec::new();
        for zone in zones {
            let types: Vec<InstanceType> =
                pools.iter().filter(|(its, _)| its == zone).map(|(_, name)| name.as_str().into()).collect();
            changes.extend(self.history(zone, types, since).await?);
        }
        changes.sort_by(|one, other| {
            (one.time, &one.zone, &one.instance_type).cmp(&(other.time, &other.zone, &other.instance_type))
        });
        Ok(changes)
    }

    async fn commitments(&self, cluster: &ClusterId) -> Result<Vec<Held>, CloudError> {
        if *cluster != self.cluster {
            return Ok(Vec::new());
        }
        self.held().await
    }
}

impl Aws {
    async fn history(
        &self,
        zone: &str,
        types: Vec<InstanceType>,
        since: Timestamp,
    ) -> Result<Vec<SpotChange>, CloudError> {
        let call = self.ec2.describe_spot_price_history().availability_zone(zone);
        let mut changes = self.steps(call.set_instance_types(Some(types)), since).await?;
        // The first is the price that was in force, with the time from which on it was.
        changes.iter_mut().for_each(|change| change.time = change.time.max(since));
        Ok(changes)
    }

    /// The price in force of every type in every zone of the region.
    pub(super) async fn spot_now(&self, now: Timestamp) -> Result<ByZone, CloudError> {
        let call = self.ec2.describe_spot_price_history().max_results(PAGE);
        let mut changes = self.steps(call, now).await?;
        changes.retain(|change| self.is_zone(&change.zone));
        changes.sort_by_key(|change| change.time);
        let mut prices = ByZone::new();
        for change in changes {
            prices.entry(change.instance_type).or_default().insert(change.zone, change.rate);
        }
        Ok(prices)
    }

    /// All pages of a history.
    async fn steps(
        &self,
        call: DescribeSpotPriceHistoryFluentBuilder,
        since: Timestamp,
    ) -> Result<Vec<SpotChange>, CloudError> {
        let call = call.product_descriptions(LINUX).start_time(DateTime::from_secs(since.as_second()));
        let mut pages = call.into_paginator().items().send();
        let mut changes = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| fault::of("ec2:DescribeSpotPriceHistory", error))?;
            let (Some(name), Some(zone), Some(price), Some(time)) =
                (item.instance_type, item.availability_zone, item.spot_price, item.timestamp)
            else {
                continue;
            };
            let rate = parse_usd_per_hour(&price)
                .map_err(|why| CloudError::Failed(format!("spot price {price} of {name}: {why}")))?
                .rate;
            let time = Timestamp::from_second(time.secs()).unwrap_or(since);
            changes.push(SpotChange { instance_type: name.as_str().to_owned(), zone, time, rate });
        }
        Ok(changes)
    }
}
