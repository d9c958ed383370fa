//! Puts the built-in example cluster into a service that runs.

use std::collections::BTreeMap;
use std::io::Cursor;

use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::policy::{Actuator, Policy};
use plimsoll_domain::store::{Mode, RequestKey, Write};
use plimsoll_engine::{Registration, SnapshotImport};
use plimsoll_sim::Fault;

use super::{Error, Running};
use crate::demo;

/// Region of the example: the one whose prices are built in.
const REGION: &str = "us-east-1";
/// Kubernetes version of the example's manifests.
const KUBERNETES_VERSION: &str = "1.35";

/// Who pays for which namespace of the example.
const TEAMS: [(&str, &str); 5] = [
    ("shop", "storefront"),
    ("data", "platform"),
    ("kube-system", "platform"),
    ("batch", "analytics"),
    ("models", "machine-learning"),
];

fn teams() -> BTreeMap<String, String> {
    TEAMS.map(|(namespace, team)| (namespace.to_owned(), team.to_owned())).into()
}

/// Registers the example cluster and imports it.
///
/// # Errors
/// [`Error::Example`] if it is there already or its manifests are broken.
pub async fn load(running: &Running) -> Result<(), Error> {
    let wrong = |cause: Box<dyn std::error::Error + Send + Sync>| Error::Example(cause);
    let id = demo::CLUSTER.parse().map_err(|error: plimsoll_domain::ids::IdError| wrong(error.into()))?;
    let registration = Registration {
        id,
        mode: Mode::Simulated,
        region: REGION.to_owned(),
        aws_account_id: String::new(),
        role_arn: String::new(),
        kubernetes_version: KUBERNETES_VERSION.to_owned(),
        policy: Policy { actuator: Actuator::Plimsoll, teams: teams(), ..Policy::default() },
    };
    let cluster = registration.id.clone();
    let engine = &running.engine;
    engine
        .register_cluster(&write(running, "RegisterCluster"), registration)
        .await
        .map_err(|error| wrong(error.into()))?;
    let import = SnapshotImport {
        file_name: String::new(),
        include_finished: false,
        source: Box::new(Cursor::new(demo::example().map_err(|error| wrong(error.into()))?)),
    };
    let imported = engine.import_snapshot(&write(running, "ImportSnapshot"), &cluster, import).await;
    imported.map(drop).map_err(|error| wrong(error.into()))
}

/// Has the cloud say that it will take back the spot machines of the example's busiest pool; returns how many.
pub async fn take_spot_back(running: &Running) -> Result<usize, Error> {
    let wrong = |cause: Box<dyn std::error::Error + Send + Sync>| Error::Example(cause);
    let id = demo::CLUSTER.parse().map_err(|error: plimsoll_domain::ids::IdError| wrong(error.into()))?;
    let world = running.simulator.world();
    let lives = world.cloud.lives(&id, world.clock.now()).await.map_err(|error| wrong(error.into()))?;
    let mut pools: BTreeMap<(String, String), usize> = BTreeMap::new();
    for life in lives.into_iter().filter(|life| life.kind == CapacityKind::Spot && life.end.is_none()) {
        *pools.entry((life.instance_type, life.zone)).or_insert(0) += 1;
    }
    let Some(((instance_type, zone), count)) = pools.into_iter().max_by_key(|(_, count)| *count) else {
        return Ok(0);
    };
    running.simulator.fault(Fault::SpotReclaim { instance_type, zone, count: None });
    Ok(count)
}

fn write(running: &Running, method: &str) -> Write {
    let request = RequestKey { id: String::new(), method: method.to_owned(), body_digest: String::new() };
    Write { request, actor: "plimsolld".to_owned(), time: running.clock.now() }
}
