//! The promises of `plimsoll_domain::store::Store` about operations, kept by SQLite.

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::ids::{ClusterId, OperationId};
use plimsoll_domain::operation::{Kind, Operation, Progress, State, Step, StepRecord};
use plimsoll_domain::policy::Policy;
use plimsoll_domain::store::{
    ClusterRecord, Mode, OpenOperation, OperationFilter, PageRequest, QUEUED_MAX, RequestKey, Store,
    StoreError, Write,
};
use plimsoll_store::Sqlite;
use sqlx::SqlitePool;

/// The generation that the clusters of these tests are at.
const GENERATION: i64 = 3;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).expect("in range")
}

fn write(id: &str, second: i64) -> Write {
    let request = RequestKey { id: id.into(), method: "Test".into(), body_digest: "a".into() };
    Write { request, actor: "test".into(), time: at(second) }
}

fn cluster_id(text: &str) -> ClusterId {
    text.parse().expect("a valid id")
}

fn operation_id(text: &str) -> OperationId {
    text.parse().expect("a valid id")
}

/// An operation that carries out the plan `p1`. Its time is finer than what a column holds.
fn operation(id: &str, cluster: &str) -> Operation {
    let time = at(1) + SignedDuration::from_nanos(1_234_567);
    Operation {
        id: operation_id(id),
        cluster: cluster_id(cluster),
        kind: Kind::ApplyPlan { plan: "p1".parse().expect("a valid id") },
        state: State::Running,
        steps: vec![StepRecord::new(Step::Cordon { nodes: vec!["n1".into()] })],
        failure: None,
        cancel_requested: false,
        actor: "test".into(),
        create_time: time,
        update_time: time,
        revision: 1,
    }
}

async fn with_clusters(store: Sqlite, names: &[&str]) -> Sqlite {
    for name in names {
        let record = ClusterRecord {
            id: cluster_id(name),
            mode: Mode::Offline,
            region: "us-east-1".into(),
            aws_account_id: String::new(),
            role_arn: String::new(),
            kubernetes_version: String::new(),
            generation: GENERATION,
            etag: String::new(),
            create_time: at(0),
        };
        store.create_cluster(&write("", 0), &record, &Policy::default()).await.expect("registered");
    }
    store
}

/// A store with the cluster `atlas` in a file that goes with the folder, and its database, to do what no store does.
async fn in_a_file() -> (tempfile::TempDir, Sqlite, SqlitePool) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plimsoll.db");
    let store = with_clusters(Sqlite::open(&path).await.expect("opens"), &["atlas"]).await;
    let database = SqlitePool::connect(&format!("sqlite://{}", path.display())).await.expect("opens");
    (folder, store, database)
}

async fn in_memory(clusters: &[&str]) -> Sqlite {
    with_clusters(Sqlite::in_memory().await.expect("opens"), clusters).await
}

async fn start(store: &Sqlite, operation: &Operation) -> Result<Operation, StoreError> {
    store.start_operation(&write("", 1), operation, GENERATION).await
}

/// Writes the operation with another state, as its runner does.
async fn put_state(store: &Sqlite, operation: &Operation, state: State) -> Result<Operation, StoreError> {
    store.update_operation(&Operation { state, update_time: at(9), ..operation.clone() }).await
}

#[track_caller]
fn expect_busy(answer: Result<Operation, StoreError>, cluster: &str, holder: &str) {
    match answer {
        Err(StoreError::Busy { cluster: c, holder: h }) => {
            assert_eq!((c.as_str(), h.as_str()), (cluster, holder));
        }
        other => panic!("not busy: {other:?}"),
    }
}

