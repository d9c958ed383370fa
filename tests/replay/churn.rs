//! What shakes a cluster: restarts one after another, and rollouts of Deployments.

use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use super::owners::{counts, workload};
use super::raw::{key, node_of, path, place};
use super::stage::{Stage, is_job};

/// A pod that has no node for so long is stranded: the scheduler tries again within 10 s.
const STRANDED: Duration = Duration::from_secs(20);
/// A rollout that is not over after so long never is.
const SLOW: Duration = Duration::from_secs(180);
/// Wait between two looks at everything.
const LOOK: Duration = Duration::from_millis(200);
const SEED: u64 = 7;

/// What came of it.
#[derive(Default)]
pub struct Churn {
    pub restarts: usize,
    pub rollouts: usize,
    /// After what, and which pods.
    pub stranded: Vec<String>,
    /// Pods of Jobs that had to make room and are not back at the end.
    pub pushed_out: i64,
}

/// Restarts so many pods one after another, then rolls so many Deployments out.
pub async fn shake(stage: &Stage, restarts: usize, rollouts: usize) -> Churn {
    let random = &mut SmallRng::seed_from_u64(SEED);
    let mut churn = Churn::default();
    for _ in 0..restarts {
        let pods = stage.pods().await;
        // A Job counts a pod that is deleted as a failure, and takes its time.
        let may_go = |pod: &&Value| counts(pod) && workload(pod).is_some_and(|it| !is_job(&it));
        let candidates: Vec<&Value> = pods.iter().filter(may_go).collect();
        let pod = *candidates.choose(random).unwrap();
        // Gone before another is made: a pod that takes its time to go holds its room meanwhile, and on a full fleet the other
        // may then push out somebody of less priority.
        stage.raw.delete(&place("Pod", pod), true).await;
        churn.restarts += 1;
        let again =
            async |pods: &[Value]| !pods.iter().any(|it| it["metadata"]["uid"] == pod["metadata"]["uid"]);
        churn.note(stage, &format!("restart of {}", key(pod)), again).await;
    }
    for deployment in stage.raw.items(&path("Deployment", "")).await.iter().take(rollouts) {
        let place = place("Deployment", deployment);
        let restarted = json!({ "kubectl.kubernetes.io/restartedAt": jiff::Timestamp::now().to_string() });
        let change = json!({ "spec": { "template": { "metadata": { "annotations": restarted } } } });
        let generation = stage.raw.patch(&place, &change).await["metadata"]["generation"].clone();
        churn.rollouts += 1;
        let done = async |_: &[Value]| {
            let now = stage.raw.get(&place).await.unwrap();
            let (wanted, status) = (&now["spec"]["replicas"], &now["status"]);
            let all = ["replicas", "updatedReplicas", "availableReplicas"];
            status["observedGeneration"] == generation && all.iter().all(|key| status[*key] == *wanted)
        };
        churn.note(stage, &format!("rollout of {}", key(deployment)), done).await;
    }
    churn.pushed_out = stage.pushed_out(&stage.pods().await);
    churn
}

impl Churn {
    /// Waits until something is over and nobody waits for a node; else notes who does.
    async fn note(&mut self, stage: &Stage, event: &str, is_over: impl AsyncFn(&[Value]) -> bool) {
        let begun = Instant::now();
        loop {
            let pods = stage.pods().await;
            let over = is_over(&pods).await;
            let left = stage.unsettled_services(&pods);
            if over && left.is_empty() {
                return;
            }
            let waited = begun.elapsed();
            if (STRANDED < waited && !left.is_empty()) || SLOW < waited {
                let refusals = pods.iter().filter(|pod| node_of(pod).is_none()).map(refusal);
                let refusals: Vec<String> = refusals.collect();
                self.stranded.push(format!("after {event}: over: {over}, {left:?} {refusals:?}"));
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// What the scheduler says of a pod.
fn refusal(pod: &Value) -> String {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let refused = conditions.into_iter().find(|it| it["type"] == "PodScheduled");
    let words = refused.and_then(|it| it["message"].as_str()).unwrap_or("nothing");
    format!("{}: {words}", key(pod))
}
