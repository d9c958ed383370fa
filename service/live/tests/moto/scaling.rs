//! The Auto Scaling groups behind.

use aws_sdk_autoscaling::types::AutoScalingGroup;

use super::stage::{Stage, TYPE, ZONES, expect, refused, until, well};
use super::{Case, Kept, case};

const INVALID: &str = "ValidationError";

pub fn cases() -> Vec<Case> {
    const SET: &str = "autoscaling:SetDesiredCapacity";
    const TERMINATE: &str = "autoscaling:TerminateInstanceInAutoScalingGroup";
    const DESCRIBE: &str = "autoscaling:DescribeAutoScalingGroups";
    const ACTIVITIES: &str = "autoscaling:DescribeScalingActivities";
    vec![
        case(DESCRIBE, "a group tells its machines", |on| Box::pin(members(on))),
        case(DESCRIBE, "a strange group is none", |on| Box::pin(strange_group(on))),
        case(SET, "more than the greatest size is refused", |on| Box::pin(too_many(on))),
        case(SET, "a strange group is refused", |on| Box::pin(strange_size(on))),
        case(TERMINATE, "a strange machine is refused", |on| Box::pin(strange_machine(on))),
        case(TERMINATE, "the machine that is named goes, and the size with it", |on| Box::pin(shrunk(on))),
        case(SET, "a group grows to a size", |on| Box::pin(grown(on))),
        case(TERMINATE, "the least size is kept", |on| Box::pin(at_least(on))),
        case(ACTIVITIES, "a launch that fails is told", |on| Box::pin(failures(on))),
    ]
}

async fn named(on: &Stage, name: &str) -> Result<Option<AutoScalingGroup>, String> {
    let answer = on.scaling.describe_auto_scaling_groups().auto_scaling_group_names(name).send().await;
    Ok(well(answer)?.auto_scaling_groups.unwrap_or_default().into_iter().next())
}

async fn group(on: &Stage) -> Result<AutoScalingGroup, String> {
    named(on, on.group).await?.ok_or_else(|| format!("{} is not there", on.group))
}

/// Ids of machines that stay.
async fn machines(on: &Stage) -> Result<Vec<String>, String> {
    let its = group(on).await?.instances.unwrap_or_default();
    let stays = |state: &str| !state.starts_with("Terminat");
    let its = its.into_iter().filter(|one| one.lifecycle_state().is_none_or(|state| stays(state.as_str())));
    Ok(its.filter_map(|one| one.instance_id).collect())
}

async fn set(on: &Stage, name: &str, desired: i32) -> Result<(), aws_sdk_autoscaling::Error> {
    let call = on.scaling.set_desired_capacity().auto_scaling_group_name(name).desired_capacity(desired);
    Ok(call.send().await.map(drop)?)
}

async fn terminate(on: &Stage, id: &str) -> Result<(), aws_sdk_autoscaling::Error> {
    let call = on.scaling.terminate_instance_in_auto_scaling_group().instance_id(id);
    Ok(call.should_decrement_desired_capacity(true).send().await.map(drop)?)
}

async fn members(on: &Stage) -> Kept {
    until("two machines", async || Ok(machines(on).await?.len() == 2)).await?;
    let group = group(on).await?;
    let sizes = (group.min_size, group.max_size, group.desired_capacity);
    expect(sizes == (Some(1), Some(50), Some(2)), || format!("{sizes:?}"))?;
    let is_told = group
        .instances()
        .iter()
        .all(|one| (one.instance_type(), one.availability_zone()) == (Some(TYPE), Some(ZONES[0])));
    expect(is_told, || format!("{group:?}"))
}

async fn strange_group(on: &Stage) -> Kept {
    let found = named(on, "not-there").await?;
    expect(found.is_none(), || format!("{found:?}"))
}

async fn too_many(on: &Stage) -> Kept {
    let before = group(on).await?.desired_capacity.unwrap_or(0);
    let answer = set(on, on.group, 51).await;
    if answer.is_ok() {
        well(set(on, on.group, before).await)?;
    }
    refused(answer, INVALID)
}

async fn strange_size(on: &Stage) -> Kept {
    refused(set(on, "not-there", 1).await, INVALID)
}

async fn strange_machine(on: &Stage) -> Kept {
    refused(terminate(on, "i-0fffffffffffffffe").await, INVALID)
}

async fn shrunk(on: &Stage) -> Kept {
    let before = machines(on).await?;
    let [goes, stays] = &before[..] else { return Err(format!("{before:?}")) };
    well(terminate(on, goes).await)?;
    until("gone", async || Ok(machines(on).await? == [stays.clone()])).await?;
    let desired = group(on).await?.desired_capacity;
    expect(desired == Some(1), || format!("desired: {desired:?}"))
}

async fn grown(on: &Stage) -> Kept {
    well(set(on, on.group, 2).await)?;
    until("two machines", async || Ok(machines(on).await?.len() == 2)).await
}

async fn at_least(on: &Stage) -> Kept {
    let its = machines(on).await?;
    let [one, other] = &its[..] else { return Err(format!("{its:?}")) };
    well(terminate(on, one).await)?;
    refused(terminate(on, other).await, INVALID)
}

async fn failures(on: &Stage) -> Kept {
    on.shortage();
    well(set(on, on.group, 3).await)?;
    let told = async || {
        let call = on.scaling.describe_scaling_activities().auto_scaling_group_name(on.group);
        let all = well(call.send().await)?.activities.unwrap_or_default();
        let failed = all
            .into_iter()
            .filter(|one| one.status_code.as_ref().is_some_and(|code| code.as_str() == "Failed"));
        let words = failed.filter_map(|one| one.status_message).collect::<String>();
        Ok(words.contains("InsufficientInstanceCapacity"))
    };
    until("a failure", told).await
}