#[tokio::test]
async fn an_operation_is_read_as_it_was_started() {
    let store = in_memory(&["atlas"]).await;
    let started = start(&store, &operation("o1", "atlas")).await.expect("started");
    assert_eq!(started, operation("o1", "atlas"));
    assert_eq!(store.operation(&started.id).await.expect("read"), started);

    let missing = [
        store.operation(&operation_id("o2")).await,
        store.update_operation(&operation("o2", "atlas")).await,
        store.cancel_operation(&write("", 2), &operation_id("o2")).await,
    ];
    for answer in missing {
        assert!(matches!(answer, Err(StoreError::NotFound(name)) if name == "operations/o2"));
    }
    let nowhere = start(&store, &operation("o2", "zeus")).await;
    assert!(matches!(nowhere, Err(StoreError::NotFound(name)) if name == "clusters/zeus"));
}

#[tokio::test]
async fn an_open_operation_holds_its_cluster_and_no_other() {
    let store = in_memory(&["atlas", "zeus"]).await;
    let first = start(&store, &operation("o1", "atlas")).await.expect("started");
    expect_busy(start(&store, &operation("o2", "atlas")).await, "clusters/atlas", "operations/o1");
    start(&store, &operation("o3", "zeus")).await.expect("started");

    let stuck = put_state(&store, &first, State::Stuck).await.expect("written");
    expect_busy(start(&store, &operation("o2", "atlas")).await, "clusters/atlas", "operations/o1");
    // Busy goes before stale: looking again would not help.
    let old = store.start_operation(&write("", 1), &operation("o2", "atlas"), GENERATION - 1).await;
    expect_busy(old, "clusters/atlas", "operations/o1");

    put_state(&store, &stuck, State::Failed).await.expect("written");
    let taken = start(&store, &operation("o1", "atlas")).await;
    assert!(matches!(taken, Err(StoreError::Exists(name)) if name == "operations/o1"));
    start(&store, &operation("o2", "atlas")).await.expect("started");
}

#[tokio::test]
async fn a_fleet_that_moved_on_starts_nothing() {
    let store = in_memory(&["atlas"]).await;
    for base in [GENERATION - 1, GENERATION + 1] {
        let stale = store.start_operation(&write("r1", 1), &operation("o1", "atlas"), base).await;
        match stale {
            Err(StoreError::Stale { base: b, current }) => assert_eq!((b, current), (base, GENERATION)),
            other => panic!("not stale: {other:?}"),
        }
    }
    assert!(matches!(store.operation(&operation_id("o1")).await, Err(StoreError::NotFound(_))));
    assert_eq!(store.earlier(&write("r1", 1)).await.expect("read"), None);
}

#[tokio::test]
async fn a_repeated_start_returns_the_operation_as_it_is_now() {
    let store = in_memory(&["atlas"]).await;
    let request = write("r1", 1);
    let started = store.start_operation(&request, &operation("o1", "atlas"), GENERATION).await;
    let over = put_state(&store, &started.expect("started"), State::Succeeded).await.expect("written");
    // Neither the new id nor the generation of the repeated request matters.
    let again = store.start_operation(&request, &operation("o2", "atlas"), GENERATION + 1).await;
    assert_eq!(again.expect("answered again"), over);
    assert!(matches!(store.operation(&operation_id("o2")).await, Err(StoreError::NotFound(_))));
}

#[tokio::test]
async fn of_two_starts_at_once_one_wins() {
    let (_folder, store, _) = in_a_file().await;
    let (a, b) = (operation("o1", "atlas"), operation("o2", "atlas"));
    let (first, second) = tokio::join!(start(&store, &a), start(&store, &b));
    let (winner, other) = if first.is_ok() { (first, second) } else { (second, first) };
    let winner = winner.expect("one started");
    expect_busy(other, "clusters/atlas", &winner.id.name());
}

#[tokio::test]
async fn the_table_itself_refuses_a_second_holder() {
    let (_folder, store, database) = in_a_file().await;
    let first = start(&store, &operation("o1", "atlas")).await.expect("started");
    put_state(&store, &first, State::Succeeded).await.expect("written");
    start(&store, &operation("o2", "atlas")).await.expect("started");
    let forced = sqlx::query("UPDATE operations SET is_open = 1").execute(&database).await;
    let error = forced.expect_err("two holders");
    assert!(error.as_database_error().is_some_and(|error| error.is_unique_violation()), "{error}");
}

