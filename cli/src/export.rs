//! A plan as a file: for a verifier, or for another tool.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use plimsoll_proto::v1::ExportPlanRequest;
use plimsoll_proto::v1::export_plan_request::Format;

use crate::client::Client;

/// Shown below the help.
pub const EXAMPLES: &str = "\
Examples:
  plimsoll --server http://127.0.0.1:7400 plan export clusters/prod/plans/p1 --file bundle.json
  plimsoll --server http://127.0.0.1:7400 plan export clusters/prod/plans/p1 --format eksctl -o groups.yaml
  plimsoll --server http://127.0.0.1:7400 plan export clusters/prod/plans/p1 --format terraform -o groups.tf.json
  plimsoll --server http://127.0.0.1:7400 plan export clusters/prod/plans/p1 --format karpenter | kubectl apply -f -
  plimsoll --server http://127.0.0.1:7400 plan export clusters/prod/plans/p1 --format manifests | kubectl apply --server-side --force-conflicts -f -";

/// Which plan, as what, where to.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its resource name
    name: String,
    /// As what: bundle (problem, plan and certificate, for `plan verify`), eksctl, karpenter, terraform (JSON syntax), or
    /// manifests (what it needs of Kubernetes itself)
    #[arg(long, default_value = "bundle", value_parser = format)]
    format: Format,
    /// File to write; default: standard output
    #[arg(long, short = 'o', value_name = "FILE")]
    file: Option<PathBuf>,
}

fn format(text: &str) -> Result<Format, String> {
    Format::from_str_name(&format!("FORMAT_{}", text.to_uppercase()))
        .filter(|found| *found != Format::Unspecified)
        .ok_or_else(|| "expected bundle, eksctl, karpenter, terraform or manifests".to_owned())
}

/// Carries the command out.
pub async fn run(client: &Client, args: Args) -> anyhow::Result<()> {
    match args.file {
        Some(path) => to_file(client, &args.name, args.format, &path).await,
        None => write(client, &args.name, args.format, &mut std::io::stdout().lock()).await,
    }
}

/// Writes a plan to a file, whole or not at all.
pub async fn to_file(client: &Client, name: &str, format: Format, path: &Path) -> anyhow::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".part.{}", std::process::id()));
    let part = PathBuf::from(part);
    let written = write_new(client, name, format, &part).await;
    let finished = written.and_then(|()| std::fs::rename(&part, path).map_err(Into::into));
    if finished.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    finished.with_context(|| format!("the plan could not be written to {}", path.display()))
}

async fn write_new(client: &Client, name: &str, format: Format, path: &Path) -> anyhow::Result<()> {
    let mut file = File::create(path)?;
    write(client, name, format, &mut file).await?;
    Ok(file.sync_all()?)
}

async fn write(client: &Client, name: &str, format: Format, to: &mut impl Write) -> anyhow::Result<()> {
    let request = ExportPlanRequest { name: name.to_owned(), format: format.into() };
    let mut chunks = client.plans().export_plan(request).await?.into_inner();
    while let Some(chunk) = chunks.message().await? {
        to.write_all(&chunk.data)?;
    }
    Ok(to.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_one_of_those_that_help_names() {
        for (text, want) in [
            ("bundle", Format::Bundle),
            ("eksctl", Format::Eksctl),
            ("karpenter", Format::Karpenter),
            ("terraform", Format::Terraform),
            ("manifests", Format::Manifests),
        ] {
            assert_eq!(format(text), Ok(want), "{text}");
        }
        for bad in ["", "unspecified", "helm"] {
            assert!(format(bad).is_err(), "{bad}");
        }
    }
}
