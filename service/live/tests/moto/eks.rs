//! Node groups.

use aws_sdk_eks::error::SdkError;
use aws_sdk_eks::operation::create_nodegroup::{CreateNodegroupError, CreateNodegroupOutput};
use aws_sdk_eks::types::{
    AmiTypes, CapacityTypes, LaunchTemplateSpecification, Nodegroup, NodegroupScalingConfig, NodegroupStatus,
};

use super::stage::{CLUSTER, Stage, expect, refused, until, well};
use super::{Case, Kept, case};

const GONE: &str = "ResourceNotFoundException";

pub fn cases() -> Vec<Case> {
    const CREATE: &str = "eks:CreateNodegroup";
    const UPDATE: &str = "eks:UpdateNodegroupConfig";
    const DELETE: &str = "eks:DeleteNodegroup";
    vec![
        case("eks:DescribeCluster", "a cluster tells its subnets", |on| Box::pin(described(on))),
        case("eks:DescribeCluster", "a strange cluster is not found", |on| Box::pin(strange_cluster(on))),
        case("eks:ListNodegroups", "every group is on some page", |on| Box::pin(listed(on))),
        case("eks:ListNodegroups", "a strange cluster is not found", |on| Box::pin(strange_list(on))),
        case("eks:DescribeNodegroup", "a strange group is not found", |on| Box::pin(strange_group(on))),
        case(CREATE, "a group is what was asked for", |on| Box::pin(made_as_asked(on))),
        case(CREATE, "a group is made in its time", |on| Box::pin(made_in_time(on))),
        case(CREATE, "a group is made once", |on| Box::pin(made_once(on))),
        case(CREATE, "a strange subnet is refused", |on| Box::pin(strange_subnet(on))),
        case(CREATE, "a strange launch template is refused", |on| Box::pin(strange_template(on))),
        case(CREATE, "an Auto Scaling group is behind a node group", |on| Box::pin(behind(on))),
        case(UPDATE, "a size is taken", |on| Box::pin(resized(on))),
        case(UPDATE, "sizes out of order are refused", |on| Box::pin(out_of_order(on))),
        case(UPDATE, "one update runs at a time", |on| Box::pin(one_at_a_time(on))),
        case(DELETE, "a group goes in its time", |on| Box::pin(goes_in_time(on))),
        case(DELETE, "a group is deleted, and not found then", |on| Box::pin(deleted(on))),
    ]
}

fn size(min: i32, desired: i32) -> NodegroupScalingConfig {
    NodegroupScalingConfig::builder().min_size(min).max_size(5).desired_size(desired).build()
}

type Made = Result<CreateNodegroupOutput, SdkError<CreateNodegroupError>>;

async fn create(on: &Stage, name: &str, subnet: &str, template: &str) -> Made {
    let template = LaunchTemplateSpecification::builder().name(template).version("1").build();
    on.eks
        .create_nodegroup()
        .cluster_name(CLUSTER)
        .nodegroup_name(name)
        .scaling_config(size(0, 0))
        .subnets(subnet)
        .instance_types("m7i.large")
        .ami_type(AmiTypes::Al2023X8664Standard)
        .capacity_type(CapacityTypes::Spot)
        .node_role(&on.role)
        .labels("tier", "spot")
        .launch_template(template)
        .tags("plimsoll:managed", "true")
        .send()
        .await
}

/// Makes a group with a launch template of its name.
async fn begin(on: &Stage, name: &str) -> Result<Nodegroup, String> {
    super::ec2::make_template(on, name).await?;
    let made = well(create(on, name, &on.subnet, name).await)?;
    made.nodegroup.ok_or_else(|| "no group is answered".into())
}

async fn group(on: &Stage, name: &str) -> Result<Option<Nodegroup>, String> {
    let call = on.eks.describe_nodegroup().cluster_name(CLUSTER).nodegroup_name(name);
    match call.send().await {
        Ok(answer) => Ok(answer.nodegroup),
        Err(error) => refused::<(), _>(Err(error), GONE).map(|()| None),
    }
}

async fn active(on: &Stage, name: &str) -> Result<Nodegroup, String> {
    let is_active =
        |found: Option<Nodegroup>| found.filter(|it| it.status() == Some(&NodegroupStatus::Active));
    until("ACTIVE", async || Ok(is_active(group(on, name).await?).is_some())).await?;
    group(on, name).await?.ok_or_else(|| "it is gone".into())
}

async fn made(on: &Stage, name: &str) -> Result<Nodegroup, String> {
    begin(on, name).await?;
    active(on, name).await
}

async fn described(on: &Stage) -> Kept {
    let cluster = well(on.eks.describe_cluster().name(CLUSTER).send().await)?.cluster;
    let network = cluster.and_then(|cluster| cluster.resources_vpc_config);
    let subnets = network.and_then(|network| network.subnet_ids).unwrap_or_default();
    expect(subnets.contains(&on.subnet), || format!("{subnets:?}"))
}

