//! A cluster in a file, made ready to be set up anew: without what an API server writes by itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use flate2::bufread::GzDecoder;
use serde_json::{Value, json};

use super::raw::{namespace, owner};

/// What servers and controllers write into metadata.
const SERVERS_OWN: [&str; 10] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "generateName",
    "managedFields",
    "selfLink",
    "ownerReferences",
    "finalizers",
    "deletionTimestamp",
];
/// How long pods of Jobs run here: longer than anybody looks.
const LONG: &str = "24h";
/// How long pods take to go: long enough to be seen, six seconds of a world that runs twenty times as fast.
const GRACE: &str = "300ms";

/// The objects of a file, by kind.
pub struct Dump {
    pub name: String,
    by_kind: BTreeMap<String, Vec<Value>>,
}

impl Dump {
    pub fn read(folder: &Path, name: &str) -> Self {
        let file = File::open(folder.join(format!("{name}.json.gz"))).unwrap();
        let mut list: Value = serde_json::from_reader(GzDecoder::new(BufReader::new(file))).unwrap();
        let items: Vec<Value> = serde_json::from_value(list["items"].take()).unwrap();
        let machines: BTreeMap<String, String> = items.iter().filter_map(renamed).collect();
        let mut by_kind: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for mut object in items {
            let kind = object["kind"].as_str().unwrap().to_owned();
            let places: &[&str] = match kind.as_str() {
                "Node" => &["/metadata/name", "/metadata/labels/kubernetes.io~1hostname"],
                "Pod" => &["/spec/nodeName"],
                _ => &[],
            };
            places.iter().for_each(|place| rename(object.pointer_mut(place), &machines));
            by_kind.entry(kind).or_default().push(object);
        }
        Self { name: name.to_owned(), by_kind }
    }

    /// The same with the pods of these namespaces only, and with what the cluster itself runs.
    pub fn of_namespaces(mut self, namespaces: &[&str]) -> Self {
        let stays = |object: &Value| {
            let space = namespace(object);
            space.is_empty() || space == "kube-system" || namespaces.contains(&space)
        };
        self.by_kind.values_mut().for_each(|objects| objects.retain(stays));
        self
    }

    /// Objects of a kind, as they are in the file.
    pub fn of(&self, kind: &str) -> &[Value] {
        self.by_kind.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Objects of a kind as they can be made: by nobody, with no state but what a controller cannot find out.
    pub fn fresh(&self, kind: &str) -> Vec<Value> {
        self.of(kind).iter().map(|object| fresh(kind, object)).collect()
    }

    /// Pods that run, beside those of DaemonSets, which come by themselves: without owners, for those to find them.
    pub fn orphans(&self) -> Vec<Value> {
        let stays = |pod: &&Value| {
            pod["spec"]["nodeName"].is_string() && owner(pod).is_some_and(|(kind, _)| kind != "DaemonSet")
        };
        self.of("Pod").iter().filter(stays).map(|pod| fresh("Pod", pod)).collect()
    }
}

/// A node is called after its machine here: its name in the file, and its name.
fn renamed(object: &Value) -> Option<(String, String)> {
    if object["kind"] != "Node" {
        return None;
    }
    let machine = object["spec"]["providerID"].as_str()?.rsplit('/').next()?;
    Some((object["metadata"]["name"].as_str()?.to_owned(), format!("{machine}.ec2.internal")))
}

fn rename(name: Option<&mut Value>, machines: &BTreeMap<String, String>) {
    let Some(name) = name else { return };
    if let Some(machine) = name.as_str().and_then(|name| machines.get(name)) {
        *name = json!(machine);
    }
}

/// An object without what others wrote into it.
pub fn fresh(kind: &str, object: &Value) -> Value {
    let mut made = object.clone();
    let metadata = made["metadata"].as_object_mut().unwrap();
    SERVERS_OWN.iter().for_each(|key| drop(metadata.remove(*key)));
    let state = made["status"].take();
    made.as_object_mut().unwrap().remove("status");
    match kind {
        "Node" => {
            made["status"] = json!({ "capacity": state["capacity"], "allocatable": state["allocatable"] });
            made["metadata"]["annotations"] = json!({
                "kwok.x-k8s.io/node": "fake",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            });
            made["spec"].as_object_mut().unwrap().remove("unschedulable");
            let taints = made["spec"]["taints"].as_array().cloned().unwrap_or_default();
            let lasts = |taint: &Value| !taint["key"].as_str().unwrap().starts_with("node.kubernetes.io/");
            made["spec"]["taints"] = taints.into_iter().filter(lasts).collect();
        }
        "PersistentVolume" => {
            let claim = made["spec"]["claimRef"].as_object_mut().unwrap();
            ["uid", "resourceVersion"].iter().for_each(|key| drop(claim.remove(*key)));
        }
        "PersistentVolumeClaim" => drop(made["metadata"].as_object_mut().unwrap().remove("annotations")),
        "Pod" => pace(&mut made["metadata"], owner(object).is_some_and(|(kind, _)| kind == "Job")),
        "Job" => {
            // The id in its selector is that of the Job in the file: its pods are found by that.
            made["spec"]["manualSelector"] = json!(true);
            // As Kubernetes advises: who is evicted has not failed, and another comes at once, not after 10 s, 20 s, 40 s.
            let evicted = json!({ "type": "DisruptionTarget", "status": "True" });
            let rule = json!({ "action": "Ignore", "onPodConditions": [evicted] });
            made["spec"]["podFailurePolicy"] = json!({ "rules": [rule] });
            made["spec"]["podReplacementPolicy"] = json!("Failed");
        }
        // What its pods run has another name in another release: they are not to be replaced for that.
        "StatefulSet" => made["spec"]["updateStrategy"] = json!({ "type": "OnDelete" }),
        _ => {}
    }
    if let Some(template) = made.pointer_mut("/spec/template/metadata") {
        pace(template, kind == "Job");
    }
    made
}

/// Says how long kubelets take with a pod.
fn pace(metadata: &mut Value, is_job: bool) {
    metadata["annotations"]["ground.plimsoll/gone-after"] = json!(GRACE);
    if is_job {
        metadata["annotations"]["ground.plimsoll/end-after"] = json!(LONG);
    }
}
