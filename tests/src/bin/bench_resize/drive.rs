//! Sends what is due when it is due, and keeps what came back.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::node_group_service_client::NodeGroupServiceClient;
use plimsoll_proto::v1::operation_service_client::OperationServiceClient;
use plimsoll_tests::process::Process;
use tonic::Status;
use tonic::transport::Channel;
use tonic_types::StatusExt;

use super::intent::{Intents, What, cluster_id, group_name};

/// Connections; as many clients as a few hooks and people make.
const CONNECTIONS: usize = 8;
/// Operations in a page that is read.
const PAGE_SIZE: i32 = 50;
/// The row of the table that is no read.
pub const WRITES: &str = "ResizeNodeGroup";

/// Connections to the server.
#[derive(Clone)]
pub struct Lines(Arc<Vec<Channel>>);

impl Lines {
    /// To this one, and whoever comes after it on its port.
    pub fn to(server: &Process) -> Self {
        Self(Arc::new((0..CONNECTIONS).map(|_| server.channel()).collect()))
    }

    /// One of them.
    pub fn any(&self) -> &Channel {
        &self.0[0]
    }

    /// The one whose turn it is.
    pub fn nth(&self, number: usize) -> Channel {
        self.0[number % self.0.len()].clone()
    }
}

/// What a write was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With this operation.
    Accepted(String),
    /// With this reason.
    Refused(String),
    /// Not at all: the connection broke.
    Silent(String),
}

/// All that came back.
#[derive(Debug, Default)]
pub struct Answers {
    /// To each write, in its order.
    pub writes: Vec<Option<Answer>>,
    /// How often each reason.
    pub refusals: HashMap<String, usize>,
    /// Microseconds from the time that a call was due to its answer.
    pub times: BTreeMap<&'static str, Histogram<u64>>,
    newest: Option<String>,
}

impl Answers {
    fn time(&mut self, call: &'static str, span: Duration) {
        let times = self.times.entry(call).or_insert_with(|| Histogram::new(3).unwrap());
        times.record(u64::try_from(span.as_micros()).unwrap()).unwrap();
    }
}

/// Sends everything, and waits for the last answer.
pub async fn drive(lines: Lines, intents: Intents, begin: Instant) -> Answers {
    let answers =
        Arc::new(Mutex::new(Answers { writes: vec![None; intents.writes.len()], ..Answers::default() }));
    let writes = tokio::spawn(drive_writes(lines.clone(), intents.clone(), begin, Arc::clone(&answers)));
    let reads = tokio::spawn(drive_reads(lines, intents, begin, Arc::clone(&answers)));
    writes.await.unwrap();
    reads.await.unwrap();
    std::mem::take(&mut *answers.lock().unwrap())
}

async fn drive_writes(lines: Lines, intents: Intents, begin: Instant, answers: Arc<Mutex<Answers>>) {
    let mut sent = Vec::new();
    for (number, write) in intents.writes.into_iter().enumerate() {
        let due = begin + write.due;
        tokio::time::sleep_until(due.into()).await;
        let (channel, answers) = (lines.nth(number), Arc::clone(&answers));
        sent.push(tokio::spawn(async move {
            let answer = resize(channel, write.request).await;
            let mut answers = answers.lock().unwrap();
            match &answer {
                Answer::Accepted(name) => answers.newest = Some(name.clone()),
                Answer::Refused(reason) => *answers.refusals.entry(reason.clone()).or_default() += 1,
                Answer::Silent(_) => {}
            }
            if !matches!(answer, Answer::Silent(_)) {
                answers.time(WRITES, due.elapsed());
            }
            answers.writes[number] = Some(answer);
        }));
    }
    futures::future::join_all(sent).await;
}

async fn drive_reads(lines: Lines, intents: Intents, begin: Instant, answers: Arc<Mutex<Answers>>) {
    let mut sent = Vec::new();
    for (number, read) in intents.reads.into_iter().enumerate() {
        let due = begin + read.due;
        tokio::time::sleep_until(due.into()).await;
        let (channel, answers) = (lines.nth(number), Arc::clone(&answers));
        sent.push(tokio::spawn(async move {
            let newest = answers.lock().unwrap().newest.clone();
            let (call, answer) = look(channel, read.what, newest).await;
            match answer {
                Ok(()) => answers.lock().unwrap().time(call, due.elapsed()),
                Err(status) => assert!(is_silence(&status), "{call}: {status}"),
            }
        }));
    }
    for sent in sent {
        sent.await.unwrap();
    }
}

/// Sends a resize once.
pub async fn resize(channel: Channel, request: pb::ResizeNodeGroupRequest) -> Answer {
    match NodeGroupServiceClient::new(channel).resize_node_group(request).await {
        Ok(answer) => Answer::Accepted(answer.into_inner().name),
        Err(status) if is_silence(&status) => Answer::Silent(status.to_string()),
        Err(status) => {
            let reason = status.get_error_details().error_info().map(|info| info.reason.clone());
            Answer::Refused(reason.unwrap_or_else(|| panic!("no reason: {status}")))
        }
    }
}

async fn look(channel: Channel, what: What, newest: Option<String>) -> (&'static str, Result<(), Status>) {
    let (mut groups, mut operations) =
        (NodeGroupServiceClient::new(channel.clone()), OperationServiceClient::new(channel));
    match (what, newest) {
        (What::Operation, Some(name)) => {
            ("GetOperation", operations.get_operation(pb::GetOperationRequest { name }).await.map(drop))
        }
        (What::List(cluster), _) => {
            let parent = format!("clusters/{}", cluster_id(cluster));
            let request = pb::ListOperationsRequest { parent, page_size: PAGE_SIZE, ..Default::default() };
            ("ListOperations", operations.list_operations(request).await.map(drop))
        }
        (What::Group(cluster, group), _) => {
            let request = pb::GetNodeGroupRequest { name: group_name(cluster, group) };
            ("GetNodeGroup", groups.get_node_group(request).await.map(drop))
        }
        (What::Operation, None) => {
            let request = pb::GetNodeGroupRequest { name: group_name(0, 0) };
            ("GetNodeGroup", groups.get_node_group(request).await.map(drop))
        }
    }
}

/// Whether this is no answer of the server's, but the end of a connection.
fn is_silence(status: &Status) -> bool {
    status.get_error_details().error_info().is_none()
}
