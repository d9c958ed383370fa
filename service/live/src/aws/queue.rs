//! The queue of what will happen to machines, as EventBridge fills it.
//!
//! Messages come late, twice and in any order: they are told apart by the machine that they are about. Clusters share a queue,
//! and what one of them reads is out of sight of the others for a while: what was told is kept for all of them. A message
//! is deleted when its machine must be gone: a process that dies before is told again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::world::{CloudError, Notice};
use serde::Deserialize;

use super::{Aws, fault};

/// From a notice of interruption to the end of the machine.
const NOTICE: SignedDuration = SignedDuration::from_mins(2);
/// Messages of one call: the most that SQS gives.
const BATCH: i32 = 10;
/// Calls of one look: what is left comes with the next.
const BATCHES_MAX: usize = 20;
/// How long after its end a machine's message is kept: it may be told once more until then.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// What was told of a queue's machines, for all clusters that read it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Told(Arc<Mutex<BTreeMap<String, Word>>>);

#[derive(Debug)]
struct Word {
    reclaim_time: Timestamp,
    /// Of the newest message, to delete it by.
    receipt: String,
}

/// A message of EventBridge.
#[derive(Deserialize)]
struct Envelope {
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    time: Timestamp,
    detail: serde_json::Value,
}

impl Envelope {
    /// The machine that is taken back, if the message is about that.
    fn taken_back(&self) -> Option<&str> {
        let is_warning = self.source == "aws.ec2"
            && matches!(
                self.detail_type.as_str(),
                "EC2 Spot Instance Interruption Warning"
                    | "EC2 Capacity Reservation Instance Interruption Warning"
            );
        is_warning.then(|| self.detail.get("instance-id")?.as_str()).flatten()
    }
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Word>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The earliest end counts, and the newest receipt.
    fn hear(&self, instance: String, reclaim_time: Timestamp, receipt: String) {
        let mut told = self.lock();
        let earlier = told.get(&instance).map_or(reclaim_time, |word| word.reclaim_time.min(reclaim_time));
        told.insert(instance, Word { reclaim_time: earlier, receipt });
    }

    /// When each machine goes.
    fn times(&self) -> BTreeMap<String, Timestamp> {
        self.lock().iter().map(|(instance, word)| (instance.clone(), word.reclaim_time)).collect()
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
                let reclaim_time = *told.get(life.provider_id.rsplit('/').next()?)?;
                Some(Notice { provider_id: life.provider_id, reclaim_time })
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
            let taken = envelope.as_ref().and_then(|one| Some((one.taken_back()?.to_owned(), one.time)));
            let Some((instance, time)) = taken else {
                // Of no use to us, and of none to whoever reads it next.
                self.delete(&receipt).await?;
                continue;
            };
            let reclaim_time = time.checked_add(NOTICE).unwrap_or(Timestamp::MAX);
            self.told.hear(instance, reclaim_time, receipt);
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
        told.hear("i-1".into(), at("2026-07-20T08:02:00Z"), "one".into());
        other_cluster.hear("i-1".into(), at("2026-07-20T08:03:00Z"), "two".into());
        assert_eq!(told.times(), BTreeMap::from([("i-1".to_owned(), at("2026-07-20T08:02:00Z"))]));
        assert_eq!(told.over(at("2026-07-20T08:06:59Z")), Vec::<String>::new());
        assert_eq!(other_cluster.over(at("2026-07-20T08:07:00Z")), ["two"]);
        assert!(told.times().is_empty());
    }

    fn machine(source: &str, detail_type: &str) -> Option<String> {
        let text = format!(
            r#"{{"version":"0","id":"1","source":"{source}","detail-type":"{detail_type}","time":"2026-07-20T08:00:00Z","detail":{{"instance-id":"i-1","instance-action":"terminate"}}}}"#
        );
        serde_json::from_str::<Envelope>(&text).unwrap().taken_back().map(str::to_owned)
    }

    #[test]
    fn warnings_name_the_machine_and_recommendations_are_none() {
        assert_eq!(machine("aws.ec2", "EC2 Spot Instance Interruption Warning"), Some("i-1".into()));
        assert_eq!(machine("aws.ec2", "EC2 Instance Rebalance Recommendation"), None);
        assert_eq!(machine("aws.health", "EC2 Spot Instance Interruption Warning"), None);
    }
}
