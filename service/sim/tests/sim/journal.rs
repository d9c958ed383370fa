use std::fs;
use std::io::Write;
use std::path::Path;

use plimsoll_domain::clock::Clock;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::world::Cloud;
use plimsoll_sim::{Fault, OpenError, Pace, Sim};

use crate::support::{Rig, SEED, Seen, ZONE, atlas, spec, start};

fn seen() -> Seen {
    Seen::default().group("web", 2).deployment("api", 6).budget("api", "api", 2).daemon_set("agent")
}

fn open(path: &Path) -> Sim {
    Sim::open(path, start(), SEED, Pace::Jump).expect("opens")
}

/// Everything at once: a shortage, a group that grows, evictions, a machine that goes under its pods.
async fn first_half(rig: &Rig) {
    let (instance_type, zone) = ("m7i.large".to_owned(), ZONE.to_owned());
    rig.sim.fault(Fault::NoCapacity { instance_type, zone, kind: CapacityKind::Spot, times: Some(1) });
    rig.made(&spec("new")).await;
    rig.resize("new", 2).await.expect("accepted");
    rig.wait(90).await;
    rig.cordon("web-0", true).await;
    rig.evict("api-0").await;
    rig.evict("api-2").await;
    rig.wait(7).await;
    let id =
        rig.state().await.nodes.iter().find(|node| node.name == "web-0").expect("there").provider_id.clone();
    rig.terminate("web", &id).await.expect("terminated");
    rig.wait(3).await;
}

/// What can be seen of a world.
async fn view(rig: &Rig) -> String {
    let groups = (rig.status("web").await, rig.status("new").await, rig.sim.sizes(&atlas()));
    format!("{:#?}\n{groups:#?}\n{:#?}", rig.state().await, rig.sim.tally(&atlas()))
}

#[tokio::test]
async fn killed_halfway_a_world_is_found_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("world.jsonl");
    let killed = Rig::of(open(&path), seen());
    first_half(&killed).await;
    let last = killed.sim.clock().now();
    drop(killed);

    let found = Rig { sim: open(&path) };
    let now = found.sim.clock().now();
    assert!(last <= now && now.duration_since(last).as_secs() <= 60, "{last} {now}");
    let unbroken = seen().rig();
    first_half(&unbroken).await;
    for seconds in [0, 1, 10, 100, 1000] {
        found.wait(seconds).await;
        unbroken.sim.clock().advance_to(found.sim.clock().now());
        assert_eq!(view(&found).await, view(&unbroken).await, "{}", found.sim.journal());
    }
}

#[tokio::test]
async fn looking_more_often_changes_nothing() {
    let (often, seldom) = (seen().rig(), seen().rig());
    first_half(&often).await;
    first_half(&seldom).await;
    for _ in 0..500 {
        often.wait(1).await;
        view(&often).await;
    }
    seldom.wait(500).await;
    assert_eq!(view(&often).await, view(&seldom).await);
    assert_eq!(often.sim.journal(), seldom.sim.journal());
}

#[tokio::test]
async fn another_seed_is_another_world() {
    let other = Rig::of(Sim::new(start(), SEED + 1, Pace::Jump), seen());
    let one = seen().rig();
    first_half(&other).await;
    first_half(&one).await;
    assert_ne!(view(&one).await, view(&other).await);
}

#[tokio::test]
async fn a_line_that_was_half_written_is_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("world.jsonl");
    drop(Rig::of(open(&path), seen()));
    let whole = fs::read(&path).expect("readable");
    let mut file = fs::OpenOptions::new().append(true).open(&path).expect("opens");
    file.write_all(br#"{"at":"2026-07-20T08:0"#).expect("written");
    drop(file);
    let found = Rig { sim: open(&path) };
    assert_eq!(fs::read(&path).expect("readable"), whole);
    assert_eq!(found.state().await, seen().0);
    found.resize("web", 3).await.expect("accepted");
    drop(found);
    Rig { sim: open(&path) }.expect_sizes(&[("web", 3)]);
}

#[tokio::test]
async fn a_file_is_one_worlds_at_a_time_and_must_be_a_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("world.jsonl");
    let world = open(&path);
    let again = |path: &Path| Sim::open(path, start(), SEED, Pace::Jump).err();
    assert!(matches!(again(&path), Some(OpenError::InUse)));
    drop(world);
    assert!(again(&path).is_none());
    let own = "{\"format\":\"plimsoll-sim/1\",\"seed\":1,\"start\":\"2026-07-20T08:00:00Z\"}\n";
    for (line, text) in [(1, "hello\n".to_owned()), (1, own.replace("/1", "/2")), (2, format!("{own}{{}}\n"))]
    {
        fs::write(&path, &text).expect("written");
        let error = again(&path);
        assert!(matches!(&error, Some(OpenError::Broken { line: at, .. }) if *at == line), "{error:?}");
    }
    assert!(matches!(again(folder.path()), Some(OpenError::Io(_))));
}

#[tokio::test]
async fn what_is_on_disk_is_what_was_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("world.jsonl");
    let rig = Rig::of(open(&path), seen());
    let lines = || fs::read_to_string(&path).expect("readable").lines().count();
    let before = lines();
    rig.resize("web", 3).await.expect("accepted");
    assert_eq!(lines(), before + 1);
    rig.resize("web", 4).await.expect_err("busy");
    assert!(rig.sim.group(&atlas(), "web").await.is_ok());
    assert_eq!(lines(), before + 1);
}
