//! Operations on a cluster that is made, and what they leave behind.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use plimsoll_domain::estate::{Access, AddOn, ClusterPlan, ControlPlane, FirstGroup, Network};
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::ids::{ClusterId, PlanId, SnapshotId};
use plimsoll_domain::operation::{Operation, State};
use plimsoll_domain::plan::Plan;
use plimsoll_domain::policy::{Actuator, Policy};
use plimsoll_domain::snapshot::{ClusterState, Content};
use plimsoll_domain::store::{ClusterRecord, Mode, RequestKey, Store, Write};
use plimsoll_domain::world::{GroupSpec, World};
use plimsoll_engine::{CreateOrder, DeleteOrder, Engine, PlanOrder, Registration, Settings, UpgradeOrder};
use plimsoll_manifest::kube::{Import, Options};
use plimsoll_store::Sqlite;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::bridge::{Bridge, ZONES};
use super::course::{self, Course};

/// Seed of every world here that names none.
pub const SEED: u64 = 7;
/// Role that is assumed.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/plimsoll";
/// Version that clusters are made with, and the next.
pub const VERSION: &str = "1.34";
pub const NEXT_VERSION: &str = "1.35";

/// Real time between looks at what is written down, and how many there are.
const NOTED_LOOK: Duration = Duration::from_millis(5);
const NOTED_LOOKS: u32 = 2_000;

pub fn start() -> Timestamp {
    "2026-07-20T08:00:00Z".parse().unwrap()
}

pub fn cluster_id() -> ClusterId {
    "prod".parse().unwrap()
}

pub fn write() -> Write {
    let request = RequestKey { id: String::new(), method: "test".into(), body_digest: String::new() };
    Write { request, actor: "test".into(), time: start() }
}

/// What a cluster is made of.
pub fn plan(bridge: &Bridge) -> ClusterPlan {
    let group = |name: &str, zone: &str, kind, count| FirstGroup {
        spec: GroupSpec {
            name: name.into(),
            zone: zone.into(),
            kind,
            instance_types: vec!["m7i.xlarge".into(), "m6i.xlarge".into()],
            labels: Default::default(),
            taints: Vec::new(),
        },
        count,
    };
    let add_on = |name: &&str| AddOn { name: (*name).to_owned(), role_arn: String::new() };
    ClusterPlan {
        network: None,
        plane: ControlPlane {
            version: VERSION.into(),
            role_arn: "arn:aws:iam::123456789012:role/cluster".into(),
            node_role_arn: "arn:aws:iam::123456789012:role/nodes".into(),
            subnets: bridge.fake.subnets(),
            ..ControlPlane::default()
        },
        access: vec![Access {
            principal_arn: "arn:aws:iam::123456789012:role/team/platform".into(),
            policy: "AmazonEKSAdminPolicy".into(),
        }],
        add_ons: ["vpc-cni", "kube-proxy", "coredns"].iter().map(add_on).collect(),
        groups: vec![
            group("general", ZONES[0], CapacityKind::OnDemand, 2),
            group("cheap", ZONES[1], CapacityKind::Spot, 1),
        ],
    }
}

pub fn registration() -> Registration {
    Registration {
        id: cluster_id(),
        mode: Mode::Live,
        region: "us-east-1".into(),
        aws_account_id: String::new(),
        role_arn: ROLE.into(),
        kubernetes_version: String::new(),
        policy: Policy::default(),
    }
}

pub fn creation(bridge: &Bridge, dry: bool) -> CreateOrder {
    CreateOrder { write: write(), registration: registration(), plan: plan(bridge), dry }
}

/// With a network and roles of its own.
pub fn creation_of_its_own(bridge: &Bridge) -> CreateOrder {
    let mut order = creation(bridge, false);
    let zones = ZONES.iter().map(|zone| (*zone).to_owned()).collect();
    order.plan.network = Some(Network { cidr: "10.4.0.0/16".into(), zones, nat_per_zone: false });
    order.plan.plane = ControlPlane { version: VERSION.into(), ..ControlPlane::default() };
    order
}

pub fn upgrading(dry: bool) -> UpgradeOrder {
    UpgradeOrder { write: write(), cluster: cluster_id(), version: NEXT_VERSION.into(), dry }
}

pub fn deletion(dry: bool) -> DeleteOrder {
    DeleteOrder { write: write(), cluster: cluster_id(), leave_behind: false, dry }
}

/// Pods without a node: of each workload so many, each of so many milli-CPU, with a budget that lets one go.
pub fn pending(workloads: &[(&str, usize, i64)]) -> ClusterState {
    let items: Vec<Value> =
        workloads.iter().flat_map(|(name, count, cpu)| objects(name, *count, *cpu)).collect();
    let text = json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string();
    let mut import = Import::default();
    import.read(text.as_bytes()).unwrap();
    let read = import.finish_live(&Options::at(start())).unwrap();
    match read.content {
        Content::Cluster(state) => *state,
        Content::Ready(_) => panic!("no cluster"),
    }
}

