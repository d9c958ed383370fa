//! What an account has committed itself to pay, and what for: Reserved Instances of the region, and Savings Plans with their
//! rates.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, ReservedInstances, Scope, Tenancy};
use aws_sdk_savingsplans::types::{
    CurrencyCode, SavingsPlan, SavingsPlanRateFilter, SavingsPlanRateFilterName, SavingsPlanRatePropertyKey,
    SavingsPlanState, SavingsPlanType,
};
use jiff::Timestamp;
use plimsoll_domain::commitments::Held;
use plimsoll_domain::ledger::commitment::{Commitment, Cover};
use plimsoll_domain::units::parse_usd_per_hour;
use plimsoll_domain::world::CloudError;

use super::{Aws, fault};

/// What is run: reservations and rates of other systems are others. The first may say that it is for a VPC.
const LINUX: &str = "Linux/UNIX";
/// Rates of one page: the most that the service gives.
const PAGE: i32 = 1_000;
const SECONDS_OF_HOUR: i128 = 3600;

impl Aws {
    /// All commitments in force that machines of the region use.
    pub(super) async fn held(&self) -> Result<Vec<Held>, CloudError> {
        let (mut held, plans) = futures::try_join!(self.reserved(), self.savings_plans())?;
        for plan in plans {
            held.extend(self.savings_plan(plan).await?);
        }
        Ok(held)
    }

    async fn reserved(&self) -> Result<Vec<Held>, CloudError> {
        let active = Filter::builder().name("state").values("active").build();
        let answer = self.ec2.describe_reserved_instances().filters(active).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeReservedInstances", error))?;
        Ok(answer.reserved_instances.unwrap_or_default().into_iter().filter_map(reservation).collect())
    }

    async fn savings_plans(&self) -> Result<Vec<SavingsPlan>, CloudError> {
        let (mut plans, mut token) = (Vec::new(), None);
        loop {
            let call = self.savings.describe_savings_plans().states(SavingsPlanState::Active);
            let answer = call.set_next_token(token).send().await;
            let answer = answer.map_err(|error| fault::of("savingsplans:DescribeSavingsPlans", error))?;
            plans.extend(answer.savings_plans.unwrap_or_default());
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(plans);
            }
        }
    }

    /// A plan that machines of the region use; none if it is for something else.
    async fn savings_plan(&self, plan: SavingsPlan) -> Result<Option<Held>, CloudError> {
        let is_here = plan.region.as_ref().is_none_or(|region| *region == self.account.region);
        let is_usd = plan.currency.as_ref().is_none_or(|currency| *currency == CurrencyCode::Usd);
        let (Some(id), Some(committed)) = (plan.savings_plan_id, plan.commitment.as_deref().and_then(nano))
        else {
            return Ok(None);
        };
        let nano_usd_per_hour = committed;
        let cover = match plan.savings_plan_type {
            Some(SavingsPlanType::Compute) if is_usd => {
                Cover::ComputePlan { nano_usd_per_hour, rates: self.rates(&id).await? }
            }
            Some(SavingsPlanType::Ec2Instance) if is_usd && is_here => {
                let family = plan.ec2_instance_family.unwrap_or_default();
                Cover::InstancePlan { family, nano_usd_per_hour, rates: self.rates(&id).await? }
            }
            _ => return Ok(None),
        };
        let end_time = plan.end.and_then(|end| end.parse().ok());
        Ok(Some(Held { commitment: Commitment { id, account: String::new(), cover }, end_time }))
    }

    /// What a Savings Plan asks for machines of the region, by instance type, nano-USD per hour.
    async fn rates(&self, plan: &str) -> Result<BTreeMap<String, i64>, CloudError> {
        let filters = [
            (SavingsPlanRateFilterName::Region, self.account.region.as_str()),
            (SavingsPlanRateFilterName::ProductDescription, LINUX),
            (SavingsPlanRateFilterName::Tenancy, "shared"),
            (SavingsPlanRateFilterName::ProductType, "EC2"),
        ];
        let filters =
            filters.map(|(name, value)| SavingsPlanRateFilter::builder().name(name).values(value).build());
        let (mut rates, mut token) = (BTreeMap::new(), None);
        loop {
            let call = self.savings.describe_savings_plan_rates().savings_plan_id(plan).max_results(PAGE);
            let answer = call.set_filters(Some(filters.to_vec())).set_next_token(token).send().await;
            let answer = answer.map_err(|error| fault::of("savingsplans:DescribeSavingsPlanRates", error))?;
            for one in answer.search_results.unwrap_or_default() {
                let of_type = |property: &&aws_sdk_savingsplans::types::SavingsPlanRateProperty| {
                    property.name == Some(SavingsPlanRatePropertyKey::InstanceType)
                };
                let instance_type =
                    one.properties().iter().find(of_type).and_then(|property| property.value());
                if let (Some(name), Some(rate)) = (instance_type, one.rate().and_then(nano)) {
                    rates.insert(name.to_owned(), rate);
                }
            }
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(rates);
            }
        }
    }
}

/// A reservation of machines like ours; none if it is of others.
fn reservation(from: ReservedInstances) -> Option<Held> {
    let is_linux = from.product_description.as_ref().is_some_and(|what| what.as_str().starts_with(LINUX));
    let is_shared = from.instance_tenancy.is_none_or(|tenancy| tenancy == Tenancy::Default);
    let count = u32::try_from(from.instance_count?).ok().filter(|_| is_linux && is_shared)?;
    let zone = from.availability_zone.filter(|_| from.scope == Some(Scope::AvailabilityZone));
    // What was paid upfront, spread over the term.
    let term = i128::from(from.duration.filter(|seconds| 0 < *seconds)?);
    let upfront = i128::from(amount(from.fixed_price.unwrap_or_default())?) * SECONDS_OF_HOUR / term;
    let hourly = from.recurring_charges.unwrap_or_default().into_iter().filter_map(|charge| charge.amount);
    let hourly = hourly.filter_map(amount).fold(0, i64::saturating_add);
    let nano_usd_per_hour = i64::try_from(upfront)
        .ok()?
        .saturating_add(hourly)
        .saturating_add(amount(from.usage_price.unwrap_or_default())?);
    let instance_type = from.instance_type?.as_str().to_owned();
    let cover = Cover::Reserved { instance_type, zone, count, nano_usd_per_hour };
    let commitment = Commitment { id: from.reserved_instances_id?, account: String::new(), cover };
    let end_time = from.end.and_then(|end| Timestamp::from_second(end.secs()).ok());
    Some(Held { commitment, end_time })
}

/// An amount of USD that the SDK has as a binary fraction, as the decimal that it stands for; in nano-USD.
fn amount(usd: impl std::fmt::Display) -> Option<i64> {
    nano(&usd.to_string())
}

fn nano(usd: &str) -> Option<i64> {
    parse_usd_per_hour(usd).ok().map(|price| price.rate.nano_usd())
}
