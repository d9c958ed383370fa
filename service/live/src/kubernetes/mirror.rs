//! What a cluster has, as its API server told it last: one watch for each kind.
//!
//! An object is read when it comes, by the same code that reads files, and only what planning needs of it is kept: a look puts
//! together what was read. A watch begins with a paged list; one that fails is begun anew, list and all, after a pause.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{ApiResource, DynamicObject, TypeMeta};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use plimsoll_domain::snapshot::Snapshot;
use plimsoll_manifest::kube::{Import, Object, Options};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::warn;

use super::kinds;

/// Objects of one answer to a list.
const PAGE: u32 = 500;
/// Longest that one watch lasts before the API server ends it, and it goes on where it was; seconds.
pub(super) const WATCH_MAX: u32 = 60;
/// Pauses before a watch that failed is begun anew: the first, doubled up to the last. One that held for longer than the last
/// begins with the first again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// Namespace and name.
type Key = (String, String);

/// An object as it is kept.
struct Kept {
    /// Grows with every change; see [`version`].
    version: u64,
    uid: Option<String>,
    /// Why not, if it is not what its kind promises.
    read: Result<Object, Arc<str>>,
}

/// Objects of one kind.
struct Shelf {
    resource: ApiResource,
    objects: Mutex<BTreeMap<Key, Kept>>,
    health: watch::Sender<Health>,
}

/// How a watch does.
#[derive(Clone, Debug)]
enum Health {
    /// It has not listed everything yet.
    Listing,
    /// What is on the shelf is what the server has.
    Fresh,
    /// It failed, and is begun anew.
    Failed(String),
}

/// The mirror. Watches end when it is dropped.
pub struct Mirror {
    shelves: Vec<Arc<Shelf>>,
    client: Client,
    /// Empty until somebody looks.
    watches: Mutex<JoinSet<()>>,
}

impl Mirror {
    /// An empty one: watches begin with the first look.
    pub fn new(client: Client) -> Self {
        let shelf = |resource| {
            Arc::new(Shelf {
                resource,
                objects: Mutex::default(),
                health: watch::Sender::new(Health::Listing),
            })
        };
        let shelves = kinds::watched().into_iter().map(shelf).collect();
        Self { shelves, client, watches: Mutex::default() }
    }

    /// Waits until all that there is was listed once. An error if a watch fails now: what it says is why.
    pub async fn synced(&self) -> Result<(), String> {
        self.begin();
        for shelf in &self.shelves {
            let mut health = shelf.health.subscribe();
            let known = health.wait_for(|health| !matches!(health, Health::Listing)).await;
            if let Health::Failed(why) = known.map_err(|gone| gone.to_string())?.clone() {
                return Err(format!("{}: {why}", shelf.resource.plural));
            }
        }
        Ok(())
    }

    fn begin(&self) {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        if watches.is_empty() {
            for shelf in &self.shelves {
                watches.spawn(keep(self.client.clone(), Arc::clone(shelf)));
            }
        }
    }

    /// Reads what there is as planning sees it.
    pub fn read(&self, now: Timestamp) -> Result<Snapshot, String> {
        let mut import = Import::default();
        for shelf in &self.shelves {
            for object in shelf.objects() {
                import.add(&object.map_err(|why| why.to_string())?).map_err(|error| error.to_string())?;
            }
        }
        let options = Options { now, capture_time: Some(now) };
        import.finish_live(&options).map_err(|error| error.to_string())
    }

    /// Takes a node in as the server answered it, unless a watch has told that it is gone.
    pub fn renew_node(&self, node: &Node) {
        self.renew("nodes", node);
    }

    /// Takes a pod in as the server answered it, unless a watch has told that it is gone.
    pub fn renew_pod(&self, pod: &Pod) {
        self.renew("pods", pod);
    }

    /// Forgets a pod that the server does not have any more, unless a watch has told of another one of its name.
    pub fn forget_pod(&self, pod: &Pod) {
        if let (Some(shelf), Some(object)) = (self.shelf("pods"), dynamic(pod)) {
            shelf.forget(&object);
        }
    }

