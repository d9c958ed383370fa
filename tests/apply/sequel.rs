//! A cloud that has no machines: what is taken back, what is planned in its place, and who applies it.

use std::collections::BTreeSet;
use std::time::Duration;

use plimsoll_domain::ids::PlanId;
use plimsoll_domain::offer::Offer;
use plimsoll_domain::operation::{Operation, State, Step};
use plimsoll_domain::plan::Plan;
use plimsoll_domain::store::{PageRequest, Store};
use plimsoll_domain::world::GroupSpec;
use plimsoll_sim::Fault;

use super::rig::{Rig, look, shop_id};

/// Looks for something that is on its way.
const LOOKS_MAX: u32 = 2_000;

fn made(operation: &Operation) -> Vec<GroupSpec> {
    let spec = |step: &Step| match step {
        Step::EnsureGroup { spec } => Some(spec.clone()),
        _ => None,
    };
    operation.steps.iter().filter_map(|record| spec(&record.step)).collect()
}

fn offers(spec: &GroupSpec) -> Vec<Offer> {
    let offer = |instance_type: &String| Offer {
        instance_type: instance_type.clone(),
        zone: spec.zone.clone(),
        kind: spec.kind,
    };
    spec.instance_types.iter().map(offer).collect()
}

fn shortage(offer: &Offer) -> Fault {
    let Offer { instance_type, zone, kind } = offer.clone();
    Fault::NoCapacity { instance_type, zone, kind, times: None }
}

/// The groups that the shop's best plan makes.
async fn groups() -> Vec<GroupSpec> {
    let rig = Rig::shop().await;
    let plan = rig.plan().await;
    let begun = rig.apply(&plan.id).await.unwrap();
    assert_eq!(rig.end_of(&begun).await.state, State::Succeeded);
    made(&begun)
}

/// Waits for the plan that takes the place of another.
async fn child(rig: &Rig, parent: &PlanId) -> Plan {
    for _ in 0..LOOKS_MAX {
        let page = PageRequest { size: 100, token: String::new() };
        let plans = rig.store.plans(&shop_id(), &page).await.unwrap().items;
        if let Some(child) = plans.into_iter().find(|plan| plan.parent.as_ref() == Some(parent)) {
            return child;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no plan takes the place of {parent}\n{}", rig.sim.journal());
}

/// An apply that is refused machines for one of its groups.
async fn refused(rig: &Rig, spec: &GroupSpec) -> (Plan, Operation) {
    let plan = rig.plan().await;
    offers(spec).iter().for_each(|offer| rig.sim.fault(shortage(offer)));
    let ended = rig.end_of(&rig.apply(&plan.id).await.unwrap()).await;
    let reason = ended.failure.as_ref().map(|failure| failure.reason.as_str());
    assert_eq!((ended.state, reason), (State::Failed, Some("NO_CAPACITY")), "{}", rig.sim.journal());
    (plan, ended)
}

#[tokio::test]
async fn whichever_group_is_refused_a_plan_without_its_machines_takes_its_place() {
    for spec in groups().await {
        let rig = Rig::shop().await;
        let before = rig.sim.sizes(&shop_id());
        let (plan, _) = refused(&rig, &spec).await;
        assert_eq!(rig.sim.sizes(&shop_id()), before, "not taken back: {}", rig.sim.journal());

        let child = child(&rig, &plan.id).await;
        let denied: BTreeSet<Offer> = child.policy.offerings_deny.iter().cloned().collect();
        assert_eq!(denied, offers(&spec).into_iter().collect());
        for offer in &denied {
            let subject = format!("offering/{offer}");
            assert!(
                child.findings.iter().any(|one| one.code == "OFFERING_UNAVAILABLE" && one.subject == subject)
            );
        }
        let bought = |group: &&plimsoll_domain::plan::NodeGroup| !group.existing && 0 < group.to_count;
        for group in child.groups.iter().filter(bought) {
            let again = group.instance_types.iter().any(|name| {
                group.zones.iter().any(|zone| denied.iter().any(|offer| offer.is(name, zone, group.kind)))
            });
            assert!(!again, "{group:?} is of what was refused");
        }
        assert!(child.verified);
        // Nobody applies it unasked.
        look(&rig.engine, "operations").await;
        assert_eq!(rig.operations().await.len(), 1);
        if !child.changes.is_empty() {
            let ended = rig.end_of(&rig.apply(&child.id).await.unwrap()).await;
            assert_eq!(ended.state, State::Succeeded, "{:?}\n{}", ended.failure, rig.sim.journal());
        }
    }
}

#[tokio::test]
async fn by_policy_the_plan_in_its_place_is_applied_at_once() {
    let rig = Rig::shop().await;
    rig.put_policy(|policy| policy.auto_apply = true).await;
    let (plan, failed) = refused(&rig, &groups().await[0]).await;
    let child = child(&rig, &plan.id).await;
    assert!(!child.changes.is_empty(), "nothing is left to apply");
    for _ in 0..LOOKS_MAX {
        let newest = rig.operations().await.remove(0);
        if newest.id != failed.id {
            assert_eq!(newest.kind.plan(), Some(&child.id));
            let ended = rig.end_of(&newest).await;
            assert_eq!(ended.state, State::Succeeded, "{:?}\n{}", ended.failure, rig.sim.journal());
            assert_eq!(ended.actor, "plimsolld");
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is not applied");
}

#[tokio::test]
async fn what_was_refused_may_be_bought_again_after_a_while() {
    let rig = Rig::shop().await;
    let spec = groups().await.remove(0);
    let (plan, _) = refused(&rig, &spec).await;
    child(&rig, &plan.id).await;
    assert!(!rig.plan().await.policy.offerings_deny.is_empty());
    rig.sim.world().clock.sleep(Duration::from_secs(31 * 60)).await;
    assert_eq!(rig.plan().await.policy.offerings_deny, []);
}
