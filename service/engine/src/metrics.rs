//! The engine's metrics: every name, described once, with its unit.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::plan::Plan;

use crate::tasks::Health;

/// Gap of the newest plan, by cluster.
pub const PLAN_GAP_RATIO: &str = "plimsoll_plan_gap_ratio";
/// Time the solver took.
pub const PLAN_SOLVE_SECONDS: &str = "plimsoll_plan_solve_seconds";
/// Cost of the cluster now, by cluster.
pub const CLUSTER_COST_NOW: &str = "plimsoll_cluster_cost_usd_per_hour";
/// Cost after the newest plan, by cluster.
pub const CLUSTER_COST_PLANNED: &str = "plimsoll_cluster_planned_cost_usd_per_hour";
/// When the oldest price that the newest plan rests on was valid, by cluster. Its age is `time()` less this.
pub const PRICE_TIMESTAMP_SECONDS: &str = "plimsoll_price_timestamp_seconds";

/// When a task's last good look ended, by task.
pub const TASK_SUCCESS_TIMESTAMP_SECONDS: &str = "plimsoll_task_last_success_timestamp_seconds";
/// Looks of a task that failed since then, by task.
pub const TASK_FAILURES: &str = "plimsoll_task_failures_in_a_row";
/// Times that a task panicked or hung, by task.
pub const TASK_RESTARTS: &str = "plimsoll_task_restarts";
/// Time that a look of a task took, by task.
pub const TASK_SECONDS: &str = "plimsoll_task_duration_seconds";
/// Machines that will be taken back, by cluster.
pub const NOTICED: &str = "plimsoll_interruption_notices";
/// Machines that were replaced because they would be taken back, by cluster.
pub const INTERRUPTED: &str = "plimsoll_interrupted_machines_total";
/// Pods that were evicted from such machines beside another operation, by cluster.
pub const RESCUED: &str = "plimsoll_interrupted_pods_rescued_total";
/// Node groups that others changed, by cluster.
pub const DRIFTED: &str = "plimsoll_drifted_groups_total";

pub(crate) fn describe() {
    describe_gauge!(TASK_SUCCESS_TIMESTAMP_SECONDS, Unit::Seconds, "Unix time of a task's last good look");
    describe_gauge!(TASK_FAILURES, Unit::Count, "Looks of a task that failed since its last good one");
    describe_gauge!(TASK_RESTARTS, Unit::Count, "Times that a task panicked or hung since the start");
    describe_histogram!(TASK_SECONDS, Unit::Seconds, "Time that a look of a task took");
    describe_gauge!(NOTICED, Unit::Count, "Machines that the cloud said it will take back");
    describe_counter!(INTERRUPTED, Unit::Count, "Machines replaced because the cloud takes them back");
    describe_counter!(RESCUED, Unit::Count, "Pods evicted from such machines beside another operation");
    describe_counter!(DRIFTED, Unit::Count, "Changes of node groups that others made");
    describe_gauge!(
        PLAN_GAP_RATIO,
        Unit::Count,
        "Proven gap between the newest plan's objective and its floor, 0 to 1"
    );
    describe_histogram!(PLAN_SOLVE_SECONDS, Unit::Seconds, "Wall-clock time the solver took for a plan");
    describe_gauge!(CLUSTER_COST_NOW, Unit::Count, "Cost of the cluster's nodes now, US dollars per hour");
    describe_gauge!(
        CLUSTER_COST_PLANNED,
        Unit::Count,
        "Cost of the cluster's nodes after the newest plan, US dollars per hour"
    );
    describe_gauge!(
        PRICE_TIMESTAMP_SECONDS,
        Unit::Seconds,
        "Unix time at which the oldest price in the newest plan was valid"
    );
}

pub(crate) fn planned(plan: &Plan) {
    let labels = [("cluster", plan.cluster.to_string())];
    gauge!(PLAN_GAP_RATIO, &labels).set(plan.gap_ratio());
    gauge!(CLUSTER_COST_NOW, &labels).set(plan.cost_before.usd());
    gauge!(CLUSTER_COST_PLANNED, &labels).set(plan.after.cost.usd());
    gauge!(PRICE_TIMESTAMP_SECONDS, &labels).set(plan.price_time.as_second() as f64);
    histogram!(PLAN_SOLVE_SECONDS).record(plan.solve_seconds);
}

pub(crate) fn looked(health: &Health, seconds: f64) {
    let labels = [("task", health.task)];
    if let Some(time) = health.last_success {
        gauge!(TASK_SUCCESS_TIMESTAMP_SECONDS, &labels).set(time.as_second() as f64);
    }
    gauge!(TASK_FAILURES, &labels).set(f64::from(health.failures));
    gauge!(TASK_RESTARTS, &labels).set(health.restarts as f64);
    histogram!(TASK_SECONDS, &labels).record(seconds);
}

pub(crate) fn noticed(cluster: &ClusterId, machines: usize) {
    gauge!(NOTICED, "cluster" => cluster.to_string()).set(machines as f64);
}

pub(crate) fn interrupted(cluster: &ClusterId, machines: usize) {
    counter!(INTERRUPTED, "cluster" => cluster.to_string()).increment(machines as u64);
}

pub(crate) fn rescued(cluster: &ClusterId, pods: usize) {
    counter!(RESCUED, "cluster" => cluster.to_string()).increment(pods as u64);
}

pub(crate) fn drifted(cluster: &ClusterId, changes: usize) {
    if 0 < changes {
        counter!(DRIFTED, "cluster" => cluster.to_string()).increment(changes as u64);
    }
}
