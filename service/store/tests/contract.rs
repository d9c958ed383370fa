//! The promises of `plimsoll_domain::store::Store`, kept by SQLite.

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::ids::{ClusterId, SnapshotId};
use plimsoll_domain::policy::Policy;
use plimsoll_domain::snapshot::{Content, Snapshot};
use plimsoll_domain::store::{ClusterRecord, Mode, PageRequest, RequestKey, Store, StoreError, Write};
use plimsoll_store::Sqlite;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).expect("in range")
}

fn write(id: &str, body: &str, second: i64) -> Write {
    let request = RequestKey { id: id.into(), method: "Test".into(), body_digest: body.into() };
    Write { request, actor: "test".into(), time: at(second) }
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
        kubernetes_version: "1.35".into(),
        generation: 0,
        etag: String::new(),
        create_time: at(0),
    }
}

fn snapshot(second: i64) -> Snapshot {
    let content = Content::Cluster(Box::default());
    Snapshot { capture_time: at(second), content, findings: Vec::new() }
}

async fn with_cluster(store: &Sqlite, name: &str) {
    store.create_cluster(&write("", "", 0), &cluster(name), &Policy::default()).await.expect("registered");
}

#[tokio::test]
async fn a_request_id_has_its_effect_once_and_refuses_another_body() {
    let store = Sqlite::in_memory().await.expect("opens");
    let first = store.create_cluster(&write("r1", "a", 0), &cluster("atlas"), &Policy::default()).await;
    let again = store.create_cluster(&write("r1", "a", 1), &cluster("atlas"), &Policy::default()).await;
    assert_eq!(first.expect("registered"), again.expect("answered again"));

    let other = store.create_cluster(&write("r1", "b", 2), &cluster("zeus"), &Policy::default()).await;
    assert!(matches!(other, Err(StoreError::RequestIdReused(id)) if id == "r1"));
    assert!(matches!(store.cluster(&id("zeus")).await, Err(StoreError::NotFound(_))));

    let twice = store.create_cluster(&write("r2", "a", 3), &cluster("atlas"), &Policy::default()).await;
    assert!(matches!(twice, Err(StoreError::Exists(name)) if name == "clusters/atlas"));
}

#[tokio::test]
async fn a_request_id_is_forgotten_after_a_day() {
    let store = Sqlite::in_memory().await.expect("opens");
    with_cluster(&store, "atlas").await;
    let aged = |name: &str, hours| {
        let time = Timestamp::now() - SignedDuration::from_hours(hours);
        Write { time, ..write(name, "a", 0) }
    };
    let (old, young) = (aged("r1", 25), aged("r2", 23));
    let first = store.put_policy(&old, &id("atlas"), &Policy::default(), "").await.expect("written");
    let second = store.put_policy(&young, &id("atlas"), &Policy::default(), "").await.expect("written");
    // Nothing was written since: the old id is not answered although nobody swept it away.
    assert_eq!(store.earlier(&aged("r1", 0)).await.expect("read"), None);
    assert_eq!(store.earlier(&aged("r2", 0)).await.expect("read").as_deref(), Some("clusters/atlas/policy"));

    let repeated = store.put_policy(&aged("r2", 0), &id("atlas"), &Policy::default(), "").await;
    assert_eq!(repeated.expect("answered again"), second);
    let anew = store.put_policy(&aged("r1", 0), &id("atlas"), &Policy::default(), "").await.expect("written");
    assert!(![first.etag, second.etag].contains(&anew.etag), "{anew:?}");
}

#[tokio::test]
async fn a_repeated_write_answers_with_what_is_there_now() {
    let store = Sqlite::in_memory().await.expect("opens");
    with_cluster(&store, "atlas").await;
    let key = write("r1", "a", 1);
    store.put_policy(&key, &id("atlas"), &Policy::default(), "").await.expect("written");
    let frozen = Policy { freeze: true, ..Policy::default() };
    let current = store.put_policy(&write("", "", 2), &id("atlas"), &frozen, "").await.expect("written");
    let repeated = store.put_policy(&key, &id("atlas"), &Policy::default(), "").await;
    assert_eq!(repeated.expect("answered again"), current);
}

#[tokio::test]
async fn a_cluster_without_snapshots_says_which_one_is_missing() {
    let store = Sqlite::in_memory().await.expect("opens");
    with_cluster(&store, "atlas").await;
    let missing = store.snapshot(&id("atlas"), None).await;
    assert!(matches!(missing, Err(StoreError::NotFound(name)) if name == "clusters/atlas/snapshots/latest"));
}

#[tokio::test]
async fn a_stale_etag_changes_nothing() {
    let store = Sqlite::in_memory().await.expect("opens");
    with_cluster(&store, "atlas").await;
    let read = store.policy(&id("atlas")).await.expect("read");
    let frozen = Policy { freeze: true, ..Policy::default() };
    let written =
        store.put_policy(&write("", "", 1), &id("atlas"), &frozen, &read.etag).await.expect("written");
    assert_ne!(written.etag, read.etag);
    let late = store.put_policy(&write("", "", 2), &id("atlas"), &Policy::default(), &read.etag).await;
    assert!(
        matches!(late, Err(StoreError::EtagMismatch { resource, .. }) if resource == "clusters/atlas/policy")
    );
    assert_eq!(store.policy(&id("atlas")).await.expect("read"), written);
}

