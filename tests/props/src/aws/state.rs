//! What there is, and how it moves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use plimsoll_domain::clock::Clock;
use serde::Serialize;
use serde_json::Value;

use super::eks::plane::Estate;
use super::eks::updates::Updates;
use super::iam::Role;
use super::machines::Machine;
use super::network::Thing;
use super::savings::{Reservation, SavingsPlan};

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// Making, changing or deleting a control plane.
    pub plane: Duration,
    /// Making, changing or deleting an add-on.
    pub add_on: Duration,
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
        let (plane, add_on, group) = (millis(500), millis(200), millis(300));
        Self { plane, add_on, group, update: millis(100), boot: millis(300), leave: millis(100) }
    }
}

impl Manners {
    /// How long things take in AWS, about: see the sources of the same figures in the simulated world.
    pub fn real() -> Self {
        let seconds = Duration::from_secs;
        let (plane, add_on, group) = (seconds(600), seconds(60), seconds(120));
        Self { plane, add_on, group, update: seconds(30), boot: seconds(90), leave: seconds(60) }
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
    pub until: Option<Timestamp>,
    /// Kubernetes version of its machines.
    pub version: String,
    /// Machines that are replaced, one after the other.
    pub rolling: Option<Rolling>,
    pub created: Timestamp,
    pub zone: String,
    /// Sizes of the Auto Scaling group.
    pub min: i32,
    pub max: i32,
    pub desired: i32,
    /// When it was asked for a size last.
    pub asked: Timestamp,
    /// Why it could not be made, or deleted.
    pub complaint: Option<String>,
    /// Tries that failed since the last that did not, the newest first.
    pub failures: VecDeque<(Timestamp, String)>,
}

impl Group {
    /// One that is made now, of these sizes: least, most, desired.
    pub fn new(
        made: Value,
        version: String,
        created: Timestamp,
        zone: String,
        sizes: (i32, i32, i32),
    ) -> Self {
        let (min, max, desired) = sizes;
        Self {
            made,
            status: "ACTIVE",
            until: None,
            version,
            rolling: None,
            created,
            zone,
            min,
            max,
            desired,
            asked: created,
            complaint: None,
            failures: VecDeque::new(),
        }
    }
}

/// Machines of a group that are replaced by others of another version.
#[derive(Clone, Debug)]
pub struct Rolling {
    pub version: String,
    pub old: Vec<String>,
    /// The update that this is.
    pub update: String,
}

/// Everything.
pub struct State {
    pub cluster: String,
    pub estate: Estate,
    pub updates: Updates,
    pub clock: Arc<dyn Clock>,
    /// Nodes that nothing runs on which would have to be evicted.
    pub emptied: BTreeSet<String>,
    /// What the account has committed itself to.
    pub reservations: Vec<Reservation>,
    pub savings_plans: Vec<SavingsPlan>,
    /// Calls that take effect and whose answer is lost.
    pub losses: BTreeMap<String, u32>,
    pub manners: Manners,
    /// Free addresses of each subnet.
    pub free_addresses: i32,
    /// Id and zone.
    pub subnets: Vec<(String, String)>,
    pub groups: BTreeMap<String, Group>,
    pub machines: BTreeMap<String, Machine>,
    pub templates: BTreeMap<String, Value>,
    pub shortages: BTreeSet<Shortage>,
    pub refusals: BTreeMap<String, (String, u32)>,
    /// Values of quotas that are not the default, by code.
    pub granted: BTreeMap<&'static str, f64>,
    pub network: BTreeMap<String, Thing>,
    pub roles: BTreeMap<String, Role>,
    pub queue: VecDeque<String>,
    pub log: Vec<Call>,
    serial: u64,
}

/// What is to be done in the API server.
pub enum Work {
    /// A machine's node joins.
    Join(Box<Machine>),
    /// A node is gone; whether the cloud took its machine back.
    Leave(String, bool),
    /// EKS empties a node: evict what is there, and tell when nothing is.
    Empty(String),
}

impl State {
    pub fn new(cluster: &str, zones: &[&str], manners: Manners, clock: Arc<dyn Clock>) -> Self {
        let subnet = |(index, zone): (usize, &&str)| (format!("subnet-{index:017x}"), (*zone).to_owned());
        Self {
            cluster: cluster.to_owned(),
            estate: Estate::default(),
            updates: Updates::default(),
            clock,
            emptied: BTreeSet::new(),
            losses: BTreeMap::new(),
            manners,
            free_addresses: 1000,
            subnets: zones.iter().enumerate().map(subnet).collect(),
            groups: BTreeMap::new(),
            machines: BTreeMap::new(),
            templates: BTreeMap::new(),
            shortages: BTreeSet::new(),
            refusals: BTreeMap::new(),
            granted: BTreeMap::new(),
            reservations: Vec::new(),
            savings_plans: Vec::new(),
            network: BTreeMap::new(),
            roles: BTreeMap::new(),
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
        let status = match code.as_str() {
            code if code.starts_with("AccessDenied") => 403,
            "ServerException" => 500,
            _ => 400,
        };
        Err(Words::new(status, code, "as it was told to"))
    }

    /// Does what is due, and tells what that means for the API server.
    pub fn advance(&mut self) -> Vec<Work> {
        let now = self.now();
        for group in self.groups.values_mut().filter(|group| group.until.is_some_and(|until| until <= now)) {
            let (goes_wrong, failed, well) = match group.status {
                "CREATING" => ("NodegroupCreate", "CREATE_FAILED", "ACTIVE"),
                "DELETING" => ("NodegroupDelete", "DELETE_FAILED", "GONE"),
                _ => ("", "", "ACTIVE"),
            };
            group.complaint = self.updates.fails(goes_wrong);
            (group.status, group.until) = (if group.complaint.is_some() { failed } else { well }, None);
        }
        self.groups.retain(|_, group| group.status != "GONE");
        self.advance_estate(now);
        self.advance_network(now);
        let names: Vec<String> = self.groups.keys().cloned().collect();
        let mut works = Vec::new();
        for name in names {
            works.extend(self.roll(&name));
            self.launch(&name);
        }
        works.extend(self.settle(now));
        works
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn after(&self, span: Duration) -> Timestamp {
        self.now().saturating_add(span).unwrap_or(Timestamp::MAX)
    }

    /// Whether the answer of a call that took effect is lost.
    pub fn loses(&mut self, action: &str) -> bool {
        let left = self.losses.get_mut(action).filter(|left| 0 < **left);
        left.map(|left| *left -= 1).is_some()
    }

    /// What there is, without what two worlds may differ in: times, ids, who was first.
    pub fn shown(&self) -> String {
        let mut shown = self.estate.shown() + &format!("launched {}\n", self.machines.len());
        shown += &self.shown_network();
        for (name, role) in &self.roles {
            shown += &format!("role {name} {:?}\n", role.policies);
        }
        for (name, group) in &self.groups {
            let machines = self.members(name).len();
            let (status, version, made) = (group.status, &group.version, &group.made["instanceTypes"]);
            shown += &format!("group {name} {status} {version} {made} {} of {machines}\n", group.desired);
        }
        for name in self.templates.keys() {
            shown += &format!("template {name}\n");
        }
        shown
    }

    pub fn running(&self) -> BTreeMap<String, Vec<String>> {
        let mut by_group: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (id, machine) in self.machines.iter().filter(|(_, machine)| machine.end.is_none()) {
            by_group.entry(machine.group.clone()).or_default().push(id.clone());
        }
        by_group
    }
}
