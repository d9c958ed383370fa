//! A day in the life of the demo's cluster, after its plan was carried out.

use std::time::Duration;

use plimsoll_proto::v1::operation_metadata::Kind;
use plimsoll_proto::v1::{
    CostDimension, GetSavingsRequest, ListNodeGroupsRequest, ListOperationsRequest, NodeGroup, Operation,
    QueryCostsRequest, QueryCostsResponse, ResizeNodeGroupRequest,
};
use plimsoll_server::Running;

use crate::client::{Client, request_id};
use crate::cost::outlook;
use crate::operation;
use crate::output::{Output, usd};
use crate::progress::Line;

/// Virtual seconds in a real one while nothing happens but time.
const SPEED: u32 = 3600;
/// What the bill is about.
const DAY: i64 = 24 * 3600;
/// Between looks at the clock.
const LOOK: Duration = Duration::from_millis(200);
/// Real time after which waiting for something makes no sense any more.
const PATIENCE: Duration = Duration::from_secs(60);
/// Lines of a bill that are shown.
const LINES_MAX: usize = 6;

/// Spot machines are taken back, a group is resized, a day goes by, and the bill comes: what is told of it.
pub async fn live(running: &Running, client: &Client, out: &Output, parent: &str) -> anyhow::Result<String> {
    let spot = interruption(running, client, out, parent).await?;
    let resize = resize(client, out, parent).await?;
    running.set_speed(SPEED);
    wait_a_day(client, out, parent).await?;
    let by_group = costs(client, parent, vec![CostDimension::NodeGroup]).await?;
    let by_team = costs(client, parent, vec![CostDimension::Team, CostDimension::Kind]).await?;
    let request = GetSavingsRequest { name: format!("{parent}/plans/-"), end_time: None };
    let savings = client.costs().get_savings(request).await?.into_inner();
    let total = by_group.total.as_ref().map_or(0, |total| total.effective_cost_nano_usd);
    Ok([
        spot,
        resize,
        format!("cost     {} in the last 24 h", usd(total)),
        format!("  by node group  {}", bill(&by_group)),
        format!("  by team        {}", bill(&by_team)),
        outlook::savings_line(&savings),
    ]
    .join("\n"))
}

/// The cloud takes spot machines back, and the service acts on its word.
async fn interruption(
    running: &Running,
    client: &Client,
    out: &Output,
    parent: &str,
) -> anyhow::Result<String> {
    let count = running.take_spot_back().await?;
    if count == 0 {
        return Ok("spot     no spot machine runs".to_owned());
    }
    let line = Line::new(out);
    line.say("the cloud takes spot machines back");
    let begun = wait_for(|| newest(client, parent)).await;
    line.done();
    let end = operation::follow(client, out, &begun?.name).await?;
    Ok(format!("spot     {count} machines taken back at two minutes' notice; {}", operation::end_words(&end)))
}

async fn newest(client: &Client, parent: &str) -> anyhow::Result<Option<Operation>> {
    let request = ListOperationsRequest { parent: parent.to_owned(), ..Default::default() };
    let found = client.operations().list_operations(request).await?.into_inner().operations;
    let heeds = |one: &Operation| {
        one.metadata.as_ref().is_some_and(|metadata| metadata.kind() == Kind::ReplaceInterrupted)
    };
    Ok(found.into_iter().find(heeds))
}

/// One node more in the largest group, as an autoscaling hook would ask, and back.
async fn resize(client: &Client, out: &Output, parent: &str) -> anyhow::Result<String> {
    let request = ListNodeGroupsRequest { parent: parent.to_owned(), ..Default::default() };
    let groups = client.node_groups().list_node_groups(request).await?.into_inner().node_groups;
    let largest = groups.into_iter().max_by_key(|group: &NodeGroup| group.desired_count);
    let group = largest.ok_or_else(|| anyhow::anyhow!("the demo's cluster has no node group"))?;
    let mut told = Vec::new();
    for desired_count in [group.desired_count + 1, group.desired_count] {
        let request = ResizeNodeGroupRequest {
            name: group.name.clone(),
            desired_count,
            reason: "demo".to_owned(),
            request_id: request_id(),
            ..Default::default()
        };
        let begun = client.node_groups().resize_node_group(request).await?.into_inner();
        let end = operation::follow(client, out, &begun.name).await?;
        told.push(format!("to {desired_count}: {}", operation::end_words(&end)));
    }
    let name = group.name.rsplit('/').next().unwrap_or_default();
    Ok(format!("resize   {name} {}", told.join("; ")))
}

/// Lets a day go by, and shows the cluster's time meanwhile.
async fn wait_a_day(client: &Client, out: &Output, parent: &str) -> anyhow::Result<()> {
    let line = Line::new(out);
    let now = async || -> anyhow::Result<i64> {
        let window_duration = Some(pbjson_types::Duration { seconds: 1, nanos: 0 });
        let request = QueryCostsRequest { parent: parent.to_owned(), window_duration, ..Default::default() };
        let answer = client.costs().query_costs(request).await?.into_inner();
        Ok(answer.end_time.map_or(0, |time| time.seconds))
    };
    let end = now().await? + DAY;
    let waited = wait_for(async || {
        let left = end - now().await?;
        line.say(&format!("a day goes by: {} h left", (left.max(0) + 3599) / 3600));
        Ok((left <= 0).then_some(()))
    })
    .await;
    line.done();
    waited
}

async fn costs(
    client: &Client,
    parent: &str,
    group_by: Vec<CostDimension>,
) -> anyhow::Result<QueryCostsResponse> {
    let request = QueryCostsRequest {
        parent: parent.to_owned(),
        group_by: group_by.into_iter().map(i32::from).collect(),
        ..Default::default()
    };
    Ok(client.costs().query_costs(request).await?.into_inner())
}

/// Asks until there is an answer.
async fn wait_for<T>(ask: impl AsyncFn() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let asking = async {
        loop {
            match ask().await {
                Ok(None) => tokio::time::sleep(LOOK).await,
                Ok(Some(found)) => return Ok(found),
                Err(error) => return Err(error),
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await?
}

/// The largest lines of a bill, and the rest.
fn bill(answer: &QueryCostsResponse) -> String {
    let name = |keys: &[String]| {
        let named: Vec<&str> = keys.iter().map(String::as_str).filter(|key| !key.is_empty()).collect();
        match named.as_slice() {
            [] => "(none)".to_owned(),
            [team, "WORKLOAD"] => (*team).to_owned(),
            named => named.join(" "),
        }
    };
    let (shown, rest) = answer.rows.split_at(LINES_MAX.min(answer.rows.len()));
    let mut told: Vec<String> =
        shown.iter().map(|row| format!("{} {}", name(&row.keys), usd(row.effective_cost_nano_usd))).collect();
    if !rest.is_empty() {
        let sum = rest.iter().map(|row| row.effective_cost_nano_usd).sum();
        told.push(format!("{} others {}", rest.len(), usd(sum)));
    }
    told.join(", ")
}
