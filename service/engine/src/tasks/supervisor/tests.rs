use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use super::super::Look;
use super::*;

const SECOND: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100);

/// A clock that runs a thousand times too fast, and remembers what was asked of it.
#[derive(Default)]
struct Fast(Mutex<Vec<Duration>>);

impl Fast {
    fn asked(&self) -> Vec<Duration> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for Fast {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    async fn sleep(&self, span: Duration) {
        self.0.lock().unwrap().push(span);
        tokio::time::sleep(span / 1000).await;
    }
}

/// A task whose n-th look, from 1, does as `work` says; and how often it looked. Its own clock is one of its own.
fn task(work: fn(u32) -> Result<(), Failure>) -> (Task, Arc<AtomicU32>) {
    let looks = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&looks);
    let look: Look = Arc::new(move || {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        Box::pin(async move { work(number) })
    });
    let (period, pause_min, limit) = (SECOND, PAUSE, 600 * SECOND);
    (Task { name: "test", period, pause_min, limit, clock: Arc::new(Fast::default()), look }, looks)
}

fn begin(task: Task) -> (Supervisor, Arc<Fast>) {
    let clock = Arc::new(Fast::default());
    let here: Arc<dyn Clock> = clock.clone();
    (start(vec![task], &here), clock)
}

/// Waits until a task does as `wanted` says.
async fn until(supervisor: &Supervisor, wanted: impl Fn(&Health) -> bool) -> Health {
    let mut health = supervisor.health();
    let found = health.wait_for(|all| wanted(&all[0])).await.expect("the supervisor lives");
    found[0]
}

#[tokio::test]
async fn a_task_that_panics_is_begun_anew_and_counted() {
    let (task, _) = task(|number| match number {
        1 | 2 => panic!("look {number}"),
        _ => Ok(()),
    });
    let (supervisor, _) = begin(task);
    let health = until(&supervisor, |health| health.last_success.is_some()).await;
    assert_eq!((health.failures, health.restarts), (0, 2));
    supervisor.stop().await;
}

#[tokio::test]
async fn a_task_that_hangs_is_dropped_at_its_limit() {
    let (task, _) = task(|_| Ok(()));
    let hang: Look = Arc::new(|| Box::pin(std::future::pending()));
    let (supervisor, clock) = begin(Task { look: hang, limit: 7 * SECOND, ..task });
    let health = until(&supervisor, |health| health.restarts == 1).await;
    assert_eq!(health.failures, 1);
    assert!(clock.asked().contains(&(7 * SECOND)));
}

#[tokio::test]
async fn three_failures_in_a_row_make_a_task_unwell_and_one_success_well_again() {
    let (task, _) = task(|number| match number {
        1..=4 => Err("rain".into()),
        _ => Ok(()),
    });
    let (supervisor, clock) = begin(task);
    assert!(until(&supervisor, |health| health.failures == 2).await.is_well());
    assert!(!until(&supervisor, |health| health.failures == 3).await.is_well());
    let well = until(&supervisor, |health| health.last_success.is_some()).await;
    assert_eq!((well.is_well(), well.restarts), (true, 0));
    let pauses: Vec<Duration> = clock.asked().into_iter().filter(|span| *span < 600 * SECOND).collect();
    let wanted = [PAUSE, PAUSE + SECOND, PAUSE + 2 * SECOND, PAUSE + 4 * SECOND, PAUSE + 8 * SECOND];
    assert_eq!(pauses[..5], wanted, "it backs off");
}

#[tokio::test]
async fn however_fast_its_world_is_a_task_pauses_before_each_look() {
    let (task, looks) = task(|_| Ok(()));
    let (supervisor, clock) = begin(Task { period: Duration::ZERO, ..task });
    while looks.load(Ordering::Relaxed) < 20 {
        tokio::task::yield_now().await;
    }
    supervisor.stop().await;
    let pauses = clock.asked().into_iter().filter(|span| *span == PAUSE).count();
    assert!(looks.load(Ordering::Relaxed) as usize <= pauses);
}

#[tokio::test]
async fn a_stopped_task_does_not_look_again() {
    let (task, looks) = task(|_| Ok(()));
    let (supervisor, _) = begin(task);
    until(&supervisor, |health| health.last_success.is_some()).await;
    supervisor.stop().await;
    let before = looks.load(Ordering::Relaxed);
    tokio::time::sleep(20 * PAUSE / 1000).await;
    assert_eq!(looks.load(Ordering::Relaxed), before);
}
