//! An AWS of one's own, on the wire: what EKS, EC2, Auto Scaling and SQS answer about one cluster, with their manners, in
//! quick motion. Machines that it launches become nodes of a real API server.
//!
//! It is told apart from others by nothing but its address. One update of a node group at a time; machines boot; a group
//! never has fewer machines than its least size; shortages end in failed scaling activities. Every call is written down.

mod ec2;
mod eks;
mod machines;
mod nodes;
mod scaling;
mod sqs;
mod state;
mod wire;
mod xml;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use kube::Client;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use state::{Call, Manners, Shortage};
use state::{State, Words};

/// How often time is looked at.
const TICK: Duration = Duration::from_millis(20);

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

impl FakeAws {
    /// One with a cluster of that name in us-east-1, with a subnet in each zone. Nodes are made through `client`.
    ///
    /// # Panics
    /// If there is no port.
    pub async fn start(cluster: &str, zones: &[&str], manners: Manners, client: Client) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::new(cluster, zones, manners)));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let moved = Arc::clone(&state);
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(TICK).await;
                let works = lock(&moved).advance();
                nodes::carry_out(&client, works).await;
            }
        });
        Self { url, state, _tasks: tasks }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes a node group that somebody else made, with machines that run.
    pub fn found_group(&self, name: &str, zone: &str, instance_type: &str, count: i32) {
        lock(&self.state).found(name, zone, instance_type, count);
    }

    /// Has no more machines of a type in a zone.
    pub fn shortage(&self, shortage: Shortage) {
        lock(&self.state).shortages.insert(shortage);
    }

    /// Refuses the next calls of an operation with an error of that code.
    pub fn refuse(&self, action: &str, code: &str, times: u32) {
        lock(&self.state).refusals.insert(action.to_owned(), (code.to_owned(), times));
    }

    /// Puts a message into the queue.
    pub fn tell(&self, message: &str) {
        lock(&self.state).queue.push_back(message.to_owned());
    }

    /// Ids of machines that run, by group.
    pub fn running(&self) -> BTreeMap<String, Vec<String>> {
        lock(&self.state).running()
    }

    /// Every call so far.
    pub fn log(&self) -> Vec<Call> {
        lock(&self.state).log.clone()
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(
    Shared(state): Shared<Arc<Mutex<State>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let service = service(&headers);
    let request = read(&method, &uri, &headers, &body);
    let mut state = lock(&state);
    let answer = match service.as_str() {
        "eks" => eks::answer(&mut state, &request),
        "ec2" => ec2::answer(&mut state, &request),
        "autoscaling" => scaling::answer(&mut state, &request),
        "sqs" => sqs::answer(&mut state, &request),
        other => Err(Words::new(400, "UnknownService", format!("{other:?} is not answered here"))),
    };
    let action = match service.as_str() {
        "eks" => format!("eks:{}", eks::action(&request)),
        _ => format!("{service}:{}", request.action),
    };
    let status = answer.as_ref().map_or_else(|words| words.status, |_| 200);
    let code = answer.as_ref().err().map(|words| words.code.clone()).unwrap_or_default();
    state.log.push(Call {
        action,
        status,
        code,
        method: request.method.to_string(),
        path: request.path,
        body: String::from_utf8_lossy(&body).into_owned(),
        answer: answer.as_ref().map(|(_, text)| text.clone()).unwrap_or_default(),
    });
    match answer {
        Ok((kind, text)) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Err(words) => refusal(&service, &words),
    }
}

/// The service that a request is signed for.
fn service(headers: &HeaderMap) -> String {
    let signed = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    signed.split('/').nth(3).unwrap_or_default().to_owned()
}

fn read(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Request {
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
fn refusal(service: &str, words: &Words) -> Response {
    let status = StatusCode::from_u16(words.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (code, message) = (&words.code, &words.message);
    let error = [xml::leaf("Code", code), xml::leaf("Message", message)].concat();
    match service {
        "ec2" => {
            let errors = xml::node("Errors", &xml::node("Error", &error));
            let body = xml::node("Response", &[errors, xml::leaf("RequestID", "fake")].concat());
            (status, [(header::CONTENT_TYPE, "text/xml")], body).into_response()
        }
        "autoscaling" => {
            let body = [xml::node("Error", &error), xml::leaf("RequestId", "fake")].concat();
            (status, [(header::CONTENT_TYPE, "text/xml")], xml::node("ErrorResponse", &body)).into_response()
        }
        _ => {
            let body = serde_json::json!({ "__type": code, "message": message }).to_string();
            let headers =
                [(header::CONTENT_TYPE.as_str(), "application/json"), ("x-amzn-errortype", code.as_str())];
            (status, headers, body).into_response()
        }
    }
}
