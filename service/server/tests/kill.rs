//! The real process is killed in the midst of an apply, again and again, and started anew: no operation is lost, and the
//! fleet ends as the plan says. `PLIMSOLL_KILLS` sets how often; `make prove` asks for fifty.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::cluster_service_client::ClusterServiceClient;
use plimsoll_proto::v1::import_chunk::Part;
use plimsoll_proto::v1::ingest_service_client::IngestServiceClient;
use plimsoll_proto::v1::operation_metadata::State;
use plimsoll_proto::v1::operation_service_client::OperationServiceClient;
use plimsoll_proto::v1::plan_service_client::PlanServiceClient;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tonic::transport::Channel;

#[path = "../../../tests/service/shop.rs"]
mod shop;

/// Kills in a run of every day.
const KILLS: usize = 5;
/// Virtual seconds in a real one: an apply of some 20 minutes takes two seconds.
const SPEED: u32 = 600;
/// Longest an apply may take with all its restarts.
const PATIENCE: Duration = Duration::from_secs(120);
/// Largest answer that is taken.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A process that is killed when dropped.
struct Server {
    child: Child,
    channel: Channel,
}

impl Server {
    async fn start(folder: &Path) -> Self {
        let set = |text: String| ["--set".to_owned(), text];
        let store = folder.join("plimsoll.db");
        let mut child = Command::new(env!("CARGO_BIN_EXE_plimsolld"))
            .arg("serve")
            .args(set("listen.grpc=127.0.0.1:0".into()))
            .args(set("listen.metrics=".into()))
            .args(set(format!("store.path={}", store.display())))
            .args(set(format!("simulator.speed={SPEED}")))
            .args(set("tasks.holder=one".into()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix("grpc ").map(str::to_owned)).unwrap();
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { child, channel }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn plans(&self) -> PlanServiceClient<Channel> {
        PlanServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    async fn operation(&self, name: &str) -> pb::Operation {
        let request = pb::GetOperationRequest { name: name.into() };
        let found = OperationServiceClient::new(self.channel.clone()).get_operation(request).await;
        found.unwrap().into_inner()
    }

    /// The shop, simulated, with a policy that lets every pod move.
    async fn load(&self) {
        let mut clusters = ClusterServiceClient::new(self.channel.clone());
        let cluster = pb::Cluster {
            mode: pb::cluster::Mode::Simulated.into(),
            region: "us-east-1".into(),
            ..Default::default()
        };
        let request = pb::RegisterClusterRequest {
            cluster_id: "shop".into(),
            cluster: Some(cluster),
            ..Default::default()
        };
        clusters.register_cluster(request).await.unwrap();
        let policy = pb::Policy {
            name: "clusters/shop/policy".into(),
            actuator: pb::policy::Actuator::Plimsoll.into(),
            moved_pods_max_ratio: Some(1.0),
            ..Default::default()
        };
        clusters
            .update_policy(pb::UpdatePolicyRequest { policy: Some(policy), ..Default::default() })
            .await
            .unwrap();
        let header = pb::ImportHeader { parent: "clusters/shop".into(), ..Default::default() };
        let parts = [Part::Header(header), Part::Data(shop::file().into())];
        let chunks = futures::stream::iter(parts.map(|part| pb::ImportChunk { part: Some(part) }));
        IngestServiceClient::new(self.channel.clone()).import_snapshot(chunks).await.unwrap();
    }

    async fn plan(&self) -> pb::Plan {
        let time_budget = Some(pbjson_types::Duration { seconds: 2, nanos: 0 });
        let request =
            pb::CreatePlanRequest { parent: "clusters/shop".into(), time_budget, ..Default::default() };
        self.plans().create_plan(request).await.unwrap().into_inner()
    }
}

fn kills() -> usize {
    std::env::var("PLIMSOLL_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_goes_on_where_it_was() {
    let mut random = SmallRng::seed_from_u64(1);
    let mut left = kills();
    let mut applies = 0;
    while 0 < left {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::start(folder.path()).await;
        server.load().await;
        let plan = server.plan().await;
        let request = pb::ApplyPlanRequest { name: plan.name.clone(), ..Default::default() };
        let begun = server.plans().apply_plan(request).await.unwrap().into_inner();
        let start = Instant::now();
        // A few kills in each apply: it makes headway between them.
        for _ in 0..left.min(5) {
            tokio::time::sleep(Duration::from_millis(random.random_range(1..600))).await;
            server.kill();
            left -= 1;
            server = Server::start(folder.path()).await;
        }
        let ended = loop {
            let found = server.operation(&begun.name).await;
            assert!(start.elapsed() < PATIENCE, "{found:?}");
            if found.done || found.metadata.as_ref().unwrap().state() == State::Stuck {
                break found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let metadata = ended.metadata.clone().unwrap();
        assert_eq!(metadata.state(), State::Succeeded, "{ended:?}");
        applies += 1;
        check_fleet(&server, &plan).await;
        server.kill();
    }
    println!("{} kills in {applies} applies", kills());
}

/// The groups are the plan's, and planning again sees as many nodes as the plan has.
async fn check_fleet(server: &Server, plan: &pb::Plan) {
    let request = pb::RefreshClusterRequest { name: "clusters/shop".into(), ..Default::default() };
    let snapshot = IngestServiceClient::new(server.channel.clone()).refresh_cluster(request).await;
    let snapshot = snapshot.unwrap().into_inner();
    let planned: i32 = plan.groups.iter().map(|group| group.to_count).sum();
    assert_eq!((snapshot.node_count, snapshot.pod_count as usize), (planned, shop::PODS));
    let again = server.plan().await;
    let sizes = |groups: &[pb::NodeGroup], after: bool| {
        let size = |group: &pb::NodeGroup| {
            (group.name.clone(), if after { group.to_count } else { group.from_count })
        };
        let mut sizes: Vec<(String, i32)> = groups.iter().map(size).filter(|(_, count)| 0 < *count).collect();
        sizes.sort();
        sizes
    };
    assert_eq!(sizes(&again.groups, false), sizes(&plan.groups, true));
}
