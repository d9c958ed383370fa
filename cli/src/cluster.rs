//! Clusters: register, read, feed.

use std::path::PathBuf;
use std::process::ExitCode;

use plimsoll_proto::v1::{
    Cluster, GetClusterRequest, GetSnapshotRequest, ImportHeader, ListClustersRequest, ListSnapshotsRequest,
    RefreshClusterRequest, RegisterClusterRequest, Snapshot, cluster,
};

use crate::client::{Client, request_id};
use crate::estate::{self, Manner};
use crate::import;
use crate::output::{Output, Table};
use crate::price::second;
use crate::progress::Line;
use crate::view;

/// What can be done with clusters.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Register a cluster that is fed by imports, lives in the simulated world, or is reached in AWS
    #[command(
        after_help = "Examples:\n  plimsoll --server http://127.0.0.1:7400 cluster register prod --region us-east-1\n  plimsoll --server http://127.0.0.1:7400 cluster register prod --live --region eu-central-1 --role-arn arn:aws:iam::123456789012:role/plimsoll"
    )]
    Register {
        /// Its id
        id: String,
        /// AWS region
        #[arg(long, default_value = "us-east-1")]
        region: String,
        /// Kubernetes version, such as 1.35
        #[arg(long, default_value = "")]
        kubernetes_version: String,
        /// Let the first snapshot that is imported come alive in the server's simulated world
        #[arg(long)]
        simulated: bool,
        /// Reach the EKS cluster of this name in AWS; the server needs live.enabled
        #[arg(long, conflicts_with = "simulated")]
        live: bool,
        /// Role that the server assumes for this cluster; without it, it uses its own
        #[arg(long, default_value = "", requires = "live")]
        role_arn: String,
    },
    /// Make a cluster in AWS and register it, from a file of TOML, and follow that to its end
    ///
    /// What the file says is judged as a whole before the first call. What an operation that fails has made, it takes
    /// back. Exits 0 if the cluster is there, 3 if it was taken back.
    #[command(
        after_help = "Examples:\n  plimsoll --server http://127.0.0.1:7400 cluster create -f k8s/cluster.toml --explain\n  plimsoll --server http://127.0.0.1:7400 cluster create -f k8s/cluster.toml"
    )]
    Create {
        /// The file; k8s/cluster.toml is an example
        #[arg(short, long)]
        file: PathBuf,
        #[command(flatten)]
        manner: Manner,
    },
    /// Bring a cluster that was made here to the next Kubernetes version, and follow that to its end
    ///
    /// Control plane, add-ons, then machines: new ones first, budgets kept. It only goes forward.
    #[command(
        after_help = "Examples:\n  plimsoll --server http://127.0.0.1:7400 cluster upgrade prod --to 1.35 --dry-run\n  plimsoll --server http://127.0.0.1:7400 cluster upgrade prod --to 1.35"
    )]
    Upgrade {
        /// The cluster's id or resource name
        name: String,
        /// The next version
        #[arg(long)]
        to: String,
        #[command(flatten)]
        manner: Manner,
    },
    /// Remove a cluster that was made here, with all that runs in it, and follow that to its end
    ///
    /// Load balancers and volumes that would outlive it are named with their price, and it is refused while there are any.
    #[command(
        after_help = "Examples:\n  plimsoll --server http://127.0.0.1:7400 cluster delete prod --dry-run\n  plimsoll --server http://127.0.0.1:7400 cluster delete prod --leave-behind"
    )]
    Delete {
        /// The cluster's id or resource name
        name: String,
        /// Leave load balancers and volumes behind: they are billed until somebody removes them
        #[arg(long)]
        leave_behind: bool,
        #[command(flatten)]
        manner: Manner,
    },
    /// Show one cluster
    #[command(after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 cluster get prod")]
    Get {
        /// Its id or resource name
        name: String,
    },
    /// List clusters
    #[command(after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 cluster list --output json")]
    List,
    /// Store a snapshot from a file: kubectl JSON or YAML, a trace, a ready instance, or usage
    #[command(
        after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 cluster import prod mine.json"
    )]
    Import {
        /// The cluster's id or resource name
        name: String,
        /// The file, or a directory of kubectl lists
        file: PathBuf,
        /// Count pods of a trace that have finished
        #[arg(long)]
        include_finished: bool,
    },
    /// Read a cluster that this server can reach, and store what is there as its newest snapshot
    #[command(after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 cluster refresh prod")]
    Refresh {
        /// The cluster's id or resource name
        name: String,
    },
    /// List the snapshots of a cluster, newest first: a plan can be made from any of them
    #[command(
        after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 cluster snapshots prod\n  plimsoll --server http://127.0.0.1:7400 plan create --cluster prod --snapshot clusters/prod/snapshots/s1"
    )]
    Snapshots {
        /// The cluster's id or resource name
        name: String,
    },
    /// Show a cluster's newest snapshot
    #[command(after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 cluster snapshot prod")]
    Snapshot {
        /// The cluster's id or resource name
        name: String,
    },
}

/// The resource name of a cluster that was named either way.
pub fn resource(name: &str) -> String {
    if name.starts_with("clusters/") { name.to_owned() } else { format!("clusters/{name}") }
}