fn objects(name: &str, count: usize, cpu: i64) -> Vec<Value> {
    let labels = json!({ "app": name });
    let object = |api: &str, kind: &str, name: &str, spec: Value| {
        let metadata = json!({
            "name": name,
            "namespace": "shop",
            "labels": labels,
            "creationTimestamp": "2026-07-20T07:00:00Z",
        });
        json!({ "apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec })
    };
    let owner = |kind: &str, name: &str| json!([{ "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": name, "controller": true }]);
    let requests = json!({ "cpu": format!("{cpu}m"), "memory": "512Mi" });
    let pod =
        json!({ "containers": [{ "name": "main", "image": "app", "resources": { "requests": requests } }] });
    let template = json!({ "metadata": { "labels": labels }, "spec": pod });
    let spec = json!({ "replicas": count, "selector": { "matchLabels": labels }, "template": template });
    let set = format!("{name}-5c9d");
    let mut replica_set = object("apps/v1", "ReplicaSet", &set, spec.clone());
    replica_set["metadata"]["ownerReferences"] = owner("Deployment", name);
    let budget = json!({ "maxUnavailable": 1, "selector": { "matchLabels": labels } });
    let mut all = vec![
        object("apps/v1", "Deployment", name, spec),
        replica_set,
        object("policy/v1", "PodDisruptionBudget", name, budget),
    ];
    for number in 0..count {
        let mut one = object("v1", "Pod", &format!("{set}-x{number}"), pod.clone());
        one["metadata"]["ownerReferences"] = owner("ReplicaSet", &set);
        one["status"] = json!({ "phase": "Pending" });
        all.push(one);
    }
    all
}

/// A service that reaches a world.
pub fn engine(store: &Sqlite, bridge: &Bridge) -> Engine {
    let settings = Settings {
        plans_concurrent_max: 1,
        plans_waiting_max: 1,
        time_budget_default: Duration::from_millis(300),
        time_budget_max: Duration::from_secs(10),
        holder: "test".into(),
    };
    let clock = Arc::new(bridge.sim.clock());
    Engine::new(Arc::new(store.clone()), clock, settings).with_atlas(Arc::new(bridge.clone()))
}

/// A plan from a snapshot.
pub async fn plan_of(engine: &Engine, snapshot: SnapshotId) -> Plan {
    let order = PlanOrder {
        write: write(),
        cluster: cluster_id(),
        plan_id: None,
        snapshot: Some(snapshot),
        catalog: None,
        policy: None,
        time_budget: None,
        seed: 1,
        parent: None,
    };
    engine.create_plan(order, Arc::new(|_| {}), CancellationToken::new()).await.unwrap()
}

/// A plan for the cluster as it is.
pub async fn planned(engine: &Engine) -> PlanId {
    let refreshed = engine.refresh_cluster(&write(), &cluster_id()).await.unwrap();
    plan_of(engine, refreshed.stored.id).await.id
}

/// Waits until an operation is over or stuck.
pub async fn at_rest(engine: &Engine, operation: &Operation) -> Operation {
    let mut seen = operation.clone();
    while !seen.state.is_final() && seen.state != State::Stuck {
        seen = engine.operation_after(&operation.id, seen.revision).await.unwrap();
    }
    seen
}

/// Waits until a cluster is written down as something, as follows from an operation that is over.
pub async fn noted(engine: &Engine, so: impl Fn(&ClusterRecord) -> bool) {
    for _ in 0..NOTED_LOOKS {
        if so(&engine.cluster(&cluster_id()).await.unwrap()) {
            return;
        }
        tokio::time::sleep(NOTED_LOOK).await;
    }
    panic!("{:?}", engine.cluster(&cluster_id()).await.unwrap());
}

/// One operation after the other in one world.
pub struct Bench {
    pub bridge: Bridge,
    pub course: Course,
}

impl Bench {
    /// A fresh world in which operations were carried out already, and one that was not.
    pub async fn new(before: &[Operation], model: &Operation) -> Self {
        let bridge = Bridge::new(SEED, pending(&[("web", 4, 700), ("api", 2, 900)]));
        let store = Sqlite::in_memory().await.unwrap();
        let record = ClusterRecord {
            id: cluster_id(),
            mode: Mode::Live,
            region: "us-east-1".into(),
            aws_account_id: String::new(),
            role_arn: ROLE.into(),
            kubernetes_version: String::new(),
            generation: 0,
            etag: String::new(),
            create_time: start(),
        };
        let policy = Policy { actuator: Actuator::Plimsoll, ..Policy::default() };
        store.create_cluster(&write(), &record, &policy).await.unwrap();
        for earlier in before {
            let ended = begun(&bridge, &store, earlier).await.run().await;
            assert_eq!(ended.state, State::Succeeded, "{:?}", ended.failure);
        }
        let course = begun(&bridge, &store, model).await;
        Self { bridge, course }
    }

    /// The cluster as it is.
    pub async fn state(&self) -> ClusterState {
        let world: World = self.bridge.sim.world();
        world.cluster.state(&cluster_id()).await.unwrap()
    }
}

async fn begun(bridge: &Bridge, store: &Sqlite, model: &Operation) -> Course {
    let operation = store.add_operation(&write(), &course::unbegun(model)).await.unwrap();
    let bridge = bridge.clone();
    Course::new(store, operation, move || bridge.world())
}
