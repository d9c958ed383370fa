//! Plans: create, read, explain, export; `plan verify` is in [`crate::verify`].

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use pbjson_types::FieldMask;
use plimsoll_proto::v1::cluster::Mode;
use plimsoll_proto::v1::export_plan_request::Format;
use plimsoll_proto::v1::plan_event::Event;
use plimsoll_proto::v1::{
    ApplyPlanRequest, Cluster, CreatePlanRequest, ExplainPlanRequest, GetPlanRequest, ImportHeader,
    ListPlansRequest, Plan, PlanView,
};

use crate::client::{Client, request_id};
use crate::cluster::{self, resource};
use crate::exit::Misuse;
use crate::output::Output;
use crate::progress::Line;
use crate::{export, import, operation, policy, price, simulate, verify, view};

/// What can be done with plans.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Compute a plan, and show what it changes, saves and proves
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateArgs),
    /// Show a plan
    #[command(
        after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 plan get clusters/prod/plans/p1 --output json"
    )]
    Get {
        /// Its resource name
        name: String,
    },
    /// List a cluster's plans, newest first
    #[command(after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 plan list prod")]
    List {
        /// The cluster's id or resource name
        cluster: String,
    },
    /// Say why a plan is as it is, and why an instance type is not in it
    #[command(
        after_help = "Examples:\n  plimsoll --server http://127.0.0.1:7400 plan explain clusters/prod/plans/p1\n  plimsoll plan explain --from mine.json --offering m7i.large"
    )]
    Explain(ExplainArgs),
    /// Carry a plan out and follow it to its end
    ///
    /// Prints one line per step. Exits 0 if the plan was applied, 3 if it was undone.
    #[command(
        after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 plan apply clusters/prod/plans/p1"
    )]
    Apply {
        /// Its resource name, as printed by `plan create`
        name: String,
        /// Print the operation's name and return at once
        #[arg(long)]
        no_wait: bool,
    },
    /// Try a plan out: carry it out in a simulated world beside today's fleet, and compare what both cost and who waited
    ///
    /// Touches nothing.
    #[command(after_help = simulate::EXAMPLES)]
    Simulate(simulate::Args),
    /// Write a plan as a file: its bundle for a verifier, or node groups for eksctl, Karpenter or Terraform
    #[command(after_help = export::EXAMPLES)]
    Export(export::Args),
    /// Prove or reject a bundle; needs no server
    Verify(verify::Args),
}

const CREATE_EXAMPLES: &str = "\
Examples:
  plimsoll plan create --from mine.json
  plimsoll plan create --from pods.csv --policy none --prices ec2.csv --time-budget 10s --bundle bundle.json
  plimsoll --server http://127.0.0.1:7400 plan create --cluster prod
  plimsoll --server http://127.0.0.1:7400 plan create --cluster prod --snapshot clusters/prod/snapshots/s1 --catalog catalogs/k1";

/// From what to plan, and how long.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    /// Cluster to plan for, by id or resource name; with --from it is registered if it is missing
    #[arg(long, default_value = "mine")]
    cluster: String,
    /// File to import first: kubectl JSON or YAML, a directory of them, a trace, a ready instance
    #[arg(long)]
    from: Option<PathBuf>,
    /// File of prices to import first
    #[arg(long)]
    prices: Option<PathBuf>,
    /// AWS region of the cluster that is registered, and of the prices; only us-east-1 needs no --prices
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Snapshot to plan from, as listed by `cluster snapshots`; default: the newest
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    snapshot: Option<String>,
    /// Prices to plan with, as listed by `price catalogs`; default: the newest of the cluster's region
    #[arg(long, value_name = "NAME", conflicts_with = "prices")]
    catalog: Option<String>,
    /// File of usage to import after the snapshot: CSV, Prometheus or metrics-server JSON
    #[arg(long)]
    usage: Option<PathBuf>,
    /// `default`, `none`, or a file with the fields of a policy that differ
    #[arg(long)]
    policy: Option<String>,
    /// Most time for solving, such as 500ms, 10s or 2m
    #[arg(long, value_parser = duration)]
    time_budget: Option<Duration>,
    /// Seed of whatever is random
    #[arg(long, default_value_t = 1)]
    seed: i64,
    /// Count pods of a trace that have finished
    #[arg(long)]
    include_finished: bool,
    /// File to write the bundle to, for `plan verify`
    #[arg(long)]
    bundle: Option<PathBuf>,
}

/// Which plan to explain.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The plan's resource name; none: one is made from --from
    name: Option<String>,
    /// Ask why this instance type, or offering by id, is not bought
    #[arg(long, default_value = "")]
    offering: String,
    /// How to make a plan, where none is named
    #[command(flatten)]
    create: CreateArgs,
}

/// Carries a command out.
pub async fn run(client: Client, out: &mut Output, command: Command) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    match command {
        Command::Create(args) => {
            let plan = create(&client, out, &args).await?;
            view::plan(out, &plan)?;
            next_steps(&client, out, &plan, &args);
        }
        Command::Get { name } => {
            let request = GetPlanRequest { name, view: PlanView::Full.into() };
            view::plan(out, &client.plans().get_plan(request).await?.into_inner())?;
        }
        Command::List { cluster } => view::plans(out, &list(&client, &cluster).await?)?,
        Command::Explain(args) => {
            let name = match args.name {
                Some(name) => name,
                None if args.create.from.is_some() => create(&client, out, &args.create).await?.name,
                None => return Err(Misuse("name a plan, or give --from FILE").into()),
            };
            let request = ExplainPlanRequest { name, offering: args.offering };
            view::explanation(out, &client.plans().explain_plan(request).await?.into_inner())?;
        }
        Command::Apply { name, no_wait } => {
            let request = ApplyPlanRequest { name, request_id: request_id(), ..ApplyPlanRequest::default() };
            let begun = client.plans().apply_plan(request).await?.into_inner();
            code = operation::attend(&client, out, &begun, no_wait).await?;
        }
        Command::Simulate(args) => code = simulate::run(&client, out, args).await?,
        Command::Export(args) => export::run(&client, args).await?,
        Command::Verify(args) => return verify::verify(out, &args),
    }
    client.close().await;
    Ok(code)
}

