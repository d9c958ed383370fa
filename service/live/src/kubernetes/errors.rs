//! What an API server refuses, as what a caller would do about it.

use kube::Error;
use plimsoll_domain::world::ClusterError;

/// A refusal in words that say what to do.
pub fn failed(error: &Error) -> ClusterError {
    ClusterError::Failed(words(error))
}

/// The same without the type.
pub fn words(error: &Error) -> String {
    match error {
        Error::Api(status) if status.code == 401 => {
            format!("the API server does not know us: {}", status.message)
        }
        Error::Api(status) if status.code == 403 => {
            format!("the API server forbids it, see k8s/rbac.yaml: {}", status.message)
        }
        Error::Api(status) => format!("the API server answers {}: {}", status.code, status.message),
        Error::Service(why) => format!("the API server cannot be reached: {}", chain(why.as_ref())),
        other => chain(other),
    }
}

/// An error and its causes: the one of a connection that fails is several errors down.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(why) = cause {
        let words = why.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = why.source();
    }
    text
}

/// Whether there is no such object.
pub fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code == 404)
}
