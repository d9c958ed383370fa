//! A world that has been there for a week.

use std::time::Instant;

use plimsoll_domain::clock::Clock;
use plimsoll_domain::world::Cloud;
use plimsoll_sim::{Origin, Pace, Sim, Weather};

use crate::support::{Rig, SEED, Seen, atlas, start};

/// As it is outside, but so stormy that something happens every hour.
const WEATHER: Weather = Weather { reclaims_factor: 50, prices_walk: true, pools_end: true };
const HOURS: u32 = 7 * 24;

/// Reopening takes well under a second; what it took is printed, for whoever runs it with `--nocapture`.
#[tokio::test]
async fn a_world_of_a_week_is_found_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("world.jsonl");
    let open = || {
        let origin = Origin { start: start(), seed: SEED, weather: WEATHER };
        Sim::open_or_begin(&path, &origin, Pace::Jump).expect("opens")
    };
    let seen = Seen::default().group("calm", 10).group("web", 20).spot("web");
    let seen =
        seen.deployment("api", 120).budget("api", "api", 20).deployment("shop", 80).daemon_set("agent");
    let rig = Rig::of(open(), seen);
    for hour in 0..HOURS {
        // A group that breathes, and somebody who looks every half hour.
        let breath = rig.status("web").await.expect("it is there");
        if hour % 2 == 0 {
            drop(rig.resize("web", 24).await);
        } else {
            for instance in breath.instances.iter().skip(20) {
                drop(rig.terminate("web", &instance.provider_id).await);
            }
        }
        for _ in 0..2 {
            rig.wait(1800).await;
            drop(rig.sim.lives(&atlas(), rig.sim.clock().now()).await);
        }
    }
    let (state, tally) = (rig.state().await, rig.sim.tally(&atlas()));
    let last = rig.sim.clock().now();
    drop(rig);
    let lines = std::fs::read_to_string(&path).expect("readable").lines().count();
    let begin = Instant::now();
    let found = Rig { sim: open() };
    println!("{lines} lines, found again in {:?}", begin.elapsed());
    assert!(last <= found.sim.clock().now());
    let taken = found.sim.tally(&atlas());
    assert_eq!(
        taken.pods_lost_by_reclaim[..tally.pods_lost_by_reclaim.len()],
        tally.pods_lost_by_reclaim[..]
    );
    assert!(10 < tally.pods_lost_by_reclaim.len(), "{tally:?}");
    assert_eq!(found.state().await.nodes.len(), state.nodes.len());
}