    fn renew(&self, plural: &str, object: &impl Serialize) {
        if let (Some(shelf), Some(object)) = (self.shelf(plural), dynamic(object)) {
            shelf.renew(object);
        }
    }

    fn shelf(&self, plural: &str) -> Option<&Arc<Shelf>> {
        self.shelves.iter().find(|shelf| shelf.resource.plural == plural)
    }
}

fn dynamic(object: &impl Serialize) -> Option<DynamicObject> {
    serde_json::from_value(serde_json::to_value(object).ok()?).ok()
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Kept>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn objects(&self) -> Vec<Result<Object, Arc<str>>> {
        self.lock().values().map(|kept| kept.read.clone()).collect()
    }

    /// What a watch tells. What is on the shelf may be newer: the answer to a change of ours.
    fn put(&self, object: DynamicObject) {
        let (key, new) = kept(object, &self.resource);
        let mut objects = self.lock();
        if objects.get(&key).is_none_or(|old| old.version <= new.version) {
            objects.insert(key, new);
        }
    }

    fn renew(&self, object: DynamicObject) {
        let (key, new) = kept(object, &self.resource);
        if let Some(old) = self.lock().get_mut(&key).filter(|old| old.version < new.version) {
            *old = new;
        }
    }

    fn remove(&self, object: &DynamicObject) {
        self.lock().remove(&key(object));
    }

    /// What is on the shelf may be a later object of the same name.
    fn forget(&self, object: &DynamicObject) {
        let mut objects = self.lock();
        if objects.get(&key(object)).is_some_and(|kept| kept.uid == object.metadata.uid) {
            objects.remove(&key(object));
        }
    }

    fn replace(&self, all: BTreeMap<Key, Kept>) {
        *self.lock() = all;
        self.health.send_replace(Health::Fresh);
    }
}

/// Keeps a shelf as the server has it, for ever.
async fn keep(client: Client, shelf: Arc<Shelf>) {
    let mut pause = PAUSES.0;
    loop {
        let begun = Instant::now();
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &shelf.resource);
        let mut events = std::pin::pin!(watcher::watcher(
            api,
            watcher::Config::default().page_size(PAGE).timeout(WATCH_MAX)
        ));
        let mut listed = BTreeMap::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => {
                    let (key, new) = kept(object, &shelf.resource);
                    listed.insert(key, new);
                }
                Ok(Event::InitDone) => shelf.replace(std::mem::take(&mut listed)),
                Ok(Event::Apply(object)) => shelf.put(object),
                Ok(Event::Delete(object)) => shelf.remove(&object),
                Err(error) => {
                    let why = words(&error);
                    warn!(kind = %shelf.resource.plural, %why, "a watch is begun anew");
                    shelf.health.send_replace(Health::Failed(why));
                    break;
                }
            }
        }
        // A list that is answered is not enough: it may be the watch that is refused.
        if PAUSES.1 < begun.elapsed() {
            pause = PAUSES.0;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

fn kept(mut object: DynamicObject, resource: &ApiResource) -> (Key, Kept) {
    // Lists leave out what their items are.
    object.types = Some(TypeMeta { api_version: resource.api_version.clone(), kind: resource.kind.clone() });
    let key = key(&object);
    let json = serde_json::to_string(&object).map_err(|error| error.to_string());
    let read = json.and_then(|json| Object::read(&json).map_err(|error| error.to_string()));
    let read = read.map_err(|why| format!("{} {}/{}: {why}", resource.kind, key.0, key.1).into());
    (key, Kept { version: version(&object), uid: object.metadata.uid, read })
}

/// Versions are opaque to clients, but those of one kind may be compared as numbers: promised since 1.35, and so before.
fn version(object: &DynamicObject) -> u64 {
    object.metadata.resource_version.as_ref().and_then(|version| version.parse().ok()).unwrap_or_default()
}

fn key(object: &DynamicObject) -> Key {
    let metadata = &object.metadata;
    (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

fn words(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(why)
        | watcher::Error::WatchStartFailed(why)
        | watcher::Error::WatchFailed(why) => super::errors::words(why),
        other => other.to_string(),
    }
}
