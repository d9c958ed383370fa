//! The main job on the built-in cluster, once, for a newcomer.

use std::process::ExitCode;

use anyhow::Context;
use plimsoll_proto::v1::{CreatePlanRequest, GetCatalogRequest, GetSnapshotRequest, Plan, Source};

use crate::client::{self, request_id};
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
        "next     plimsoll plan create --from mine.json | make serve, then plimsoll --server http://127.0.0.1:7400 plan explain ...".to_owned(),
    ];
    out.print(&plan, &(text.join("\n") + "\n"), &Table::default())?;
    expect_proven(&plan)?;
    running.shut_down().await;
    Ok(ExitCode::SUCCESS)
}

fn expect_proven(plan: &Plan) -> anyhow::Result<()> {
    anyhow::ensure!(plan.verified, "the demo's plan was not verified");
    Ok(())
}