/// An operation that waits for its cluster, with a group of its own.
fn queued(id: &str) -> Operation {
    wish(id, &format!("group-of-{id}"), 2)
}

/// A resize that waits for its cluster.
fn wish(id: &str, group: &str, to: u32) -> Operation {
    let kind = Kind::ResizeNodeGroup { group: group.into(), from: 1, to, reason: String::new() };
    Operation { state: State::Queued, kind, ..operation(id, "atlas") }
}

async fn add(store: &Sqlite, operation: &Operation) -> Result<Operation, StoreError> {
    store.add_operation(&write("", 1), operation).await
}

#[tokio::test]
async fn who_waits_gets_the_cluster_in_turn() {
    let store = in_memory(&["atlas", "zeus"]).await;
    let atlas = cluster_id("atlas");
    assert_eq!(store.next_operation(&atlas).await.expect("answered"), None);
    let first = start(&store, &operation("o1", "atlas")).await.expect("started");
    for id in ["o2", "o3"] {
        assert_eq!(add(&store, &queued(id)).await.expect("waits"), queued(id));
    }
    assert_eq!(store.next_operation(&atlas).await.expect("answered"), None, "two hold the cluster");
    let over = Operation { state: State::Succeeded, ..queued("o4") };
    add(&store, &over).await.expect("written down");
    expect_busy(add(&store, &operation("o5", "atlas")).await, "clusters/atlas", "operations/o1");

    put_state(&store, &first, State::Succeeded).await.expect("written");
    expect_busy(add(&store, &operation("o5", "atlas")).await, "clusters/atlas", "operations/o2");
    let second = store.next_operation(&atlas).await.expect("answered").expect("its turn");
    assert_eq!((second.id.as_str(), second.state, second.revision), ("o2", State::Running, 2));
    expect_busy(start(&store, &operation("o5", "atlas")).await, "clusters/atlas", "operations/o2");
    assert_eq!(store.next_operation(&cluster_id("zeus")).await.expect("answered"), None);

    put_state(&store, &second, State::Failed).await.expect("written");
    let third = store.next_operation(&atlas).await.expect("answered").expect("its turn");
    assert_eq!(third.id.as_str(), "o3");
    let applies = OperationFilter { applies: true, ..OperationFilter::default() };
    assert_eq!(ids(&store, &applies, 10).await, "o1");
}

#[tokio::test]
async fn who_waits_may_be_cancelled_and_never_has_a_turn() {
    let store = in_memory(&["atlas"]).await;
    let waiting = add(&store, &queued("o1")).await.expect("waits");
    put_state(&store, &waiting, State::Cancelled).await.expect("written");
    assert_eq!(store.next_operation(&cluster_id("atlas")).await.expect("answered"), None);
    let request = write("r1", 1);
    let added = store.add_operation(&request, &queued("o2")).await.expect("waits");
    let again = store.add_operation(&request, &queued("o3")).await.expect("answered again");
    assert_eq!(again, added);
}

