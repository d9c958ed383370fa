//! Costs: tables for people and for sheets, files for finance, what was saved, what to expect, what is wasted.

pub mod outlook;
mod window;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use plimsoll_proto::v1::export_costs_request::{Format, Table as FileTable};
use plimsoll_proto::v1::query_costs_request::Granularity;
use plimsoll_proto::v1::{
    CostDimension, CostRow, ExportCostsRequest, GetForecastRequest, GetSavingsRequest, ListWasteRequest,
    QueryCostsRequest, QueryCostsResponse, Waste,
};

use crate::client::Client;
use crate::cluster::resource;
use crate::output::{Output, Table};
use crate::progress::Line;
use crate::view;
use window::WindowArgs;

/// What can be asked about costs.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Add costs up, by time and by team, namespace, node group or whatever else
    #[command(after_help = QUERY_EXAMPLES)]
    Query(QueryArgs),
    /// Write charges or allocations to a file, in the columns of FOCUS 1.2
    #[command(
        after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 cost export prod --window 30d --format parquet --to charges.parquet"
    )]
    Export(ExportArgs),
    /// Say what an applied plan saved, against what it promised
    #[command(after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 cost savings prod")]
    Savings {
        /// Resource name of a plan; or a cluster: the newest plan that was applied there
        #[arg(value_name = "PLAN")]
        name: String,
    },
    /// Say what will be spent, and how well the same method would have said so before
    #[command(
        after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 cost forecast prod --hours 168"
    )]
    Forecast {
        /// The cluster's id or resource name
        cluster: String,
        /// Hours ahead, 1 to 8760; default: to the end of the month
        #[arg(long, default_value_t = 0, hide_default_value = true)]
        hours: i32,
        /// Comparisons of dimensions joined by AND
        #[arg(long, default_value = "")]
        filter: String,
    },
    /// List what costs money and serves nobody
    #[command(after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 cost waste prod")]
    Waste {
        /// The cluster's id or resource name
        cluster: String,
    },
}

const QUERY_EXAMPLES: &str = "\
Examples:
  plimsoll --server http://127.0.0.1:7400 cost query prod --by team
  plimsoll --server http://127.0.0.1:7400 cost query prod --by namespace,kind --granularity day --window 7d
  plimsoll --server http://127.0.0.1:7400 cost query --by cluster --start 2026-07-01 --end 2026-08-01 --output csv > july.csv
  plimsoll --server http://127.0.0.1:7400 cost query prod --by pod --filter 'namespace = \"shop\" AND kind = \"WORKLOAD\"'";

/// A question.
#[derive(Debug, clap::Args)]
pub struct QueryArgs {
    /// The cluster's id or resource name; - stands for all
    #[arg(default_value = "-")]
    cluster: String,
    /// What costs are told apart by, at most five: cluster, namespace, team, workload, pod, node-group, resource,
    /// instance-type, capacity, zone, item, kind, model
    #[arg(long, value_delimiter = ',', value_parser = dimension)]
    by: Vec<CostDimension>,
    /// How finely time is told apart, in UTC: total, hour, day, month
    #[arg(long, default_value = "total", value_parser = granularity)]
    granularity: Granularity,
    /// Comparisons of dimensions joined by AND
    #[arg(long, default_value = "")]
    filter: String,
    #[command(flatten)]
    window: WindowArgs,
}

/// Which file.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// The cluster's id or resource name; - stands for all
    #[arg(default_value = "-")]
    cluster: String,
    /// Which rows: charges or allocations
    #[arg(long, default_value = "charges", value_parser = file_table)]
    table: FileTable,
    /// Layout: csv, json (one object a line) or parquet
    #[arg(long, default_value = "csv", value_parser = format)]
    format: Format,
    /// File to write; default: standard output
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    window: WindowArgs,
}

fn dimension(text: &str) -> Result<CostDimension, String> {
    let name = format!("COST_DIMENSION_{}", text.replace('-', "_").to_uppercase());
    let found = CostDimension::from_str_name(&name).filter(|found| *found != CostDimension::Unspecified);
    found.ok_or_else(|| "no such dimension".to_owned())
}

fn granularity(text: &str) -> Result<Granularity, String> {
    let name = format!("GRANULARITY_{}", text.to_uppercase());
    Granularity::from_str_name(&name).ok_or_else(|| "expected total, hour, day or month".to_owned())
}

fn file_table(text: &str) -> Result<FileTable, String> {
    FileTable::from_str_name(&format!("TABLE_{}", text.to_uppercase()))
        .ok_or_else(|| "expected charges or allocations".to_owned())
}

fn format(text: &str) -> Result<Format, String> {
    Format::from_str_name(&format!("FORMAT_{}", text.to_uppercase()))
        .ok_or_else(|| "expected csv, json or parquet".to_owned())
}

/// Carries a command out.
pub async fn run(client: Client, out: &mut Output, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Query(args) => {
            let line = Line::new(out);
            line.say("adding up");
            let answer = client.costs().query_costs(request(args)).await;
            line.done();
            show(out, &answer?.into_inner())?;
        }
        Command::Export(args) => export(&client, out, args).await?,
        Command::Savings { name } => {
            let name = if name.contains("/plans/") { name } else { resource(&name) + "/plans/-" };
            let request = GetSavingsRequest { name, end_time: None };
            let savings = client.costs().get_savings(request).await?.into_inner();
            outlook::savings(out, &savings)?;
        }
        Command::Forecast { cluster, hours, filter } => {
            let request = GetForecastRequest { name: resource(&cluster), hours, filter };
            let forecast = client.costs().get_forecast(request).await?.into_inner();
            outlook::forecast(out, &forecast)?;
        }
        Command::Waste { cluster } => waste(&client, out, &resource(&cluster)).await?,
    }
    client.close().await;
    Ok(ExitCode::SUCCESS)
}

