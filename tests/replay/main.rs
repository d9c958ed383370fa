//! Clusters from files, set up in a real control plane, planned for, brought to the plan, and shaken.
//!
//! The files are what `kubectl get -o json` printed, in `$PLIMSOLL_DATA/kube`; without them this is skipped. `PLIMSOLL_REPLAY=full`
//! takes all of them, a hundred restarts, a rollout of every Deployment and twenty cold starts, and with the name of a file it is
//! that one alone; `part` is a part of one. It takes minutes: without the variable nothing is done.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod churn;
mod clock;
mod cold;
mod dump;
mod owners;
mod raw;
mod reaper;
mod service;
mod stage;

#[path = "../data.rs"]
mod data;

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use plimsoll_domain::operation::State;
use plimsoll_domain::plan::Plan;
use plimsoll_props::attacher::Attacher;
use plimsoll_props::budgets::{Seen, Watch};

use churn::Churn;
use dump::Dump;
use reaper::Reaper;
use service::Service;
use stage::Stage;

/// Pods that may be left pending in orders of arrival that the plan did not try, beyond those of the worst that it did.
const COLD_MARGIN: usize = 1;

/// How much is done with each file.
struct Effort {
    files: Vec<&'static str>,
    /// Whose pods; empty: everybody's.
    namespaces: &'static [&'static str],
    restarts: usize,
    /// Deployments that are rolled out.
    rollouts: usize,
    cold_starts: u64,
}

impl Effort {
    /// None where nobody asks for it.
    fn from_environment() -> Option<Self> {
        let asked = std::env::var("PLIMSOLL_REPLAY").ok()?;
        Some(match asked.as_str() {
            "full" => Self {
                files: vec!["shop", "models", "wide"],
                namespaces: &[],
                restarts: 100,
                rollouts: usize::MAX,
                cold_starts: 20,
            },
            "part" => Self {
                files: vec!["shop"],
                namespaces: &["batch", "data", "ml"],
                restarts: 20,
                rollouts: 10,
                cold_starts: 3,
            },
            name => {
                let known = ["shop", "models", "wide"].into_iter().find(|known| *known == name);
                let file =
                    known.unwrap_or_else(|| panic!("PLIMSOLL_REPLAY is full, part or a file, not {name:?}"));
                Self {
                    files: vec![file],
                    namespaces: &[],
                    restarts: 100,
                    rollouts: usize::MAX,
                    cold_starts: 20,
                }
            }
        })
    }
}

/// What became of a file.
struct Row {
    name: String,
    plan: Plan,
    nodes: (usize, usize),
    pods: usize,
    /// Pods that are not where the plan puts them.
    astray: i64,
    pending: Vec<String>,
    seen: Seen,
    churn: Churn,
    cold: Vec<usize>,
    took: Duration,
}

impl Row {
    /// Most pods that the plan says a cold start leaves pending.
    fn cold_said(&self) -> usize {
        let report = self.plan.referee.as_ref().unwrap();
        report.cold_pending.last().map_or(0, |pending| *pending as usize)
    }

    fn cold_most(&self) -> usize {
        self.cold.iter().copied().max().unwrap_or(0)
    }

    fn cold_mean(&self) -> f64 {
        self.cold.iter().sum::<usize>() as f64 / self.cold.len().max(1) as f64
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usd = |rate: plimsoll_domain::units::HourlyRate| rate.nano_usd() as f64 / 1e9;
        write!(
            f,
            "{:7} {:3} to {:3} nodes  {:4} pods  {:7.3} to {:7.3} USD/h  pending {}  astray {}  {} restarts, {} rollouts: {} \
             stranded, {} pods of Jobs pushed out  cold starts: {} pending at most, {:.1} in the mean of {} orders, the plan said {}  {} s\n        {}",
            self.name,
            self.nodes.0,
            self.nodes.1,
            self.pods,
            usd(self.plan.cost_before),
            usd(self.plan.after.cost),
            self.pending.len(),
            self.astray,
            self.churn.restarts,
            self.churn.rollouts,
            self.churn.stranded.len(),
            self.churn.pushed_out,
            self.cold_most(),
            self.cold_mean(),
            self.cold.len(),
            self.cold_said(),
            self.took.as_secs(),
            self.seen,
        )
    }
}

/// Sets a file up, plans, carries the plan out, and shakes the cluster.
async fn replay(dump: &Dump, effort: &Effort) -> Option<Row> {
    let begun = Instant::now();
    let stage = Stage::open(dump).await?;
    let _helpers = (Attacher::start(&stage.client), Reaper::start(&stage.client));
    let before = stage.fleet().await.len();
    let service = Service::over(&stage).await;
    let plan = service.plan().await;
    println!("{}: set up and planned for after {} s", dump.name, begun.elapsed().as_secs());
    let watch = Watch::start(&stage.client);
    let ended = service.apply(&plan).await;
    let seen = watch.seen().await;
    assert_eq!(ended.state, State::Succeeded, "{}: {:?}\n{:#?}", dump.name, ended.failure, ended.steps);
    println!("{}: carried out after {} s", dump.name, begun.elapsed().as_secs());

    let pending = stage.settled().await;
    let after = stage.nodes().await;
    let left = stage.pods().await;
    let astray = stage.astray(&plan, &left);
    let churn = churn::shake(&stage, effort.restarts, effort.rollouts).await;
    let fleet: BTreeSet<String> = after.iter().map(|node| raw::name(node).to_owned()).collect();
    assert_eq!(fleet, stage.fleet().await, "machines came or went");
    drop(stage);
    let cold = cold::starts(dump, &after, &left, effort.cold_starts).await;
    let (nodes, pods) = ((before, after.len()), left.len());
    let name = dump.name.clone();
    Some(Row { name, plan, nodes, pods, astray, pending, seen, churn, cold, took: begun.elapsed() })
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_from_files_are_brought_to_their_plans_and_nobody_is_left_behind() {
    let Some(folder) = data::path("kube") else { return };
    let Some(effort) = Effort::from_environment() else {
        plimsoll_props::tell("PLIMSOLL_REPLAY is not set: no cluster is replayed");
        return;
    };
    let mut rows = Vec::new();
    for name in &effort.files {
        let mut dump = Dump::read(&folder, name);
        if !effort.namespaces.is_empty() {
            dump = dump.of_namespaces(effort.namespaces);
        }
        let Some(row) = replay(&dump, &effort).await else { return };
        println!("{row}");
        rows.push(row);
    }
    for row in &rows {
        println!("{row}\n{:#?}", row.churn.stranded);
    }
    for row in &rows {
        assert!(row.plan.after.cost < row.plan.cost_before, "{row}");
        assert_eq!(row.pending, Vec::<String>::new(), "pending after the apply: {row}");
        assert!(row.seen.broken.is_empty(), "{:?}: {row}", row.seen.broken);
        assert!(row.seen.slack.values().any(|slack| *slack == 0), "no budget was at its limit: {row}");
        assert!(row.churn.stranded.is_empty(), "{:?}: {row}", row.churn.stranded);
        // The plan tried other orders, and the worst of some is no bound for the worst of others.
        assert!(row.cold_most() <= row.cold_said() + COLD_MARGIN, "{:?}: {row}", row.cold);
        assert!(row.cold_mean() <= row.cold_said() as f64, "{:?}: {row}", row.cold);
    }
}
