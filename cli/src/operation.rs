//! Operations: list, read, follow, end.

use std::process::ExitCode;
use std::time::Duration;

use plimsoll_proto::v1::operation::Result as Outcome;
use plimsoll_proto::v1::operation_metadata::{Kind, State};
use plimsoll_proto::v1::operation_step::State as StepState;
use plimsoll_proto::v1::{
    AbandonOperationRequest, CancelOperationRequest, GetOperationRequest, ListOperationsRequest, Operation,
    OperationEvent, OperationMetadata, OperationStep, ResumeOperationRequest, WatchOperationRequest,
};

use crate::client::{Client, request_id};
use crate::cluster::resource;
use crate::exit;
use crate::output::{Output, Table};

/// Wait before a stream that broke is asked for again.
const PAUSE: Duration = Duration::from_millis(200);
/// Streams in a row that brought nothing: a minute for a server to come back.
const SILENCE_MAX: u32 = 300;

/// What can be done with operations.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List operations, newest first
    #[command(after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 operation list --open")]
    List {
        /// Only of this cluster, by id or resource name
        #[arg(long)]
        cluster: Option<String>,
        /// Only those that are not over
        #[arg(long)]
        open: bool,
    },
    /// Show an operation with its steps
    #[command(after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 operation get operations/o1")]
    Get {
        /// Its resource name
        name: String,
    },
    /// Follow an operation to its end, a line for each step; exits 0 if it succeeded, 3 if it was undone
    #[command(
        after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 operation watch operations/o1"
    )]
    Watch {
        /// Its resource name
        name: String,
    },
    /// Have a stuck operation tried again, and follow it to its end
    #[command(
        after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 operation resume operations/o1"
    )]
    Resume {
        /// Its resource name
        name: String,
    },
    /// Give a stuck operation up: the fleet stays as it is, and the cluster is free for another plan
    #[command(
        after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 operation abandon operations/o1"
    )]
    Abandon {
        /// Its resource name
        name: String,
    },
    /// Ask for its end: what it did is taken back, as long as no pod was moved
    #[command(
        after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 operation cancel operations/o1"
    )]
    Cancel {
        /// Its resource name
        name: String,
    },
}

/// Carries a command out.
pub async fn run(client: Client, out: &mut Output, command: Command) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    match command {
        Command::List { cluster, open } => {
            let parent = cluster.as_deref().map(resource).unwrap_or_default();
            let found = list(&client, &parent, open).await?;
            out.print_all(&found, &table(&found))?;
        }
        Command::Get { name } => {
            let found = client.operations().get_operation(GetOperationRequest { name }).await?.into_inner();
            show(out, &found)?;
        }
        Command::Watch { name } => {
            let end = follow(&client, out, &name).await?;
            show_end(out, &end)?;
            code = end_code(&end);
        }
        Command::Resume { name } => {
            client.operations().resume_operation(ResumeOperationRequest { name: name.clone() }).await?;
            let end = follow(&client, out, &name).await?;
            show_end(out, &end)?;
            code = end_code(&end);
        }
        Command::Abandon { name } => {
            let request = AbandonOperationRequest { name };
            show(out, &client.operations().abandon_operation(request).await?.into_inner())?;
        }
        Command::Cancel { name } => {
            let request = CancelOperationRequest { name, request_id: request_id() };
            show(out, &client.operations().cancel_operation(request).await?.into_inner())?;
        }
    }
    client.close().await;
    Ok(code)
}

