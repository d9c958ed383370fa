//! The whole service in one process, as a client sees it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures::StreamExt;
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::cluster_service_client::ClusterServiceClient;
use plimsoll_proto::v1::import_chunk::Part;
use plimsoll_proto::v1::ingest_service_client::IngestServiceClient;
use plimsoll_proto::v1::plan_event::Event;
use plimsoll_proto::v1::plan_service_client::PlanServiceClient;
use plimsoll_proto::v1::pricing_service_client::PricingServiceClient;
use plimsoll_server::config::{Listen, Settings, Store};
use plimsoll_server::{DEMO_CLUSTER, Running, embedded, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

async fn start() -> (Running, Channel) {
    let running = embedded().await.unwrap();
    let channel = connect(&running).await;
    (running, channel)
}

async fn connect(running: &Running) -> Channel {
    Channel::from_shared(format!("http://{}", running.grpc_address())).unwrap().connect().await.unwrap()
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

#[track_caller]
fn expect_refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, want: &str) {
    let status = answer.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (code, want), "{status:?}");
}

fn registration(id: &str, request_id: &str) -> pb::RegisterClusterRequest {
    pb::RegisterClusterRequest {
        cluster_id: id.into(),
        request_id: request_id.into(),
        ..pb::RegisterClusterRequest::default()
    }
}

fn upload(
    parent: &str,
    request_id: &str,
    text: &'static str,
) -> impl futures::Stream<Item = pb::ImportChunk> + use<> {
    let header = pb::ImportHeader {
        parent: parent.into(),
        request_id: request_id.into(),
        file_name: "kube.json".into(),
        ..pb::ImportHeader::default()
    };
    let parts = [Part::Header(header), Part::Data(text.into())];
    futures::stream::iter(parts.map(|part| pb::ImportChunk { part: Some(part) }))
}

#[tokio::test]
async fn a_cluster_is_registered_once() {
    let (_running, channel) = start().await;
    let mut clusters = ClusterServiceClient::new(channel);
    let made = clusters.register_cluster(registration("atlas", "id-1")).await.unwrap().into_inner();
    assert_eq!((made.name.as_str(), made.mode()), ("clusters/atlas", pb::cluster::Mode::Offline));

    let again = clusters.register_cluster(registration("atlas", "id-1")).await.unwrap().into_inner();
    assert_eq!(again, made);
    let other = clusters.register_cluster(registration("other", "id-1")).await;
    expect_refused(other, Code::InvalidArgument, "REQUEST_ID_REUSED");
    expect_refused(
        clusters.register_cluster(registration("atlas", "")).await,
        Code::AlreadyExists,
        "EXISTS_ALREADY",
    );

    let missing = pb::GetClusterRequest { name: "clusters/none".into() };
    expect_refused(clusters.get_cluster(missing).await, Code::NotFound, "UNKNOWN_CLUSTER");
    let malformed = pb::GetClusterRequest { name: "atlas".into() };
    expect_refused(clusters.get_cluster(malformed).await, Code::InvalidArgument, "INVALID_FIELD");
}

