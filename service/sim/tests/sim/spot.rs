use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use plimsoll_domain::clock::Clock;
use plimsoll_domain::world::{Cloud, CloudError, MachineLife, Notice, Prices};
use plimsoll_sim::{Origin, Pace, RECLAIMS_FACTOR_MAX, Sim, Weather};

use crate::support::{Rig, SEED, Seen, ZONE, atlas, spec, start};

const STORMY: Weather = Weather { reclaims_factor: RECLAIMS_FACTOR_MAX, prices_walk: true, pools_end: false };

fn under(weather: Weather, seen: Seen) -> Rig {
    Rig::of(Sim::begin(&Origin { start: start(), seed: SEED, weather }, Pace::Jump), seen)
}

async fn notices(rig: &Rig) -> Vec<Notice> {
    rig.sim.notices(&atlas()).await.expect("notices")
}

async fn lives(rig: &Rig) -> Vec<MachineLife> {
    rig.sim.lives(&atlas(), start()).await.expect("lives")
}

/// Waits in small steps until a machine has its notice.
async fn noticed(rig: &Rig) -> Notice {
    for _ in 0..20_000 {
        if let Some(first) = notices(rig).await.into_iter().next() {
            return first;
        }
        rig.wait(10).await;
    }
    panic!("nothing is taken back\n{}", rig.sim.journal())
}

#[tokio::test]
async fn a_spot_machine_goes_two_minutes_after_its_notice_and_its_group_gets_another() {
    let seen = Seen::default().group("calm", 1).group("web", 4).spot("web").deployment("api", 5);
    let rig = under(STORMY, seen.budget("api", "api", 0));
    let notice = noticed(&rig).await;
    let left = notice.reclaim_time.duration_since(rig.sim.clock().now());
    assert!((110..=120).contains(&left.as_secs()), "{left}");
    let machine =
        |lives: Vec<MachineLife>| lives.into_iter().find(|life| life.provider_id == notice.provider_id);
    assert_eq!(machine(lives(&rig).await).expect("it runs").end, None);

    rig.wait(121).await;
    let life = machine(lives(&rig).await).expect("it is remembered");
    let end = life.end.expect("it ended");
    assert_eq!((end.time, end.reclaimed, life.group.as_str()), (notice.reclaim_time, true, "web"));
    assert!(!notices(&rig).await.contains(&notice));
    let tally = rig.sim.tally(&atlas());
    assert!(!tally.pods_lost_by_reclaim.is_empty(), "{tally:?}");
    assert_eq!((tally.pods_lost, tally.budget_violations), (vec![], vec![]), "nobody here did it");
    assert_eq!(tally.budget_violations_by_others, ["shop/api"]);
    rig.expect_sizes(&[("calm", 1), ("web", 4)]);
}

#[tokio::test]
async fn a_dry_pool_sells_nothing_and_a_group_is_whole_again_when_it_is_not() {
    let rig = under(STORMY, Seen::default().group("web", 4).spot("web"));
    noticed(&rig).await;
    let short = rig.resize("web", 40).await;
    assert!(matches!(short, Err(CloudError::NoCapacity(_))), "{short:?}");
    let mut was_short = false;
    for _ in 0..500 {
        rig.wait(300).await;
        let status = rig.status("web").await.expect("it is there");
        was_short |= !status.issues.is_empty();
        if was_short && status.instances.len() == 4 && status.issues.is_empty() {
            return;
        }
    }
    panic!("{}", rig.sim.journal())
}

#[tokio::test]
async fn a_pool_has_an_end_for_all_clusters_together() {
    let weather = Weather { pools_end: true, ..Weather::default() };
    let rig = under(weather, Seen::default().group("web", 1));
    let zeus = "zeus".parse().expect("an id");
    rig.sim.load(&zeus, Seen::default().group("web", 1).0).expect("loaded");
    let one_type =
        plimsoll_domain::world::GroupSpec { instance_types: vec!["m7i.large".to_owned()], ..spec("new") };
    rig.made(&one_type).await;
    rig.sim.ensure_group(&zeus, &one_type).await.expect("accepted");
    rig.wait(300).await;
    rig.resize("new", 450).await.expect("there are some");
    let there = rig.status("new").await.expect("it is there");
    assert!(
        (32..450).contains(&there.instances.len()) && !there.issues.is_empty(),
        "{}",
        there.instances.len()
    );
    let none = rig.sim.ensure_size(&zeus, "new", 1).await;
    assert!(matches!(none, Err(CloudError::NoCapacity(_))), "{none:?}");
    rig.terminate("new", &there.instances[0].provider_id).await.expect_err("it is being changed");
    rig.wait(60).await;
    rig.terminate("new", &there.instances[0].provider_id).await.expect("terminated");
    assert_eq!(rig.sim.ensure_size(&zeus, "new", 1).await, Ok(()));
}

