//! moto: an AWS that others wrote, to hold our own against. Its machines become nodes of a real API server, too.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use jiff::Timestamp;
use kube::Client;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::machines::Machine;
use super::nodes;
use super::state::Work;
use crate::python;

/// The server. Ends when dropped.
pub struct Moto {
    child: Child,
    place: Place,
    tasks: JoinSet<()>,
}

/// Where things are.
#[derive(Clone, Debug, Deserialize)]
pub struct Place {
    /// Its address.
    pub url: String,
    /// A queue.
    pub queue: String,
    /// A role for nodes.
    pub role: String,
    /// Of moto.
    pub version: String,
}

/// What its machines came to.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Told {
    Join(Joined),
    Leave(String),
}

#[derive(Deserialize)]
struct Joined {
    id: String,
    group: String,
    #[serde(rename = "type")]
    instance_type: String,
    zone: String,
    spot: bool,
    labels: Value,
    taints: Value,
}

impl From<Joined> for Machine {
    fn from(joined: Joined) -> Self {
        let Joined { id, group, instance_type, zone, spot, labels, taints } = joined;
        let now = Timestamp::now();
        let (end, leaves) = (None, None);
        Self {
            id,
            group,
            instance_type,
            zone,
            is_spot: spot,
            labels,
            taints,
            launched: now,
            boots: now,
            joined: true,
            end,
            leaves,
            left: false,
            taken_back: false,
            reclaims: None,
        }
    }
}

impl Moto {
    /// One with a cluster of that name in us-east-1 that has two machines in each zone. moto's node groups have no machines:
    /// a hand of ours keeps the Auto Scaling group behind each, and makes their nodes through `client`. None where Python
    /// with moto is missing, which is printed, except where `CI` is set: there it fails.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(cluster: &str, zones: &[&str], client: Client) -> Option<Self> {
        let (mut moto, lines) = Self::run(cluster, "hand", zones)?;
        let (sender, mut told) = mpsc::unbounded_channel();
        moto.tasks.spawn_blocking(move || {
            for line in lines.map_while(Result::ok) {
                if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                    break;
                }
            }
        });
        moto.tasks.spawn(async move {
            while let Some(one) = told.recv().await {
                let work = match one {
                    Told::Join(joined) => Work::Join(Box::new(joined.into())),
                    Told::Leave(id) => Work::Leave(Machine::node_of(&id), false),
                };
                nodes::carry_out(&client, vec![work]).await;
            }
        });
        Some(moto)
    }

    /// One as it is, with such a cluster that has no node groups, and an Auto Scaling group `others` of two machines.
    ///
    /// # Panics
    /// If it does not start.
    pub fn bare(cluster: &str, zones: &[&str]) -> Option<Self> {
        Some(Self::run(cluster, "bare", zones)?.0)
    }

    fn run(cluster: &str, how: &str, zones: &[&str]) -> Option<(Self, Lines<BufReader<ChildStdout>>)> {
        let python = python::interpreter("venv")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/moto_aws.py");
        let mut command = Command::new(python);
        command.arg(script).args([cluster, how]).args(zones);
        // moto tells every request there.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().and_then(Result::ok);
        let place = first.and_then(|line| serde_json::from_str(&line).ok());
        let Some(place) = place else {
            let _ = child.kill();
            panic!("moto did not start: run tests/props/python/moto_aws.py {cluster} {how} {zones:?}");
        };
        Some((Self { child, place, tasks: JoinSet::new() }, lines))
    }

    /// Which of these operations it does not have at all. None where Python with moto is missing.
    ///
    /// # Panics
    /// If the script fails.
    pub fn lacks(actions: &BTreeSet<String>) -> Option<BTreeSet<String>> {
        let python = python::interpreter("venv")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/moto_operations.py");
        let told = python::run(Command::new(python).arg(script).args(actions));
        Some(told.lines().map(str::to_owned).collect())
    }

    /// Where things are.
    pub fn place(&self) -> &Place {
        &self.place
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
