//! Machines that the cloud takes back: others in their place, pods off them in time, beside whatever else happens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::operation::{Kind, Operation, State, Step};
use plimsoll_domain::policy::Actuator;
use plimsoll_domain::rehearsal::{Rehearsal, Scene};
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::store::Store;
use plimsoll_domain::world::{
    Cause, Cloud, CloudError, ClusterError, GroupSpec, GroupStatus, MachineLife, Notice, Simulator, World,
};
use plimsoll_sim::{Fault, Pace, Sim};

use super::rig::{Rig, SEED, look, shop_id, start};
use super::shop;
use super::windows::window;

/// The only group of the shop, of six nodes.
const GROUP: &str = "general";
/// What AWS gives.
const NOTICE: SignedDuration = SignedDuration::from_mins(2);

/// A world whose cloud gives the notices that a test wants.
#[derive(Clone)]
struct Scripted {
    sim: Sim,
    notices: Arc<Mutex<Vec<Notice>>>,
}

impl Simulator for Scripted {
    fn world(&self) -> World {
        World { cloud: Arc::new(self.clone()), ..self.sim.world() }
    }
    fn load(&self, cluster: &ClusterId, state: ClusterState) -> Result<(), ClusterError> {
        Simulator::load(&self.sim, cluster, state)
    }
    fn rehearse(&self, scene: Scene) -> Result<Arc<dyn Rehearsal>, ClusterError> {
        self.sim.rehearse(scene)
    }
}

#[async_trait]
impl Cloud for Scripted {
    async fn groups(&self, cluster: &ClusterId) -> Result<Vec<String>, CloudError> {
        self.sim.groups(cluster).await
    }
    async fn group(&self, cluster: &ClusterId, name: &str) -> Result<Option<GroupStatus>, CloudError> {
        self.sim.group(cluster, name).await
    }
    async fn ensure_group(&self, cluster: &ClusterId, spec: &GroupSpec) -> Result<(), CloudError> {
        self.sim.ensure_group(cluster, spec).await
    }
    async fn ensure_size(&self, cluster: &ClusterId, name: &str, count: u32) -> Result<(), CloudError> {
        self.sim.ensure_size(cluster, name, count).await
    }
    async fn ensure_instance_gone(
        &self,
        cluster: &ClusterId,
        name: &str,
        id: &str,
    ) -> Result<(), CloudError> {
        self.sim.ensure_instance_gone(cluster, name, id).await
    }
    async fn give_up_missing(&self, cluster: &ClusterId, name: &str) -> Result<(), CloudError> {
        self.sim.give_up_missing(cluster, name).await
    }
    async fn ensure_group_gone(&self, cluster: &ClusterId, name: &str) -> Result<(), CloudError> {
        self.sim.ensure_group_gone(cluster, name).await
    }
    async fn lives(&self, cluster: &ClusterId, since: Timestamp) -> Result<Vec<MachineLife>, CloudError> {
        self.sim.lives(cluster, since).await
    }
    async fn notices(&self, _: &ClusterId) -> Result<Vec<Notice>, CloudError> {
        Ok(self.notices.lock().unwrap().clone())
    }
}

/// The shop, and a node of it whose machine is taken back after `notice`.
async fn doomed(notice: SignedDuration) -> (Rig, Scripted, String) {
    let sim = Sim::new(start(), SEED, Pace::Jump);
    let scripted = Scripted { sim: sim.clone(), notices: Arc::default() };
    let rig = Rig::in_world(sim, Arc::new(scripted.clone()), &shop::file()).await;
    let node = state(&rig).await.nodes[0].clone();
    let reclaim_time = rig.sim.world().clock.now().saturating_add(notice).unwrap();
    let (provider_id, cause) = (node.provider_id, Cause::Reclaim);
    scripted.notices.lock().unwrap().push(Notice { provider_id, reclaim_time, cause });
    (rig, scripted, node.name)
}

async fn state(rig: &Rig) -> ClusterState {
    rig.sim.world().cluster.state(&shop_id()).await.unwrap()
}

async fn replaced(rig: &Rig) -> Operation {
    look(&rig.engine, "interruption").await;
    let newest = rig.operations().await.remove(0);
    assert!(matches!(&newest.kind, Kind::ReplaceInterrupted { machines } if machines.len() == 1));
    rig.end_of(&newest).await
}

