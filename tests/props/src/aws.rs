//! An AWS of one's own, on the wire: what EKS, EC2, Auto Scaling, SQS, Service Quotas, Savings Plans and the price list answer
//! about one cluster, with their manners, in quick motion. Machines that it launches become nodes of a real API server.
//!
//! It is told apart from others by nothing but its address. One update of a node group at a time; machines boot; a group
//! never has fewer machines than its least size; shortages end in failed scaling activities. Every call is written down.

mod ec2;
mod eks;
mod iam;
mod inside;
mod machines;
pub mod moto;
mod network;
mod nodes;
mod others;
mod pricing;
mod quotas;
mod savings;
mod scaling;
mod sqs;
mod state;
mod types;
mod wire;
mod xml;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use kube::Client;
use plimsoll_domain::clock::Clock;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use eks::plane::Estate;
pub use machines::Machine;
pub use nodes::seen;
pub use others::Found;
pub use savings::{Reservation, SavingsPlan};
pub use state::{Call, Manners, Shortage, Work};
use state::{State, Words};
pub use wire::allowed;

/// How often time is looked at.
const TICK: Duration = Duration::from_millis(20);
/// From the word that a machine is taken back to its end.
const NOTICE: Duration = Duration::from_secs(120);

/// What is asked of it.
struct Request {
    method: Method,
    path: String,
    /// Of the query, or of the form in the body.
    fields: BTreeMap<String, String>,
    body: serde_json::Value,
    /// The operation, where a header or the form names it.
    action: String,
}

