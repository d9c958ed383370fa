//! The queue of what will happen to machines, as EventBridge fills it.
//!
//! Messages come late, twice and in any order: they are told apart by the machine that they are about. One is deleted once
//! its machine is gone: a process that dies in between is told again.

use std::collections::BTreeMap;
use std::sync::PoisonError;

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
/// How long a machine that was to be gone is still waited for.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// What was told, by instance id.
#[derive(Debug, Default)]
pub struct Told {
    by_instance: BTreeMap<String, Word>,
}

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
        let now = Timestamp::now();
        let lives = self.machines(now).await?;
        let mut notices = Vec::new();
        let mut over = Vec::new();
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.by_instance.retain(|id, word| {
                let ends_with = |life: &&plimsoll_domain::world::MachineLife| {
                    life.end.is_none() && life.provider_id.rsplit('/').next() == Some(id)
                };
                match lives.iter().find(ends_with) {
                    Some(life) if now.duration_since(word.reclaim_time) < LATE => {
                        let (provider_id, reclaim_time) = (life.provider_id.clone(), word.reclaim_time);
                        notices.push(Notice { provider_id, reclaim_time });
                        true
                    }
                    _ => {
                        over.push(std::mem::take(&mut word.receipt));
                        false
                    }
                }
            });
        }
        for receipt in over {
            self.delete(&receipt).await?;
        }
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
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            let word =
                told.by_instance.entry(instance).or_insert(Word { reclaim_time, receipt: String::new() });
            word.reclaim_time = word.reclaim_time.min(reclaim_time);
            word.receipt = receipt;
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
