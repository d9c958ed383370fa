//! What was done to a node, as an event of the node. Best effort: nothing depends on it.

use k8s_openapi::api::core::v1::Node;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};
use plimsoll_domain::world::Cordon;
use tracing::warn;

use super::errors::words;

/// Who did it.
const REPORTER: &str = "plimsoll";

/// Writes events as Plimsoll.
pub fn recorder(client: Client) -> Recorder {
    Recorder::new(client, Reporter { controller: REPORTER.to_owned(), instance: None })
}

/// Tells that new pods are kept off a node, or let on again.
pub async fn tell_cordon(recorder: &Recorder, node: &Node, cordon: Cordon) {
    let (reason, action, note) = match cordon {
        Cordon::Final => ("Cordoned", "Cordon", "new pods are kept off, and load balancers: it will go"),
        Cordon::Passing => ("Cordoned", "Cordon", "new pods are kept off for a while"),
        Cordon::Lifted => ("Uncordoned", "Uncordon", "new pods and load balancers may come again"),
    };
    let event = Event {
        type_: EventType::Normal,
        reason: reason.to_owned(),
        action: action.to_owned(),
        note: Some(note.to_owned()),
        secondary: None,
    };
    if let Err(error) = recorder.publish(&event, &node.object_ref(&())).await {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        warn!(node = %name, error = %words(&error), "an event was not written");
    }
}
