//! Puts the built-in example cluster into a service that runs.

use std::io::Cursor;

use plimsoll_domain::policy::{Actuator, Policy};
use plimsoll_domain::store::{Mode, RequestKey, Write};
use plimsoll_engine::{Registration, SnapshotImport};

use super::{Error, Running};
use crate::demo;

/// Region of the example: the one whose prices are built in.
const REGION: &str = "us-east-1";
/// Kubernetes version of the example's manifests.
const KUBERNETES_VERSION: &str = "1.35";

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
        policy: Policy { actuator: Actuator::Plimsoll, ..Policy::default() },
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

fn write(running: &Running, method: &str) -> Write {
    let request = RequestKey { id: String::new(), method: method.to_owned(), body_digest: String::new() };
    Write { request, actor: "plimsolld".to_owned(), time: running.clock.now() }
}
