//! The contract of worlds, kept by AWS on the wire and a real Kubernetes control plane.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ListParams;
use kube::{Api, Client};
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::world::{GroupSpec, World};
use plimsoll_live::kubernetes::Kubernetes;
use plimsoll_props::aws::moto::{Moto, Place};
use plimsoll_props::aws::{FakeAws, Manners};
use plimsoll_props::ground::{Ground, Options};
use plimsoll_props::objects::{budget, deployment, is_ready, put, template};
use plimsoll_sim::contract;
use serde_json::json;

const ZONE: &str = "us-east-1a";
const ZONES: [&str; 2] = [ZONE, "us-east-1b"];

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

/// Workloads on a control plane whose machines are those of a cloud, and a world over both.
struct Stage {
    world: World,
    terms: contract::Ground,
}

impl Stage {
    /// With a group to be made of that kind.
    async fn set(ground: &Ground, url: &str, role: &str, kind: CapacityKind) -> Self {
        let client = ground.client().await;
        put(&client, deployment("web", 4, &template("web", "200m", &json!({})))).await;
        put(&client, deployment("db", 1, &template("db", "200m", &json!({})))).await;
        put(&client, budget("db", 0)).await;
        let (movable, guarded) = (serving(&client, "web", 4).await, serving(&client, "db", 1).await);
        let budgets: Api<PodDisruptionBudget> = Api::namespaced(client.clone(), "default");
        loop {
            // The budget's own status comes a moment later.
            let db = budgets.get("db").await.unwrap();
            if db.status.is_some_and(|status| status.observed_generation == db.metadata.generation) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }

        let cluster = wire::id("prod");
        let aws = Arc::new(wire::aws_with("prod", url, role).await);
        let kubernetes = Arc::new(Kubernetes::new(cluster.clone(), ground.config().await).unwrap());
        let world = World {
            cloud: aws.clone(),
            cluster: kubernetes.clone(),
            metrics: kubernetes,
            prices: aws,
            estate: None,
            clock: Arc::new(wire::Now(Instant::now())),
        };
        let spec = GroupSpec {
            name: "plimsoll-new".into(),
            zone: ZONE.into(),
            kind,
            instance_types: vec!["m7i.large".into(), "m6i.large".into()],
            labels: [("tier".to_owned(), "spot".to_owned())].into(),
            taints: Vec::new(),
        };
        let terms = contract::Ground {
            cluster,
            spec,
            movable: movable[0].clone(),
            guarded: guarded[0].clone(),
            patience: Duration::from_secs(60),
            look: Duration::from_millis(300),
        };
        Self { world, terms }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_and_kubernetes_keep_the_contract() {
    let Some(ground) = Ground::start(Options::default()).await else { return };
    // EC2 tells the end of a machine to the second: one has to live for longer.
    let manners = Manners { boot: Duration::from_millis(1500), ..Manners::default() };
    let fake = FakeAws::start("prod", &ZONES, manners, ground.client().await).await;
    for (name, zone) in [("general-a", ZONES[0]), ("general-b", ZONES[1])] {
        fake.found_group(name, zone, "m7i.xlarge", 2);
    }
    let stage = Stage::set(&ground, fake.url(), "", CapacityKind::Spot).await;
    let kept = contract::check(&stage.world, &stage.terms).await;
    kept.unwrap_or_else(|breach| panic!("{breach}\n{:?}", fake.log()));
    if let Some(faults) = fake.faults_on_the_wire() {
        assert_eq!(faults, "");
    }
}

/// All but what it has no price list for. moto shows no machine of a group as spot, so that the group is of the other kind;
/// and what is behind its node groups, a hand of ours keeps (`tests/props/python/moto_aws.py`).
#[tokio::test(flavor = "multi_thread")]
async fn an_aws_that_others_wrote_keeps_the_contract_too() {
    let Some(ground) = Ground::start(Options::default()).await else { return };
    let Some(moto) = Moto::start("prod", &ZONES, ground.client().await) else { return };
    let Place { url, role, version, .. } = moto.place();
    let stage = Stage::set(&ground, url, role, CapacityKind::OnDemand).await;
    let kept = contract::check_but(&stage.world, &stage.terms, &[contract::QUOTES]).await;
    kept.unwrap_or_else(|breach| panic!("moto {version}: {breach}"));
    println!("moto {version} keeps the contract, but for: {}", contract::QUOTES);
    expect_no_spot(&stage, version).await;
}

/// A machine of a spot group is no spot machine in moto: once it is, the contract's group has to be of that kind.
async fn expect_no_spot(stage: &Stage, version: &str) {
    let Stage { world, terms } = stage;
    let spec = GroupSpec { name: "spot".into(), kind: CapacityKind::Spot, ..terms.spec.clone() };
    world.cloud.ensure_group(&terms.cluster, &spec).await.unwrap();
    world.cloud.ensure_size(&terms.cluster, &spec.name, 1).await.unwrap();
    let lives = world.cloud.lives(&terms.cluster, world.clock.now()).await.unwrap();
    let kinds: Vec<CapacityKind> =
        lives.into_iter().filter(|life| life.group == spec.name).map(|life| life.kind).collect();
    assert_eq!(kinds, [CapacityKind::OnDemand], "moto {version} shows spot machines now");
}
