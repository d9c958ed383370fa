//! Exit codes, and how a failure is told: what happened, why, and what to do.

use std::process::ExitCode;

use tonic::Code;
use tonic_types::StatusExt;

/// The request could not be carried out.
pub const FAILED: u8 = 1;
/// The call was not understood.
const USAGE: u8 = 2;
/// It was begun, failed, and was taken back.
pub const UNDONE: u8 = 3;
/// A policy forbids it.
const REFUSED: u8 = 4;
/// There is no server.
const UNREACHABLE: u8 = 5;

/// Reasons that stand for a policy's refusal.
const POLICY_REASONS: [&str; 4] = ["FROZEN", "NOT_ACTUATOR", "BUDGET_EXCEEDED", "OUTSIDE_WINDOW"];

/// The call makes no sense as it stands. The text says what is missing.
#[derive(Debug)]
pub struct Misuse(pub &'static str);

impl std::fmt::Display for Misuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Misuse {}

/// No server answered.
#[derive(Debug)]
pub struct Unreachable(pub String);

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no Plimsoll server at {}; start one with `plimsolld`, or leave --server out", self.0)
    }
}

impl std::error::Error for Unreachable {}

/// Prints an error with its chain and details to stderr, and chooses the exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<tonic::Status>() {
        Some(status) => report_status(status),
        None => {
            eprintln!("plimsoll: {error:#}");
            ExitCode::from(match error {
                error if error.is::<Unreachable>() => UNREACHABLE,
                error if error.is::<Misuse>() => USAGE,
                _ => FAILED,
            })
        }
    }
}

fn report_status(status: &tonic::Status) -> ExitCode {
    eprintln!("plimsoll: {}", status.message());
    let reason = status.get_details_error_info();
    if let Some(info) = &reason {
        eprintln!("  reason: {}", info.reason);
        let mut metadata: Vec<_> = info.metadata.iter().collect();
        metadata.sort();
        metadata.iter().for_each(|(key, value)| eprintln!("  {key}: {value}"));
    }
    let violations = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    violations.iter().for_each(|violation| eprintln!("  {}: {}", violation.field, violation.description));
    ExitCode::from(exit_code(status.code(), reason.map(|info| info.reason).as_deref()))
}

/// A server that gives a reason was reached; without one, UNAVAILABLE is the transport's.
fn exit_code(code: Code, reason: Option<&str>) -> u8 {
    match (code, reason) {
        (_, Some(reason)) if POLICY_REASONS.contains(&reason) => REFUSED,
        (Code::InvalidArgument, _) => USAGE,
        (Code::Unavailable, None) => UNREACHABLE,
        _ => FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_tell_a_refusal_from_a_failure_and_from_silence() {
        let cases = [
            (Code::Unavailable, None, UNREACHABLE),
            (Code::Unavailable, Some("OVERLOADED"), FAILED),
            (Code::Unavailable, Some("STORAGE_FAILED"), FAILED),
            (Code::FailedPrecondition, Some("FROZEN"), REFUSED),
            (Code::FailedPrecondition, Some("INFEASIBLE"), FAILED),
            (Code::InvalidArgument, Some("INVALID_FIELD"), USAGE),
            (Code::Internal, None, FAILED),
        ];
        for (code, reason, want) in cases {
            assert_eq!(exit_code(code, reason), want, "{code:?} {reason:?}");
        }
    }
}
