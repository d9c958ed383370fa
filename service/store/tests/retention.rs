//! What is kept, and what is not: nothing goes that something else rests on.

use jiff::Timestamp;
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::ids::{ClusterId, PlanId};
use plimsoll_domain::offer::Unavailable;
use plimsoll_domain::operation::{Kind, Operation, State};
use plimsoll_domain::plan::Plan;
use plimsoll_domain::policy::Policy;
use plimsoll_domain::snapshot::{Content, Snapshot};
use plimsoll_domain::store::{
    ClusterRecord, Dropped, Mode, OperationFilter, PageRequest, RequestKey, Retention, Store, Write,
};
use plimsoll_store::Sqlite;

/// Where the time begins that is kept.
const SINCE: i64 = 1_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn write(second: i64) -> Write {
    let request = RequestKey { id: String::new(), method: "Test".into(), body_digest: String::new() };
    Write { request, actor: "test".into(), time: at(second) }
}

fn atlas() -> ClusterId {
    "atlas".parse().expect("a valid id")
}

fn keep(newest_min: u32, snapshots_max: u32) -> Retention {
    Retention { since: at(SINCE), newest_min, snapshots_max }
}

async fn store() -> Sqlite {
    let store = Sqlite::in_memory().await.expect("opened");
    let record = ClusterRecord {
        id: atlas(),
        mode: Mode::Simulated,
        region: "us-east-1".into(),
        aws_account_id: String::new(),
        role_arn: String::new(),
        kubernetes_version: String::new(),
        generation: 0,
        etag: String::new(),
        create_time: at(0),
    };
    store.create_cluster(&write(0), &record, &Policy::default()).await.expect("registered");
    store
}

async fn add_snapshot(store: &Sqlite, id: &str, second: i64) {
    let content = Content::Cluster(Box::default());
    let snapshot = Snapshot { capture_time: at(second), content, findings: Vec::new() };
    let id = id.parse().expect("a valid id");
    store.create_snapshot(&write(second), &atlas(), &id, &snapshot).await.expect("stored");
}

/// A plan that rests on the snapshot `s-{id}` and the catalog `c-{id}`, which are stored with it.
async fn add_plan(store: &Sqlite, id: &str, second: i64) {
    add_snapshot(store, &format!("s-{id}"), second).await;
    let catalog = Catalog { region: "us-east-1".into(), ..Catalog::default() };
    let catalog_id = format!("c-{id}").parse().expect("a valid id");
    store.create_catalog(&write(second), &catalog_id, &catalog).await.expect("stored");
    let plan: Plan = serde_json::from_value(serde_json::json!({
        "id": id, "cluster": "atlas", "snapshot": format!("s-{id}"), "catalog": format!("c-{id}"),
        "policy": {}, "applied_requests": [], "seed": 1, "problem_digest": "", "base_generation": 0,
        "create_time": at(second), "expire_time": at(second), "price_time": at(second), "usage_window": null,
        "cost_before": 0, "after": {"cost": 0, "risk": 0, "moves": 0},
        "solution": plimsoll_domain::solution::Solution::default(), "solve_seconds": 0.0,
        "groups": [], "node_names": [], "changes": [], "findings": [], "referee": null, "verified": true,
    }))
    .expect("a plan");
    store.create_plan(&write(second), &plan).await.expect("stored");
}

async fn add_operation(store: &Sqlite, id: &str, plan: &str, state: State, second: i64) {
    let operation = Operation {
        id: id.parse().expect("a valid id"),
        cluster: atlas(),
        kind: Kind::ApplyPlan { plan: plan.parse().expect("a valid id") },
        state,
        steps: Vec::new(),
        failure: None,
        cancel_requested: false,
        actor: "test".into(),
        create_time: at(second),
        update_time: at(second),
        revision: 1,
    };
    store.add_operation(&write(second), &operation).await.expect("stored");
}

async fn plans(store: &Sqlite) -> Vec<String> {
    let page = PageRequest { size: 1000, token: String::new() };
    let items = store.plans(&atlas(), &page).await.expect("listed").items;
    items.into_iter().map(|plan| plan.id.to_string()).collect()
}