async fn expect_well(rig: &Rig, doomed: &str, nodes: usize) {
    let after = state(rig).await;
    assert!(!after.nodes.iter().any(|node| node.name == doomed), "{}", rig.sim.journal());
    assert_eq!(after.nodes.iter().filter(|node| node.ready && !node.unschedulable).count(), nodes);
    let placed = after.pods.iter().filter(|pod| pod.node.is_some() && !pod.terminating).count();
    assert_eq!(placed, shop::PODS, "{}", rig.sim.journal());
    let tally = rig.sim.tally(&shop_id());
    assert_eq!((tally.pods_lost, tally.budget_violations), (vec![], vec![]), "{}", rig.sim.journal());
}

fn position(operation: &Operation, wanted: fn(&Step) -> bool) -> usize {
    operation.steps.iter().position(|record| wanted(&record.step)).expect("it has such a step")
}

#[tokio::test]
async fn a_machine_that_is_taken_back_is_replaced_and_its_pods_leave_at_once() {
    let (rig, _, node) = doomed(NOTICE).await;
    let ended = replaced(&rig).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{}", ended.failure, rig.sim.journal());
    let ordered = position(&ended, |step| matches!(step, Step::Order { .. }));
    let left = position(&ended, |step| matches!(step, Step::Evacuate { .. }));
    let refilled = position(&ended, |step| matches!(step, Step::Refill { .. }));
    assert!(ordered < left && left < refilled, "{:?}", ended.steps);
    expect_well(&rig, &node, 6).await;
    assert_eq!(rig.sim.sizes(&shop_id()), [(GROUP.to_owned(), 6)]);
    let gone = ended.steps[left].end_time.unwrap().duration_since(start());
    assert!(gone <= NOTICE, "pods left after {gone:?}");
}

#[tokio::test]
async fn a_notice_is_heeded_once() {
    let (rig, ..) = doomed(NOTICE).await;
    replaced(&rig).await;
    look(&rig.engine, "interruption").await;
    look(&rig.engine, "interruption").await;
    assert_eq!(rig.operations().await.len(), 1);
}

#[tokio::test]
async fn a_long_notice_lets_the_replacement_be_ready_first() {
    let (rig, _, node) = doomed(SignedDuration::from_mins(30)).await;
    let ended = replaced(&rig).await;
    let ready = position(&ended, |step| matches!(step, Step::Refill { to: 7, .. }));
    assert!(ready < position(&ended, |step| matches!(step, Step::Evacuate { .. })), "{:?}", ended.steps);
    assert_eq!(ended.state, State::Succeeded, "{:?}", ended.failure);
    expect_well(&rig, &node, 6).await;
}

#[tokio::test]
async fn without_a_machine_in_its_place_pods_leave_all_the_same() {
    let (rig, _, node) = doomed(NOTICE).await;
    for one in state(&rig).await.nodes {
        let (instance_type, zone, kind) = (one.instance_type, one.zone, one.kind);
        rig.sim.fault(Fault::NoCapacity { instance_type, zone, kind, times: None });
    }
    let ended = replaced(&rig).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{}", ended.failure, rig.sim.journal());
    expect_well(&rig, &node, 5).await;
    assert_eq!(rig.sim.sizes(&shop_id()), [(GROUP.to_owned(), 5)]);
}

#[tokio::test]
async fn a_budget_is_respected_even_then() {
    let (rig, _, _) = doomed(NOTICE).await;
    let stuck = Fault::StuckBudget { budget: "shop/web".into() };
    rig.sim.fault(stuck);
    let ended = replaced(&rig).await;
    assert!(ended.state.is_final(), "{:?}", ended.failure);
    let tally = rig.sim.tally(&shop_id());
    assert_eq!((tally.pods_lost, tally.budget_violations), (vec![], vec![]));
}

#[tokio::test]
async fn beside_an_operation_that_holds_the_cluster_pods_are_brought_to_safety() {
    let (rig, scripted, _) = doomed(NOTICE).await;
    let notice = scripted.notices.lock().unwrap().pop().unwrap();
    let fault = Fault::StuckBudget { budget: "shop/web".into() };
    rig.sim.fault(fault.clone());
    let plan = rig.plan().await;
    let held = rig.end_of(&rig.apply(&plan.id).await.unwrap()).await;
    assert_eq!(held.state, State::Stuck);
    let before = state(&rig).await;
    let Some(node) = before.nodes.iter().find(|node| !node.unschedulable) else { panic!("all are closed") };
    scripted.notices.lock().unwrap().push(Notice { provider_id: node.provider_id.clone(), ..notice });
    rig.sim.lift(fault);

    for _ in 0..20 {
        look(&rig.engine, "interruption").await;
        rig.sim.world().clock.sleep(Duration::from_secs(5)).await;
    }
    let after = state(&rig).await;
    let left = after.nodes.iter().find(|one| one.name == node.name).expect("its size is the operation's");
    assert!(left.unschedulable);
    let remain = rig.sim.world().cluster.left_on(&shop_id(), &node.name).await.unwrap();
    assert_eq!(remain, Vec::<String>::new(), "{}", rig.sim.journal());
    assert_eq!(rig.operations().await, [held]);
}

