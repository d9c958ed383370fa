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
        other => {
            // The cause of a connection that fails is several errors down.
            let mut text = other.to_string();
            let mut cause = std::error::Error::source(other);
            while let Some(why) = cause {
                let why_text = why.to_string();
                if !text.contains(&why_text) {
                    text = format!("{text}: {why_text}");
                }
                cause = why.source();
            }
            text
        }
    }
}

/// Whether there is no such object.
pub fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code == 404)
}
