//! The service over a stage: its planning, its runner, its ways to AWS and to Kubernetes; only waits are short.

use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use jiff::Timestamp;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::operation::{Operation, State};
use plimsoll_domain::plan::Plan;
use plimsoll_domain::policy::{Actuator, Policy};
use plimsoll_domain::store::{ClusterRecord, Mode, RequestKey, Write};
use plimsoll_domain::world::{Atlas, World};
use plimsoll_engine::{ApplyOrder, Engine, PlanOrder, Registration, Settings};
use plimsoll_live::aws::{Account, Aws, Told};
use plimsoll_live::kubernetes::Kubernetes;
use plimsoll_store::Sqlite;
use tokio_util::sync::CancellationToken;

use super::clock::Quick;
use super::stage::{CLUSTER, Stage};

/// How much faster the world's time goes than the machine's. Between two looks of a runner, 5 s of its time, the control plane
/// has a quarter of a second. The controller of Jobs waits as much shorter.
pub const SPEED: u32 = 20;
/// Time to solve.
const BUDGET: Duration = Duration::from_secs(10);
const REGION: &str = "us-east-1";

/// The service.
pub struct Service {
    engine: Engine,
}

/// The way to the stage's cluster.
struct Way(World);

impl Atlas for Way {
    fn world(&self, _: &ClusterRecord) -> World {
        self.0.clone()
    }
}

impl Service {
    /// One that knows the stage's cluster, and may move every pod of it.
    pub async fn over(stage: &Stage) -> Self {
        let credentials = Credentials::new("AKID", "secret", None, None, "test");
        let config = aws_config::defaults(BehaviorVersion::latest()).region(Region::new(REGION));
        let config = config.credentials_provider(credentials).endpoint_url(stage.fake.url()).load().await;
        let account = Account { region: REGION.into(), ..Account::default() };
        let aws = Arc::new(Aws::with(id(), account, Told::default(), Arc::new(Quick::new(1)), &config));
        let kubernetes = Arc::new(Kubernetes::new(id(), stage.ground.config().await).unwrap());
        let world = World {
            cloud: aws.clone(),
            cluster: kubernetes.clone(),
            metrics: kubernetes,
            prices: aws,
            estate: None,
            clock: Arc::new(Quick::new(SPEED)),
        };
        let settings = Settings {
            plans_concurrent_max: 1,
            plans_waiting_max: 1,
            time_budget_default: BUDGET,
            time_budget_max: BUDGET,
            holder: String::new(),
        };
        let store = Arc::new(Sqlite::in_memory().await.unwrap());
        let engine = Engine::new(store, Arc::new(Quick::new(1)), settings).with_atlas(Arc::new(Way(world)));
        let registration = Registration {
            id: id(),
            mode: Mode::Live,
            region: REGION.into(),
            aws_account_id: String::new(),
            role_arn: String::new(),
            kubernetes_version: String::new(),
            policy: Policy { actuator: Actuator::Plimsoll, moved_pods_max_ratio: 1.0, ..Policy::default() },
        };
        engine.register_cluster(&write(), registration).await.unwrap();
        engine.refresh_cluster(&write(), &id()).await.unwrap();
        Self { engine }
    }

    /// A plan for the cluster as it is.
    pub async fn plan(&self) -> Plan {
        let order = PlanOrder {
            write: write(),
            cluster: id(),
            plan_id: None,
            snapshot: None,
            catalog: None,
            policy: None,
            time_budget: None,
            seed: 1,
            parent: None,
        };
        self.engine.create_plan(order, Arc::new(|_| {}), CancellationToken::new()).await.unwrap()
    }

    /// Carries a plan out, until that is over or stuck.
    pub async fn apply(&self, plan: &Plan) -> Operation {
        let order = ApplyOrder { write: write(), cluster: id(), plan: plan.id.clone() };
        let mut seen = self.engine.apply_plan(order).await.unwrap();
        while !seen.state.is_final() && seen.state != State::Stuck {
            seen = self.engine.operation_after(&seen.id, seen.revision).await.unwrap();
        }
        seen
    }
}

fn id() -> ClusterId {
    CLUSTER.parse().unwrap()
}

fn write() -> Write {
    let request = RequestKey { id: String::new(), method: "test".into(), body_digest: String::new() };
    Write { request, actor: "test".into(), time: Timestamp::now() }
}