#[tokio::test]
async fn under_advice_or_a_freeze_nothing_is_touched() {
    let (rig, ..) = doomed(NOTICE).await;
    let journal = rig.sim.journal();
    rig.put_policy(|policy| policy.freeze = true).await;
    look(&rig.engine, "interruption").await;
    rig.put_policy(|policy| (policy.freeze, policy.actuator) = (false, Actuator::Advise)).await;
    look(&rig.engine, "interruption").await;
    assert_eq!((rig.operations().await, rig.sim.journal()), (vec![], journal));
}

#[tokio::test]
async fn what_is_taken_back_is_not_bought_for_a_while() {
    let (rig, ..) = doomed(NOTICE).await;
    let node = state(&rig).await.nodes[0].clone();
    replaced(&rig).await;
    let now = rig.sim.world().clock.now();
    let denied = rig.store.unavailable(&shop_id(), now).await.unwrap();
    assert!(denied.iter().any(|one| one.offer.is(&node.instance_type, &node.zone, node.kind)), "{denied:?}");
}

/// The shop, and a node of it that is worked on in a week; now it is Monday, eight o'clock.
async fn worked_on() -> (Rig, Scripted, String) {
    let (rig, scripted, node) = doomed(SignedDuration::from_hours(7 * 24)).await;
    scripted.notices.lock().unwrap()[0].cause = Cause::Maintenance;
    (rig, scripted, node)
}

#[tokio::test]
async fn a_machine_that_is_worked_on_is_replaced_in_a_window_and_its_kind_is_bought_as_before() {
    let (rig, _, node) = worked_on().await;
    rig.put_policy(|policy| policy.maintenance_windows = vec![window("0 22 * * *")]).await;
    look(&rig.engine, "interruption").await;
    assert_eq!(rig.operations().await, vec![]);
    rig.put_policy(|policy| policy.maintenance_windows = vec![window("0 8 * * *")]).await;
    look(&rig.engine, "interruption").await;
    let begun = rig.operations().await.remove(0);
    assert!(matches!(begun.kind, Kind::ReplaceMachine { .. }), "{:?}", begun.kind);
    let ended = rig.end_of(&begun).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{}", ended.failure, rig.sim.journal());
    expect_well(&rig, &node, 6).await;
    let now = rig.sim.world().clock.now();
    assert_eq!(rig.store.unavailable(&shop_id(), now).await.unwrap(), []);
    look(&rig.engine, "interruption").await;
    assert_eq!(rig.operations().await.len(), 1, "once");
}

#[tokio::test]
async fn work_on_a_machine_leaves_it_alone_where_there_is_no_other_and_waits_for_whoever_holds_the_cluster() {
    let (rig, _, node) = worked_on().await;
    for one in state(&rig).await.nodes {
        let (instance_type, zone, kind) = (one.instance_type, one.zone, one.kind);
        rig.sim.fault(Fault::NoCapacity { instance_type, zone, kind, times: None });
    }
    look(&rig.engine, "interruption").await;
    let ended = rig.end_of(&rig.operations().await.remove(0)).await;
    assert_eq!(ended.state, State::Failed, "{:?}", ended.failure);
    assert_eq!(rig.sim.sizes(&shop_id()), [(GROUP.to_owned(), 6)]);
    let there = state(&rig).await.nodes.into_iter().find(|one| one.name == node).unwrap();
    assert!(!there.unschedulable);
    look(&rig.engine, "interruption").await;
    assert_eq!(rig.operations().await.len(), 1, "not again for a while");

    let (rig, ..) = worked_on().await;
    rig.sim.fault(Fault::StuckBudget { budget: "shop/web".into() });
    let plan = rig.plan().await;
    let held = rig.end_of(&rig.apply(&plan.id).await.unwrap()).await;
    let before = rig.sim.journal();
    look(&rig.engine, "interruption").await;
    assert_eq!((rig.operations().await, rig.sim.journal()), (vec![held], before));
}
