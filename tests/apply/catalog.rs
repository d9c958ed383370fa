//! Prices of a LIVE cluster's region: the cloud's own, and the last good ones while it tells none.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use plimsoll_domain::catalog::quotes::Quotes;
use plimsoll_domain::commitments::Held;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::policy::Policy;
use plimsoll_domain::store::{ClusterRecord, Mode};
use plimsoll_domain::units::HourlyRate;
use plimsoll_domain::world::{Atlas, CloudError, Cluster, Prices, SpotChange, World};
use plimsoll_engine::{Engine, PlanOrder, Registration};
use plimsoll_sim::Sim;
use tokio_util::sync::CancellationToken;

use super::rig::{Rig, look, shop_id, start, try_look, write};

const REGION: &str = "us-east-1";
const HOUR: u64 = 3600;

fn id() -> ClusterId {
    "prod".parse().unwrap()
}

/// A price list that a test writes; nothing on it: the cloud does not answer.
#[derive(Default)]
struct List(Mutex<Option<Quotes>>);

#[async_trait]
impl Prices for List {
    async fn quotes(&self, _: &ClusterId) -> Result<Quotes, CloudError> {
        self.0.lock().unwrap().clone().ok_or(CloudError::Throttled)
    }

    async fn spot_changes(&self, _: &ClusterId, _: Timestamp) -> Result<Vec<SpotChange>, CloudError> {
        Ok(Vec::new())
    }

    async fn commitments(&self, _: &ClusterId) -> Result<Vec<Held>, CloudError> {
        Ok(Vec::new())
    }
}

/// A cluster in a simulated world, reached as if it were a real one.
struct Doors(Sim, Arc<List>);

impl Atlas for Doors {
    fn world(&self, _: &ClusterRecord) -> World {
        World { prices: self.1.clone(), ..self.0.world() }
    }
}

struct Region {
    rig: Rig,
    engine: Engine,
    list: Arc<List>,
}

impl Region {
    async fn with_a_live_cluster() -> Self {
        let rig = Rig::shop().await;
        let state = rig.sim.state(&shop_id()).await.unwrap();
        rig.sim.load(&id(), state).unwrap();
        let list = Arc::new(List::default());
        let engine = rig.engine.clone().with_atlas(Arc::new(Doors(rig.sim.clone(), list.clone())));
        let registration = Registration {
            id: id(),
            mode: Mode::Live,
            region: REGION.into(),
            aws_account_id: String::new(),
            role_arn: String::new(),
            kubernetes_version: String::new(),
            policy: Policy::default(),
        };
        engine.register_cluster(&write(start()), registration).await.unwrap();
        engine.refresh_cluster(&write(start()), &id()).await.unwrap();
        let region = Self { rig, engine, list };
        // What is built in is old by then.
        region.pass(48).await;
        region
    }

    /// What the cloud tells from now on: the simulated world's prices, changed.
    async fn tells(&self, change: impl FnOnce(&mut Quotes)) {
        let mut quotes = self.rig.sim.quotes(&id()).await.unwrap();
        change(&mut quotes);
        *self.list.0.lock().unwrap() = Some(quotes);
    }

    fn is_silent(&self) {
        *self.list.0.lock().unwrap() = None;
    }

    async fn pass(&self, hours: u64) {
        self.rig.sim.world().clock.sleep(Duration::from_secs(hours * HOUR)).await;
    }

    /// Nano-dollars an hour that a large machine costs by the newest catalog.
    async fn price(&self) -> i64 {
        let newest = self.engine.newest_catalog(REGION).await.unwrap().unwrap();
        let price = newest.catalog.price("m5.large", "us-east-1a", CapacityKind::OnDemand);
        price.map(HourlyRate::nano_usd).unwrap()
    }

    /// What a plan of now says of the age of its prices.
    async fn said(&self) -> Vec<String> {
        let order = PlanOrder {
            write: write(self.rig.sim.world().clock.now()),
            cluster: id(),
            plan_id: None,
            snapshot: None,
            catalog: None,
            policy: None,
            time_budget: None,
            seed: 1,
            parent: None,
        };
        let plan = self.engine.create_plan(order, Arc::new(|_| {}), CancellationToken::new()).await.unwrap();
        let its = plan.findings.into_iter().filter(|finding| finding.code == "PRICES_STALE");
        its.map(|finding| finding.message).collect()
    }
}

/// Has a large machine cost so many nano-dollars an hour.
fn price_large(quotes: &mut Quotes, nano_usd: i64) {
    quotes.on_demand.insert("m5.large".into(), HourlyRate::from_nano_usd(nano_usd).unwrap());
}

#[tokio::test]
async fn the_clouds_prices_are_taken_and_outlive_its_silence() {
    let region = Region::with_a_live_cluster().await;
    let told = region.said().await;
    assert!(told[0].starts_with("spot price estimates of 2025-07-01"), "{told:?}");
    region.tells(|quotes| price_large(quotes, 97_000_001)).await;
    look(&region.engine, "catalog").await;
    assert_eq!(region.price().await, 97_000_001);
    assert_eq!(region.said().await, Vec::<String>::new());

    region.is_silent();
    region.pass(25).await;
    let failed = try_look(&region.engine, "catalog").await.unwrap_err();
    assert!(failed.to_string().contains("prod: throttled"), "{failed}");
    assert_eq!(region.price().await, 97_000_001);
    let told = region.said().await;
    assert!(told[0].contains("by AWS Price List GetProducts are 25 hours old"), "{told:?}");

    region.tells(|quotes| price_large(quotes, 98_000_001)).await;
    look(&region.engine, "catalog").await;
    assert_eq!((region.price().await, region.said().await), (98_000_001, Vec::new()));
}

#[tokio::test]
async fn half_a_price_list_is_not_taken() {
    let region = Region::with_a_live_cluster().await;
    region.tells(|_| ()).await;
    look(&region.engine, "catalog").await;
    region.pass(25).await;
    let half = |quotes: &mut Quotes| {
        let mut index = 0;
        quotes.on_demand.retain(|_, _| {
            index += 1;
            index % 2 == 0
        });
        price_large(quotes, 1);
    };
    region.tells(half).await;
    let refused = try_look(&region.engine, "catalog").await.unwrap_err();
    assert!(refused.to_string().contains("the cloud told on-demand prices of 67"), "{refused}");
    assert_eq!(region.price().await, 96_000_000);
}

#[tokio::test]
async fn prices_that_are_young_are_not_asked_for() {
    let region = Region::with_a_live_cluster().await;
    region.tells(|_| ()).await;
    look(&region.engine, "catalog").await;
    region.tells(|quotes| price_large(quotes, 1)).await;
    region.pass(23).await;
    look(&region.engine, "catalog").await;
    assert_eq!(region.price().await, 96_000_000);
    region.pass(2).await;
    look(&region.engine, "catalog").await;
    assert_eq!(region.price().await, 1);
}