fn request(args: QueryArgs) -> QueryCostsRequest {
    QueryCostsRequest {
        parent: resource(&args.cluster),
        start_time: args.window.start(),
        end_time: args.window.end(),
        window_duration: args.window.length(),
        granularity: args.granularity.into(),
        group_by: args.by.into_iter().map(i32::from).collect(),
        filter: args.filter,
    }
}

/// Prints an answer: a line for each row, the sum last.
pub fn show(out: &mut Output, answer: &QueryCostsResponse) -> anyhow::Result<()> {
    let timed = answer.rows.iter().any(|row| row.start_time.is_some());
    let total = answer.total.clone().unwrap_or_default();
    let mut head = if timed { vec!["START"] } else { Vec::new() };
    head.extend(answer.group_by().map(|by| by.as_str_name().trim_start_matches("COST_DIMENSION_")));
    let labels = head.len();
    head.extend(["$EFFECTIVE", "#SHARE", "$LIST", "$BILLED", "$ESTIMATED"]);
    let line = |row: &CostRow, mut cells: Vec<String>| {
        cells.resize(labels, String::new());
        cells.extend([
            out.usd(row.effective_cost_nano_usd),
            share(row.effective_cost_nano_usd, total.effective_cost_nano_usd),
            out.usd(row.list_cost_nano_usd),
            out.usd(row.billed_cost_nano_usd),
            out.usd(row.estimated_cost_nano_usd),
        ]);
        cells
    };
    let labelled = |row: &CostRow| {
        let start = row.start_time.as_ref().map(window::shown).into_iter().filter(|_| timed);
        line(row, start.chain(row.keys.iter().cloned()).collect())
    };
    let mut rows: Vec<Vec<String>> = answer.rows.iter().map(labelled).collect();
    if 0 < labels {
        rows.push(line(&total, vec!["total".to_owned()]));
    }
    let text = format!(
        "{} to {}, {} hours\n\n",
        answer.start_time.as_ref().map(window::shown).unwrap_or_default(),
        answer.end_time.as_ref().map(window::shown).unwrap_or_default(),
        answer.hour_count,
    );
    out.print(answer, &text, &Table { head, rows })?;
    view::remark_findings(out, &answer.findings);
    Ok(())
}

fn share(part: i64, whole: i64) -> String {
    if whole == 0 { String::new() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
}

/// Writes a file under its name only once it is whole.
async fn export(client: &Client, out: &Output, args: ExportArgs) -> anyhow::Result<()> {
    let request = ExportCostsRequest {
        parent: resource(&args.cluster),
        start_time: args.window.start(),
        end_time: args.window.end(),
        window_duration: args.window.length(),
        table: args.table.into(),
        format: args.format.into(),
    };
    let Some(path) = args.to else {
        return write_chunks(client, out, request, &mut std::io::stdout().lock()).await.map(drop);
    };
    let mut part = path.clone().into_os_string();
    part.push(format!(".part.{}", std::process::id()));
    let part = PathBuf::from(part);
    let written = write_file(client, out, request, &part).await;
    let finished = written.and_then(|bytes| {
        std::fs::rename(&part, &path)?;
        Ok(bytes)
    });
    if finished.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    let bytes = finished.with_context(|| format!("costs could not be written to {}", path.display()))?;
    out.remark(&format!("{}: {} KiB", path.display(), bytes.div_ceil(1024)));
    Ok(())
}

async fn write_file(
    client: &Client,
    out: &Output,
    request: ExportCostsRequest,
    path: &Path,
) -> anyhow::Result<usize> {
    let mut file = File::create(path)?;
    let bytes = write_chunks(client, out, request, &mut file).await?;
    file.sync_all()?;
    Ok(bytes)
}

async fn write_chunks(
    client: &Client,
    out: &Output,
    request: ExportCostsRequest,
    to: &mut impl Write,
) -> anyhow::Result<usize> {
    let mut chunks = client.costs().export_costs(request).await?.into_inner();
    let line = Line::new(out);
    let mut bytes = 0;
    while let Some(chunk) = chunks.message().await? {
        to.write_all(&chunk.data)?;
        bytes += chunk.data.len();
        line.say(&format!("{} KiB written", bytes.div_ceil(1024)));
    }
    to.flush()?;
    line.done();
    Ok(bytes)
}

async fn waste(client: &Client, out: &mut Output, parent: &str) -> anyhow::Result<()> {
    let (mut all, mut findings, mut page_token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let request = ListWasteRequest { parent: parent.to_owned(), page_size: 1000, page_token };
        let page = client.costs().list_waste(request).await?.into_inner();
        all.extend(page.waste);
        findings = if findings.is_empty() { page.findings } else { findings };
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let row = |one: &Waste| {
        vec![
            one.rule.clone(),
            one.subject.clone(),
            out.usd_per_hour(one.cost_nano_usd_per_hour),
            one.evidence.clone(),
            one.advice.clone(),
        ]
    };
    let head = vec!["RULE", "SUBJECT", "$COSTS", "EVIDENCE", "ADVICE"];
    let rows = all.iter().map(row).collect();
    out.print_all(&all, &Table { head, rows })?;
    view::remark_findings(out, &findings);
    Ok(())
}