#[tokio::test]
async fn resizes_of_a_group_wait_as_one() {
    let store = in_memory(&["atlas"]).await;
    let first = add(&store, &wish("o1", "web", 3)).await.expect("waits");
    let request = write("r2", 1);
    let larger = store.add_operation(&request, &wish("o2", "web", 5)).await.expect("joins");
    assert_eq!((larger.id.as_str(), larger.kind.size()), ("o1", Some(("web", 5))));
    assert_eq!(larger.revision, first.revision + 1);
    assert_eq!(store.operation(&first.id).await.expect("read"), larger);
    let smaller = add(&store, &wish("o3", "web", 4)).await.expect("joins");
    assert_eq!(smaller, larger);
    let other = add(&store, &wish("o4", "api", 9)).await.expect("waits");
    assert_eq!(other.id.as_str(), "o4");
    let again = store.add_operation(&request, &wish("o5", "web", 5)).await;
    assert_eq!(again.expect("answered again"), larger);

    let size = |group: &str, to| Some((group.to_owned(), to));
    let brief = |id: &str, is_queued, size| OpenOperation { id: operation_id(id), is_queued, size };
    let open = store.open_operations(&cluster_id("atlas")).await.expect("read");
    assert_eq!(open, [brief("o1", true, size("web", 5)), brief("o4", true, size("api", 9))]);
    // Who has its turn is joined by nobody any more.
    let begun = store.next_operation(&cluster_id("atlas")).await.expect("answered").expect("its turn");
    assert_eq!((begun.id.as_str(), begun.kind.size()), ("o1", Some(("web", 5))));
    let next = add(&store, &wish("o6", "web", 7)).await.expect("waits");
    assert_eq!(next.id.as_str(), "o6");
    let open = store.open_operations(&cluster_id("atlas")).await.expect("read");
    assert_eq!(open[0], brief("o1", false, size("web", 5)));
}

#[tokio::test]
async fn nobody_joins_what_is_to_end() {
    let store = in_memory(&["atlas"]).await;
    let first = add(&store, &wish("o1", "web", 3)).await.expect("waits");
    store.cancel_operation(&write("", 2), &first.id).await.expect("asked");
    let second = add(&store, &wish("o2", "web", 3)).await.expect("waits");
    assert_eq!(second.id.as_str(), "o2");
}

#[tokio::test]
async fn the_line_for_a_cluster_has_an_end() {
    let store = in_memory(&["atlas"]).await;
    for number in 0..QUEUED_MAX {
        add(&store, &queued(&format!("o{number}"))).await.expect("waits");
    }
    expect_busy(add(&store, &queued("one-more")).await, "clusters/atlas", "operations/o0");
    // Joining needs no place.
    let joined = add(&store, &wish("o-joins", "group-of-o7", 9)).await.expect("joins");
    assert_eq!(joined.id.as_str(), "o7");
}

#[tokio::test]
async fn an_outdated_copy_writes_nothing() {
    let store = in_memory(&["atlas"]).await;
    let started = start(&store, &operation("o1", "atlas")).await.expect("started");
    let mut next = started.clone();
    next.steps[0].progress = Progress::Running;
    let written = store.update_operation(&next).await.expect("written");
    assert_eq!(written, Operation { revision: started.revision + 1, ..next });

    for state in [State::Running, State::Failed] {
        let late = put_state(&store, &started, state).await;
        assert!(matches!(late, Err(StoreError::Superseded(name)) if name == "operations/o1"));
    }
    assert_eq!(store.operation(&started.id).await.expect("read"), written);
}

#[tokio::test]
async fn the_next_update_brings_the_news_that_an_end_was_asked_for() {
    let store = in_memory(&["atlas"]).await;
    let started = start(&store, &operation("o1", "atlas")).await.expect("started");
    let asked = store.cancel_operation(&write("r1", 5), &started.id).await.expect("asked");
    assert_eq!(asked, Operation { cancel_requested: true, update_time: at(5), ..started.clone() });
    assert_eq!(store.operation(&started.id).await.expect("read"), asked);
    let again = store.cancel_operation(&write("r1", 6), &started.id).await;
    assert_eq!(again.expect("answered again"), asked);

    // The runner knows nothing of it yet: its copy is good, and does not take the wish back.
    let undoing = put_state(&store, &started, State::Undoing).await.expect("written");
    assert!(undoing.cancel_requested);
    assert_eq!((undoing.revision, undoing.update_time), (started.revision + 1, at(9)));
    let ignorant = Operation { cancel_requested: false, ..undoing };
    let cancelled = put_state(&store, &ignorant, State::Cancelled).await.expect("written");
    assert!(cancelled.cancel_requested);
}

