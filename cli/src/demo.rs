//! The main job on the built-in cluster, once, for a newcomer: plan, apply, a bad day, a bill.

mod day;

use std::process::ExitCode;

use anyhow::Context;
use plimsoll_proto::v1::{
    ApplyPlanRequest, CreatePlanRequest, GetCatalogRequest, GetSnapshotRequest, Operation, Plan,
    RefreshClusterRequest, Snapshot, Source,
};

use crate::client::{self, Client, request_id};
use crate::operation;
use crate::output::{Output, Table, thousands};
use crate::price::day;
use crate::progress::Line;
use crate::view;

/// The demo takes no choices.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll demo")]
pub struct Args {
    /// Seed of whatever is random
    #[arg(long, default_value_t = 1)]
    seed: i64,
}

/// Starts a server with the example cluster on a free port of loopback, plans, proves, prints, stops.
pub async fn demo(out: &mut Output, args: Args) -> anyhow::Result<ExitCode> {
    let running = plimsoll_server::demo().await.context("the demo's server did not start")?;
    let address = format!("http://{}", running.grpc_address());
    let client = client::reach(Some(&address)).await?;
    let catalog = client
        .pricing()
        .get_catalog(GetCatalogRequest { name: "catalogs/latest".into(), region: "us-east-1".into() })
        .await?
        .into_inner();
    let cluster = plimsoll_server::DEMO_CLUSTER;
    let name = format!("clusters/{cluster}/snapshots/latest");
    let snapshot = client.ingest().get_snapshot(GetSnapshotRequest { name }).await?.into_inner();

    let line = Line::new(out);
    line.say("planning");
    let request = CreatePlanRequest {
        parent: format!("clusters/{cluster}"),
        request_id: request_id(),
        seed: args.seed,
        ..Default::default()
    };
    let created = client.plans().create_plan(request).await;
    line.done();
    let plan = created?.into_inner();
    let applied = apply(&client, out, &plan).await?;
    let parent = format!("clusters/{cluster}");
    let (after, now) = look_again(&client, &parent, args.seed).await?;
    let bill = day::live(&running, &client, out, &parent).await?;

    let told = |source: &Source| {
        let day = source.source_time.as_ref().map(day).unwrap_or_default();
        format!("{} {day}", source.what)
    };
    let sources: Vec<String> = catalog.sources.iter().map(told).collect();
    let text = [
        format!("catalog  {} types, {}, {}", thousands(catalog.instance_type_count.into()), catalog.region, sources.join(", ")),
        format!(
            "cluster  {cluster}: {} nodes in {} groups, {} pods, {} models; {} today",
            snapshot.node_count,
            plan.groups.iter().filter(|group| group.existing).count(),
            snapshot.pod_count,
            plimsoll_server::DEMO_MODELS,
            crate::output::usd_per_hour(plan.cost_before_nano_usd_per_hour),
        ),
        view::plan_line(&plan),
        view::proof_line(&plan),
        plan.referee.as_ref().map(view::referee_line).unwrap_or_default(),
        operation::end_line(&applied),
        format!(
            "after    {} nodes, {}; in a simulated world, 600 times as fast as the real one",
            after.node_count,
            crate::output::usd_per_hour(now.cost_before_nano_usd_per_hour)
        ),
        bill,
        "next     plimsoll plan create --from mine.json | make serve, then plimsoll --server http://127.0.0.1:7400 plan apply ...".to_owned(),
    ];
    out.print(&plan, &(text.join("\n") + "\n"), &Table::default())?;
    anyhow::ensure!(plan.verified, "the demo's plan was not verified");
    running.shut_down().await;
    Ok(operation::end_code(&applied))
}

/// Carries the plan out in the simulated world, and shows each step to who watches.
async fn apply(client: &Client, out: &Output, plan: &Plan) -> anyhow::Result<Operation> {
    let request =
        ApplyPlanRequest { name: plan.name.clone(), request_id: request_id(), etag: plan.etag.clone() };
    let begun = client.plans().apply_plan(request).await?.into_inner();
    operation::follow(client, out, &begun.name).await
}

/// The cluster as it runs after the apply, and a first look at what it costs.
async fn look_again(client: &Client, parent: &str, seed: i64) -> anyhow::Result<(Snapshot, Plan)> {
    let request = RefreshClusterRequest { name: parent.to_owned(), request_id: request_id() };
    let after = client.ingest().refresh_cluster(request).await?.into_inner();
    let time_budget = Some(pbjson_types::Duration { seconds: 1, nanos: 0 });
    let request = CreatePlanRequest { parent: parent.to_owned(), seed, time_budget, ..Default::default() };
    Ok((after, client.plans().create_plan(request).await?.into_inner()))
}
