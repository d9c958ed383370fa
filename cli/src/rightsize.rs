//! Requests: what workloads should ask for.

use std::process::ExitCode;

use plimsoll_proto::v1::{ListRightsizingsRequest, Recommendation};

use crate::client::Client;
use crate::cluster::resource;
use crate::output::{Output, Table};
use crate::view;

/// What can be asked about requests.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List what workloads should ask for by their usage, the largest change first
    #[command(after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 rightsize list prod")]
    List {
        /// The cluster's id or resource name
        cluster: String,
    },
}

/// Carries a command out.
pub async fn run(client: Client, out: &mut Output, command: Command) -> anyhow::Result<ExitCode> {
    let Command::List { cluster } = command;
    let (mut all, mut findings, mut page_token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let request = ListRightsizingsRequest { parent: resource(&cluster), page_size: 1000, page_token };
        let page = client.costs().list_rightsizings(request).await?.into_inner();
        all.extend(page.rightsizings);
        findings.extend(page.findings);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let row = |one: &Recommendation| {
        vec![
            format!("{}/{}/{}", one.workload_kind.to_lowercase(), one.namespace, one.workload),
            one.container.clone(),
            one.pod_count.to_string(),
            format!("{} -> {} m", one.cpu_milli_now, one.cpu_milli),
            format!("{} -> {} MiB", one.memory_bytes_now >> 20, one.memory_bytes >> 20),
            format!("{:.1}", one.history_days),
        ]
    };
    let head = vec!["WORKLOAD", "CONTAINER", "#PODS", "#CPU", "#MEMORY", "#DAYS"];
    let rows = all.iter().map(row).collect();
    out.print_all(&all, &Table { head, rows })?;
    view::remark_findings(out, &findings);
    client.close().await;
    Ok(ExitCode::SUCCESS)
}
