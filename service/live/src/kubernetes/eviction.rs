//! Evictions, as the API server answers them.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, EvictParams, Preconditions};
use kube::core::Status;
use kube::{Api, Client, Error};
use plimsoll_domain::world::{ClusterError, Eviction};

use super::errors::{failed, is_gone};

/// Code of an eviction that a disruption budget forbids for now, or that the server has no time for.
const TOO_MANY_REQUESTS: u16 = 429;
/// Code of an eviction of another pod of that name.
const CONFLICT: u16 = 409;
/// Reason of a cause that names a disruption budget.
const BUDGET: &str = "DisruptionBudget";
/// How the message of such a cause goes on before the budget's name. From the API server's code, pkg/registry/core/pod/storage
/// of 1.36.
const BUDGET_NAMED: &str = "The disruption budget ";

/// What became of a pod.
pub enum Outcome {
    /// It is on its way out, as the server has it now.
    Leaves(Box<Pod>),
    /// It was on its way out, and is gone already. As it was before.
    Left(Box<Pod>),
    /// It was not touched: it is not there, or a budget forbids it.
    Stays(Eviction),
}

/// Evicts a pod, `namespace/name`, if it runs on a node.
pub async fn evict(client: &Client, key: &str, node: &str) -> Result<Outcome, ClusterError> {
    let Some((namespace, name)) = key.split_once('/') else {
        return Err(ClusterError::NotFound(format!("pod {key}")));
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let Some(pod) = pods.get_opt(name).await.map_err(|error| failed(&error))? else {
        return Ok(Outcome::Stays(Eviction::Gone));
    };
    if pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) != Some(node) {
        return Ok(Outcome::Stays(Eviction::Gone));
    }
    if pod.metadata.deletion_timestamp.is_some() {
        return Ok(Outcome::Leaves(Box::new(pod)));
    }
    // A StatefulSet makes another pod of the same name: that one is not meant.
    let same = Preconditions { uid: pod.metadata.uid.clone(), resource_version: None };
    let delete_options = Some(DeleteParams { preconditions: Some(same), ..DeleteParams::default() });
    let params = EvictParams { delete_options, ..EvictParams::default() };
    match pods.evict(name, &params).await {
        Ok(_) => {
            let now = pods.get_opt(name).await.map_err(|error| failed(&error))?;
            let still = now.filter(|now| now.metadata.uid == pod.metadata.uid);
            Ok(still.map_or_else(|| Outcome::Left(Box::new(pod)), |now| Outcome::Leaves(Box::new(now))))
        }
        Err(error) if is_gone(&error) => Ok(Outcome::Stays(Eviction::Gone)),
        Err(Error::Api(status)) if status.code == CONFLICT => Ok(Outcome::Stays(Eviction::Gone)),
        Err(Error::Api(status)) if status.code == TOO_MANY_REQUESTS => match budget(&status) {
            Some(budget) => Ok(Outcome::Stays(Eviction::Blocked(format!("{namespace}/{budget}")))),
            None => Err(refused(key, &Error::Api(status))),
        },
        Err(error) => Err(refused(key, &error)),
    }
}

/// The API server names no pod: that more than one budget selects it is told of "this pod".
fn refused(pod: &str, error: &Error) -> ClusterError {
    match failed(error) {
        ClusterError::Failed(why) => ClusterError::Failed(format!("pod {pod}: {why}")),
        other => other,
    }
}

/// The disruption budget that a refusal names.
fn budget(status: &Status) -> Option<&str> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let named = causes.filter(|cause| cause.reason == BUDGET).find_map(|cause| {
        let rest = cause.message.strip_prefix(BUDGET_NAMED)?;
        rest.split_whitespace().next()
    });
    let unnamed = || status.message.contains("disruption budget").then_some("a budget");
    named.or_else(unnamed)
}