#[tokio::test]
async fn clusters_are_listed_in_pages() {
    let (_running, channel) = start().await;
    let mut clusters = ClusterServiceClient::new(channel);
    for id in ["c", "a", "b"] {
        clusters.register_cluster(registration(id, "")).await.unwrap();
    }
    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListClustersRequest { page_size: 2, page_token, filter: "mode = OFFLINE".into() };
        let page = clusters.list_clusters(request).await.unwrap().into_inner();
        names.extend(page.clusters.into_iter().map(|cluster| cluster.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["clusters/a", "clusters/b", "clusters/c"]);

    let foreign = pb::ListClustersRequest { page_token: "?".into(), ..Default::default() };
    expect_refused(clusters.list_clusters(foreign).await, Code::InvalidArgument, "BAD_PAGE_TOKEN");
    let negative = pb::ListClustersRequest { page_size: -1, ..Default::default() };
    expect_refused(clusters.list_clusters(negative).await, Code::InvalidArgument, "INVALID_FIELD");
    let unclear = pb::ListClustersRequest { filter: "mode ~ x".into(), ..Default::default() };
    expect_refused(clusters.list_clusters(unclear).await, Code::InvalidArgument, "INVALID_FIELD");
}

#[tokio::test]
async fn a_policy_is_changed_by_mask_and_etag() {
    let (_running, channel) = start().await;
    let mut clusters = ClusterServiceClient::new(channel);
    clusters.register_cluster(registration("atlas", "")).await.unwrap();
    let name = "clusters/atlas/policy".to_owned();
    let before = clusters.get_policy(pb::GetPolicyRequest { name: name.clone() }).await.unwrap().into_inner();
    assert_eq!((before.name.as_str(), before.nodes_max), (name.as_str(), Some(1000)));

    let change = |etag: &str| pb::UpdatePolicyRequest {
        policy: Some(pb::Policy {
            name: name.clone(),
            etag: etag.to_owned(),
            nodes_max: Some(7),
            metal: Some(true),
            ..pb::Policy::default()
        }),
        update_mask: Some(pbjson_types::FieldMask { paths: vec!["nodes_max".into()] }),
        ..pb::UpdatePolicyRequest::default()
    };
    let after = clusters.update_policy(change(&before.etag)).await.unwrap().into_inner();
    assert_eq!((after.nodes_max, after.metal), (Some(7), Some(false)));
    assert_ne!(after.etag, before.etag);
    expect_refused(clusters.update_policy(change(&before.etag)).await, Code::Aborted, "ETAG_MISMATCH");
}

#[tokio::test]
async fn a_bad_upload_is_refused_with_its_place() {
    let (_running, channel) = start().await;
    ClusterServiceClient::new(channel.clone()).register_cluster(registration("atlas", "")).await.unwrap();
    let mut ingest = IngestServiceClient::new(channel);
    let unknown = ingest.import_snapshot(upload("clusters/none", "", "{}")).await;
    expect_refused(unknown, Code::NotFound, "UNKNOWN_CLUSTER");
    let broken =
        ingest.import_snapshot(upload("clusters/atlas", "", "{\"kind\":\"List\",\n\"items\":[{]}")).await;
    let status = broken.unwrap_err();
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(
        (info.reason.as_str(), info.metadata.get("line").map(String::as_str)),
        ("BAD_IMPORT", Some("2"))
    );
    let nothing = ingest.import_snapshot(futures::stream::empty()).await;
    expect_refused(nothing, Code::InvalidArgument, "INVALID_FIELD");
}

#[tokio::test]
async fn offerings_are_those_of_the_catalog() {
    let (_running, channel) = start().await;
    let mut pricing = PricingServiceClient::new(channel);
    let request = pb::ListOfferingsRequest {
        parent: "catalogs/latest".into(),
        region: "us-east-1".into(),
        filter: "instance_type = \"m5.large\" AND kind = \"ON_DEMAND\"".into(),
        ..Default::default()
    };
    let page = pricing.list_offerings(request).await.unwrap().into_inner();
    // The list price of m5.large in us-east-1.
    assert_eq!(page.offerings[0].price_nano_usd_per_hour, 96_000_000);
    assert_eq!((page.offerings.len(), page.next_page_token.as_str()), (1, ""));
    let elsewhere = pb::GetCatalogRequest { name: "catalogs/latest".into(), region: "eu-west-9".into() };
    expect_refused(pricing.get_catalog(elsewhere).await, Code::NotFound, "UNKNOWN_CATALOG");
}

fn order(request_id: &str) -> pb::CreatePlanRequest {
    pb::CreatePlanRequest {
        parent: format!("clusters/{DEMO_CLUSTER}"),
        request_id: request_id.into(),
        time_budget: Some(pbjson_types::Duration { seconds: 2, nanos: 0 }),
        seed: 1,
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_made_once_explained_and_proven() {
    let (running, channel) = start().await;
    running.load_example().await.unwrap();
    let mut plans = PlanServiceClient::new(channel).max_decoding_message_size(64 << 20);
    let made = plans.create_plan(order("id-1")).await.unwrap().into_inner();
    assert_eq!(made.state(), pb::plan::State::Ready);
    assert!(
        made.verified && made.objective_floor_nano_usd_per_hour <= made.objective_nano_usd_per_hour,
        "{made:?}"
    );
    assert_eq!(plans.create_plan(order("id-1")).await.unwrap().into_inner().name, made.name);

    let found = pb::GetPlanRequest { name: made.name.clone(), ..Default::default() };
    assert_eq!(plans.get_plan(found).await.unwrap().into_inner(), made);
    let list = pb::ListPlansRequest {
        parent: format!("clusters/{DEMO_CLUSTER}"),
        filter: "state = \"READY\"".into(),
        ..Default::default()
    };
    let listed = plans.list_plans(list).await.unwrap().into_inner().plans;
    assert_eq!(
        listed.iter().map(|plan| (&plan.name, plan.placements.len())).collect::<Vec<_>>(),
        [(&made.name, 0)]
    );

    let why = pb::ExplainPlanRequest { name: made.name.clone(), ..Default::default() };
    assert!(!plans.explain_plan(why).await.unwrap().into_inner().why.is_empty());
    expect_proven(&mut plans, &made).await;
}

/// The exported bundle passes the verifier, and is the wire's own JSON of the same plan.
async fn expect_proven(plans: &mut PlanServiceClient<Channel>, made: &pb::Plan) {
    let request = pb::ExportPlanRequest { name: made.name.clone(), ..Default::default() };
    let chunks = plans.export_plan(request).await.unwrap().into_inner();
    let bytes: Vec<u8> =
        chunks.map(Result::unwrap).flat_map(|chunk| futures::stream::iter(chunk.data)).collect().await;
    let bundle = plimsoll_verify::read(bytes.as_slice()).unwrap();
    plimsoll_verify::verify(&bundle).unwrap();
    let wire: pb::Bundle = serde_json::from_slice(&bytes).unwrap();
    let plan = wire.plan.unwrap();
    assert_eq!(plan.placements, made.placements);
    assert_eq!(wire.certificate, made.certificate);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_progress_and_ends_with_the_plan() {
    let (running, channel) = start().await;
    running.load_example().await.unwrap();
    let mut plans = PlanServiceClient::new(channel).max_decoding_message_size(64 << 20);
    let events = plans.stream_plan(order("")).await.unwrap().into_inner();
    let events: Vec<Event> = events.map(|event| event.unwrap().event.unwrap()).collect().await;
    let (last, before) = events.split_last().unwrap();
    assert!(matches!(last, Event::Plan(_)), "{last:?}");
    assert!(!before.is_empty() && before.iter().all(|event| matches!(event, Event::Progress(_))));
}

/// A service out of memory on a free port.
fn private() -> Settings {
    Settings {
        listen: Listen { grpc: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), metrics: None },
        store: Store { path: Store::MEMORY.into() },
        ..Settings::default()
    }
}

/// An order that takes minutes if nobody stops it.
fn long_order() -> pb::CreatePlanRequest {
    pb::CreatePlanRequest {
        time_budget: Some(pbjson_types::Duration { seconds: 500, nanos: 0 }),
        policy_override: Some(pb::Policy { gap_target_ratio: Some(0.0), ..Default::default() }),
        ..order("")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_listening_stops_the_work() {
    let plan = plimsoll_server::config::Plan { concurrent_max: 1, waiting_max: 1, ..Default::default() };
    let running = serve(&Settings { plan, ..private() }).await.unwrap();
    running.load_example().await.unwrap();
    let mut plans = PlanServiceClient::new(connect(&running).await).max_decoding_message_size(64 << 20);
    let mut events = plans.stream_plan(long_order()).await.unwrap().into_inner();
    assert!(events.next().await.unwrap().is_ok());
    drop(events);
    let next = tokio::time::timeout(Duration::from_secs(60), plans.create_plan(order(""))).await;
    next.expect("the only place is free again").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_cancels_what_does_not_end() {
    let shutdown = plimsoll_server::config::Shutdown { drain_seconds: 0 };
    let running = serve(&Settings { shutdown, ..private() }).await.unwrap();
    running.load_example().await.unwrap();
    let mut plans = PlanServiceClient::new(connect(&running).await);
    let mut events = plans.stream_plan(long_order()).await.unwrap().into_inner();
    assert!(events.next().await.unwrap().is_ok());
    tokio::time::timeout(Duration::from_secs(10), running.shut_down())
        .await
        .expect("stops within its limits");
    let rest: Vec<Result<pb::PlanEvent, Status>> = events.collect().await;
    assert!(rest.iter().any(Result::is_err), "the planning went on to its end");
}

#[tokio::test]
async fn health_and_reflection_answer() {
    let (_running, channel) = start().await;
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel.clone());
    for service in ["", "plimsoll.v1.PlanService"] {
        let request = tonic_health::pb::HealthCheckRequest { service: service.into() };
        assert_eq!(health.check(request).await.unwrap().into_inner().status, 1, "{service}");
    }
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    let ask = tonic_reflection::pb::v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answer =
        ServerReflectionClient::new(channel).server_reflection_info(futures::stream::iter([ask])).await;
    let first = answer.unwrap().into_inner().next().await.unwrap().unwrap();
    assert!(format!("{first:?}").contains("plimsoll.v1.PlanService"));
}

#[tokio::test]
async fn a_request_id_comes_back() {
    let (_running, channel) = start().await;
    let mut request = Request::new(pb::ListClustersRequest::default());
    request.metadata_mut().insert("x-request-id", "mine-1".parse().unwrap());
    let answer = ClusterServiceClient::new(channel).list_clusters(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "mine-1");
}

/// One call over HTTP/1.1 in gRPC-web: an empty ListClusters.
async fn grpc_web(address: SocketAddr, origin: &str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /plimsoll.v1.ClusterService/ListClusters HTTP/1.1\r\nhost: {address}\r\norigin: {origin}\r\n\
         content-type: application/grpc-web+proto\r\ncontent-length: 5\r\nconnection: close\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&[0; 5]).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn browsers_of_this_machine_are_served_and_others_are_not() {
    let (running, _channel) = start().await;
    let answer = grpc_web(running.grpc_address(), "http://localhost:3000").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("grpc-status:0"), "{answer}");
    let answer = grpc_web(running.grpc_address(), "http://evil.example").await;
    assert!(answer.contains("grpc-status: 7") || answer.contains("grpc-status:7"), "{answer}");
}

#[tokio::test]
async fn metrics_count_requests_by_method_and_code() {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listen = Listen { grpc: free, metrics: Some(free) };
    let running = serve(&Settings { listen, ..private() }).await.unwrap();
    let mut clusters = ClusterServiceClient::new(connect(&running).await);
    clusters.get_cluster(pb::GetClusterRequest { name: "clusters/none".into() }).await.unwrap_err();
    let mut socket = TcpStream::connect(running.metrics_address().unwrap()).await.unwrap();
    socket.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await.unwrap();
    let mut page = String::new();
    socket.read_to_string(&mut page).await.unwrap();
    let line =
        "plimsoll_rpc_requests_total{method=\"/plimsoll.v1.ClusterService/GetCluster\",code=\"NOT_FOUND\"}";
    assert!(page.contains(line), "{page}");
    assert!(page.contains("plimsoll_rpc_duration_seconds_bucket"), "{page}");
}
