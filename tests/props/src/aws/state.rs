//! What there is, and how it moves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::machines::Machine;

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// Making or deleting a node group.
    pub group: Duration,
    /// Changing one.
    pub update: Duration,
    /// From the launch of a machine to its node.
    pub boot: Duration,
    /// From the end of a machine to that of its node.
    pub leave: Duration,
}

impl Default for Manners {
    fn default() -> Self {
        let millis = Duration::from_millis;
        Self { group: millis(300), update: millis(100), boot: millis(300), leave: millis(100) }
    }
}

/// Machines that are not to be had.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shortage {
    /// Of which type.
    pub instance_type: String,
    /// Where.
    pub zone: String,
}

/// A call that was answered.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// `eks:CreateNodegroup`.
    pub action: String,
    /// HTTP status.
    pub status: u16,
    /// Code of the error; empty if there was none.
    pub code: String,
    /// What was asked: method, path without its query, body.
    pub method: String,
    /// The path.
    pub path: String,
    /// The body.
    pub body: String,
    /// What was answered.
    pub answer: String,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.action, self.status, self.code)
    }
}

/// A refusal.
#[derive(Clone, Debug)]
pub struct Words {
    pub status: u16,
    pub code: String,
    pub message: String,
}

impl Words {
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }
}

/// A node group, and the Auto Scaling group behind it.
#[derive(Clone, Debug)]
pub struct Group {
    /// What it was made with, and its sizes in `scalingConfig`, as EKS has them.
    pub made: Value,
    pub status: &'static str,
    /// When its status is over.
    pub until: Option<Instant>,
    pub created: Timestamp,
    pub zone: String,
    /// Sizes of the Auto Scaling group.
    pub min: i32,
    pub max: i32,
    pub desired: i32,
    /// Tries that failed, the newest first.
    pub failures: VecDeque<(Timestamp, String)>,
}

/// Everything.
pub struct State {
    pub cluster: String,
    pub manners: Manners,
    /// Id and zone.
    pub subnets: Vec<(String, String)>,
    pub groups: BTreeMap<String, Group>,
    pub machines: BTreeMap<String, Machine>,
    pub templates: BTreeMap<String, Value>,
    pub shortages: BTreeSet<Shortage>,
    pub refusals: BTreeMap<String, (String, u32)>,
    pub queue: VecDeque<String>,
    pub log: Vec<Call>,
    serial: u64,
}

/// What is to be done in the API server.
pub enum Work {
    Join(Box<Machine>),
    Leave(String),
}

impl State {
    pub fn new(cluster: &str, zones: &[&str], manners: Manners) -> Self {
        let subnet = |(index, zone): (usize, &&str)| (format!("subnet-{index:017x}"), (*zone).to_owned());
        Self {
            cluster: cluster.to_owned(),
            manners,
            subnets: zones.iter().enumerate().map(subnet).collect(),
            groups: BTreeMap::new(),
            machines: BTreeMap::new(),
            templates: BTreeMap::new(),
            shortages: BTreeSet::new(),
            refusals: BTreeMap::new(),
            queue: VecDeque::new(),
            log: Vec::new(),
            serial: 0,
        }
    }

    pub fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// The refusal that was ordered for a call, if there is one left.
    pub fn refused(&mut self, action: &str) -> Result<(), Words> {
        let Some((code, left)) = self.refusals.get_mut(action).filter(|(_, left)| 0 < *left) else {
            return Ok(());
        };
        *left -= 1;
        let status = if code.starts_with("AccessDenied") { 403 } else { 400 };
        Err(Words::new(status, code, "as it was told to"))
    }

    /// Does what is due, and tells what that means for the API server.
    pub fn advance(&mut self) -> Vec<Work> {
        let now = Instant::now();
        let due = |group: &Group| group.until.is_some_and(|until| until <= now);
        self.groups.retain(|_, group| !(group.status == "DELETING" && due(group)));
        for group in self.groups.values_mut().filter(|group| due(group)) {
            (group.status, group.until) = ("ACTIVE", None);
        }
        let names: Vec<String> = self.groups.keys().cloned().collect();
        for name in names {
            self.launch(&name);
        }
        self.settle(now)
    }

    pub fn running(&self) -> BTreeMap<String, Vec<String>> {
        let mut by_group: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (id, machine) in self.machines.iter().filter(|(_, machine)| machine.end.is_none()) {
            by_group.entry(machine.group.clone()).or_default().push(id.clone());
        }
        by_group
    }
}
