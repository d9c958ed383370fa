//! Node groups: list, read, resize.

use std::process::ExitCode;

use plimsoll_proto::v1::{GetNodeGroupRequest, ListNodeGroupsRequest, NodeGroup, ResizeNodeGroupRequest};

use crate::client::{Client, request_id};
use crate::cluster::resource;
use crate::operation;
use crate::output::{Output, Table};

/// What can be done with node groups.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the node groups of a cluster by name
    #[command(after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 group list prod")]
    List {
        /// The cluster's id or resource name
        cluster: String,
    },
    /// Show a node group
    #[command(
        after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 group get clusters/prod/nodeGroups/web"
    )]
    Get {
        /// Its resource name
        name: String,
    },
    /// Bring a node group to a size and follow that to its end
    ///
    /// Growing waits for whatever is carried out on the cluster; shrinking is refused meanwhile. Nodes that leave are
    /// those with the fewest pods, and are drained first. Exits 0 if the group has its size, 3 if it was undone.
    #[command(
        after_help = "Examples:\n  plimsoll --server http://127.0.0.1:7400 group resize clusters/prod/nodeGroups/web 12\n  plimsoll --server http://127.0.0.1:7400 group resize clusters/prod/nodeGroups/web 12 --reason 'sale starts at 9' --no-wait"
    )]
    Resize {
        /// Its resource name, as printed by `group list`
        name: String,
        /// Nodes that it is to have
        #[arg(allow_negative_numbers = true)]
        size: i32,
        /// Why, for people who read the operation
        #[arg(long, default_value = "")]
        reason: String,
        /// Refuse if the group has changed since `group get` printed this etag
        #[arg(long, default_value = "")]
        etag: String,
        /// Print the operation's name and return at once
        #[arg(long)]
        no_wait: bool,
    },
}

/// Carries a command out.
pub async fn run(client: Client, out: &mut Output, command: Command) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    match command {
        Command::List { cluster } => {
            let found = list(&client, &resource(&cluster)).await?;
            out.print_all(&found, &table(&found))?;
        }
        Command::Get { name } => {
            let request = GetNodeGroupRequest { name };
            let found = client.node_groups().get_node_group(request).await?.into_inner();
            out.print(&found, "", &table(std::slice::from_ref(&found)))?;
        }
        Command::Resize { name, size, reason, etag, no_wait } => {
            let request_id = request_id();
            let request = ResizeNodeGroupRequest { name, desired_count: size, reason, request_id, etag };
            let begun = client.node_groups().resize_node_group(request).await?.into_inner();
            code = operation::attend(&client, out, &begun, no_wait).await?;
        }
    }
    client.close().await;
    Ok(code)
}

fn table(groups: &[NodeGroup]) -> Table {
    let count = |count: Option<i32>| count.map(|count| count.to_string()).unwrap_or_default();
    let row = |group: &NodeGroup| {
        vec![
            group.name.clone(),
            group.desired_count.to_string(),
            count(group.ready_count),
            count(group.min_count),
            count(group.max_count),
            group.instance_types.join(" "),
            group.zones.join(" "),
            group.etag.clone(),
        ]
    };
    Table {
        head: vec!["GROUP", "#SIZE", "#READY", "#MIN", "#MAX", "TYPES", "ZONES", "ETAG"],
        rows: groups.iter().map(row).collect(),
    }
}

async fn list(client: &Client, parent: &str) -> anyhow::Result<Vec<NodeGroup>> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListNodeGroupsRequest { parent: parent.to_owned(), page_token, page_size: 0 };
        let page = client.node_groups().list_node_groups(request).await?.into_inner();
        all.extend(page.node_groups);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}
