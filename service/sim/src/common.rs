//! What all clusters of a world share: time, what is due, what is broken, and the log.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::rehearsal::Trouble;

use crate::fault::Faults;
use crate::manners::LOG_LINES_MAX;

/// What is shared.
pub(crate) struct Common {
    /// Virtual time up to which everything has happened.
    pub now: Timestamp,
    pub agenda: Agenda,
    pub faults: Faults,
    pub log: Log,
}

impl Common {
    pub fn new(now: Timestamp) -> Self {
        Self { now, agenda: Agenda::default(), faults: Faults::default(), log: Log::default() }
    }

    /// Lets something happen after a span.
    pub fn after(&mut self, span: SignedDuration, cluster: &ClusterId, event: Event) {
        let at = self.now.checked_add(span).unwrap_or(Timestamp::MAX);
        self.agenda.add(at, cluster.clone(), event);
    }

    /// Writes a line for people.
    pub fn note(&mut self, cluster: &ClusterId, text: impl std::fmt::Display) {
        self.log.add(format!("{:.3} {cluster}: {text}", self.now));
    }
}

/// Something that happens by itself. A serial tells a thing from a later one of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A group that was made or changed takes changes again.
    GroupActive { group: String, serial: u64 },
    /// A group that was deleted is gone.
    GroupGone { group: String, serial: u64 },
    /// A group tries again to launch what it misses.
    Retry { group: String, serial: u64 },
    /// A machine's node joins.
    Join { provider_id: String },
    /// A terminated machine's node is gone.
    NodeGone { provider_id: String },
    /// A pod passes its probes.
    PodHealthy { pod: String, serial: u64 },
    /// A pod that was evicted is gone.
    PodGone { pod: String, serial: u64 },
    /// Autoscalers look at the load.
    Autoscale,
    /// Something begins to go wrong.
    Begin { trouble: Trouble },
    /// It is over.
    End { trouble: Trouble },
    /// A machine is taken back: its notice was given.
    Reclaim { provider_id: String },
}

/// What is due, by time and then in the order in which it was caused.
#[derive(Default)]
pub(crate) struct Agenda {
    events: BTreeMap<(Timestamp, u64), (ClusterId, Event)>,
    next: u64,
}

impl Agenda {
    fn add(&mut self, at: Timestamp, cluster: ClusterId, event: Event) {
        self.events.insert((at, self.next), (cluster, event));
        self.next += 1;
    }

    /// Takes all that happens at the earliest time that has something, if that is not after `until`.
    pub fn due(&mut self, until: Timestamp) -> Option<(Timestamp, Vec<(ClusterId, Event)>)> {
        let (first, _) = *self.events.first_key_value().filter(|((at, _), _)| *at <= until)?.0;
        let mut due = Vec::new();
        while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 == first) {
            due.push(entry.remove());
        }
        Some((first, due))
    }

    /// Forgets what would happen in a cluster.
    pub fn forget(&mut self, cluster: &ClusterId) {
        self.events.retain(|_, (other, _)| other != cluster);
    }
}

/// What happened, for people.
#[derive(Default)]
pub(crate) struct Log {
    lines: VecDeque<String>,
}

impl Log {
    fn add(&mut self, line: String) {
        if self.lines.len() == LOG_LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// All lines that are kept.
    pub fn text(&self) -> String {
        self.lines.iter().fold(String::new(), |text, line| text + line + "\n")
    }
}