/// What it answers: a status, a content type, a body.
type Answer = Result<(&'static str, String), Words>;

/// The server. Ends when dropped.
pub struct FakeAws {
    url: String,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

/// An answer on the wire.
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// The time of this machine.
#[derive(Debug)]
struct Now(Instant);

#[async_trait]
impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

impl FakeAws {
    /// One with a cluster of that name in us-east-1 that others made, with a subnet in each zone. Nodes are made through
    /// `client`.
    ///
    /// # Panics
    /// If there is no port.
    pub async fn start(cluster: &str, zones: &[&str], manners: Manners, client: Client) -> Self {
        let fake = Self::start_empty(cluster, zones, manners, client).await;
        fake.found_cluster();
        fake
    }

    /// The same without a cluster; one of that name can be made.
    ///
    /// # Panics
    /// If there is no port.
    pub async fn start_empty(cluster: &str, zones: &[&str], manners: Manners, client: Client) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let clock = Arc::new(Now(Instant::now()));
        let state = Arc::new(Mutex::new(State::new(cluster, zones, manners, clock)));
        let router = Router::new().fallback(serve).with_state(Arc::clone(&state));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let moved = Arc::clone(&state);
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(TICK).await;
                let works = lock(&moved).advance();
                let emptied = nodes::carry_out(&client, works).await;
                lock(&moved).emptied.extend(emptied);
            }
        });
        Self { url, state, _tasks: tasks }
    }

    /// One without a server, a cluster or anybody who makes nodes, on a time of one's own: asked through
    /// [`FakeAws::http_client`], moved on by [`FakeAws::advance`].
    pub fn alone(cluster: &str, zones: &[&str], manners: Manners, clock: Arc<dyn Clock>) -> Self {
        let state = Arc::new(Mutex::new(State::new(cluster, zones, manners, clock)));
        Self { url: "http://aws.invalid".to_owned(), state, _tasks: JoinSet::new() }
    }

    /// What the SDK sends requests through: they are answered in place.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(inside::Inside(Arc::clone(&self.state)))
    }

    /// Does what is due by now, and tells what that means for the API server.
    pub fn advance(&self) -> Vec<Work> {
        lock(&self.state).advance()
    }

    /// Nothing is left on a node that would have to be evicted.
    pub fn emptied(&self, node: &str) {
        lock(&self.state).emptied.insert(node.to_owned());
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ids of its subnets, a zone each.
    pub fn subnets(&self) -> Vec<String> {
        lock(&self.state).subnets.iter().map(|(id, _)| id.clone()).collect()
    }

    /// Makes a cluster that somebody else made.
    pub fn found_cluster(&self) {
        let mut state = lock(&self.state);
        let subnets = state.subnets.clone();
        state.estate.found(&subnets);
    }

    /// Subnets have so many free addresses from now on.
    pub fn free_addresses(&self, count: i32) {
        lock(&self.state).free_addresses = count;
    }

    /// Makes a node group that somebody else made, with machines that run.
    pub fn found_group(&self, name: &str, zone: &str, instance_type: &str, count: i32) {
        lock(&self.state).found(name, zone, instance_type, count);
    }

    /// Has no more machines of a type in a zone.
    pub fn shortage(&self, shortage: Shortage) {
        lock(&self.state).shortages.insert(shortage);
    }

    /// Grants so much of what a quota counts.
    pub fn grant(&self, code: &'static str, value: f64) {
        lock(&self.state).granted.insert(code, value);
    }

    /// The account commits itself to pay for these.
    pub fn commit(&self, reservations: &[Reservation], savings_plans: &[SavingsPlan]) {
        let mut state = lock(&self.state);
        state.reservations.extend_from_slice(reservations);
        state.savings_plans.extend_from_slice(savings_plans);
    }

    /// Refuses the next calls of an operation with an error of that code.
    pub fn refuse(&self, action: &str, code: &str, times: u32) {
        lock(&self.state).refusals.insert(action.to_owned(), (code.to_owned(), times));
    }

    /// Does what the next calls of an operation ask for, and loses the answers.
    pub fn lose(&self, action: &str, times: u32) {
        lock(&self.state).losses.insert(action.to_owned(), times);
    }

    /// Has the next update of a kind fail: `VersionUpdate`, `AddonUpdate`, `NodegroupVersionUpdate`; or the next making or
    /// deleting of a node group: `NodegroupCreate`, `NodegroupDelete`.
    pub fn fail_update(&self, kind: &'static str, why: &str) {
        lock(&self.state).updates.failing.insert(kind, why.to_owned());
    }

    /// Changes what there is beside node groups.
    pub fn estate(&self, change: impl FnOnce(&mut Estate)) {
        change(&mut lock(&self.state).estate);
    }

    /// Takes a machine back in two minutes, and says so in the queue as EventBridge does.
    pub fn interrupt(&self, instance: &str) {
        let mut state = lock(&self.state);
        let (now, reclaims) = (state.now(), state.after(NOTICE));
        let Some(machine) = state.machines.get_mut(instance) else { return };
        machine.reclaims = Some(reclaims);
        let message = serde_json::json!({
            "version": "0",
            "id": instance,
            "source": "aws.ec2",
            "detail-type": "EC2 Spot Instance Interruption Warning",
            "time": now,
            "detail": { "instance-id": instance, "instance-action": "terminate" },
        });
        state.queue.push_back(message.to_string());
    }

    /// Somebody else removes a node group of theirs, with its machines.
    pub fn remove_group(&self, name: &str) {
        let mut state = lock(&self.state);
        let its: Vec<String> = state.members(name).iter().map(|machine| machine.id.clone()).collect();
        its.iter().for_each(|id| state.terminate(id));
        state.groups.remove(name);
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        let mut state = lock(&self.state);
        state.shortages.clear();
        state.refusals.clear();
        state.losses.clear();
        state.updates.failing.clear();
        state.estate.cannot_make = false;
        state.estate.mend();
    }

    /// Puts a message into the queue.
    pub fn tell(&self, message: &str) {
        lock(&self.state).queue.push_back(message.to_owned());
    }

    /// Ids of machines that run, by group.
    pub fn running(&self) -> BTreeMap<String, Vec<String>> {
        lock(&self.state).running()
    }

    /// What there is, in a form that two worlds can be compared by.
    pub fn shown(&self) -> String {
        lock(&self.state).shown()
    }

    /// Every call so far.
    pub fn log(&self) -> Vec<Call> {
        lock(&self.state).log.clone()
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(
    Shared(state): Shared<Arc<Mutex<State>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Reply { status, headers, body } = answer(&state, &method, &uri, &headers, &body);
    let mut response = body.into_response();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

fn answer(state: &Mutex<State>, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Reply {
    let service = service(headers);
    let request = read(method, uri, headers, body);
    let mut state = lock(state);
    let mut answer = match service.as_str() {
        "eks" => eks::answer(&mut state, &request),
        "ec2" => ec2::answer(&mut state, &request),
        "autoscaling" => scaling::answer(&mut state, &request),
        "iam" => iam::answer(&mut state, &request),
        "sqs" => sqs::answer(&mut state, &request),
        "pricing" => pricing::answer(&mut state, &request),
        "servicequotas" => quotas::answer(&mut state, &request),
        "savingsplans" => savings::answer(&mut state, &request),
        other => Err(Words::new(400, "UnknownService", format!("{other:?} is not answered here"))),
    };
    let action = match service.as_str() {
        "eks" => format!("eks:{}", eks::action(&request)),
        "savingsplans" => format!("savingsplans:{}", savings::action(&request)),
        _ => format!("{service}:{}", request.action),
    };
    if answer.is_ok() && state.loses(&action) {
        answer = Err(Words::new(500, "ServerException", "it was done, and the answer is lost"));
    }
    let status = answer.as_ref().map_or_else(|words| words.status, |_| 200);
    let code = answer.as_ref().err().map(|words| words.code.clone()).unwrap_or_default();
    state.log.push(Call {
        action,
        status,
        code,
        method: request.method.to_string(),
        path: request.path,
        body: String::from_utf8_lossy(body).into_owned(),
        answer: answer.as_ref().map(|(_, text)| text.clone()).unwrap_or_default(),
    });
    match answer {
        Ok((kind, body)) => Reply { status, headers: vec![("content-type", kind.to_owned())], body },
        Err(words) => refusal(&service, &words),
    }
}

/// The service that a request is signed for.
fn service(headers: &HeaderMap) -> String {
    let signed = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    signed.split('/').nth(3).unwrap_or_default().to_owned()
}

fn read(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Request {
    let pairs = |text: &[u8]| form_urlencoded::parse(text).into_owned().collect::<BTreeMap<String, String>>();
    let mut fields = pairs(uri.query().unwrap_or_default().as_bytes());
    let json = serde_json::from_slice(body).unwrap_or_default();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        fields.extend(pairs(body));
    }
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let named = target.rsplit('.').next().unwrap_or_default();
    let action = fields.get("Action").cloned().unwrap_or_else(|| named.to_owned());
    Request { method: method.clone(), path: uri.path().to_owned(), fields, body: json, action }
}

/// An error in the words of a service's protocol.
fn refusal(service: &str, words: &Words) -> Reply {
    let Words { status, code, message } = words;
    let error = [xml::leaf("Code", code), xml::leaf("Message", message)].concat();
    let as_xml = |body| Reply { status: *status, headers: vec![("content-type", "text/xml".into())], body };
    match service {
        "ec2" => {
            let errors = xml::node("Errors", &xml::node("Error", &error));
            as_xml(xml::node("Response", &[errors, xml::leaf("RequestID", "fake")].concat()))
        }
        "autoscaling" | "iam" => {
            let body = [xml::node("Error", &error), xml::leaf("RequestId", "fake")].concat();
            as_xml(xml::node("ErrorResponse", &body))
        }
        _ => {
            let body = serde_json::json!({ "__type": code, "message": message }).to_string();
            let headers =
                vec![("content-type", "application/json".to_owned()), ("x-amzn-errortype", code.clone())];
            Reply { status: *status, headers, body }
        }
    }
}
