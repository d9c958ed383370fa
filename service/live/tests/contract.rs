//! The contract of worlds, kept by AWS on the wire and a real Kubernetes control plane.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use plimsoll_domain::clock::Clock;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::world::{GroupSpec, World};
use plimsoll_live::aws::{Account, Aws, Told};
use plimsoll_live::kubernetes::Kubernetes;
use plimsoll_props::aws::{FakeAws, Manners};
use plimsoll_props::ground::{Ground, Options};
use plimsoll_props::objects::{budget, deployment, is_ready, put, template};
use plimsoll_sim::contract;
use serde_json::json;

const ZONE: &str = "us-east-1a";

fn id() -> ClusterId {
    "prod".parse().unwrap()
}

/// The time of this machine.
struct Now(Instant);

#[async_trait::async_trait]
impl Clock for Now {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

async fn config(url: &str) -> SdkConfig {
    let credentials = Credentials::new("AKID", "secret", None, None, "test");
    let config = aws_config::defaults(BehaviorVersion::latest()).region(Region::new("us-east-1"));
    config.credentials_provider(credentials).endpoint_url(url).load().await
}

async fn pods(client: &Client, app: &str) -> Vec<String> {
    let api: Api<Pod> = Api::namespaced(client.clone(), "default");
    let all = api.list(&ListParams::default().labels(&format!("app={app}"))).await.unwrap();
    let names = all.items.iter().filter(|pod| is_ready(pod)).filter_map(|pod| pod.metadata.name.clone());
    names.map(|name| format!("default/{name}")).collect()
}

async fn serving(client: &Client, app: &str, count: usize) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let found = pods(client, app).await;
        if found.len() == count {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{app}: {found:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_and_kubernetes_keep_the_contract() {
    let Some(ground) = Ground::start(Options::default()).await else { return };
    let client = ground.client().await;
    // EC2 tells the end of a machine to the second: one has to live for longer.
    let manners = Manners { boot: Duration::from_millis(1500), ..Manners::default() };
    let fake = FakeAws::start("prod", &[ZONE, "us-east-1b"], manners, client.clone()).await;
    for (name, zone) in [("general-a", ZONE), ("general-b", "us-east-1b")] {
        fake.found_group(name, zone, "m7i.xlarge", 2);
    }
    put(&client, deployment("web", 4, &template("web", "200m", &json!({})))).await;
    put(&client, deployment("db", 1, &template("db", "200m", &json!({})))).await;
    put(&client, budget("db", 0)).await;
    let (movable, guarded) = (serving(&client, "web", 4).await, serving(&client, "db", 1).await);
    // The budget's own status comes a moment later.
    tokio::time::sleep(Duration::from_secs(1)).await;

    let account = Account { region: "us-east-1".into(), ..Account::default() };
    let aws = Arc::new(Aws::with(
        id(),
        account,
        Told::default(),
        Arc::new(Now(Instant::now())),
        &config(fake.url()).await,
    ));
    let kubernetes = Arc::new(Kubernetes::new(id(), ground.config().await).unwrap());
    let world = World {
        cloud: aws.clone(),
        cluster: kubernetes.clone(),
        metrics: kubernetes,
        prices: aws,
        estate: None,
        clock: Arc::new(Now(Instant::now())),
    };
    let spec = GroupSpec {
        name: "plimsoll-new".into(),
        zone: ZONE.into(),
        kind: CapacityKind::Spot,
        instance_types: vec!["m7i.large".into(), "m6i.large".into()],
        labels: [("tier".to_owned(), "spot".to_owned())].into(),
        taints: Vec::new(),
    };
    let terms = contract::Ground {
        cluster: id(),
        spec,
        movable: movable[0].clone(),
        guarded: guarded[0].clone(),
        patience: Duration::from_secs(60),
        look: Duration::from_millis(300),
    };
    contract::check(&world, &terms).await.unwrap_or_else(|breach| panic!("{breach}\n{:?}", fake.log()));
    if let Some(faults) = fake.faults_on_the_wire() {
        assert_eq!(faults, "");
    }
}
