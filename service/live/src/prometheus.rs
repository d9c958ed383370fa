//! What containers used, as a Prometheus has it: exact queries over short spans, each point kept or refused.
//!
//! Two servers of a pair that scrape the same answer as one; what was not measured stays a gap; an answer that is marked as
//! partial is not taken. The token never leaves the client that sends it.

mod answer;
mod query;

use std::path::PathBuf;
use std::time::Duration;

use futures::try_join;
use http::{HeaderValue, Method, Request, StatusCode, header};
use kube::client::Body;
use kube::{Client, Config};
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::Span;
use plimsoll_domain::usage::Sample;
use plimsoll_domain::world::ClusterError;

use query::{MEASURES, Measure};

/// Longest that one query may take, there and here.
const QUERY_SECONDS_MAX: u64 = 30;
/// Spans are halved so often when they are too much for the server.
const HALVINGS_MAX: u32 = 6;

/// How a Prometheus is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Its address, such as `https://prometheus.example.com`; `{cluster}` stands for the cluster's id. Empty: none is asked.
    pub url: String,
    /// A file with the token that it asks for; none: it asks for none. Read before each question.
    pub token_file: Option<PathBuf>,
    /// The label whose value is the cluster's id, where one Prometheus knows several clusters; empty: it knows only one.
    pub cluster_label: String,
}

/// A Prometheus that knows one cluster.
pub struct Prometheus {
    client: Client,
    token_file: Option<PathBuf>,
    matcher: String,
}

/// Why a query has no answer.
#[derive(Debug)]
enum Refusal {
    /// Too much at once: less may do.
    TooMuch(String),
    /// Anything else.
    Failed(String),
}

impl Prometheus {
    /// Nothing is asked so far. None if no address is set.
    ///
    /// # Errors
    /// The address is none, or the token cannot be read.
    pub fn of(settings: &Settings, cluster: &ClusterId) -> Result<Option<Self>, ClusterError> {
        if settings.url.is_empty() {
            return Ok(None);
        }
        let failed = |why: String| ClusterError::Failed(format!("live.prometheus_url: {why}"));
        let url = settings.url.replace("{cluster}", cluster.as_str());
        let mut config =
            Config::new(url.parse().map_err(|error: http::uri::InvalidUri| failed(error.to_string()))?);
        // Who has too much to do is asked for less, not for the same again.
        config.default_retry = false;
        let client = Client::try_from(config).map_err(|error| failed(error.to_string()))?;
        let matcher = query::matcher(&settings.cluster_label, cluster.as_str());
        Ok(Some(Self { client, token_file: settings.token_file.clone(), matcher }))
    }

    /// Samples of a span: one of each container every five minutes, where there is one.
    ///
    /// # Errors
    /// Names the query, and what the server said.
    pub async fn samples(&self, span: Span) -> Result<Vec<Sample>, ClusterError> {
        let [cpu, memory] = &MEASURES;
        let (mut samples, others) = try_join!(self.measure(cpu, span), self.measure(memory, span))?;
        samples.extend(others);
        Ok(samples)
    }

    /// One measure over a span, in halves where the whole is too much.
    async fn measure(&self, measure: &Measure, span: Span) -> Result<Vec<Sample>, ClusterError> {
        let mut samples = Vec::new();
        let mut open: Vec<(Span, u32)> = query::parts(span).into_iter().rev().map(|part| (part, 0)).collect();
        while let Some((span, halvings)) = open.pop() {
            match self.ask(measure, span).await {
                Ok(found) => samples.extend(found),
                Err(Refusal::TooMuch(why)) => match query::halves(span).filter(|_| halvings < HALVINGS_MAX) {
                    Some([first, second]) => open.extend([(second, halvings + 1), (first, halvings + 1)]),
                    None => return Err(self.failed(measure, why)),
                },
                Err(Refusal::Failed(why)) => return Err(self.failed(measure, why)),
            }
        }
        Ok(samples)
    }

    fn failed(&self, measure: &Measure, why: String) -> ClusterError {
        ClusterError::Failed(format!("Prometheus, {}: {why}", measure.query(&self.matcher)))
    }

    /// What is sent as authorization, marked as a secret; no error shows it.
    async fn token(&self) -> Result<Option<HeaderValue>, String> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let unfit = |why: &str| format!("live.prometheus_token_file {}: {why}", path.display());
        let text = tokio::fs::read_to_string(path).await.map_err(|error| unfit(&error.to_string()))?;
        let value = HeaderValue::from_str(&format!("Bearer {}", text.trim()));
        let mut value = value.map_err(|_| unfit("this is no token"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    async fn ask(&self, measure: &Measure, span: Span) -> Result<Vec<Sample>, Refusal> {
        let Some(form) = measure.form(&self.matcher, span, QUERY_SECONDS_MAX) else { return Ok(Vec::new()) };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/api/v1/query_range")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.into_bytes()))
            .map_err(|error| Refusal::Failed(error.to_string()))?;
        if let Some(token) = self.token().await.map_err(Refusal::Failed)? {
            request.headers_mut().insert(header::AUTHORIZATION, token);
        }
        let whole = async {
            let response = self.client.send(request).await.map_err(|error| Refusal::Failed(chain(&error)))?;
            let status = response.status();
            let body = response.into_body().collect_bytes().await;
            Ok((status, body.map_err(|error| Refusal::Failed(error.to_string()))?))
        };
        let waited = tokio::time::timeout(Duration::from_secs(QUERY_SECONDS_MAX), whole).await;
        let (status, body) =
            waited.map_err(|_| Refusal::TooMuch(format!("no answer in {QUERY_SECONDS_MAX} s")))??;
        if !status.is_success() {
            let why = format!("{status}: {}", answer::error(&body));
            let is_too_much =
                matches!(status, StatusCode::UNPROCESSABLE_ENTITY | StatusCode::SERVICE_UNAVAILABLE);
            return Err(if is_too_much { Refusal::TooMuch(why) } else { Refusal::Failed(why) });
        }
        answer::samples(&body, measure.file_name).map_err(Refusal::Failed)
    }
}

/// An error with what is behind it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
