//! What a real Prometheus remembers, to the last sample; and what one says that cannot answer.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::Span;
use plimsoll_domain::usage::Sample;
use plimsoll_live::prometheus::{Prometheus, Settings};
use plimsoll_props::prometheus::Prometheus as Server;

/// A whole hour, 2026-07-20T12:00:00Z.
const START: i64 = 1_784_548_800;
/// Seconds between two scrapes.
const SCRAPE: i64 = 30;

fn cluster() -> ClusterId {
    "prod".parse().unwrap()
}

fn span(start: i64, end: i64) -> Span {
    let at = |second| Timestamp::from_second(START + second).unwrap();
    Span { start: at(start), end: at(end) }
}

fn client(settings: &Settings) -> Prometheus {
    Prometheus::of(settings, &cluster()).unwrap().unwrap()
}

fn at(url: &str) -> Settings {
    Settings { url: url.to_owned(), ..Settings::default() }
}

/// Scrapes from an hour before to two hours after the start, but for ten minutes that nobody scraped: two servers of a pair
/// see each container, a pod's own cgroup is there, and a cluster that is another's.
fn past() -> String {
    let mut text = String::new();
    let times: Vec<i64> =
        (-3600..7200).step_by(SCRAPE as usize).filter(|time| !(1800..=2400).contains(time)).collect();
    text.push_str("# TYPE container_cpu_usage_seconds counter\n");
    for series in series() {
        for time in &times {
            let seconds = (time + 3600) as f64 * series.cores;
            writeln!(
                text,
                "container_cpu_usage_seconds_total{{{}}} {seconds} {}",
                series.labels,
                START + time
            )
            .unwrap();
        }
    }
    text.push_str("# TYPE container_memory_working_set_bytes gauge\n");
    for series in series() {
        for time in &times {
            // A peak of half a minute in each five.
            let bytes = if time.rem_euclid(300) == 120 { 900 } else { 500 } * series.bytes;
            writeln!(
                text,
                "container_memory_working_set_bytes{{{}}} {bytes} {}",
                series.labels,
                START + time
            )
            .unwrap();
        }
    }
    text.push_str("# EOF\n");
    text
}

struct Series {
    labels: String,
    cores: f64,
    bytes: i64,
}

fn series() -> Vec<Series> {
    let of = |cluster: &str, replica: &str, pod: &str, container: &str, cores, bytes| Series {
        labels: format!(
            "cluster=\"{cluster}\",prometheus_replica=\"{replica}\",namespace=\"shop\",pod=\"{pod}\",container=\"{container}\""
        ),
        cores,
        bytes,
    };
    vec![
        of("prod", "a", "web-1", "app", 0.25, 1 << 20),
        of("prod", "b", "web-1", "app", 0.25, 1 << 20),
        of("prod", "a", "web-1", "POD", 0.5, 1),
        of("prod", "a", "web-1", "", 0.75, 1),
        of("prod", "a", "db-0", "db", 2.0, 3 << 20),
        of("other", "a", "web-1", "app", 7.0, 1 << 30),
    ]
}

type Points = BTreeMap<(String, i64), (Vec<f64>, Vec<i64>)>;

/// By container and second after the start: all that was told.
fn by_point(samples: &[Sample]) -> Points {
    let mut points = Points::new();
    for sample in samples {
        let key = (
            format!("{}/{}/{}", sample.namespace, sample.pod, sample.container),
            sample.time.as_second() - START,
        );
        let point = points.entry(key).or_default();
        point.0.extend(sample.cpu_milli);
        point.1.extend(sample.memory_bytes);
    }
    points
}

#[tokio::test]
async fn every_container_is_told_once_every_five_minutes_and_a_gap_is_a_gap() {
    let Some(server) = Server::start(&past()) else { return };
    let settings = Settings { cluster_label: "cluster".to_owned(), ..at(server.url()) };
    let points = by_point(&client(&settings).samples(span(0, 3600)).await.unwrap());

    let names: BTreeSet<&str> = points.keys().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["shop/db-0/db", "shop/web-1/app"]));
    for (name, cpu_milli, peak) in
        [("shop/web-1/app", 250.0, 900 << 20), ("shop/db-0/db", 2000.0, 2700 << 20)]
    {
        let of = |second: i64| points.get(&(name.to_owned(), second)).cloned();
        for second in (0..=1500).chain(2700..=3300).step_by(1).filter(|second| second % 300 == 0) {
            let (cpu, memory) = of(second).unwrap_or_else(|| panic!("{name} at {second}"));
            assert!(cpu.len() == 1 && (cpu[0] - cpu_milli).abs() < 0.001, "{name} at {second}: {cpu:?}");
            assert_eq!(memory, [peak], "{name} at {second}");
        }
        // Nobody scraped from 1800 to 2400: what looks back over nothing but that says nothing.
        assert_eq!(of(2100).map(|(cpu, _)| cpu.len()), None, "{name}");
        assert_eq!(of(3600), None, "the end of a span is not part of it");
    }
}

