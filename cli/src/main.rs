//! `plimsoll`: asks a Plimsoll server, or one that it starts itself, for plans, prices and proofs.
//!
//! Knows the wire and nothing of the domain. One file per noun; [`client`] reaches the server, [`output`]
//! prints. Data goes to stdout, progress and remarks to stderr.

mod audit;
mod client;
mod cluster;
mod complete;
mod cost;
mod demo;
mod estate;
mod exit;
mod export;
mod group;
mod import;
mod operation;
mod output;
mod plan;
mod policy;
mod price;
mod progress;
mod rightsize;
mod simulate;
mod verify;
mod view;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::{Format, Output};

/// Plans EKS node groups: the cheapest fleet, with a proof of how far from optimal it is
///
/// Exit codes: 0 done, 1 failed, 2 usage, 3 undone, 4 refused by policy, 5 server not reachable.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    /// Address of a server, such as http://127.0.0.1:7400; none: one is started inside this process and forgotten
    /// afterwards
    #[arg(long, global = true, env = "PLIMSOLL_SERVER")]
    server: Option<String>,
    /// How to print what was asked for
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    output: Format,
    /// No progress and no remarks on stderr
    #[arg(long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll demo
  kubectl get nodes,pods,deploy,rs,sts,ds,jobs,cronjobs,pdb,pvc,pv,sc,csinode,hpa,ns,priorityclass,runtimeclass,svc,ing -A -o json > mine.json
  plimsoll plan create --from mine.json
  plimsoll plan create --from mine.json --output json | jq .cost_after_nano_usd_per_hour
  plimsoll --server http://127.0.0.1:7400 plan explain clusters/prod/plans/p1";

#[derive(Debug, Subcommand)]
enum Command {
    /// Register clusters and feed them; make, upgrade and remove them in AWS
    #[command(subcommand)]
    Cluster(cluster::Command),
    /// Read and change what a cluster's owner allows
    #[command(subcommand)]
    Policy(policy::Command),
    /// Import and list prices
    #[command(subcommand)]
    Price(price::Command),
    /// Compute, read, explain, verify and apply plans
    #[command(subcommand)]
    Plan(plan::Command),
    /// List node groups, and bring them to a size
    #[command(subcommand)]
    Group(group::Command),
    /// Say what clusters cost and who caused it, what was saved, what to expect, what is wasted
    #[command(subcommand)]
    Cost(cost::Command),
    /// Say what workloads should ask for
    #[command(subcommand)]
    Rightsize(rightsize::Command),
    /// Follow what is carried out, and end it
    #[command(subcommand)]
    Operation(operation::Command),
    /// Read who changed what, and when
    #[command(subcommand)]
    Audit(audit::Command),
    /// Run the main job on a built-in cluster, print what came of it, and leave nothing behind
    Demo(demo::Args),
    /// Print a completion script for a shell
    Completions(complete::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli).await {
        Ok(code) => code,
        Err(error) => exit::report(&error),
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let mut out = Output::new(cli.output, cli.quiet);
    let server = cli.server.as_deref();
    match cli.command {
        Command::Completions(args) => complete::print(&args),
        Command::Plan(plan::Command::Verify(args)) => verify::verify(&mut out, &args),
        Command::Demo(args) => demo::demo(&mut out, args).await,
        Command::Cluster(command) => {
            cluster::run(client::reach_named(server).await?, &mut out, command).await
        }
        Command::Policy(command) => policy::run(client::reach_named(server).await?, &mut out, command).await,
        Command::Group(command) => group::run(client::reach_named(server).await?, &mut out, command).await,
        Command::Cost(command) => cost::run(client::reach_named(server).await?, &mut out, command).await,
        Command::Rightsize(command) => {
            rightsize::run(client::reach_named(server).await?, &mut out, command).await
        }
        Command::Operation(command) => {
            operation::run(client::reach_named(server).await?, &mut out, command).await
        }
        Command::Audit(command) => audit::run(client::reach_named(server).await?, &mut out, command).await,
        Command::Price(command @ price::Command::Import { .. }) => {
            price::run(client::reach_named(server).await?, &mut out, command).await
        }
        Command::Price(command) => price::run(client::reach(server).await?, &mut out, command).await,
        Command::Plan(command @ (plan::Command::Create(_) | plan::Command::Explain(_))) => {
            plan::run(client::reach(server).await?, &mut out, command).await
        }
        Command::Plan(command) => plan::run(client::reach_named(server).await?, &mut out, command).await,
    }
}