async fn strange_cluster(on: &Stage) -> Kept {
    refused(on.eks.describe_cluster().name("not-there").send().await, GONE)
}

async fn listed(on: &Stage) -> Kept {
    let names: Vec<String> = (0..4).map(|number| format!("listed-{number}")).collect();
    for name in &names {
        begin(on, name).await?;
    }
    let mut pages = on.eks.list_nodegroups().cluster_name(CLUSTER).into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(name) = pages.next().await {
        found.push(well(name)?);
    }
    expect(names.iter().all(|name| found.contains(name)), || format!("{found:?}"))
}

async fn strange_list(on: &Stage) -> Kept {
    refused(on.eks.list_nodegroups().cluster_name("not-there").send().await, GONE)
}

async fn strange_group(on: &Stage) -> Kept {
    let found = group(on, "not-there").await?;
    expect(found.is_none(), || format!("{found:?}"))
}

async fn made_as_asked(on: &Stage) -> Kept {
    let made = made(on, "as-asked").await?;
    let tier = made.labels().and_then(|labels| labels.get("tier")).map(String::as_str);
    let is_ours = made.tags().is_some_and(|tags| tags.contains_key("plimsoll:managed"));
    let same = made.capacity_type() == Some(&CapacityTypes::Spot)
        && made.instance_types() == ["m7i.large"]
        && made.subnets() == [on.subnet.clone()]
        && made.node_role() == Some(on.role.as_str())
        && tier == Some("spot");
    expect(same && is_ours, || format!("{made:?}"))
}

async fn made_in_time(on: &Stage) -> Kept {
    let status = begin(on, "in-time").await?.status;
    expect(status == Some(NodegroupStatus::Creating), || format!("{status:?}"))
}

async fn made_once(on: &Stage) -> Kept {
    begin(on, "once").await?;
    refused(create(on, "once", &on.subnet, "once").await, "ResourceInUseException")
}

async fn strange_subnet(on: &Stage) -> Kept {
    super::ec2::make_template(on, "strange-subnet").await?;
    let made = create(on, "strange-subnet", "subnet-0123456789abcdef0", "strange-subnet").await;
    refused(made, "InvalidParameterException")
}

async fn strange_template(on: &Stage) -> Kept {
    refused(create(on, "strange-template", &on.subnet, "not-there").await, "InvalidRequestException")
}

async fn behind(on: &Stage) -> Kept {
    let made = made(on, "behind").await?;
    let named = made.resources().and_then(|has| has.auto_scaling_groups().first()?.name());
    let named = named.ok_or("no Auto Scaling group is named")?;
    let answer = on.scaling.describe_auto_scaling_groups().auto_scaling_group_names(named).send().await;
    let found = well(answer)?.auto_scaling_groups.unwrap_or_default();
    expect(found.len() == 1 && found[0].desired_capacity == Some(0), || format!("{named}: {found:?}"))
}

async fn update(on: &Stage, name: &str, size: NodegroupScalingConfig) -> Result<(), aws_sdk_eks::Error> {
    let call = on.eks.update_nodegroup_config().cluster_name(CLUSTER).nodegroup_name(name);
    Ok(call.scaling_config(size).send().await.map(drop)?)
}

async fn resized(on: &Stage) -> Kept {
    made(on, "resized").await?;
    well(update(on, "resized", size(0, 2)).await)?;
    let size = group(on, "resized").await?.and_then(|group| group.scaling_config);
    expect(size.as_ref().and_then(|size| size.desired_size) == Some(2), || format!("{size:?}"))
}

async fn out_of_order(on: &Stage) -> Kept {
    made(on, "out-of-order").await?;
    refused(update(on, "out-of-order", size(3, 2)).await, "InvalidParameterException")
}

async fn one_at_a_time(on: &Stage) -> Kept {
    made(on, "one-at-a-time").await?;
    well(update(on, "one-at-a-time", size(0, 1)).await)?;
    refused(update(on, "one-at-a-time", size(0, 2)).await, "ResourceInUseException")
}

async fn goes_in_time(on: &Stage) -> Kept {
    made(on, "goes").await?;
    let gone = on.eks.delete_nodegroup().cluster_name(CLUSTER).nodegroup_name("goes").send().await;
    let status = well(gone)?.nodegroup.and_then(|group| group.status);
    expect(status == Some(NodegroupStatus::Deleting), || format!("{status:?}"))
}

async fn deleted(on: &Stage) -> Kept {
    made(on, "deleted").await?;
    let delete = || on.eks.delete_nodegroup().cluster_name(CLUSTER).nodegroup_name("deleted").send();
    well(delete().await)?;
    until("gone", async || Ok(group(on, "deleted").await?.is_none())).await?;
    refused(delete().await, GONE)
}
