//! SQS: JSON in, JSON out.

use serde_json::json;

use super::state::{State, Words};
use super::{Answer, Request};

const JSON: &str = "application/x-amz-json-1.0";
/// Messages of one answer at most.
const BATCH: usize = 10;

pub fn answer(state: &mut State, request: &Request) -> Answer {
    state.refused(&format!("sqs:{}", request.action))?;
    let answer = match request.action.as_str() {
        // A message that is being read is out of sight of others, and nobody else reads here.
        "ReceiveMessage" => {
            let count = state.queue.len().min(BATCH);
            let told: Vec<String> = state.queue.drain(..count).collect();
            let messages = told.iter().map(|body| {
                let id = state.next();
                json!({ "MessageId": format!("m-{id}"), "ReceiptHandle": format!("r-{id}"), "Body": body })
            });
            json!({ "Messages": messages.collect::<Vec<_>>() })
        }
        "DeleteMessage" => json!({}),
        other => return Err(Words::new(400, "InvalidAction", format!("{other} is not answered here"))),
    };
    Ok((JSON, answer.to_string()))
}
