//! The queue of what will happen to machines, as EventBridge fills it.
//!
//! Messages come late, twice and in any order: they are told apart by the machine that they are about. Clusters share a queue,
//! and what one of them reads is out of sight of the others for a while: what was told is kept for all of them. A message
//! is deleted when its machine must be gone: a process that dies before is told again.

mod message;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::world::{Cause, CloudError, Notice};

use super::{Aws, fault};
use message::{About, Envelope};

/// Messages of one call: the most that SQS gives.
const BATCH: i32 = 10;
/// Calls of one look: what is left comes with the next.
const BATCHES_MAX: usize = 20;
/// How long after its end a machine's message is kept: it may be told once more until then.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// What was told of a queue's machines, for all clusters that read it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Told(Arc<Mutex<BTreeMap<String, Word>>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    reclaim_time: Timestamp,
    cause: Cause,
    /// The event of AWS Health that it is about; empty: none.
    event: String,
    /// Of the newest message, to delete it by.
    receipt: String,
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Word>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The earliest end counts, and the newest receipt; of planned work, the newest word.
    fn hear(&self, instance: String, word: Word) {
        let mut told = self.lock();
        let earlier = told.get(&instance).filter(|known| {
            let is_moved = !word.event.is_empty() && known.event == word.event;
            known.reclaim_time < word.reclaim_time && !is_moved
        });
        let word = match earlier {
            Some(known) => Word { receipt: word.receipt, ..known.clone() },
            None => word,
        };
        told.insert(instance, word);
    }

    /// Forgets what was told of an event; the receipts of its messages.
    fn called_off(&self, event: &str) -> Vec<String> {
        let is_its = |_: &String, word: &mut Word| word.event == event;
        self.lock().extract_if(.., is_its).map(|(_, word)| word.receipt).collect()
    }

    /// When each machine goes, and why.
    fn times(&self) -> BTreeMap<String, (Timestamp, Cause)> {
        let told = self.lock();
        told.iter().map(|(instance, word)| (instance.clone(), (word.reclaim_time, word.cause))).collect()
    }

    /// Forgets machines that must be gone; the receipts of their messages.
    fn over(&self, now: Timestamp) -> Vec<String> {
        let is_over = |_: &String, word: &mut Word| LATE <= now.duration_since(word.reclaim_time);
        self.lock().extract_if(.., is_over).map(|(_, word)| word.receipt).collect()
    }
}

impl Aws {
    /// Machines that will be taken back, by time.
    pub(super) async fn noticed(&self) -> Result<Vec<Notice>, CloudError> {
        if self.account.queue_url.is_empty() {
            return Ok(Vec::new());
        }
        for _ in 0..BATCHES_MAX {
            if self.receive().await? == 0 {
                break;
            }
        }
        let now = self.clock.now();
        for receipt in self.told.over(now) {
            self.delete(&receipt).await?;
        }
        let told = self.told.times();
        if told.is_empty() {
            return Ok(Vec::new());
        }
        let running = self.machines(now).await?.into_iter().filter(|life| life.end.is_none());
        let mut notices: Vec<Notice> = running
            .filter_map(|life| {
                let (reclaim_time, cause) = *told.get(life.provider_id.rsplit('/').next()?)?;
                Some(Notice { provider_id: life.provider_id, reclaim_time, cause })
            })
            .collect();
        notices.sort_by(|one, other| {
            (one.reclaim_time, &one.provider_id).cmp(&(other.reclaim_time, &other.provider_id))
        });
        Ok(notices)
    }

    /// Takes one batch of messages in; how many there were.
    async fn receive(&self) -> Result<usize, CloudError> {
        let call =
            self.sqs.receive_message().queue_url(&self.account.queue_url).max_number_of_messages(BATCH);
        let answer = call.send().await.map_err(|error| fault::of("sqs:ReceiveMessage", error))?;
        let messages = answer.messages.unwrap_or_default();
        let count = messages.len();
        for message in messages {
            let Some(receipt) = message.receipt_handle else { continue };
            let envelope: Option<Envelope> =
                message.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
            match envelope.as_ref().and_then(Envelope::about) {
                Some(About::Going { machines, reclaim_time, cause, event }) => {
                    let word = Word { reclaim_time, cause, event, receipt };
                    machines.into_iter().for_each(|machine| self.told.hear(machine, word.clone()));
                }
                Some(About::Over { event }) => {
                    for receipt in self.told.called_off(&event).into_iter().chain([receipt]) {
                        self.delete(&receipt).await?;
                    }
                }
                // Of no use to us, and of none to whoever reads it next.
                None => self.delete(&receipt).await?,
            }
        }
        Ok(count)
    }

    async fn delete(&self, receipt: &str) -> Result<(), CloudError> {
        let call = self.sqs.delete_message().queue_url(&self.account.queue_url).receipt_handle(receipt);
        call.send().await.map_err(|error| fault::of("sqs:DeleteMessage", error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_told_twice_keeps_its_first_end_and_its_last_receipt_until_the_machine_must_be_gone() {
        let told = Told::default();
        let other_cluster = told.clone();
        told.hear("i-1".into(), word("", "2026-07-20T08:02:00Z", "one"));
        other_cluster.hear("i-1".into(), word("", "2026-07-20T08:03:00Z", "two"));
        let wanted = (at("2026-07-20T08:02:00Z"), Cause::Reclaim);
        assert_eq!(told.times(), BTreeMap::from([("i-1".to_owned(), wanted)]));
        assert_eq!(told.over(at("2026-07-20T08:06:59Z")), Vec::<String>::new());
        assert_eq!(other_cluster.over(at("2026-07-20T08:07:00Z")), ["two"]);
        assert!(told.times().is_empty());
    }

    #[test]
    fn planned_work_may_be_moved_and_called_off() {
        let told = Told::default();
        told.hear("i-1".into(), word("work", "2026-07-27T08:00:00Z", "one"));
        told.hear("i-1".into(), word("work", "2026-07-29T08:00:00Z", "two"));
        let moved = (at("2026-07-29T08:00:00Z"), Cause::Maintenance);
        assert_eq!(told.times(), BTreeMap::from([("i-1".to_owned(), moved)]));
        told.hear("i-2".into(), word("", "2026-07-20T08:02:00Z", "three"));
        assert_eq!(told.called_off("work"), ["two"]);
        assert_eq!(told.times().into_keys().collect::<Vec<_>>(), ["i-2"]);
    }

    fn word(event: &str, time: &str, receipt: &str) -> Word {
        let cause = if event.is_empty() { Cause::Reclaim } else { Cause::Maintenance };
        Word { reclaim_time: at(time), cause, event: event.to_owned(), receipt: receipt.to_owned() }
    }
}
