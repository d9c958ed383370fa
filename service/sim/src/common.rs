//! What all clusters of a world share: time, what is due, what is broken, and the log.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::ids::ClusterId;

use crate::fault::Fault;
use crate::faults::Faults;
use crate::manners::LOG_LINES_MAX;
use crate::market::{Market, Pool};
use crate::weather::Origin;

/// What is shared.
pub(crate) struct Common {
    /// Virtual time up to which everything has happened.
    pub now: Timestamp,
    pub agenda: Agenda,
    pub faults: Faults,
    pub market: Market,
    pub log: Log,
    /// How far the clock has to jump.
    pub jump: Option<Duration>,
}

impl Common {
    pub fn new(origin: &Origin) -> Self {
        Self {
            now: origin.start,
            agenda: Agenda::default(),
            faults: Faults::default(),
            market: Market::new(origin),
            log: Log::default(),
            jump: None,
        }
    }

    /// Lets something happen after a span.
    pub fn after(&mut self, span: SignedDuration, cluster: &ClusterId, event: Event) {
        let at = self.now.checked_add(span).unwrap_or(Timestamp::MAX);
        self.agenda.add(at, Due::Event(cluster.clone(), event));
    }

    /// Lets something go wrong after a span.
    pub fn wrong_after(&mut self, span: SignedDuration, fault: Fault) {
        let at = self.now.checked_add(span).unwrap_or(Timestamp::MAX);
        self.agenda.add(at, Due::Fault(fault));
    }

    /// Lets a fault end after a span.
    pub fn right_after(&mut self, span: SignedDuration, fault: Fault) {
        let at = self.now.checked_add(span).unwrap_or(Timestamp::MAX);
        self.agenda.add(at, Due::Relief(fault));
    }

    /// Whether a launch fails for lack of machines; it counts as a try.
    pub fn is_short(&mut self, pool: &Pool, kind: CapacityKind) -> bool {
        let short = self.faults.take_shortage(pool, kind, self.market.running(pool, kind));
        short || (kind == CapacityKind::Spot && !self.market.sells(pool, self.now))
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
    /// A pool is squeezed, and the cloud takes spot machines of it back; without a number it is only time to look again.
    Squeeze { pool: Pool, number: Option<u64> },
    /// A spot machine whose notice was given is taken back.
    Reclaim { provider_id: String },
    /// A machine that broke is given up by its group.
    Broken { provider_id: String },
    /// A pod passes its probes.
    PodHealthy { pod: String, serial: u64 },
    /// A volume is detached from its node.
    VolumeFree { claim: String, serial: u64 },
    /// A pod that was evicted is gone.
    PodGone { pod: String, serial: u64 },
    /// Autoscalers look at the load.
    Autoscale,
}

/// What happens by itself, or was scripted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Event(ClusterId, Event),
    /// Something goes wrong.
    Fault(Fault),
    /// It is over.
    Relief(Fault),
}

/// What is due, by time and then in the order in which it was caused.
#[derive(Default)]
pub(crate) struct Agenda {
    events: BTreeMap<(Timestamp, u64), Due>,
    next: u64,
}

impl Agenda {
    fn add(&mut self, at: Timestamp, due: Due) {
        self.events.insert((at, self.next), due);
        self.next += 1;
    }

    /// Takes all that happens at the earliest time that has something, if that is not after `until`.
    pub fn due(&mut self, until: Timestamp) -> Option<(Timestamp, Vec<Due>)> {
        let (first, _) = *self.events.first_key_value().filter(|((at, _), _)| *at <= until)?.0;
        let mut due = Vec::new();
        while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 == first) {
            due.push(entry.remove());
        }
        Some((first, due))
    }

    /// Forgets what would happen in a cluster.
    pub fn forget(&mut self, cluster: &ClusterId) {
        self.events.retain(|_, due| !matches!(due, Due::Event(other, _) if other == cluster));
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
