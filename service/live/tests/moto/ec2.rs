//! Machines, types, prices, launch templates.

use aws_sdk_ec2::types::{
    Filter, InstanceType, LocationType, RequestLaunchTemplateData, ResourceType, SpotPrice, Tag,
    TagSpecification,
};
use aws_smithy_types::DateTime;

use super::stage::{CLUSTER, Stage, TYPE, ZONES, expect, refused, until, well};
use super::{Case, Kept, STRANGE_TYPE, case};

const LINUX: &str = "Linux/UNIX";

pub fn cases() -> Vec<Case> {
    const INSTANCES: &str = "ec2:DescribeInstances";
    const SUBNETS: &str = "ec2:DescribeSubnets";
    const TYPES: &str = "ec2:DescribeInstanceTypes";
    const OFFERS: &str = "ec2:DescribeInstanceTypeOfferings";
    const SPOT: &str = "ec2:DescribeSpotPriceHistory";
    const DELETE: &str = "ec2:DeleteLaunchTemplate";
    vec![
        case(INSTANCES, "machines of a cluster are found by their tag", |on| Box::pin(by_tag(on))),
        case(SUBNETS, "a subnet tells its zone and its free addresses", |on| Box::pin(subnet(on))),
        case(SUBNETS, "a strange subnet is refused", |on| Box::pin(strange_subnet(on))),
        case(TYPES, "a type tells what is in it", |on| Box::pin(facts(on))),
        case(TYPES, "a strange type is refused", |on| Box::pin(strange_type(on))),
        case(OFFERS, "a zone of the region sells a type", |on| Box::pin(offered(on))),
        case(OFFERS, "offerings come in pages", |on| Box::pin(pages_of_offers(on))),
        case(SPOT, "a price is above zero", |on| Box::pin(spot_price(on))),
        case(SPOT, "prices are of the zone that is asked for", |on| Box::pin(spot_zone(on))),
        case(SPOT, "prices are of the system that is asked for", |on| Box::pin(spot_system(on))),
        case(SPOT, "the first price is the one in force", |on| Box::pin(spot_time(on))),
        case(SPOT, "prices come in pages", |on| Box::pin(pages_of_spot(on))),
        case("ec2:CreateLaunchTemplate", "a name is taken once", |on| Box::pin(template_once(on))),
        case("ec2:DescribeLaunchTemplates", "ours are found by name and tag", |on| {
            Box::pin(template_found(on))
        }),
        case(DELETE, "a template is deleted", |on| Box::pin(template_deleted(on))),
        case(DELETE, "what is gone is not found", |on| Box::pin(template_gone(on))),
    ]
}

async fn by_tag(on: &Stage) -> Kept {
    let filter = Filter::builder().name("tag:eks:cluster-name").values(CLUSTER).build();
    let mut found = Vec::new();
    let mut pages = on.ec2.describe_instances().filters(filter).into_paginator().send();
    while let Some(page) = pages.next().await {
        let reservations = well(page)?.reservations.unwrap_or_default();
        found.extend(reservations.into_iter().flat_map(|one| one.instances.unwrap_or_default()));
    }
    let is_told = |one: &aws_sdk_ec2::types::Instance| {
        let zone = one.placement().and_then(|place| place.availability_zone());
        one.launch_time().is_some() && one.instance_type().is_some() && zone == Some(ZONES[0])
    };
    expect(1 < found.len() && found.iter().all(is_told), || format!("{found:?}"))?;
    let id = found[0].instance_id().unwrap_or_default().to_owned();
    let filter = Filter::builder().name("instance-id").values(&id).build();
    let one = well(on.ec2.describe_instances().filters(filter).send().await)?;
    let ids: Vec<_> = one.reservations().iter().flat_map(|all| all.instances()).collect();
    expect(ids.len() == 1 && ids[0].instance_id() == Some(&id), || format!("{ids:?}"))
}

async fn subnet(on: &Stage) -> Kept {
    let found = well(on.ec2.describe_subnets().subnet_ids(&on.subnet).send().await)?.subnets;
    let found = found.unwrap_or_default();
    let is_told = |one: &aws_sdk_ec2::types::Subnet| {
        one.availability_zone() == Some(ZONES[0])
            && one.available_ip_address_count().is_some_and(|free| 0 < free)
    };
    expect(found.len() == 1 && found.iter().all(is_told), || format!("{found:?}"))
}

async fn strange_subnet(on: &Stage) -> Kept {
    let answer = on.ec2.describe_subnets().subnet_ids("subnet-0123456789abcdef0").send().await;
    refused(answer, "InvalidSubnetID.NotFound")
}

async fn facts(on: &Stage) -> Kept {
    let found = well(on.ec2.describe_instance_types().instance_types(TYPE.into()).send().await)?;
    let found = found.instance_types.unwrap_or_default();
    let [one] = &found[..] else { return Err(format!("{found:?}")) };
    let vcpu = one.v_cpu_info().and_then(|cpu| cpu.default_v_cpus());
    let memory = one.memory_info().and_then(|memory| memory.size_in_mib());
    expect((vcpu, memory) == (Some(4), Some(16_384)), || format!("{vcpu:?}, {memory:?}"))
}

async fn strange_type(on: &Stage) -> Kept {
    let answer =
        on.ec2.describe_instance_types().instance_types(InstanceType::from(STRANGE_TYPE)).send().await;
    refused(answer, "InvalidInstanceType")
}