#[tokio::test]
async fn lists_are_paged_without_gaps_or_repeats() {
    let store = Sqlite::in_memory().await.expect("opens");
    for number in 0..25 {
        with_cluster(&store, &format!("c{number:02}")).await;
    }
    let mut token = String::new();
    let mut seen = Vec::new();
    loop {
        let page = store.clusters(&PageRequest { size: 10, token }).await.expect("listed");
        seen.extend(page.items.into_iter().map(|cluster| cluster.id.to_string()));
        token = page.next_token;
        if token.is_empty() {
            break;
        }
    }
    let want: Vec<String> = (0..25).map(|number| format!("c{number:02}")).collect();
    assert_eq!(seen, want);
    for number in 0..5 {
        let (sid, cid) = (format!("s{number}"), format!("k{number}"));
        let (sid, cid) = (sid.parse().expect("valid"), cid.parse().expect("valid"));
        let write = write("", "", number);
        store.create_snapshot(&write, &id("c00"), &sid, &snapshot(number)).await.expect("stored");
        let catalog = Catalog { region: "us-east-1".into(), ..Catalog::default() };
        store.create_catalog(&write, &cid, &catalog).await.expect("stored");
    }
    let first = PageRequest { size: 3, token: String::new() };
    let snapshots = store.snapshots(&id("c00"), &first).await.expect("listed");
    let rest = PageRequest { size: 3, token: snapshots.next_token };
    let rest = store.snapshots(&id("c00"), &rest).await.expect("listed");
    let listed: Vec<_> = snapshots.items.into_iter().chain(rest.items).collect();
    let seen: Vec<_> = listed.iter().map(|head| (head.id.as_str(), head.create_time)).collect();
    assert_eq!(seen, [("s4", at(4)), ("s3", at(3)), ("s2", at(2)), ("s1", at(1)), ("s0", at(0))]);
    let read = store.snapshot(&id("c00"), Some(&listed[1].id)).await.expect("read");
    assert_eq!((&read.digest, read.create_time), (&listed[1].digest, listed[1].create_time));
    assert!(rest.next_token.is_empty());
    let catalogs = store.catalogs(&first).await.expect("listed");
    let seen: Vec<_> = catalogs.items.iter().map(|head| (head.id.as_str(), head.create_time)).collect();
    assert_eq!(seen, [("k4", Some(at(4))), ("k3", Some(at(3))), ("k2", Some(at(2)))]);
    assert!(!catalogs.next_token.is_empty());
    let bad = store.plans(&id("c00"), &PageRequest { size: 10, token: "x".into() }).await;
    assert!(matches!(bad, Err(StoreError::BadPageToken(_))));
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plimsoll.db");
    let store = Sqlite::open(&path).await.expect("opens");
    with_cluster(&store, "atlas").await;
    let sid: SnapshotId = "s1".parse().expect("valid");
    let stored =
        store.create_snapshot(&write("", "", 1), &id("atlas"), &sid, &snapshot(1)).await.expect("stored");
    let catalog = (*Catalog::builtin()).clone();
    let kid = "k1".parse().expect("valid");
    store.create_catalog(&write("", "", 2), &kid, &catalog).await.expect("stored");
    store.put_usage(&write("", "", 3), &id("atlas"), b"checkpoint", &["b1".into()]).await.expect("stored");
    store.close().await;

    let store = Sqlite::open(&path).await.expect("opens again");
    assert_eq!(store.snapshot(&id("atlas"), None).await.expect("read"), stored);
    assert_eq!(store.newest_catalog("us-east-1").await.expect("read").expect("there").catalog, catalog);
    assert_eq!(store.usage(&id("atlas")).await.expect("read").as_deref(), Some(b"checkpoint".as_slice()));
    assert!(store.usage_batch_seen(&id("atlas"), "b1").await.expect("read"));
    assert!(!store.usage_batch_seen(&id("atlas"), "b2").await.expect("read"));
    assert_eq!(store.cluster(&id("atlas")).await.expect("read").generation, 1);
}

#[tokio::test]
async fn a_full_disk_is_said_and_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plimsoll.db");
    let store = Sqlite::open(&path).await.expect("opens");
    with_cluster(&store, "atlas").await;
    store.close().await;
    let store = Sqlite::open_limited(&path, 1).await.expect("opens again");
    let kid = "k1".parse().expect("valid");
    let full = store.create_catalog(&write("r1", "a", 1), &kid, &Catalog::builtin()).await;
    let told = full.map(|stored| stored.id);
    assert!(matches!(told, Err(StoreError::Full)), "{told:?}");
    assert!(matches!(store.catalog(&kid).await, Err(StoreError::NotFound(_))));
    assert_eq!(store.earlier(&write("r1", "a", 1)).await.expect("read"), None);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plimsoll.db");
    std::fs::write(&path, "this is a text and no database, and longer than a header").expect("written");
    assert!(matches!(Sqlite::open(&path).await, Err(StoreError::Failed(_))));
}
