//! Clusters that are made, upgraded and removed.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use plimsoll_proto::v1::{
    CreateClusterRequest, DeleteClusterRequest, Operation, OperationStep, UpgradeClusterRequest,
};

use crate::client::{Client, request_id};
use crate::cluster::resource;
use crate::operation;
use crate::output::{Output, Table};

/// What names of kinds of capacity begin with on the wire.
const KIND: &str = "CAPACITY_KIND_";
/// Hours that a month has for people.
const MONTH_HOURS: f64 = 730.0;

/// How a command about a whole cluster goes on.
#[derive(Debug, clap::Args)]
pub struct Manner {
    /// Only print what would be done, step by step
    #[arg(long)]
    dry_run: bool,
    /// The same, with every call of AWS that a step may make, by the IAM action that it needs
    #[arg(long)]
    explain: bool,
    /// Print the operation's name and return at once
    #[arg(long, conflicts_with_all = ["dry_run", "explain"])]
    no_wait: bool,
}

impl Manner {
    fn only_asks(&self) -> bool {
        self.dry_run || self.explain
    }
}

/// Makes a cluster from a file.
pub async fn create(
    client: &Client,
    out: &mut Output,
    file: &Path,
    manner: &Manner,
) -> anyhow::Result<ExitCode> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut request = read(&text).with_context(|| file.display().to_string())?;
    request.request_id = request_id();
    request.validate_only = manner.only_asks();
    let answer = client.clusters().create_cluster(request).await?.into_inner();
    go_on(client, out, &answer, manner).await
}

/// Brings a cluster to the next version.
pub async fn upgrade(
    client: &Client,
    out: &mut Output,
    name: &str,
    version: &str,
    manner: &Manner,
) -> anyhow::Result<ExitCode> {
    let request = UpgradeClusterRequest {
        name: resource(name),
        kubernetes_version: version.to_owned(),
        request_id: request_id(),
        validate_only: manner.only_asks(),
    };
    let answer = client.clusters().upgrade_cluster(request).await?.into_inner();
    go_on(client, out, &answer, manner).await
}

/// Removes a cluster.
pub async fn delete(
    client: &Client,
    out: &mut Output,
    name: &str,
    leave_behind: bool,
    manner: &Manner,
) -> anyhow::Result<ExitCode> {
    let request = DeleteClusterRequest {
        name: resource(name),
        leave_behind,
        request_id: request_id(),
        validate_only: manner.only_asks(),
    };
    let answer = client.clusters().delete_cluster(request).await?.into_inner();
    remark_leftovers(out, &answer);
    go_on(client, out, &answer, manner).await
}

async fn go_on(
    client: &Client,
    out: &mut Output,
    answer: &Operation,
    manner: &Manner,
) -> anyhow::Result<ExitCode> {
    if manner.only_asks() {
        propose(out, answer, manner.explain)?;
        return Ok(ExitCode::SUCCESS);
    }
    operation::attend(client, out, answer, manner.no_wait).await
}

fn remark_leftovers(out: &Output, answer: &Operation) {
    let leftovers = answer.metadata.as_ref().map(|metadata| &metadata.leftovers[..]).unwrap_or_default();
    for left in leftovers {
        let cost = match left.cost_nano_usd_per_hour {
            0 => "price not known".to_owned(),
            rate => format!("{} a month", crate::output::usd_per_month(rate, MONTH_HOURS)),
        };
        out.remark(&format!("left behind: {}, {cost}", left.what));
    }
}

/// What would be done.
fn propose(out: &mut Output, answer: &Operation, with_calls: bool) -> anyhow::Result<()> {
    let steps = answer.metadata.as_ref().map(|metadata| &metadata.steps[..]).unwrap_or_default();
    let minutes = |step: &OperationStep| step.usual_duration.as_ref().map(|span| span.seconds / 60);
    let row = |(index, step): (usize, &OperationStep)| {
        let mut row = vec![
            (index + 1).to_string(),
            step.title.clone(),
            minutes(step).map(|minutes| minutes.to_string()).unwrap_or_default(),
        ];
        row.extend(with_calls.then(|| step.calls.join("\n")));
        row
    };
    let mut head = vec!["#", "STEP", "#MIN"];
    head.extend(with_calls.then_some("CALLS"));
    let table = Table { head, rows: steps.iter().enumerate().map(row).collect() };
    let total: i64 = steps.iter().filter_map(minutes).sum();
    let text = format!("nothing is done; it would take {} steps and about {total} min\n\n", steps.len());
    out.print(answer, &text, &table)
}

/// Reads a request from a file of TOML: the fields of `CreateClusterRequest` by their own names, kinds without prefix.
fn read(text: &str) -> anyhow::Result<CreateClusterRequest> {
    let mut value: toml::Value = toml::from_str(text)?;
    let groups = value.get_mut("spec").and_then(|spec| spec.get_mut("groups"));
    for group in groups.and_then(toml::Value::as_array_mut).into_iter().flatten() {
        let Some(kind) = group.get_mut("kind") else { continue };
        let word =
            kind.as_str().ok_or_else(|| anyhow!("spec.groups.kind: expected \"ON_DEMAND\" or \"SPOT\""))?;
        let word = word.trim_start_matches(KIND).to_ascii_uppercase();
        if !["ON_DEMAND", "SPOT"].contains(&word.as_str()) {
            bail!("spec.groups.kind: {word:?} is neither \"ON_DEMAND\" nor \"SPOT\"");
        }
        *kind = toml::Value::String(format!("{KIND}{word}"));
    }
    Ok(serde_json::from_value(serde_json::to_value(value)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_request() {
        let request = read(include_str!("../../k8s/cluster.toml")).unwrap();
        let spec = request.spec.unwrap();
        assert_eq!(request.cluster_id, "prod");
        assert!(2 <= spec.subnets.len() && !spec.groups.is_empty());
        assert!(spec.groups.iter().any(|group| group.kind == 2), "one is of spot machines");
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        let told = |text: &str| format!("{:#}", read(text).unwrap_err());
        assert!(told("cluster_id = \"a\"\n[spec]\nversion = \"1.34\"").contains("version"));
        assert!(told("[[spec.groups]]\nkind = \"CHEAP\"").contains("CHEAP"));
        assert!(told("[spec").contains("TOML"));
    }
}
