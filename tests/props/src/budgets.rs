//! Disruption budgets, watched from outside: pods that serve are counted, whatever anybody's status says.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::future::ready;
use futures::stream::select;
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::runtime::reflector::{Store, store};
use kube::runtime::watcher::{Config, watcher};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::objects;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Changes of pods and budgets, after each of which the budgets that it bears on were looked at.
    pub looks: usize,
    /// Budgets with fewer pods that serve than they demand: `namespace/name`, and how it was. Each once.
    pub broken: BTreeMap<String, String>,
    /// How many pods more than demanded each budget had at worst.
    pub slack: BTreeMap<String, i64>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at_limit = self.slack.values().filter(|slack| **slack == 0).count();
        let (budgets, looks, broken) = (self.slack.len(), self.looks, self.broken.len());
        write!(f, "{budgets} budgets in {looks} looks: {at_limit} were at their limit, {broken} broken")
    }
}

/// A watch that goes on.
pub struct Watch {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Seen>,
}

impl Watch {
    /// Begins to look at the budgets of a cluster, whenever one or a pod of it has changed.
    pub fn start(client: &Client) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let (pods, pod_changes) = mirror::<Pod>(client);
        let (budgets, budget_changes) = mirror::<PodDisruptionBudget>(client);
        let task = tokio::spawn(async move {
            let (pod_changes, budget_changes) =
                (pod_changes.map(Changed::Pod), budget_changes.map(Changed::Budget));
            let mut changes = std::pin::pin!(select(pod_changes, budget_changes));
            let mut seen = Seen::default();
            // Budgets are not broken for pods that are yet to be listed.
            let mut listed = std::pin::pin!(async {
                pods.wait_until_ready().await.unwrap();
                budgets.wait_until_ready().await.unwrap();
            });
            loop {
                tokio::select! {
                    () = &mut listed => break,
                    Some(_) = changes.next() => {}
                }
            }
            look(&pods, budgets.state(), &mut seen);
            loop {
                tokio::select! {
                    _ = &mut stopped => return seen,
                    Some(changed) = changes.next() => {
                        let concerned = |budget: &Arc<PodDisruptionBudget>| changed.concerns(budget);
                        let concerned = budgets.state().into_iter().filter(concerned).collect();
                        look(&pods, concerned, &mut seen);
                    }
                }
            }
        });
        Self { stop, task }
    }

    /// Ends it; what was seen.
    ///
    /// # Panics
    /// If the watch ended before, for the API server did not answer.
    pub async fn seen(self) -> Seen {
        self.stop.send(()).unwrap();
        self.task.await.unwrap()
    }
}

/// What has changed.
enum Changed {
    Pod(Arc<Pod>),
    Budget(Arc<PodDisruptionBudget>),
}

impl Changed {
    fn concerns(&self, budget: &PodDisruptionBudget) -> bool {
        match self {
            Self::Pod(pod) => selects(budget, pod),
            Self::Budget(changed) => changed.metadata.uid == budget.metadata.uid,
        }
    }
}

/// Everything of a kind as it is, kept so by whoever waits for its changes.
fn mirror<K>(client: &Client) -> (Store<K>, impl Stream<Item = Arc<K>> + Send + 'static)
where
    K: Resource<DynamicType = ()> + Clone + fmt::Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (reader, writer) = store();
    let changes = watcher(Api::<K>::all(client.clone()), Config::default()).default_backoff();
    let changes = reflector(writer, changes).touched_objects();
    (reader, changes.filter_map(|changed| ready(changed.ok().map(Arc::new))))
}

fn look(pods: &Store<Pod>, budgets: Vec<Arc<PodDisruptionBudget>>, seen: &mut Seen) {
    let pods = pods.state();
    seen.looks += 1;
    for budget in budgets {
        // What it comes to in pods, the controller has worked out.
        let demanded = budget.status.as_ref().map_or(0, |status| i64::from(status.desired_healthy));
        let serving = pods.iter().filter(|pod| serves(pod, &budget)).count();
        let slack = i64::try_from(serving).unwrap() - demanded;
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        let key = format!("{}/{}", name(&budget.metadata.namespace), name(&budget.metadata.name));
        if slack < 0 {
            let how = format!("{serving} pods serve, {demanded} are demanded, at look {}", seen.looks);
            seen.broken.entry(key.clone()).or_insert(how);
        }
        let worst = seen.slack.entry(key).or_insert(slack);
        *worst = slack.min(*worst);
    }
}

/// Whether a pod counts for a budget: it is ready, and nobody has told it to go.
fn serves(pod: &Pod, budget: &PodDisruptionBudget) -> bool {
    pod.metadata.deletion_timestamp.is_none() && selects(budget, pod) && objects::is_ready(pod)
}

/// Whether a budget is about a pod. Budgets of tests select by equality only.
fn selects(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let wanted = selector.and_then(|selector| selector.match_labels.as_ref());
    let labels = pod.metadata.labels.as_ref();
    let matches =
        |(key, value): (&String, &String)| labels.is_some_and(|labels| labels.get(key) == Some(value));
    pod.metadata.namespace == budget.metadata.namespace
        && wanted.is_some_and(|wanted| wanted.iter().all(matches))
}
