//! Many writes at once, and a database that is in the way: what was answered stands, and nothing else does.

use std::collections::BTreeSet;

use futures::future::join_all;
use jiff::Timestamp;
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::operation::{Kind, Operation, State};
use plimsoll_domain::policy::Policy;
use plimsoll_domain::store::{
    AuditFilter, ClusterRecord, Mode, OperationFilter, PageRequest, RequestKey, Store, StoreError, Write,
};
use plimsoll_store::Sqlite;
use sqlx::{Connection, SqliteConnection};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).expect("in range")
}

fn write(id: &str, method: &str, second: i64) -> Write {
    let request = RequestKey { id: id.into(), method: method.into(), body_digest: "a".into() };
    Write { request, actor: format!("actor-of-{method}"), time: at(second) }
}

fn id(text: &str) -> ClusterId {
    text.parse().expect("a valid id")
}

fn cluster(name: &str) -> ClusterRecord {
    ClusterRecord {
        id: id(name),
        mode: Mode::Offline,
        region: "us-east-1".into(),
        aws_account_id: String::new(),
        role_arn: String::new(),
        kubernetes_version: String::new(),
        generation: 0,
        etag: String::new(),
        create_time: at(0),
    }
}

/// A resize that was over when it was asked for.
fn done(operation: &str, cluster: &str) -> Operation {
    Operation {
        id: operation.parse().expect("a valid id"),
        cluster: id(cluster),
        kind: Kind::ResizeNodeGroup { group: "web".into(), from: 2, to: 2, reason: String::new() },
        state: State::Succeeded,
        steps: Vec::new(),
        failure: None,
        cancel_requested: false,
        actor: "test".into(),
        create_time: at(1),
        update_time: at(1),
        revision: 0,
    }
}

async fn register(store: &Sqlite, name: &str) -> Result<ClusterRecord, StoreError> {
    store.create_cluster(&write("", "Register", 0), &cluster(name), &Policy::default()).await
}

async fn in_a_file() -> (tempfile::TempDir, Sqlite) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(&folder.path().join("plimsoll.db")).await.expect("opens");
    for name in ["atlas", "zeus"] {
        register(&store, name).await.expect("registered");
    }
    (folder, store)
}

/// Ids of all pages, in order.
async fn all(store: &Sqlite, filter: &OperationFilter) -> Vec<String> {
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let page = store.operations(filter, &PageRequest { size: 1000, token }).await.expect("listed");
        seen.extend(page.items.into_iter().map(|operation| operation.id.to_string()));
        token = page.next_token;
        if token.is_empty() {
            return seen;
        }
    }
}

