//! Policies: what the owner of a cluster allows, wants and pays for.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use pbjson_types::FieldMask;
use plimsoll_proto::v1::{GetPolicyRequest, Policy, UpdatePolicyRequest, policy};

use crate::client::{Client, request_id};
use crate::cluster::resource;
use crate::output::{Output, Table};

/// What can be done with policies.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show a cluster's policy
    #[command(
        after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 policy get prod --output yaml"
    )]
    Get {
        /// The cluster's id or resource name
        cluster: String,
    },
    /// Change fields of a cluster's policy by a YAML or JSON file that holds just these
    #[command(
        after_help = "Example:\n  echo 'spot_share_max_ratio: 0.5' > mine.yaml\n  plimsoll --server http://127.0.0.1:7400 policy edit prod --file mine.yaml"
    )]
    Edit {
        /// The cluster's id or resource name
        cluster: String,
        /// The file
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// Only if the policy still has this etag
        #[arg(long, default_value = "")]
        etag: String,
    },
}

/// Carries a command out.
pub async fn run(client: Client, out: &mut Output, command: Command) -> anyhow::Result<ExitCode> {
    let policy = match command {
        Command::Get { cluster } => {
            let name = format!("{}/policy", resource(&cluster));
            client.clusters().get_policy(GetPolicyRequest { name }).await?.into_inner()
        }
        Command::Edit { cluster, file, etag } => {
            let (mut policy, paths) = read(&file)?;
            policy.name = format!("{}/policy", resource(&cluster));
            policy.etag = etag;
            let update_mask = Some(FieldMask { paths });
            let request = UpdatePolicyRequest { policy: Some(policy), update_mask, request_id: request_id() };
            client.clusters().update_policy(request).await?.into_inner()
        }
    };
    show(out, &policy)?;
    client.close().await;
    Ok(ExitCode::SUCCESS)
}

/// A policy to plan under: the name of a preset, or a file with the fields that differ. Returns the fields it sets.
pub fn choose(text: &str) -> anyhow::Result<(Policy, Vec<String>)> {
    let preset = match text {
        "none" => policy::Preset::None,
        "default" => policy::Preset::Default,
        file => return read(Path::new(file)),
    };
    Ok((Policy { preset: preset.into(), ..Policy::default() }, vec!["preset".into()]))
}

fn read(file: &Path) -> anyhow::Result<(Policy, Vec<String>)> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{shown} cannot be read; presets are `none` and `default`"))?;
    let fields: serde_json::Map<String, serde_json::Value> =
        serde_norway::from_str(&text).with_context(|| format!("{shown} does not hold fields of a policy"))?;
    let paths = fields.keys().cloned().collect();
    let policy = serde_json::from_value(serde_json::Value::Object(fields))
        .with_context(|| format!("{shown} is no policy"))?;
    Ok((policy, paths))
}

fn show(out: &mut Output, policy: &Policy) -> anyhow::Result<()> {
    let fields = serde_json::to_value(policy)?;
    let shown = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rows = fields
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| vec![key.clone(), shown(value)])
        .collect();
    out.print(policy, "", &Table { head: vec!["FIELD", "VALUE"], rows })
}
