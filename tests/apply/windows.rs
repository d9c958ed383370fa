//! Times at which nothing may be disturbed, and money that may not be spent.

use plimsoll_domain::operation::{Operation, State, Step};
use plimsoll_domain::policy::{Budget, Window};
use plimsoll_domain::store::Store;
use plimsoll_engine::{Error, ResizeOrder};

use super::rig::{Rig, shop_id, start, write};

/// The world begins at 08:00 on a Monday.
pub fn window(cron: &str) -> Window {
    Window { cron: cron.into(), duration_minutes: 240 }
}

fn hour(operation: &Operation, wanted: fn(&Step) -> bool) -> String {
    let record = operation.steps.iter().find(|record| wanted(&record.step)).expect("it has such a step");
    record.start_time.expect("it began").strftime("%H:%M").to_string()
}

async fn resize(rig: &Rig, desired_count: i64) -> Result<Operation, Error> {
    let order = ResizeOrder {
        write: write(start()),
        cluster: shop_id(),
        group: "general".into(),
        desired_count,
        reason: String::new(),
        etag: String::new(),
    };
    rig.engine.resize_node_group(order).await
}

#[tokio::test]
async fn an_apply_waits_for_its_window_and_says_so() {
    let rig = Rig::shop().await;
    rig.put_policy(|policy| {
        policy.maintenance_windows = vec![window("0 9 * * *")];
        policy.plan_ttl_minutes = 120;
    })
    .await;
    let plan = rig.plan().await;
    let begun = rig.apply(&plan.id).await.unwrap();
    let mut seen = begun.clone();
    while seen.steps[0].note.is_empty() {
        seen = rig.engine.operation_after(&begun.id, seen.revision).await.unwrap();
    }
    assert_eq!(seen.state, State::Running);
    assert!(seen.steps[0].note.contains("2026-07-20T09:00:00Z"), "{}", seen.steps[0].note);
    let ended = rig.end_of(&begun).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{}", ended.failure, rig.sim.journal());
    assert_eq!(hour(&ended, |step| matches!(step, Step::EnsureGroup { .. })), "09:00");
}

#[tokio::test]
async fn a_plan_that_expires_before_a_window_opens_is_refused() {
    let rig = Rig::shop().await;
    rig.put_policy(|policy| policy.maintenance_windows = vec![window("0 22 * * *")]).await;
    let plan = rig.plan().await;
    match rig.apply(&plan.id).await {
        Err(Error::OutsideWindow { opens, .. }) => assert_eq!(opens.to_string(), "2026-07-20T22:00:00Z"),
        other => panic!("not refused: {other:?}"),
    }
    assert!(rig.operations().await.is_empty());
}

#[tokio::test]
async fn growing_waits_for_no_window_and_shrinking_does() {
    let rig = Rig::shop().await;
    rig.put_policy(|policy| policy.maintenance_windows = vec![window("0 22 * * *")]).await;
    let grown = rig.end_of(&resize(&rig, 7).await.unwrap()).await;
    assert_eq!(grown.state, State::Succeeded);
    assert!(hour(&grown, |step| matches!(step, Step::Grow { .. })).starts_with("08:"));
    let shrunk = loop {
        match resize(&rig, 5).await {
            Ok(begun) => break rig.end_of(&begun).await,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(shrunk.state, State::Succeeded, "{:?}", shrunk.failure);
    assert_eq!(hour(&shrunk, |step| matches!(step, Step::Cordon { .. })), "22:00");
}

#[tokio::test]
async fn while_a_budget_allows_no_node_machines_come_and_pods_stay() {
    let rig = Rig::shop().await;
    let none = Budget { nodes_max: Some(0), nodes_max_ratio: None, window: Some(window("0 8 * * *")) };
    rig.put_policy(|policy| policy.disruption_budgets = vec![none]).await;
    let plan = rig.plan().await;
    let ended = rig.end_of(&rig.apply(&plan.id).await.unwrap()).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{}", ended.failure, rig.sim.journal());
    assert!(hour(&ended, |step| matches!(step, Step::Grow { .. })).starts_with("08:"));
    assert_eq!(hour(&ended, |step| matches!(step, Step::Migrate { .. })), "12:00");
}

#[tokio::test]
async fn who_waits_for_a_window_may_be_cancelled() {
    let rig = Rig::shop().await;
    let always = Budget { nodes_max: Some(0), nodes_max_ratio: None, window: None };
    rig.put_policy(|policy| policy.disruption_budgets = vec![always]).await;
    let plan = rig.plan().await;
    let before = rig.sim.sizes(&shop_id());
    let begun = rig.apply(&plan.id).await.unwrap();
    let mut seen = begun.clone();
    while !seen.steps.iter().any(|record| record.note.contains("budget")) {
        seen = rig.engine.operation_after(&begun.id, seen.revision).await.unwrap();
    }
    rig.store.cancel_operation(&write(start()), &begun.id).await.unwrap();
    assert_eq!(rig.end_of(&begun).await.state, State::Cancelled);
    assert_eq!(rig.sim.sizes(&shop_id()), before, "{}", rig.sim.journal());
}

#[tokio::test]
async fn what_the_budget_does_not_pay_for_is_refused_and_saving_never_is() {
    let rig = Rig::shop().await;
    rig.put_policy(|policy| policy.monthly_budget_usd = 1.0).await;
    match resize(&rig, 7).await {
        Err(Error::BudgetExceeded { budget_usd, cost_usd, .. }) => {
            assert!(budget_usd == 1.0 && 7.0 * 0.384 * 730.0 - 1.0 < cost_usd, "{cost_usd}");
        }
        other => panic!("not refused: {other:?}"),
    }
    let plan = rig.plan().await;
    assert!(plan.after.cost < plan.cost_before);
    let ended = rig.end_of(&rig.apply(&plan.id).await.unwrap()).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}", ended.failure);
}