#[tokio::test]
async fn writes_at_once_are_each_done_or_refused_by_themselves() {
    let (folder, store) = in_a_file().await;
    // Each twice under one request id, and each tenth under an id that is taken.
    let writes: Vec<(Write, Operation)> = (0..600)
        .map(|number| {
            let request = write(&format!("r{}", number / 2), "Add", 1);
            let name = if number % 20 < 2 { "o-taken".to_owned() } else { format!("o{}", number / 2) };
            (request, done(&name, "atlas"))
        })
        .collect();
    store.add_operation(&write("", "Add", 1), &done("o-taken", "zeus")).await.expect("written");
    let answers = join_all(writes.iter().map(|(write, new)| store.add_operation(write, new))).await;
    for ((_, new), answer) in writes.iter().zip(&answers) {
        match answer {
            Ok(found) => assert_eq!(found, new),
            Err(StoreError::Exists(name)) => assert_eq!(name, "operations/o-taken"),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 60);
    // As another process reads it, while this one has it open.
    let other = Sqlite::open(&folder.path().join("plimsoll.db")).await.expect("opens");
    let atlas = OperationFilter { cluster: Some(id("atlas")), ..OperationFilter::default() };
    let found: BTreeSet<String> = all(&other, &atlas).await.into_iter().collect();
    assert_eq!(found.len(), 270);
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_a_whole_write_or_none() {
    let (_folder, store) = in_a_file().await;
    for polls in 0..20 {
        let (request, new) = (write(&format!("r{polls}"), "Add", 1), done(&format!("o{polls}"), "atlas"));
        let mut call = Box::pin(store.add_operation(&request, &new));
        for _ in 0..polls {
            if futures::poll!(&mut call).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(call);
        // The same request again: done once, whatever became of the first.
        let again = store.add_operation(&request, &new).await.expect("answered");
        assert_eq!(again, new);
    }
    let lines = store.audit(&AuditFilter::default(), &PageRequest { size: 1000, token: String::new() }).await;
    let lines = lines.expect("listed").items;
    assert_eq!(lines.iter().filter(|line| line.method == "Add").count(), 20);
}

#[tokio::test]
async fn a_file_that_another_process_holds_is_said_and_writes_go_on_after_it() {
    let (folder, store) = in_a_file().await;
    let path = folder.path().join("plimsoll.db");
    let mut other = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.expect("opens");
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.expect("holds the file");
    let (a, b) = (done("o1", "atlas"), done("o2", "atlas"));
    let request = write("r1", "Add", 1);
    let second = write("r2", "Add", 1);
    let held = tokio::join!(store.add_operation(&request, &a), store.add_operation(&second, &b));
    assert!(matches!(held, (Err(StoreError::Failed(_)), Err(StoreError::Failed(_)))), "{held:?}");
    // Reading needs no lock.
    assert_eq!(store.cluster(&id("atlas")).await.expect("read").id, id("atlas"));
    assert_eq!(all(&store, &OperationFilter::default()).await, Vec::<String>::new());

    sqlx::query("ROLLBACK").execute(&mut other).await.expect("lets go");
    assert_eq!(store.add_operation(&request, &a).await.expect("written"), a);
    assert_eq!(all(&store, &OperationFilter::default()).await, ["o1"]);
}

#[tokio::test]
async fn what_does_not_fit_on_the_disk_takes_nothing_with_it() {
    let (folder, store) = in_a_file().await;
    store.close().await;
    // Room for rows, but not for a catalog.
    let path = folder.path().join("plimsoll.db");
    let pages = std::fs::metadata(&path).expect("there").len() / 4096 + 8;
    let store = Sqlite::open_limited(&path, u32::try_from(pages).expect("few")).await.expect("opens again");
    let (catalog, kid) = (Catalog::builtin(), "k1".parse().expect("valid"));
    let (first, second) = (done("o1", "atlas"), done("o2", "zeus"));
    let (r1, r2, r3) = (write("r1", "Add", 1), write("r2", "Create", 1), write("r3", "Add", 1));
    let (one, large, other) = tokio::join!(
        store.add_operation(&r1, &first),
        store.create_catalog(&r2, &kid, &catalog),
        store.add_operation(&r3, &second),
    );
    assert!(matches!(large, Err(StoreError::Full)), "{:?}", large.map(|stored| stored.id));
    assert_eq!((one.expect("written"), other.expect("written")), (first, second));
    assert!(matches!(store.catalog(&kid).await, Err(StoreError::NotFound(_))));
    assert_eq!(store.earlier(&r2).await.expect("read"), None);
}

#[tokio::test]
async fn ten_thousand_operations_are_listed_without_gaps_or_repeats() {
    let (_folder, store) = in_a_file().await;
    let mut want = BTreeSet::new();
    for thousand in 0..10 {
        let new: Vec<Operation> = (0..1000)
            .map(|number| {
                let cluster = if number % 4 == 0 { "zeus" } else { "atlas" };
                done(&format!("o{thousand}-{number}"), cluster)
            })
            .collect();
        let request = write("", "Add", 1);
        let added = join_all(new.iter().map(|new| store.add_operation(&request, new))).await;
        want.extend(added.into_iter().map(|added| added.expect("written").id.to_string()));
    }
    let open = Operation { state: State::Queued, ..done("o-open", "zeus") };
    store.add_operation(&write("", "Add", 1), &open).await.expect("waits");
    want.insert("o-open".into());
    let every = all(&store, &OperationFilter::default()).await;
    assert_eq!(every.len(), want.len());
    assert_eq!(every[0], "o-open");
    assert_eq!(every.into_iter().collect::<BTreeSet<_>>(), want);
    let of_zeus = OperationFilter { cluster: Some(id("zeus")), ..OperationFilter::default() };
    assert_eq!(all(&store, &of_zeus).await.len(), 2501);
    let unfinished = OperationFilter { open: true, ..OperationFilter::default() };
    assert_eq!(all(&store, &unfinished).await, ["o-open"]);
}

#[tokio::test]
async fn the_audit_log_is_listed_by_cluster_actor_method_resource_and_time() {
    let (_folder, store) = in_a_file().await;
    let calls = [
        ("/plimsoll.v1.X/Add", "o1", "atlas", 10),
        ("/plimsoll.v1.X/Add", "o2", "zeus", 20),
        ("Put", "o3", "atlas", 30),
    ];
    for (method, operation, cluster, second) in calls {
        store
            .add_operation(&write(operation, method, second), &done(operation, cluster))
            .await
            .expect("written");
    }
    let lines = async |filter: AuditFilter, size| -> String {
        let (mut token, mut seen) = (String::new(), Vec::new());
        loop {
            let page = store.audit(&filter, &PageRequest { size, token }).await.expect("listed");
            seen.extend(page.items.into_iter().map(|line| line.resource));
            token = page.next_token;
            if token.is_empty() {
                return seen.join(" ");
            }
        }
    };
    let none = AuditFilter::default;
    let text = |text: &str| Some(text.to_owned());
    let cases = [
        (none(), "operations/o3 operations/o2 operations/o1 clusters/zeus clusters/atlas"),
        (AuditFilter { cluster: Some(id("atlas")), ..none() }, "operations/o3 operations/o1 clusters/atlas"),
        (AuditFilter { actor: text("actor-of-Put"), ..none() }, "operations/o3"),
        (AuditFilter { method: text("Add"), ..none() }, "operations/o2 operations/o1"),
        (AuditFilter { method: text("/plimsoll.v1.X/Add"), ..none() }, "operations/o2 operations/o1"),
        (AuditFilter { method: text("dd"), ..none() }, ""),
        (AuditFilter { method: text("Put"), ..none() }, "operations/o3"),
        (AuditFilter { resource: text("operations/o2"), ..none() }, "operations/o2"),
        (AuditFilter { since: Some(at(20)), ..none() }, "operations/o3 operations/o2"),
        (AuditFilter { since: Some(at(10)), until: Some(at(20)), ..none() }, "operations/o1"),
        (AuditFilter { cluster: Some(id("atlas")), method: text("Add"), ..none() }, "operations/o1"),
    ];
    for (filter, want) in cases {
        assert_eq!(lines(filter.clone(), 2).await, want, "{filter:?}");
        assert_eq!(lines(filter.clone(), 100).await, want, "{filter:?}");
    }
    let newest = store.audit(&none(), &PageRequest { size: 1, token: String::new() }).await.expect("listed");
    let line = &newest.items[0];
    assert_eq!(
        (line.time, line.request_id.as_str(), line.cluster.clone()),
        (at(30), "o3", Some(id("atlas")))
    );
    let hera = AuditFilter { cluster: Some(id("hera")), ..none() };
    let missing = store.audit(&hera, &PageRequest { size: 1, token: String::new() }).await;
    assert!(matches!(missing, Err(StoreError::NotFound(name)) if name == "clusters/hera"));
}

#[tokio::test]
async fn a_reader_that_goes_away_takes_no_memory_with_it() {
    let store = Sqlite::in_memory().await.expect("opens");
    register(&store, "atlas").await.expect("registered");
    for polls in 0..40 {
        let atlas = id("atlas");
        let mut call = Box::pin(store.cluster(&atlas));
        for _ in 0..polls % 8 {
            if futures::poll!(&mut call).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(call);
        assert_eq!(store.cluster(&id("atlas")).await.expect("read").id, id("atlas"), "{polls} polls");
    }
}
