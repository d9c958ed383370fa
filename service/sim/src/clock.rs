//! Virtual time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::clock::Clock;

/// Slowest and fastest that virtual time may run against real time. Guesses: wide enough for any demonstration.
const SPEEDS: (f64, f64) = (0.001, 1_000_000.0);

/// How virtual time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Only by sleeping, which takes no real time. Of several sleepers at once, each moves time on by its own span.
    Jump,
    /// So many virtual seconds in a real one. Brought into 0.001..=1e6; no number is 1.
    Speed(f64),
}

impl Pace {
    fn speed(self) -> Option<f64> {
        match self {
            Self::Jump => None,
            Self::Speed(speed) if speed.is_nan() => Some(1.0),
            Self::Speed(speed) => Some(speed.clamp(SPEEDS.0, SPEEDS.1)),
        }
    }
}

/// The clock of a simulated world. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct SimClock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    start: Timestamp,
    hand: Mutex<Hand>,
}

/// How much virtual time had passed at some real moment.
#[derive(Debug)]
struct Hand {
    passed: Duration,
    set: Instant,
    pace: Pace,
}

impl Hand {
    fn now(&self) -> Duration {
        let since = self.pace.speed().map(|speed| scaled(self.set.elapsed(), speed));
        self.passed.saturating_add(since.unwrap_or_default())
    }
}

impl SimClock {
    /// A clock that shows `start` now.
    pub fn new(start: Timestamp, pace: Pace) -> Self {
        let hand = Mutex::new(Hand { passed: Duration::ZERO, set: Instant::now(), pace });
        Self { inner: Arc::new(Inner { start, hand }) }
    }

    /// Moves time on to `time` at once. Does nothing if it is later already.
    pub fn advance_to(&self, time: Timestamp) {
        let wanted = Duration::try_from(time.duration_since(self.inner.start)).unwrap_or_default();
        let mut hand = self.hand();
        if hand.now() < wanted {
            *hand = Hand { passed: wanted, set: Instant::now(), ..*hand };
        }
    }

    /// Lets time pass otherwise from now on. Who sleeps already wakes when the old pace would have it.
    pub fn set_pace(&self, pace: Pace) {
        let mut hand = self.hand();
        *hand = Hand { passed: hand.now(), set: Instant::now(), pace };
    }

    /// Moves time on by a span at once.
    pub(crate) fn skip(&self, span: Duration) {
        let mut hand = self.hand();
        hand.passed = hand.passed.saturating_add(span);
    }

    fn hand(&self) -> MutexGuard<'_, Hand> {
        self.inner.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.monotonic()).unwrap_or(SignedDuration::MAX);
        self.inner.start.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.hand().now()
    }

    async fn sleep(&self, span: Duration) {
        let pace = self.hand().pace;
        match pace.speed() {
            Some(speed) => tokio::time::sleep(scaled(span, 1.0 / speed)).await,
            None => {
                self.skip(span);
                tokio::task::yield_now().await;
            }
        }
    }
}

fn scaled(span: Duration, by: f64) -> Duration {
    Duration::try_from_secs_f64(span.as_secs_f64() * by).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn jumping_time_stands_still_between_sleeps() {
        let clock = SimClock::new(Timestamp::UNIX_EPOCH, Pace::Jump);
        clock.sleep(MINUTE).await;
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!((clock.now().as_second(), clock.monotonic()), (60, MINUTE));
        clock.advance_to(Timestamp::UNIX_EPOCH);
        clock.sleep(Duration::MAX).await;
        assert_eq!(clock.now(), Timestamp::MAX);
    }

    #[tokio::test]
    async fn fast_time_makes_a_minute_short() {
        let clock = SimClock::new(Timestamp::UNIX_EPOCH, Pace::Speed(10_000.0));
        let begin = Instant::now();
        clock.sleep(MINUTE).await;
        assert!(MINUTE <= clock.monotonic(), "{:?}", clock.monotonic());
        assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    }

    #[test]
    fn another_pace_goes_on_from_where_time_is() {
        let clock = SimClock::new(Timestamp::UNIX_EPOCH, Pace::Jump);
        clock.skip(MINUTE);
        clock.set_pace(Pace::Speed(1e6));
        std::thread::sleep(Duration::from_millis(1));
        assert!(MINUTE < clock.monotonic());
        clock.set_pace(Pace::Jump);
        let seen = clock.monotonic();
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(clock.monotonic(), seen);
    }

    #[test]
    fn a_speed_that_is_none_is_made_one() {
        let speeds = [f64::NAN, -3.0, f64::INFINITY].map(|speed| Pace::Speed(speed).speed());
        assert_eq!(speeds, [Some(1.0), Some(SPEEDS.0), Some(SPEEDS.1)]);
    }
}