/// Carries a command out.
pub async fn run(client: Client, out: &mut Output, command: Command) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    match command {
        Command::Create { file, manner } => code = estate::create(&client, out, &file, &manner).await?,
        Command::Upgrade { name, to, manner } => {
            code = estate::upgrade(&client, out, &name, &to, &manner).await?;
        }
        Command::Delete { name, leave_behind, manner } => {
            code = estate::delete(&client, out, &name, leave_behind, &manner).await?;
        }
        Command::Register { id, region, kubernetes_version, simulated, live, role_arn } => {
            let mode = match (simulated, live) {
                (true, _) => cluster::Mode::Simulated,
                (_, true) => cluster::Mode::Live,
                _ => cluster::Mode::Offline,
            };
            let mode = mode.into();
            let cluster = Cluster { mode, region, kubernetes_version, role_arn, ..Cluster::default() };
            let cluster = register(&client, &id, cluster).await?;
            show(out, &[cluster])?;
        }
        Command::Get { name } => {
            let request = GetClusterRequest { name: resource(&name) };
            let cluster = client.clusters().get_cluster(request).await?.into_inner();
            show(out, &[cluster])?;
        }
        Command::List => show(out, &list(&client).await?)?,
        Command::Import { name, file, include_finished } => {
            let line = Line::new(out);
            line.say(&format!("importing {}", file.display()));
            let header = ImportHeader {
                parent: resource(&name),
                request_id: request_id(),
                file_name: import::file_name(&file),
                include_finished,
                ..ImportHeader::default()
            };
            let snapshot = client.ingest().import_snapshot(import::stream(&file, header)?).await;
            line.done();
            show_snapshot(out, &snapshot?.into_inner())?;
        }
        Command::Refresh { name } => {
            let request = RefreshClusterRequest { name: resource(&name), request_id: request_id() };
            show_snapshot(out, &client.ingest().refresh_cluster(request).await?.into_inner())?;
        }
        Command::Snapshots { name } => show_snapshots(out, &list_snapshots(&client, &name).await?)?,
        Command::Snapshot { name } => {
            let name = format!("{}/snapshots/latest", resource(&name));
            let snapshot = client.ingest().get_snapshot(GetSnapshotRequest { name }).await?.into_inner();
            show_snapshot(out, &snapshot)?;
        }
    }
    client.close().await;
    Ok(code)
}

/// Registers a cluster.
pub async fn register(client: &Client, id: &str, cluster: Cluster) -> anyhow::Result<Cluster> {
    let request = RegisterClusterRequest {
        cluster_id: id.to_owned(),
        cluster: Some(cluster),
        request_id: request_id(),
    };
    Ok(client.clusters().register_cluster(request).await?.into_inner())
}

async fn list(client: &Client) -> anyhow::Result<Vec<Cluster>> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListClustersRequest { page_token, ..ListClustersRequest::default() };
        let page = client.clusters().list_clusters(request).await?.into_inner();
        all.extend(page.clusters);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

async fn list_snapshots(client: &Client, cluster: &str) -> anyhow::Result<Vec<Snapshot>> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let parent = resource(cluster);
        let request = ListSnapshotsRequest { parent, page_token, ..ListSnapshotsRequest::default() };
        let page = client.ingest().list_snapshots(request).await?.into_inner();
        all.extend(page.snapshots);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

fn show_snapshots(out: &mut Output, snapshots: &[Snapshot]) -> anyhow::Result<()> {
    let row = |one: &Snapshot| {
        let time = one.create_time.as_ref().map(second).unwrap_or_default();
        vec![one.name.clone(), time, one.generation.to_string(), one.digest.chars().take(12).collect()]
    };
    let head = vec!["NAME", "STORED", "#GENERATION", "DIGEST"];
    out.print_all(snapshots, &Table { head, rows: snapshots.iter().map(row).collect() })
}

fn show(out: &mut Output, clusters: &[Cluster]) -> anyhow::Result<()> {
    let row = |cluster: &Cluster| {
        let mode = cluster.mode().as_str_name().trim_start_matches("MODE_").to_owned();
        vec![
            cluster.name.clone(),
            mode,
            cluster.region.clone(),
            cluster.kubernetes_version.clone(),
            cluster.generation.to_string(),
        ]
    };
    let table = Table {
        head: vec!["NAME", "MODE", "REGION", "KUBERNETES", "#GENERATION"],
        rows: clusters.iter().map(row).collect(),
    };
    match clusters {
        [one] => out.print(one, "", &table),
        all => out.print_all(all, &table),
    }
}

fn show_snapshot(out: &mut Output, snapshot: &Snapshot) -> anyhow::Result<()> {
    let row = vec![
        snapshot.name.clone(),
        snapshot.node_count.to_string(),
        snapshot.pod_count.to_string(),
        snapshot.digest.chars().take(12).collect(),
    ];
    let table = Table { head: vec!["NAME", "#NODES", "#PODS", "DIGEST"], rows: vec![row] };
    out.print(snapshot, "", &table)?;
    view::remark_findings(out, &snapshot.findings);
    Ok(())
}
