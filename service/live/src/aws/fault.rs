//! What AWS refuses, as what a caller would do about it. Codes are matched, not types: services answer codes that their
//! models do not declare.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use plimsoll_domain::world::CloudError;

/// A call that was refused or did not get through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{action}: {code}{}{message}{}", if code.is_empty() { "" } else { ": " }, hint(code, action))]
pub struct Fault {
    /// The call, as the IAM action that it needs: `eks:DescribeCluster`.
    pub action: &'static str,
    /// Its code; empty if no answer came.
    pub code: String,
    /// The service's words.
    pub message: String,
}

fn hint(code: &str, action: &str) -> String {
    if is_denied(code) {
        format!(" (allow {action}, see k8s/iam)")
    } else if is_late(code) {
        " (is the clock of this machine right?)".to_owned()
    } else {
        String::new()
    }
}

/// Whether a signature was refused, as one is that seems to be of another time.
fn is_late(code: &str) -> bool {
    matches!(
        code,
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestExpired" | "RequestTimeTooSkewed"
    )
}

fn is_denied(code: &str) -> bool {
    code.starts_with("AccessDenied") || matches!(code, "UnauthorizedOperation" | "AuthFailure")
}

/// A call's error.
pub fn of<E, R>(action: &'static str, error: SdkError<E, R>) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match error.as_service_error() {
        Some(answer) => Fault {
            action,
            code: answer.code().unwrap_or("Unknown").to_owned(),
            message: answer.message().unwrap_or_default().to_owned(),
        },
        None => Fault { action, code: String::new(), message: DisplayErrorContext(&error).to_string() },
    }
}

impl Fault {
    /// Whether there is no such thing.
    pub fn is_gone(&self) -> bool {
        self.code == "ResourceNotFoundException"
            || self.code.ends_with(".NotFound")
            || self.code == "NoSuchEntity"
    }

    /// Whether another change has to end first.
    pub fn is_busy(&self) -> bool {
        matches!(
            self.code.as_str(),
            "ResourceInUseException"
                | "ScalingActivityInProgress"
                | "ScalingActivityInProgressFault"
                | "ResourceContention"
                | "ResourceContentionFault"
        )
    }

    fn is_throttled(&self) -> bool {
        self.code.starts_with("Throttl")
            || matches!(
                self.code.as_str(),
                "RequestLimitExceeded" | "TooManyRequestsException" | "RequestThrottled"
            )
    }

    /// Whether there is no machine of that kind to be had, or no more of them allowed.
    pub fn is_capacity(&self) -> bool {
        says_no_capacity(&self.code)
    }

    /// The same about a group.
    pub fn about(self, group: &str) -> CloudError {
        if self.is_busy() {
            CloudError::Busy(group.to_owned())
        } else if self.is_throttled() {
            CloudError::Throttled
        } else if self.is_capacity() {
            CloudError::NoCapacity(self.to_string())
        } else if self.is_gone() {
            CloudError::NotFound(group.to_owned())
        } else {
            CloudError::Failed(self.to_string())
        }
    }
}

impl Fault {
    /// The same about a part of a cluster: what asking again will not change is refused.
    pub fn about_part(self) -> CloudError {
        // A role that was made just now is not known everywhere for a while.
        let is_late = self.message.contains("could not be assumed");
        let is_final = matches!(
            self.code.as_str(),
            "InvalidParameterException"
                | "InvalidRequestException"
                | "InvalidStateException"
                | "ResourceLimitExceededException"
                | "UnsupportedAvailabilityZoneException"
                | "UnrecognizedClientException"
                | "BadRequestException"
                | "InvalidParameterValue"
                | "InvalidParameterCombination"
                | "InvalidSubnet.Range"
                | "InvalidVpc.Range"
                | "ValidationError"
                | "ExpiredToken"
                | "ExpiredTokenException"
                | "InvalidClientTokenId"
        ) || self.code.ends_with("LimitExceeded")
            || is_denied(&self.code);
        if self.is_throttled() {
            CloudError::Throttled
        } else if is_final && !is_late {
            CloudError::Refused(self.to_string())
        } else {
            CloudError::Failed(self.to_string())
        }
    }
}

/// Whether a code, or what a scaling activity says, tells that a machine is not to be had.
pub fn says_no_capacity(text: &str) -> bool {
    [
        "InsufficientInstanceCapacity",
        "VcpuLimitExceeded",
        "MaxSpotInstanceCountExceeded",
        "InstanceLimitExceeded",
        "UnfulfillableCapacity",
        // An Auto Scaling group's words, where it gives no code.
        "do not have sufficient",
        // A type that its zone does not have.
        "Unsupported - ",
    ]
    .iter()
    .any(|code| text.contains(code))
}

impl From<Fault> for CloudError {
    fn from(fault: Fault) -> Self {
        fault.about("")
    }
}