#[tokio::test]
async fn what_is_over_is_neither_cancelled_nor_opened_again() {
    let store = in_memory(&["atlas"]).await;
    let started = start(&store, &operation("o1", "atlas")).await.expect("started");
    let over = put_state(&store, &started, State::Succeeded).await.expect("written");
    assert_eq!(store.cancel_operation(&write("", 20), &over.id).await.expect("answered"), over);
    assert!(matches!(put_state(&store, &over, State::Running).await, Err(StoreError::Failed(_))));
    assert_eq!(store.operation(&over.id).await.expect("read"), over);
}

#[tokio::test]
async fn who_starts_and_who_cancels_is_in_the_audit_log() {
    let (_folder, store, database) = in_a_file().await;
    let lines = async || -> i64 {
        let count = sqlx::query_scalar("SELECT COUNT(*) FROM audit WHERE resource = 'operations/o1'");
        count.fetch_one(&database).await.expect("counted")
    };
    let started = start(&store, &operation("o1", "atlas")).await.expect("started");
    assert_eq!(lines().await, 1);
    let written = put_state(&store, &started, State::Running).await.expect("written");
    assert_eq!(lines().await, 1);
    store.cancel_operation(&write("", 5), &started.id).await.expect("asked");
    assert_eq!(lines().await, 2);
    put_state(&store, &written, State::Cancelled).await.expect("written");
    store.cancel_operation(&write("", 6), &started.id).await.expect("answered");
    assert_eq!(lines().await, 2);
}

#[tokio::test]
async fn lists_are_filtered_and_paged_newest_first() {
    let store = in_memory(&["atlas", "zeus"]).await;
    for number in 0..7 {
        let cluster = if number % 3 == 2 { "zeus" } else { "atlas" };
        let mut new = operation(&format!("o{number}"), cluster);
        let plan = if number < 3 { "p1" } else { "p2" };
        new.kind = Kind::ApplyPlan { plan: plan.parse().expect("a valid id") };
        let started = start(&store, &new).await.expect("started");
        if number < 5 {
            put_state(&store, &started, State::Succeeded).await.expect("written");
        }
    }
    let (all, cluster) = (OperationFilter::default(), Some(cluster_id("atlas")));
    let of_atlas = OperationFilter { cluster, ..all.clone() };
    let plan = Some("p1".parse().expect("a valid id"));
    let of_plan = OperationFilter { plan, ..of_atlas.clone() };
    let open = OperationFilter { open: true, ..all.clone() };
    let open_atlas = OperationFilter { open: true, ..of_atlas.clone() };
    let cases = [
        (all, "o6 o5 o4 o3 o2 o1 o0"),
        (of_atlas, "o6 o4 o3 o1 o0"),
        (of_plan, "o1 o0"),
        (open, "o6 o5"),
        (open_atlas, "o6"),
    ];
    for (filter, want) in cases {
        assert_eq!(ids(&store, &filter, 2).await, want, "{filter:?}");
        assert_eq!(ids(&store, &filter, 100).await, want, "{filter:?}");
    }
    let first = |token: &str| PageRequest { size: 10, token: token.into() };
    let bad = store.operations(&OperationFilter::default(), &first("x")).await;
    assert!(matches!(bad, Err(StoreError::BadPageToken(_))));
    let nowhere = OperationFilter { cluster: Some(cluster_id("hera")), ..OperationFilter::default() };
    let missing = store.operations(&nowhere, &first("")).await;
    assert!(matches!(missing, Err(StoreError::NotFound(name)) if name == "clusters/hera"));
}

/// The ids of all pages of a list, in order.
async fn ids(store: &Sqlite, filter: &OperationFilter, size: u32) -> String {
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let page = store.operations(filter, &PageRequest { size, token }).await.expect("listed");
        assert!(page.items.len() <= size as usize);
        seen.extend(page.items.into_iter().map(|operation| operation.id.to_string()));
        token = page.next_token;
        if token.is_empty() {
            return seen.join(" ");
        }
    }
}
