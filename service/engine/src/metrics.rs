//! The engine's metrics: every name, described once, with its unit.

use metrics::{Unit, describe_gauge, describe_histogram, gauge, histogram};
use plimsoll_domain::plan::Plan;

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

pub(crate) fn describe() {
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
