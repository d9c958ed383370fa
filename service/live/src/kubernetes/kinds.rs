//! The kinds that planning reads.

use k8s_openapi::Resource;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSINode, StorageClass};
use kube::core::ApiResource;

/// What is watched, pods and nodes first.
pub fn watched() -> Vec<ApiResource> {
    vec![
        resource::<Pod>("pods"),
        resource::<Node>("nodes"),
        resource::<ReplicaSet>("replicasets"),
        resource::<Deployment>("deployments"),
        resource::<StatefulSet>("statefulsets"),
        resource::<DaemonSet>("daemonsets"),
        resource::<Job>("jobs"),
        resource::<CronJob>("cronjobs"),
        resource::<PodDisruptionBudget>("poddisruptionbudgets"),
        resource::<PersistentVolumeClaim>("persistentvolumeclaims"),
        resource::<PersistentVolume>("persistentvolumes"),
        resource::<StorageClass>("storageclasses"),
        resource::<CSINode>("csinodes"),
        resource::<HorizontalPodAutoscaler>("horizontalpodautoscalers"),
        resource::<Namespace>("namespaces"),
        resource::<PriorityClass>("priorityclasses"),
        resource::<RuntimeClass>("runtimeclasses"),
        resource::<Service>("services"),
        resource::<Ingress>("ingresses"),
    ]
}

fn resource<K: Resource>(plural: &str) -> ApiResource {
    ApiResource {
        group: K::GROUP.to_owned(),
        version: K::VERSION.to_owned(),
        api_version: K::API_VERSION.to_owned(),
        kind: K::KIND.to_owned(),
        plural: plural.to_owned(),
    }
}
