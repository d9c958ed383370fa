//! One object of a list: told by its kind, parsed as that, kept as what planning needs of it.

use std::fmt;

use k8s_openapi::Resource;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::{v1 as autoscaling_v1, v2 as autoscaling_v2};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSINode, StorageClass};
use serde::Deserializer as _;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::error::{Fault, ReadError};
use crate::json;

use super::draft::{Draft, Origin};
use super::{PODS_MAX, billed, budget, job, node, owner, pod, requests, scaling, volume};

/// Lists of amounts by resource. The API server writes strings; people write numbers, too.
const AMOUNTS: [&str; 6] = ["requests", "limits", "capacity", "allocatable", "overhead", "podFixed"];

/// An object's text and where it stands.
pub(super) struct Item<'t> {
    /// Its JSON.
    pub text: &'t str,
    /// Its first line in the file, if known.
    pub line: Option<u64>,
    /// Which it is.
    pub origin: Origin,
    /// Its kind, where only its list tells it.
    pub kind: Option<&'t str>,
}

/// Takes one object into the draft.
pub(super) fn read(item: &Item<'_>, draft: &mut Draft) -> Result<(), ReadError> {
    let head = Head::of(item.text);
    let kind = head.kind.as_deref().or(item.kind).unwrap_or_default().to_owned();
    let is = |kind_there: &str, version: &str| {
        kind == kind_there && head.api_version.as_deref().is_none_or(|there| there == version)
    };
    macro_rules! take {
        ($($type:ty => $take:expr;)*) => {
            $(if is(<$type as Resource>::KIND, <$type as Resource>::API_VERSION) {
                let object: $type = parse(item)?;
                let taken: Result<(), Fault> = $take(object, item.origin, &mut *draft);
                return taken.map_err(|fault| locate(fault, item));
            })*
        };
    }
    if is("Pod", "v1") && PODS_MAX <= draft.pods.len() {
        return Err(ReadError::TooLarge { what: "pods", limit: PODS_MAX as u64 });
    }
    take! {
        Pod => pod::take;
        Node => node::take;
        ReplicaSet => owner::take_replica_set;
        Deployment => owner::take_deployment;
        StatefulSet => owner::take_stateful_set;
        DaemonSet => pod::take_daemon_set;
        Job => job::take;
        CronJob => job::take_cron_job;
        PodDisruptionBudget => budget::take;
        PersistentVolumeClaim => volume::take_claim;
        PersistentVolume => volume::take_volume;
        StorageClass => volume::take_class;
        CSINode => node::take_csi_node;
        autoscaling_v2::HorizontalPodAutoscaler => scaling::take_v2;
        autoscaling_v1::HorizontalPodAutoscaler => scaling::take_v1;
        Namespace => node::take_namespace;
        PriorityClass => scaling::take_priority_class;
        RuntimeClass => requests::take_runtime_class;
        Service => billed::take_service;
        Ingress => billed::take_ingress;
    }
    if kind.is_empty() {
        return Err(locate(Fault::new("missing; expected the kind of a Kubernetes object").at("kind"), item));
    }
    let version = head.api_version.unwrap_or_else(|| "unknown version".to_owned());
    *draft.ignored_kinds.entry(format!("{kind} ({version})")).or_insert(0) += 1;
    Ok(())
}

/// Parses an object as its type.
fn parse<T: DeserializeOwned>(item: &Item<'_>) -> Result<T, ReadError> {
    if let Ok(object) = serde_json::from_str(item.text) {
        return Ok(object);
    }
    // Slower, once: people write numbers for amounts.
    if let Ok(mut value) = serde_json::from_str::<Value>(item.text) {
        amounts_to_text(&mut value);
        if let Ok(object) = serde_json::from_value(value) {
            return Ok(object);
        }
    }
    json::parse(item.text).map_err(|fault| {
        let fault = match item.line {
            Some(line) => fault.after(line),
            None => Fault { line: None, column: None, ..fault },
        };
        fault.at(item.origin).into()
    })
}

fn locate(fault: Fault, item: &Item<'_>) -> ReadError {
    let fault = Fault { line: item.line, ..fault };
    fault.at(item.origin).into()
}

fn amounts_to_text(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                if let (true, Value::Object(amounts)) = (AMOUNTS.contains(&key.as_str()), &mut *field) {
                    let numbers = amounts.values_mut().filter(|amount| amount.is_number());
                    numbers.for_each(|amount| *amount = Value::String(amount.to_string()));
                }
                amounts_to_text(field);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(amounts_to_text),
        _ => {}
    }
}

/// What an object says it is.
#[derive(Default)]
struct Head {
    api_version: Option<String>,
    kind: Option<String>,
}

impl Head {
    /// Reads no further than to the second of the two fields; they come first, as a rule.
    fn of(text: &str) -> Self {
        let mut head = Self::default();
        // The parser is stopped by an error of our own, which means nothing.
        let _stopped = serde_json::Deserializer::from_str(text).deserialize_map(HeadVisitor(&mut head));
        head
    }
}

struct HeadVisitor<'h>(&'h mut Head);

impl<'de> Visitor<'de> for HeadVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Kubernetes object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let head = self.0;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match key.as_ref() {
                "apiVersion" => head.api_version = Some(map.next_value()?),
                "kind" => head.kind = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            if head.api_version.is_some() && head.kind.is_some() {
                return Err(A::Error::custom("seen enough"));
            }
        }
        Ok(())
    }
}
