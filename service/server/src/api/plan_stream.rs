//! StreamPlan: news on the way, then the plan. Who stops listening stops the work.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use plimsoll_engine::{PlanOrder, Progress, planning};
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::plan_event::Event;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;
use tracing::Instrument;

use super::Api;
use crate::limits::{PROGRESS_INTERVAL, PROGRESS_QUEUE_MAX};
use crate::wire::plan;
use crate::wire::status::Refused;

type Item = Result<pb::PlanEvent, Status>;

/// Events of one planning. Dropping it cancels the planning.
#[derive(Debug)]
pub struct Events {
    items: Receiver<Item>,
    _cancel: DropGuard,
}

impl Stream for Events {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        self.items.poll_recv(context)
    }
}

/// Starts a planning whose events come out of the stream.
pub fn start(api: Api, order: PlanOrder) -> Events {
    let (sender, items) = channel(PROGRESS_QUEUE_MAX);
    let cancel = api.stopping.child_token();
    let events = Events { items, _cancel: cancel.clone().drop_guard() };
    tokio::spawn(run(api, order, sender, cancel).in_current_span());
    events
}

async fn run(api: Api, order: PlanOrder, sender: Sender<Item>, cancel: CancellationToken) {
    let end = work(&api, order, sender.clone(), cancel).await.map_err(Status::from);
    let event = end.map(|plan| event(Event::Plan(plan)));
    // Nobody listens any more: there is nobody to tell, either.
    let _ = sender.send(event).await;
}

async fn work(
    api: &Api,
    order: PlanOrder,
    sender: Sender<Item>,
    cancel: CancellationToken,
) -> Result<pb::Plan, Refused> {
    let made = api.engine.create_plan(order, listener(sender), cancel).await?;
    api.whole(&made).await
}

/// Passes progress on: each new stage, and within a stage at most one in [`PROGRESS_INTERVAL`]. What does not fit
/// into the queue is dropped: the planning waits for nobody.
fn listener(sender: Sender<Item>) -> planning::Listener {
    let last: Mutex<Option<Progress>> = Mutex::new(None);
    Arc::new(move |progress| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if is_news(last.as_ref(), &progress) {
            *last = Some(progress);
            let _ = sender.try_send(Ok(event(Event::Progress(plan::progress(&progress)))));
        }
    })
}

fn is_news(last: Option<&Progress>, progress: &Progress) -> bool {
    let Some(last) = last else { return true };
    let silence: Duration = progress.elapsed.saturating_sub(last.elapsed);
    last.stage != progress.stage || PROGRESS_INTERVAL <= silence
}

fn event(event: Event) -> pb::PlanEvent {
    pb::PlanEvent { event: Some(event) }
}

#[cfg(test)]
mod tests {
    use plimsoll_engine::planning::Stage;

    use super::*;

    fn at(stage: Stage, milliseconds: u64) -> Progress {
        let elapsed = Duration::from_millis(milliseconds);
        Progress { stage, incumbent_nano_usd: None, floor_nano_usd: None, elapsed }
    }

    #[test]
    fn news_are_new_stages_and_a_tenth_of_a_second() {
        let (sender, mut items) = channel(PROGRESS_QUEUE_MAX);
        let listener = listener(sender);
        for (stage, milliseconds) in [
            (Stage::Gather, 0),
            (Stage::Solve, 1),
            (Stage::Solve, 50),
            (Stage::Solve, 101),
            (Stage::Solve, 150),
            (Stage::Check, 151),
        ] {
            listener(at(stage, milliseconds));
        }
        drop(listener);
        let mut count = 0;
        while items.try_recv().is_ok() {
            count += 1;
        }
        assert_eq!(count, 4);
    }

    #[test]
    fn a_slow_reader_stops_nobody() {
        let (sender, _items) = channel(1);
        let listener = listener(sender);
        (0..9).for_each(|second| listener(at(Stage::Solve, 1000 * second)));
    }
}