#[tokio::test]
async fn a_span_of_three_months_is_answered_in_full() {
    let Some(server) = Server::start(&past()) else { return };
    let settings = Settings { cluster_label: "cluster".to_owned(), ..at(server.url()) };
    let client = client(&settings);
    let hour = client.samples(span(0, 3600)).await.unwrap();
    let before = client.samples(span(-90 * 86_400, 0)).await.unwrap();
    let all = client.samples(span(-90 * 86_400, 3600)).await.unwrap();
    assert_eq!(all.len(), before.len() + hour.len());
    assert_eq!(
        by_point(&all).into_iter().filter(|((_, second), _)| 0 <= *second).collect::<Points>(),
        by_point(&hour)
    );
}

#[tokio::test]
async fn a_server_that_does_not_know_a_cluster_says_nothing_of_it() {
    let Some(server) = Server::start(&past()) else { return };
    let settings = Settings { cluster_label: "region".to_owned(), ..at(server.url()) };
    assert_eq!(client(&settings).samples(span(0, 3600)).await.unwrap(), []);
    assert!(Prometheus::of(&Settings::default(), &cluster()).unwrap().is_none(), "nobody is asked");
}

/// One answer of a server that is told what to say: status, and body.
type Said = (u16, String);

/// A server that answers as it is told, and what it was asked: each time the token and the body.
async fn scripted(
    answer: impl Fn(&str) -> Said + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<(String, String)>>>) {
    let asked: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let heard = Arc::clone(&asked);
    let answer = Arc::new(answer);
    let answer = move |headers: axum::http::HeaderMap, body: String| {
        let token =
            headers.get("authorization").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let (status, said) = answer(&body);
        heard.lock().unwrap().push((token, body));
        async move { (axum::http::StatusCode::from_u16(status).unwrap(), said) }
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/api/v1/query_range", axum::routing::post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, asked)
}

fn nothing() -> String {
    r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#.to_owned()
}

/// First and last point that a body asks for, in seconds after the start.
fn asked_for(body: &str) -> (i64, i64) {
    let of = |name: &str| -> i64 {
        let field = body.split('&').find_map(|field| field.strip_prefix(name)).unwrap();
        field.parse::<i64>().unwrap() - START
    };
    (of("start="), of("end="))
}

#[tokio::test]
async fn a_server_that_has_too_much_to_do_is_asked_for_less() {
    for refusal in [422, 503] {
        let (url, asked) = scripted(move |body| {
            let (first, last) = asked_for(body);
            if last - first < 1200 {
                (200, nothing())
            } else {
                (
                    refusal,
                    r#"{"status":"error","errorType":"execution","error":"too many samples"}"#.to_owned(),
                )
            }
        })
        .await;
        client(&at(&url)).samples(span(0, 3600)).await.unwrap();
        let mut answered: Vec<(i64, i64)> = asked
            .lock()
            .unwrap()
            .iter()
            .map(|(_, body)| asked_for(body))
            .filter(|(first, last)| last - first < 1200)
            .collect();
        answered.sort_unstable();
        // Each of the two measures in four parts, with each point once.
        let parts = [(0, 600), (900, 1500), (1800, 2400), (2700, 3300)];
        assert_eq!(answered, parts.iter().flat_map(|part| [*part, *part]).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_error_names_the_query_and_what_the_server_said_but_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "s3cret\n").unwrap();
    let error = r#"{"status":"error","errorType":"bad_data","error":"parse error: odd"}"#;
    let partial =
        r#"{"status":"success","warnings":["store 3 is away"],"data":{"resultType":"matrix","result":[]}}"#;
    for (status, body, parts) in [
        (400, error, ["400", "bad_data: parse error: odd"]),
        (422, error, ["422", "parse error: odd"]),
        (500, "<html>proxy</html>", ["500", "<html>proxy</html>"]),
        (200, "<html>login</html>", ["expected value", "line 1"]),
        (200, partial, ["partial", "store 3 is away"]),
    ] {
        let (url, asked) = scripted(move |_| (status, body.to_owned())).await;
        let settings = Settings { token_file: Some(token_file.clone()), ..at(&url) };
        let message = client(&settings).samples(span(0, 3600)).await.unwrap_err().to_string();
        for part in parts.into_iter().chain(["container_"]) {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
        assert!(!message.contains("s3cret"), "{message}");
        assert!(asked.lock().unwrap().iter().all(|(token, _)| token == "Bearer s3cret"), "the token is sent");
    }
    let (url, _) = scripted(|_| (200, nothing())).await;
    std::fs::write(&token_file, "s3cret\u{1}").unwrap();
    let settings = Settings { token_file: Some(token_file.clone()), ..at(&url) };
    let message = client(&settings).samples(span(0, 3600)).await.unwrap_err().to_string();
    assert!(message.contains("live.prometheus_token_file") && !message.contains("s3cret"), "{message}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let url = format!("http://127.0.0.1:{}", plimsoll_props::free_port());
    let message = client(&at(&url)).samples(span(0, 3600)).await.unwrap_err().to_string();
    assert!(message.contains("container_cpu_usage_seconds_total") && message.contains("onnect"), "{message}");
    let message = Prometheus::of(&at("no address"), &cluster()).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("live.prometheus_url"), "{message}");
}
