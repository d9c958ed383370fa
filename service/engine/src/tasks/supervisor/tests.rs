use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Real time, which a test lets pass.
struct Paused;

#[async_trait]
impl Clock for Paused {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

/// A world so fast that no time of its own passes for us; counts how often it was slept in.
struct Rushing(Mutex<u32>);

#[async_trait]
impl Clock for Rushing {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    async fn sleep(&self, _: Duration) {
        *self.0.lock().unwrap() += 1;
    }
}

fn here() -> Arc<dyn Clock> {
    Arc::new(Paused)
}

/// A task whose n-th look, from 1, does as `work` says.
fn task(
    name: &'static str,
    clock: Arc<dyn Clock>,
    work: fn(u32) -> Result<(), Failure>,
) -> (Task, Arc<AtomicU32>) {
    let looks = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&looks);
    let look: super::super::Look = Arc::new(move || {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        Box::pin(async move { work(number) })
    });
    let (period, pause_min, limit) = (SECOND, SECOND / 10, 60 * SECOND);
    (Task { name, period, pause_min, limit, clock, look }, looks)
}

/// Waits until a task does as `wanted` says.
async fn until(supervisor: &Supervisor, wanted: impl Fn(&Health) -> bool) -> Health {
    let mut health = supervisor.health();
    let found = health.wait_for(|all| wanted(&all[0])).await.expect("the supervisor lives");
    found[0]
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_is_begun_anew_and_counted() {
    let (task, _) = task("shaky", here(), |number| match number {
        1 | 2 => panic!("look {number}"),
        _ => Ok(()),
    });
    let supervisor = start(vec![task], &here());
    let health = until(&supervisor, |health| health.last_success.is_some()).await;
    assert_eq!((health.failures, health.restarts), (0, 2));
    supervisor.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_hangs_is_dropped_at_its_limit() {
    let (task, _) = task("slow", here(), |_| Ok(()));
    let hang: super::super::Look = Arc::new(|| Box::pin(std::future::pending()));
    let supervisor = start(vec![Task { look: hang, ..task }], &here());
    let begin = tokio::time::Instant::now();
    let health = until(&supervisor, |health| health.restarts == 1).await;
    assert_eq!((health.failures, begin.elapsed()), (1, 61 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn three_failures_in_a_row_make_a_task_unwell_and_one_success_well_again() {
    let (task, _) = task("weather", here(), |number| match number {
        1..=4 => Err("rain".into()),
        _ => Ok(()),
    });
    let supervisor = start(vec![task], &here());
    assert!(until(&supervisor, |health| health.failures == 2).await.is_well());
    let begin = tokio::time::Instant::now();
    assert!(!until(&supervisor, |health| health.failures == 3).await.is_well());
    assert!(2 * SECOND <= begin.elapsed(), "it did not back off: {:?}", begin.elapsed());
    let well = until(&supervisor, |health| health.failures == 0).await;
    assert_eq!((well.is_well(), well.restarts), (true, 0));
}

#[tokio::test(start_paused = true)]
async fn a_fast_world_is_not_looked_at_faster_than_the_shortest_pause() {
    let world = Arc::new(Rushing(Mutex::new(0)));
    let (task, looks) = task("eager", world.clone(), |_| Ok(()));
    let supervisor = start(vec![task], &here());
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert_eq!(looks.load(Ordering::Relaxed), 10);
    assert_eq!(*world.0.lock().unwrap(), 11);
    supervisor.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_task_does_not_look_again() {
    let (task, looks) = task("calm", here(), |_| Ok(()));
    let supervisor = start(vec![task], &here());
    until(&supervisor, |health| health.last_success.is_some()).await;
    supervisor.stop().await;
    let before = looks.load(Ordering::Relaxed);
    tokio::time::sleep(100 * SECOND).await;
    assert_eq!(looks.load(Ordering::Relaxed), before);
}
