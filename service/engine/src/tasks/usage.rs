//! What containers used is taken in from where it is remembered, hour by hour, each hour once.

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::Span;
use plimsoll_domain::world::World;
use tracing::info;

use crate::{Engine, Error};

const HOUR: i64 = 3600;
/// How far back it is asked where nothing is known: longer than recommendations want for their narrow margins, eight days.
const HISTORY: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How far before the last sample hours are looked for that were left out.
const BACK: SignedDuration = SignedDuration::from_hours(24);
/// How long after its end an hour is complete: scrapes are written within minutes.
const LAG: SignedDuration = SignedDuration::from_mins(10);
/// Hours that one look takes in; the next goes on. Two days of a large cluster take minutes.
const HOURS_MAX: usize = 48;

impl Engine {
    /// Takes in the hours that were not taken in before, the oldest first.
    ///
    /// # Errors
    /// [`Error::World`] names the question that has no answer; hours before it are taken in.
    pub(super) async fn take_samples(&self, cluster: &ClusterId, world: &World) -> Result<(), Error> {
        let last = self.usage(cluster).await?.and_then(|usage| usage.window()).map(|(_, last)| last);
        let mut taken = 0;
        for span in hours(last, world.clock.now()) {
            let batch = format!("remembered-{}", span.start);
            if self.store.usage_batch_seen(cluster, &batch).await? {
                continue;
            }
            let samples = world.metrics.samples(cluster, span).await;
            let Some(samples) = samples.map_err(|error| Error::World(error.to_string()))? else { break };
            let write = self.own_write("TakeSamples");
            let summary = self.push_samples(&write, cluster, vec![(batch, samples)]).await?;
            info!(%cluster, hour = %span.start, accepted = summary.accepted, "usage of an hour taken in");
            taken += 1;
            if taken == HOURS_MAX {
                break;
            }
        }
        Ok(())
    }
}

/// Whole hours that are over, from a while before the last sample on.
fn hours(last: Option<Timestamp>, now: Timestamp) -> impl Iterator<Item = Span> {
    let back = |time: Timestamp, by: SignedDuration| time.saturating_sub(by).unwrap_or(time).as_second();
    let oldest = back(now, HISTORY);
    let first = last.map_or(oldest, |last| back(last, BACK).max(oldest)).div_euclid(HOUR);
    let end = back(now, LAG).div_euclid(HOUR);
    let at = |hour: i64| Timestamp::from_second(hour * HOUR).ok();
    (first..end).filter_map(move |hour| Some(Span { start: at(hour)?, end: at(hour + 1)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_whole_and_over() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let check = |last: Option<&str>, now: &str, first: &str, count: usize| {
            let all: Vec<Span> = hours(last.map(at), at(now)).collect();
            assert_eq!((all[0].start, all.len()), (at(first), count), "{last:?} {now}");
            assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start));
        };
        check(None, "2026-07-20T12:09:00Z", "2026-07-06T12:00:00Z", 14 * 24 - 1);
        check(None, "2026-07-20T12:10:00Z", "2026-07-06T12:00:00Z", 14 * 24);
        check(Some("2026-07-20T09:55:00Z"), "2026-07-20T12:30:00Z", "2026-07-19T09:00:00Z", 27);
        check(Some("2026-01-01T00:00:00Z"), "2026-07-20T12:30:00Z", "2026-07-06T12:00:00Z", 14 * 24);
    }
}
