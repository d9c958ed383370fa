//! What containers used, taken in from a system that remembers it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::Span;
use plimsoll_domain::rehearsal::{Rehearsal, Scene};
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::store::Store;
use plimsoll_domain::usage::{ClusterUsage, Sample};
use plimsoll_domain::world::{ClusterError, Metrics, PodUse, Simulator, World};
use plimsoll_sim::{Pace, Sim};

use super::rig::{self, Rig, SEED, shop_id, start};
use super::shop;

const STEP: i64 = 300;
/// Hours of two weeks, but for the last, which is not over long enough.
const HOURS: usize = 14 * 24 - 1;

/// One container's past: a sample every five minutes, whatever the span.
#[derive(Default)]
struct Past {
    /// Namespace and name of the pod.
    pod: Mutex<(String, String)>,
    /// Spans that were asked for.
    asked: Mutex<Vec<Span>>,
    /// When it does not answer about spans from then on.
    away_from: Mutex<Option<Timestamp>>,
}

#[async_trait]
impl Metrics for Past {
    async fn usage(&self, _: &ClusterId) -> Result<Vec<PodUse>, ClusterError> {
        Ok(Vec::new())
    }

    async fn samples(&self, _: &ClusterId, span: Span) -> Result<Option<Vec<Sample>>, ClusterError> {
        if self.away_from.lock().unwrap().is_some_and(|from| from <= span.start) {
            return Err(ClusterError::Failed("away".into()));
        }
        self.asked.lock().unwrap().push(span);
        let (namespace, pod) = self.pod.lock().unwrap().clone();
        let times = (span.start.as_second()..span.end.as_second()).step_by(STEP as usize);
        let sample = |second| Sample {
            time: Timestamp::from_second(second).unwrap(),
            namespace: namespace.clone(),
            pod: pod.clone(),
            container: "app".into(),
            cpu_milli: Some(100.0),
            memory_bytes: Some(1 << 20),
            workload: None,
        };
        Ok(Some(times.map(sample).collect()))
    }
}

/// A simulated world that remembers.
struct Remembering {
    sim: Sim,
    past: Arc<Past>,
}

impl Simulator for Remembering {
    fn world(&self) -> World {
        World { metrics: self.past.clone(), ..self.sim.world() }
    }

    fn load(&self, cluster: &ClusterId, state: ClusterState) -> Result<(), ClusterError> {
        Simulator::load(&self.sim, cluster, state)
    }

    fn rehearse(&self, scene: Scene) -> Result<Arc<dyn Rehearsal>, ClusterError> {
        Simulator::rehearse(&self.sim, scene)
    }
}

async fn remembering() -> (Rig, Arc<Past>) {
    let sim = Sim::new(start(), SEED, Pace::Jump);
    let past = Arc::new(Past::default());
    let simulator = Arc::new(Remembering { sim: sim.clone(), past: past.clone() });
    let rig = Rig::in_world(sim, simulator, &shop::file()).await;
    let state = rig.sim.world().cluster.state(&shop_id()).await.unwrap();
    let pod = state.pods.iter().find(|pod| pod.owner.is_some()).unwrap();
    *past.pod.lock().unwrap() = (pod.namespace.clone(), pod.name.clone());
    (rig, past)
}

/// Samples that were folded in.
async fn folded(rig: &Rig) -> u64 {
    let Some(bytes) = rig.store.usage(&shop_id()).await.unwrap() else { return 0 };
    let usage: ClusterUsage = serde_json::from_slice(&bytes[1..]).unwrap();
    usage.containers.values().map(|container| container.cpu_count).sum()
}

#[tokio::test]
async fn two_weeks_are_taken_in_hour_by_hour_and_each_hour_once() {
    let (rig, past) = remembering().await;
    for _ in 0..HOURS.div_ceil(48) + 1 {
        rig::look(&rig.engine, "ingest").await;
    }
    let asked = past.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), HOURS);
    assert_eq!(asked.iter().map(|span| span.start).collect::<BTreeSet<_>>().len(), HOURS, "no hour twice");
    assert!(asked.iter().all(|span| span.end.duration_since(span.start) == SignedDuration::from_hours(1)));
    assert!(asked.iter().all(|span| span.end <= rig.sim.world().clock.now()), "hours that are over");
    let an_hour = u64::try_from(3600 / STEP).unwrap();
    assert_eq!(folded(&rig).await, HOURS as u64 * an_hour);

    // Another process over the same store, with nothing in its memory.
    let again = rig::engine(
        &rig.store,
        Arc::new(rig.sim.clock()),
        Arc::new(Remembering { sim: rig.sim.clone(), past: past.clone() }),
    );
    rig::look(&again, "ingest").await;
    assert_eq!(past.asked.lock().unwrap().len(), HOURS, "what was taken in is known");
}

#[tokio::test]
async fn an_hour_that_is_not_answered_is_asked_for_again_and_none_is_left_out() {
    let (rig, past) = remembering().await;
    let away_from = start().saturating_sub(SignedDuration::from_hours(13 * 24)).unwrap();
    *past.away_from.lock().unwrap() = Some(away_from);
    let failed = rig::try_look(&rig.engine, "ingest").await.unwrap_err().to_string();
    assert!(failed.contains("away"), "{failed}");
    let before = folded(&rig).await;
    assert!(0 < before, "hours before it are taken in");
    *past.away_from.lock().unwrap() = None;
    for _ in 0..HOURS.div_ceil(48) + 1 {
        rig::look(&rig.engine, "ingest").await;
    }
    let asked = past.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), HOURS);
    assert!(asked.windows(2).all(|pair| pair[0].end == pair[1].start), "in order, without a gap");
}
