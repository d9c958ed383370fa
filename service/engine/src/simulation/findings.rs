//! What a reader of a simulation should know: what it takes for granted, and how the operation ended.

use std::collections::BTreeSet;

use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::operation::{Operation, Progress, State};
use plimsoll_domain::plan::Plan;
use plimsoll_domain::snapshot::ClusterState;

use super::watch::Books;

/// The findings, the gravest first.
pub fn of(plan: &Plan, state: &ClusterState, operation: &Operation, books: [&Books; 2]) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(of_operation(operation));
    findings.extend(unpriced(books));
    if !plan.applied_requests.is_empty() {
        let message = format!(
            "the world with the plan begins with the {} container requests that it recommends, which nobody has set yet",
            plan.applied_requests.len()
        );
        findings.push(Finding::new(Severity::Advice, "REQUESTS_ASSUMED", "", message));
    }
    if !state.autoscaled.is_empty() {
        let message = format!(
            "the replicas of {} workloads follow a demand that is made up from the seed, within their autoscalers' bounds, \
             and nobody adds nodes for them: look at the pods that wait, not only at the cost",
            state.autoscaled.len()
        );
        findings.push(Finding::new(Severity::Advice, "DEMAND_ASSUMED", "", message));
    }
    findings
}

fn of_operation(operation: &Operation) -> Option<Finding> {
    let told = |code: &str, message: String| Some(Finding::new(Severity::Warning, code, "", message));
    let failure = operation.failure.as_ref();
    let why = failure.map_or_else(|| "nobody said why".to_owned(), |failure| failure.message.clone());
    let code = failure.map_or("OPERATION_FAILED", |failure| failure.reason.as_str());
    match operation.state {
        State::Succeeded => None,
        State::Failed | State::Cancelled | State::Undoing => {
            told(code, format!("the plan was not carried out, and what was begun was taken back: {why}"))
        }
        State::Stuck => told(code, format!("the plan was carried out in part, and is stuck: {why}")),
        State::Running | State::Queued => {
            let done = operation.steps.iter().filter(|step| step.progress == Progress::Done).count();
            let message = format!(
                "the time ended when {done} of the plan's {} steps were done: simulate more hours",
                operation.steps.len()
            );
            told("TIME_ENDED", message)
        }
    }
}

fn unpriced(books: [&Books; 2]) -> Option<Finding> {
    let types: BTreeSet<&str> = books.into_iter().flat_map(|one| &one.unpriced).map(String::as_str).collect();
    let names = types.into_iter().collect::<Vec<_>>().join(", ");
    (!names.is_empty()).then(|| {
        let message = format!("no price of {names} is known: these machines count as free");
        Finding::new(Severity::Warning, "UNPRICED", "", message)
    })
}
