//! The audit log: list.

use std::process::ExitCode;

use plimsoll_proto::v1::{AuditEntry, ListAuditEntriesRequest};

use crate::client::Client;
use crate::cluster::resource;
use crate::output::{Output, Table};

/// Lines that are asked for at once.
const PAGE_SIZE_MAX: usize = 1_000;

/// What can be done with the audit log.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List who changed what, newest first
    #[command(
        after_help = "Examples:\n  plimsoll --server http://127.0.0.1:7400 audit list --cluster prod\n  plimsoll --server http://127.0.0.1:7400 audit list --method ResizeNodeGroup --since 2026-11-20T00:00:00Z"
    )]
    List(Args),
}

/// Which lines.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only of this cluster, by id or resource name
    #[arg(long)]
    cluster: Option<String>,
    /// Only by this actor
    #[arg(long, default_value = "")]
    actor: String,
    /// Only of this method, such as ResizeNodeGroup
    #[arg(long, default_value = "")]
    method: String,
    /// Only about this resource, such as operations/o1
    #[arg(long, default_value = "")]
    resource: String,
    /// Not before this time, RFC 3339
    #[arg(long)]
    since: Option<jiff::Timestamp>,
    /// Before this time, RFC 3339
    #[arg(long)]
    until: Option<jiff::Timestamp>,
    /// Most lines
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

/// Carries a command out.
pub async fn run(client: Client, out: &mut Output, command: Command) -> anyhow::Result<ExitCode> {
    let Command::List(args) = command;
    let found = list(&client, args).await?;
    out.print_all(&found, &table(&found))?;
    client.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &Client, args: Args) -> anyhow::Result<Vec<AuditEntry>> {
    let mut request = ListAuditEntriesRequest {
        parent: args.cluster.as_deref().map(resource).unwrap_or_default(),
        page_size: i32::try_from(args.limit.min(PAGE_SIZE_MAX))?,
        page_token: String::new(),
        actor: args.actor,
        method: args.method,
        resource: args.resource,
        start_time: args.since.map(wire),
        end_time: args.until.map(wire),
    };
    let mut all = Vec::new();
    while all.len() < args.limit {
        let page = client.audit().list_audit_entries(request.clone()).await?.into_inner();
        all.extend(page.audit_entries);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    all.truncate(args.limit);
    Ok(all)
}

fn wire(time: jiff::Timestamp) -> pbjson_types::Timestamp {
    pbjson_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

fn table(entries: &[AuditEntry]) -> Table {
    let time = |entry: &AuditEntry| {
        let time = entry.time.as_ref().and_then(|time| jiff::Timestamp::new(time.seconds, time.nanos).ok());
        time.map(|time| time.to_string()).unwrap_or_default()
    };
    let row = |entry: &AuditEntry| {
        let method = entry.method.rsplit('/').next().unwrap_or_default();
        vec![
            time(entry),
            entry.actor.clone(),
            method.to_owned(),
            entry.resource.clone(),
            entry.request_id.clone(),
        ]
    };
    Table {
        head: vec!["TIME", "ACTOR", "METHOD", "RESOURCE", "REQUEST"],
        rows: entries.iter().map(row).collect(),
    }
}