#[tokio::test]
async fn what_an_open_or_a_late_operation_carries_out_is_kept_with_all_that_it_rests_on() {
    let store = store().await;
    for id in ["open", "late", "old", "idle"] {
        add_plan(&store, id, 10).await;
    }
    add_operation(&store, "o1", "late", State::Succeeded, SINCE + 1).await;
    add_operation(&store, "o2", "old", State::Succeeded, 20).await;
    add_operation(&store, "o3", "open", State::Running, 20).await;
    add_snapshot(&store, "s-newest", SINCE + 1).await;

    let dropped = store.retain(&keep(1, 100)).await.expect("retained");
    // `idle` is the newest plan, and kept as such.
    assert_eq!(dropped, Dropped { operations: 1, plans: 1, snapshots: 1, catalogs: 1 });
    assert_eq!(plans(&store).await, ["idle", "late", "open"]);
    for id in ["open", "late"] {
        let plan: PlanId = id.parse().expect("a valid id");
        let kept = store.plan(&atlas(), &plan).await.expect("kept");
        store.snapshot(&atlas(), Some(&kept.snapshot)).await.expect("kept");
        store.catalog(&kept.catalog).await.expect("kept");
    }
    assert_eq!(store.retain(&keep(1, 100)).await.expect("retained"), Dropped::default());
}

#[tokio::test]
async fn of_many_snapshots_the_newest_are_kept() {
    let store = store().await;
    for number in 0..20 {
        add_snapshot(&store, &format!("s{number}"), SINCE + 1 + number).await;
    }
    let dropped = store.retain(&keep(1, 5)).await.expect("retained");
    assert_eq!(dropped.snapshots, 15);
    let newest = store.snapshot(&atlas(), None).await.expect("kept");
    assert_eq!(newest.id.as_str(), "s19");
}

#[tokio::test]
async fn what_is_young_or_among_the_newest_is_kept() {
    let store = store().await;
    add_plan(&store, "a", 10).await;
    add_plan(&store, "b", 20).await;
    add_plan(&store, "c", SINCE + 1).await;
    assert_eq!(store.retain(&keep(3, 100)).await.expect("retained"), Dropped::default());
    assert_eq!(store.retain(&keep(2, 100)).await.expect("retained").plans, 1);
    assert_eq!(plans(&store).await, ["c", "b"]);
}

#[tokio::test]
async fn a_list_of_ten_thousand_operations_reads_only_its_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plimsoll.db");
    let store = Sqlite::open(&path).await.expect("opened");
    let database = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.expect("opened");
    drop(store);
    let cases = [
        (
            "SELECT body FROM operations WHERE seq < 9 AND cluster = 'a' ORDER BY seq DESC LIMIT 1",
            "operations_by_cluster",
        ),
        (
            "SELECT body FROM operations WHERE seq < 9 AND cluster = 'a' AND plan = 'p' AND plan <> '' ORDER BY seq DESC LIMIT 1",
            "operations_by_plan",
        ),
        (
            "SELECT body FROM operations WHERE seq < 9 AND is_open = 1 ORDER BY seq DESC LIMIT 9",
            "operations_are_open",
        ),
    ];
    for (query, index) in cases {
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}")))
                .fetch_all(&database)
                .await
                .expect("explained");
        let told: Vec<&str> = plan.iter().map(|row| row.3.as_str()).collect();
        assert!(told.iter().any(|line| line.contains(index)), "{query}: {told:?}");
        assert!(!told.iter().any(|line| line.contains("TEMP B-TREE")), "{query} sorts: {told:?}");
    }
}

#[tokio::test]
async fn what_was_refused_is_forgotten_in_its_time() {
    let store = store().await;
    let refused = |until| {
        vec![Unavailable { offer: "m5.large/us-east-1a/spot".parse().expect("an offer"), until: at(until) }]
    };
    store.put_unavailable(&write(1), &atlas(), &refused(50)).await.expect("noted");
    store.put_unavailable(&write(1), &atlas(), &refused(40)).await.expect("noted");
    assert_eq!(store.unavailable(&atlas(), at(49)).await.expect("read"), refused(50));
    assert_eq!(store.unavailable(&atlas(), at(50)).await.expect("read"), []);
    let filter = OperationFilter::default();
    let page = PageRequest { size: 1, token: String::new() };
    assert!(store.operations(&filter, &page).await.expect("listed").items.is_empty());
}