async fn offered(on: &Stage) -> Kept {
    let call = on.ec2.describe_instance_type_offerings().location_type(LocationType::AvailabilityZone);
    let mut pages = call.into_paginator().items().send();
    let mut is_sold = false;
    while let Some(offer) = pages.next().await {
        let offer = well(offer)?;
        let zone = offer.location().unwrap_or_default();
        expect(zone.starts_with("us-east-1"), || format!("{offer:?}"))?;
        let name = offer.instance_type().map(|name| name.as_str());
        is_sold |= (name, zone) == (Some(TYPE), ZONES[0]);
    }
    expect(is_sold, || format!("{TYPE} is not sold in {}", ZONES[0]))
}

async fn pages_of_offers(on: &Stage) -> Kept {
    let call = on.ec2.describe_instance_type_offerings().location_type(LocationType::AvailabilityZone);
    let page = well(call.max_results(500).send().await)?;
    let count = page.instance_type_offerings().len();
    expect(count == 500 && page.next_token().is_some(), || format!("{count} on the first page"))
}

/// Prices of a type in the first zone since an hour of 2026.
async fn history(on: &Stage) -> Result<Vec<SpotPrice>, String> {
    let call = on.ec2.describe_spot_price_history().availability_zone(ZONES[0]).instance_types(TYPE.into());
    let call = call.product_descriptions(LINUX).start_time(DateTime::from_secs(SINCE));
    let found = well(call.send().await)?.spot_price_history.unwrap_or_default();
    expect(!found.is_empty(), || "no price".into())?;
    Ok(found)
}

/// 2026-11-01T00:00:00Z.
const SINCE: i64 = 1_793_491_200;

async fn spot_price(on: &Stage) -> Kept {
    let found = history(on).await?;
    let is_price = |one: &SpotPrice| one.spot_price().and_then(|text| text.parse::<f64>().ok()) > Some(0.0);
    expect(found.iter().all(is_price), || format!("{found:?}"))
}

async fn spot_zone(on: &Stage) -> Kept {
    let found = history(on).await?;
    expect(found.iter().all(|one| one.availability_zone() == Some(ZONES[0])), || format!("{found:?}"))
}

async fn spot_system(on: &Stage) -> Kept {
    let found = history(on).await?;
    let is_linux = |one: &SpotPrice| one.product_description().is_some_and(|name| name.as_str() == LINUX);
    expect(found.iter().all(is_linux), || format!("{found:?}"))
}

async fn spot_time(on: &Stage) -> Kept {
    const QUARTER_SECONDS: i64 = 90 * 24 * 3600;
    let found = history(on).await?;
    let oldest = found.iter().filter_map(|one| one.timestamp()).map(DateTime::secs).min();
    expect(oldest.is_some_and(|time| SINCE - QUARTER_SECONDS <= time), || format!("{oldest:?}"))
}

async fn pages_of_spot(on: &Stage) -> Kept {
    let call = on.ec2.describe_spot_price_history().product_descriptions(LINUX).max_results(100);
    let page = well(call.start_time(DateTime::from_secs(SINCE)).send().await)?;
    let count = page.spot_price_history().len();
    // AWS tells the last page by an empty token.
    let goes_on = page.next_token().is_some_and(|token| !token.is_empty());
    expect(count == 100 && goes_on, || format!("{count} on the first page"))
}

/// Makes a launch template of ours.
pub async fn make_template(on: &Stage, name: &str) -> Kept {
    well(template(on, name).await)
}

async fn template(on: &Stage, name: &str) -> Result<(), aws_sdk_ec2::Error> {
    let tag = Tag::builder().key("plimsoll:managed").value("true").build();
    let ours = TagSpecification::builder().resource_type(ResourceType::LaunchTemplate).tags(tag).build();
    let data = RequestLaunchTemplateData::builder().ebs_optimized(true).build();
    let call = on.ec2.create_launch_template().launch_template_name(name).launch_template_data(data);
    Ok(call.tag_specifications(ours).send().await.map(drop)?)
}

async fn found(on: &Stage, name: &str) -> Result<usize, String> {
    let ours = Filter::builder().name("tag-key").values("plimsoll:managed").build();
    let named = Filter::builder().name("launch-template-name").values(name).build();
    let call = on.ec2.describe_launch_templates().filters(ours).filters(named);
    Ok(well(call.send().await)?.launch_templates().len())
}

async fn delete(on: &Stage, name: &str) -> Result<(), aws_sdk_ec2::Error> {
    Ok(on.ec2.delete_launch_template().launch_template_name(name).send().await.map(drop)?)
}

async fn template_once(on: &Stage) -> Kept {
    make_template(on, "twice").await?;
    refused(template(on, "twice").await, "InvalidLaunchTemplateName.AlreadyExistsException")
}

async fn template_found(on: &Stage) -> Kept {
    make_template(on, "found").await?;
    let counts = (found(on, "found").await?, found(on, "not-there").await?);
    expect(counts == (1, 0), || format!("{counts:?}"))
}

async fn template_deleted(on: &Stage) -> Kept {
    make_template(on, "forgotten").await?;
    well(delete(on, "forgotten").await)?;
    until("gone", async || Ok(found(on, "forgotten").await? == 0)).await
}

async fn template_gone(on: &Stage) -> Kept {
    refused(delete(on, "not-there").await, "InvalidLaunchTemplateName.NotFoundException")
}