#[tokio::test]
async fn nothing_is_taken_back_in_a_quiet_world_nor_from_on_demand() {
    for (weather, spot) in [(Weather::default(), "web"), (STORMY, "none")] {
        let rig = under(weather, Seen::default().group("web", 4).spot(spot));
        rig.wait(30 * 24 * 3600).await;
        assert_eq!(lives(&rig).await.iter().filter(|life| life.end.is_some()).count(), 0);
        assert_eq!(notices(&rig).await, []);
    }
}

#[tokio::test]
async fn the_advisors_rate_is_what_a_month_sees() {
    let weather = Weather { reclaims_factor: 100, ..Weather::default() };
    let rig = under(weather, Seen::default().group("web", 100).spot("web"));
    rig.wait(30 * 24 * 3600).await;
    let ended = lives(&rig).await.iter().filter(|life| life.end.is_some_and(|end| end.reclaimed)).count();
    // A hundred machines, a hundred times as often, at a fifth a month; less while the pool is dry and they are missed.
    assert!((1_000..2_400).contains(&ended), "{ended}");
}

#[tokio::test]
async fn lives_add_up_to_what_was_counted() {
    let rig = under(STORMY, Seen::default().group("calm", 2).group("web", 5).spot("web"));
    rig.made(&spec("new")).await;
    rig.resize("new", 3).await.expect("accepted");
    rig.wait(5 * 24 * 3600).await;
    let now = rig.sim.clock().now();
    let mut sums: BTreeMap<(String, String), Duration> = BTreeMap::new();
    for life in lives(&rig).await {
        let span = life.end.map_or(now, |end| end.time).duration_since(life.launch_time).unsigned_abs();
        *sums.entry((life.group, life.instance_type)).or_default() += span;
    }
    assert_eq!(sums, rig.sim.tally(&atlas()).node_time);
    assert!(10 < lives(&rig).await.len());
}

#[tokio::test]
async fn prices_are_those_of_the_pools_that_ran_whoever_asks() {
    let rig = under(STORMY, Seen::default().group("web", 2).deployment("api", 2));
    rig.made(&spec("new")).await;
    rig.resize("new", 1).await.expect("accepted");
    rig.wait(3 * 24 * 3600).await;
    let changes = rig.sim.spot_changes(&atlas(), start()).await.expect("prices");
    let of = |name: &str| changes.iter().filter(|change| change.instance_type == name).collect::<Vec<_>>();
    assert_eq!(of("m5.large")[0].time, start());
    assert!((6..48).contains(&of("m5.large").len()) && !of("m7i.large").is_empty(), "{changes:?}");
    assert!(changes.iter().all(|change| change.zone == ZONE));

    let other = under(STORMY, Seen::default().group("x", 1));
    other.sim.clock().advance_to(rig.sim.clock().now());
    let theirs = other.sim.spot_changes(&atlas(), start()).await.expect("prices");
    assert_eq!(theirs.iter().collect::<Vec<_>>(), of("m5.large"));
}

#[tokio::test]
async fn a_stormy_world_is_found_again_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("world.jsonl");
    let origin = Origin { start: start(), seed: SEED, weather: STORMY };
    let open = |origin: &Origin| Sim::open_or_begin(&path, origin, Pace::Jump).expect("opens");
    let seen = || Seen::default().group("calm", 1).group("web", 4).spot("web").deployment("api", 8);
    let live = async |rig: &Rig| {
        rig.made(&spec("new")).await;
        drop(rig.resize("new", 4).await);
        noticed(rig).await;
    };
    let killed = Rig::of(open(&origin), seen());
    live(&killed).await;
    drop(killed);
    // Another weather is not taken: the file has its own.
    let found = Rig { sim: open(&Origin::quiet(start(), 0)) };
    let unbroken = under(STORMY, seen());
    live(&unbroken).await;
    for _ in 0..50 {
        unbroken.sim.clock().advance_to(found.sim.clock().now());
        assert_eq!(found.state().await, unbroken.state().await, "{}", found.sim.journal());
        assert_eq!(found.sim.tally(&atlas()), unbroken.sim.tally(&atlas()));
        assert_eq!(lives(&found).await, lives(&unbroken).await);
        assert_eq!(notices(&found).await, notices(&unbroken).await);
        let prices = async |rig: &Rig| rig.sim.spot_changes(&atlas(), start()).await;
        assert_eq!(prices(&found).await, prices(&unbroken).await);
        found.sim.clock().sleep(SignedDuration::from_mins(17).unsigned_abs()).await;
    }
    assert!(found.sim.tally(&atlas()).node_time.len() > 2);
}