/// Imports what is given, computes a plan, writes its bundle.
pub async fn create(client: &Client, out: &Output, args: &CreateArgs) -> anyhow::Result<Plan> {
    if client.is_own() && args.from.is_none() {
        let message = "there is nothing to plan for: give --from FILE, or --server ADDRESS of a server that knows the cluster";
        return Err(Misuse(message).into());
    }
    let mut request = order(args)?;
    if let Some(file) = &args.prices {
        request.catalog = price::send(client, out, file, &args.region).await?.name;
    }
    if let Some(file) = &args.from {
        ensure_cluster(client, &args.cluster, &args.region).await?;
        request.snapshot = send(client, out, args, file).await?;
    }
    if let Some(file) = &args.usage {
        send(client, out, args, file).await?;
    }
    let plan = follow(client, out, request).await?;
    if let Some(file) = &args.bundle {
        export::to_file(client, &plan.name, Format::Bundle, file).await?;
        out.remark(&format!(
            "bundle written to {}; prove it with: plimsoll plan verify {}",
            file.display(),
            file.display()
        ));
    }
    Ok(plan)
}

fn order(args: &CreateArgs) -> anyhow::Result<CreatePlanRequest> {
    let (policy_override, policy_override_mask) = match &args.policy {
        Some(text) => {
            let (policy, paths) = policy::choose(text)?;
            (Some(policy), Some(FieldMask { paths }))
        }
        None => (None, None),
    };
    Ok(CreatePlanRequest {
        parent: resource(&args.cluster),
        request_id: request_id(),
        policy_override,
        policy_override_mask,
        time_budget: args.time_budget.map(pbjson_types::Duration::from),
        seed: args.seed,
        snapshot: args.snapshot.clone().unwrap_or_default(),
        catalog: args.catalog.clone().unwrap_or_default(),
        ..CreatePlanRequest::default()
    })
}

async fn ensure_cluster(client: &Client, id: &str, region: &str) -> anyhow::Result<()> {
    let bare = id.strip_prefix("clusters/").unwrap_or(id);
    let wanted = Cluster { mode: Mode::Offline.into(), region: region.to_owned(), ..Cluster::default() };
    match cluster::register(client, bare, wanted).await {
        Ok(_) => Ok(()),
        Err(error) => match error.downcast_ref::<tonic::Status>() {
            Some(status) if status.code() == tonic::Code::AlreadyExists => Ok(()),
            _ => Err(error),
        },
    }
}

async fn send(client: &Client, out: &Output, args: &CreateArgs, file: &Path) -> anyhow::Result<String> {
    let line = Line::new(out);
    line.say(&format!("importing {}", file.display()));
    let header = ImportHeader {
        parent: resource(&args.cluster),
        request_id: request_id(),
        file_name: import::file_name(file),
        include_finished: args.include_finished,
        ..ImportHeader::default()
    };
    let snapshot = client.ingest().import_snapshot(import::stream(file, header)?).await;
    line.done();
    Ok(snapshot?.into_inner().name)
}

/// Streams the planning, showing progress, to its plan.
async fn follow(client: &Client, out: &Output, request: CreatePlanRequest) -> anyhow::Result<Plan> {
    let line = Line::new(out);
    let mut events = client.plans().stream_plan(request).await?.into_inner();
    let end = loop {
        match events.message().await {
            Ok(Some(event)) => match event.event {
                Some(Event::Progress(progress)) => line.show(&progress),
                Some(Event::Plan(plan)) => break Ok(plan),
                None => {}
            },
            Ok(None) => break Err(anyhow::anyhow!("the server ended the stream without a plan")),
            Err(status) => break Err(status.into()),
        }
    };
    line.done();
    end
}

async fn list(client: &Client, cluster: &str) -> anyhow::Result<Vec<Plan>> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request =
            ListPlansRequest { parent: resource(cluster), page_token, ..ListPlansRequest::default() };
        let page = client.plans().list_plans(request).await?.into_inner();
        all.extend(page.plans);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

fn next_steps(client: &Client, out: &Output, plan: &Plan, args: &CreateArgs) {
    if client.is_own() {
        let from = args.from.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
        out.remark(&format!("next     plimsoll plan explain --from {from} | plimsoll plan create --from {from} --bundle bundle.json"));
    } else {
        out.remark(&format!(
            "next     plimsoll plan explain {} | plimsoll plan export {} --file bundle.json",
            plan.name, plan.name
        ));
    }
}

/// A span of time such as `500ms`, `10s`, `2m`.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 =
        text[..split].parse().map_err(|_| format!("{text:?} is no time; try 500ms, 10s or 2m"))?;
    let seconds = match &text[split..] {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        _ => return Err(format!("{text:?} has an unknown unit; try ms, s or m")),
    };
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, millis) in [("500ms", 500), ("10s", 10_000), ("2m", 120_000), ("3", 3_000), ("0.5s", 500)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "s", "-1s", "10h", "1e400s", "NaN"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