/// Follows an operation until it is over or stuck, and remarks each step as it ends.
pub async fn follow(client: &Client, out: &Output, name: &str) -> anyhow::Result<Operation> {
    let mut told: Vec<(StepState, String)> = Vec::new();
    let mut last = None;
    let (mut revision, mut silent) = (0, 0);
    loop {
        let request = WatchOperationRequest { name: name.to_owned(), revision };
        let broken = match client.operations().watch_operation(request).await {
            Err(status) => Some(status),
            Ok(events) => {
                let mut events = events.into_inner();
                loop {
                    match events.message().await {
                        Ok(Some(OperationEvent { operation: Some(operation) })) => {
                            let Some(metadata) = &operation.metadata else { continue };
                            (revision, silent) = (metadata.revision, 0);
                            tell(out, metadata, &mut told);
                            last = Some(operation);
                        }
                        Ok(Some(_)) => {}
                        Ok(None) => break None,
                        Err(status) => break Some(status),
                    }
                }
            }
        };
        match last.take() {
            Some(end) if at_rest(&end) => return Ok(end),
            other => last = other,
        }
        // A server that restarts ends the stream, and answers again after a while: go on from there.
        silent += 1;
        match broken {
            Some(status) if !is_passing(&status) || SILENCE_MAX < silent => return Err(status.into()),
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Whether a broken connection may be mended by the next call.
fn is_passing(status: &tonic::Status) -> bool {
    matches!(status.code(), tonic::Code::Unavailable | tonic::Code::Unknown | tonic::Code::Cancelled)
}

/// What a command that begins an operation does next: prints its name, or follows it to its end.
pub async fn attend(
    client: &Client,
    out: &mut Output,
    begun: &Operation,
    no_wait: bool,
) -> anyhow::Result<ExitCode> {
    if no_wait {
        out.print(begun, &format!("{}\n", begun.name), &Table::default())?;
        return Ok(ExitCode::SUCCESS);
    }
    out.remark(&format!("{}: plimsoll operation watch {} follows it from elsewhere", begun.name, begun.name));
    let end = follow(client, out, &begun.name).await?;
    show_end(out, &end)?;
    Ok(end_code(&end))
}

/// A line for each step that changed in a way that a person wants to hear of.
fn tell(out: &Output, metadata: &OperationMetadata, told: &mut Vec<(StepState, String)>) {
    let count = metadata.steps.len();
    told.resize(count, (StepState::Unspecified, String::new()));
    for (index, (step, told)) in metadata.steps.iter().zip(told).enumerate() {
        let now = (step.state(), step.note.clone());
        let speaks =
            matches!(now.0, StepState::Done | StepState::Undone | StepState::Failed) || !now.1.is_empty();
        if *told != now && speaks {
            let note = if step.note.is_empty() { String::new() } else { format!(": {}", step.note) };
            let left = left(metadata);
            out.remark(&format!(
                "{:>3}/{count} {:<7} {}{note}{left}",
                index + 1,
                state_word(step),
                step.title
            ));
        }
        *told = now;
    }
}

/// About how long the steps of a whole cluster that are left take: of others too little is known beforehand.
fn left(metadata: &OperationMetadata) -> String {
    if !matches!(metadata.kind(), Kind::CreateCluster | Kind::UpgradeCluster | Kind::DeleteCluster) {
        return String::new();
    }
    let open =
        metadata.steps.iter().filter(|step| matches!(step.state(), StepState::Pending | StepState::Running));
    let seconds: i64 = open.filter_map(|step| step.usual_duration.as_ref()).map(|span| span.seconds).sum();
    if seconds == 0 { String::new() } else { format!(" (about {} min left)", seconds / 60) }
}

fn state_word(step: &OperationStep) -> &'static str {
    match step.state() {
        StepState::Unspecified | StepState::Pending => "waits",
        StepState::Running => "runs",
        StepState::Done => "done",
        StepState::Undone => "undone",
        StepState::Failed => "failed",
    }
}

fn at_rest(operation: &Operation) -> bool {
    let stuck = operation.metadata.as_ref().is_some_and(|metadata| metadata.state() == State::Stuck);
    operation.done || stuck
}

/// `apply    19/19 steps, SUCCEEDED (41 min)`
pub fn end_line(operation: &Operation) -> String {
    let kind = operation.metadata.as_ref().map(OperationMetadata::kind).unwrap_or_default();
    let what = match kind {
        Kind::ResizeNodeGroup => "resize  ",
        Kind::ReplaceInterrupted | Kind::ReplaceMachine => "replace ",
        Kind::CreateCluster => "create  ",
        Kind::UpgradeCluster => "upgrade ",
        Kind::DeleteCluster => "delete  ",
        Kind::Unspecified | Kind::ApplyPlan => "apply   ",
    };
    format!("{what} {}", end_words(operation))
}

/// `19/19 steps, SUCCEEDED (41 min)`
pub fn end_words(operation: &Operation) -> String {
    let Some(metadata) = &operation.metadata else { return String::new() };
    let done = metadata.steps.iter().filter(|step| step.state() == StepState::Done).count();
    let span = match (&metadata.create_time, &metadata.update_time) {
        (Some(from), Some(to)) => (to.seconds - from.seconds).max(0) / 60,
        _ => 0,
    };
    let why = match &operation.result {
        Some(Outcome::Error(failure)) => format!("   {}: {}", failure.reason, failure.message),
        _ => String::new(),
    };
    format!("{done}/{} steps, {} ({span} min){why}", metadata.steps.len(), word(metadata.state()))
}

fn word(state: State) -> &'static str {
    state.as_str_name().trim_start_matches("STATE_")
}

/// Prints how an operation ended.
pub fn show_end(out: &mut Output, operation: &Operation) -> anyhow::Result<()> {
    out.print(operation, &(end_line(operation) + "\n"), &Table::default())?;
    if !operation.done && at_rest(operation) {
        let name = &operation.name;
        out.remark(&format!(
            "its cluster is held until a person decides: plimsoll operation resume {name}, when what is in the way is gone; or \
             plimsoll operation abandon {name}, which leaves things as they are"
        ));
    }
    Ok(())
}

/// The exit code that an operation's end stands for.
pub fn end_code(operation: &Operation) -> ExitCode {
    match operation.metadata.as_ref().map(OperationMetadata::state) {
        Some(State::Succeeded) => ExitCode::SUCCESS,
        Some(State::Failed | State::Cancelled | State::Undoing) => ExitCode::from(exit::UNDONE),
        _ => ExitCode::from(exit::FAILED),
    }
}

fn show(out: &mut Output, operation: &Operation) -> anyhow::Result<()> {
    let steps = operation.metadata.iter().flat_map(|metadata| &metadata.steps);
    let row = |(index, step): (usize, &OperationStep)| {
        vec![
            (index + 1).to_string(),
            state_word(step).to_owned(),
            step.title.clone(),
            step.attempt_count.to_string(),
            step.note.clone(),
        ]
    };
    let table = Table {
        head: vec!["#", "STATE", "STEP", "#TRIES", "NOTE"],
        rows: steps.enumerate().map(row).collect(),
    };
    out.print(operation, &format!("{}\n{}\n\n", operation.name, end_line(operation)), &table)
}

/// What an operation is about: its plan, its node group, or its cluster.
fn target(metadata: &OperationMetadata) -> String {
    let all = [&metadata.plan, &metadata.node_group, &metadata.target];
    all.into_iter().find(|name| !name.is_empty()).cloned().unwrap_or_default()
}

fn table(operations: &[Operation]) -> Table {
    let row = |operation: &Operation| {
        let metadata = operation.metadata.clone().unwrap_or_default();
        let done = metadata.steps.iter().filter(|step| step.state() == StepState::Done).count();
        vec![
            operation.name.clone(),
            word(metadata.state()).to_owned(),
            format!("{done}/{}", metadata.steps.len()),
            target(&metadata),
            metadata.actor.clone(),
        ]
    };
    Table {
        head: vec!["OPERATION", "STATE", "STEPS", "TARGET", "ACTOR"],
        rows: operations.iter().map(row).collect(),
    }
}

async fn list(client: &Client, parent: &str, open: bool) -> anyhow::Result<Vec<Operation>> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListOperationsRequest { parent: parent.to_owned(), page_token, open, page_size: 0 };
        let page = client.operations().list_operations(request).await?.into_inner();
        all.extend(page.operations);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}
