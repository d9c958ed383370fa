//! What Plimsoll may do in a cluster: all that it needs, and nothing that it does not need.

use std::time::Duration;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::api::core::v1::{PersistentVolume, Pod, ServiceAccount};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use k8s_openapi::api::storage::v1::VolumeAttachment;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use plimsoll_domain::world::{Cluster, Cordon, Metrics};
use plimsoll_live::kubernetes::Kubernetes;
use plimsoll_props::ground::{Ground, Options};
use serde::Deserialize;
use serde_json::json;

use super::steps::{id, put_node, until, until_ready};
use plimsoll_props::objects::{deployment, node, object, put, template};

/// What users apply.
const FILE: &str = include_str!("../../k8s/rbac.yaml");
const USER: &str = "system:serviceaccount:plimsoll:plimsoll";
/// The only node.
const NODE: &str = "one";

/// What an account may do with a kind.
#[derive(Clone, Debug, PartialEq)]
struct Right {
    group: String,
    resource: String,
    verb: String,
}

impl Right {
    fn new(verb: &str, group: &str, resource: &str) -> Self {
        Self { group: group.into(), resource: resource.into(), verb: verb.into() }
    }

    fn rule(&self) -> PolicyRule {
        PolicyRule {
            api_groups: Some(vec![self.group.clone()]),
            resources: Some(vec![self.resource.clone()]),
            verbs: vec![self.verb.clone()],
            ..PolicyRule::default()
        }
    }

    /// How the API server says that it is missing.
    fn refusal(&self) -> String {
        format!("cannot {} resource \"{}\" in API group \"{}\"", self.verb, self.resource, self.group)
    }
}

/// Every right that a role gives, one by one.
fn rights(role: &ClusterRole) -> Vec<Right> {
    let mut all = Vec::new();
    for rule in role.rules.iter().flatten() {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                all.extend(rule.verbs.iter().map(|verb| Right::new(verb, group, resource)));
            }
        }
    }
    all
}

/// Applies what users apply. The role in it.
async fn apply_file(client: &Client) -> ClusterRole {
    let mut role = None;
    for document in serde_norway::Deserializer::from_str(FILE) {
        let value = serde_json::Value::deserialize(document).unwrap();
        let object: DynamicObject = object(value.clone());
        let kind = GroupVersionKind::try_from(object.types.as_ref().unwrap()).unwrap();
        let resource = ApiResource::from_gvk(&kind);
        let api: Api<DynamicObject> = match &object.metadata.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        let name = object.metadata.name.clone().unwrap();
        api.patch(&name, &PatchParams::apply("tests"), &Patch::Apply(&object)).await.unwrap();
        if kind.kind == "ClusterRole" {
            role = serde_json::from_value(value).unwrap();
        }
    }
    role.unwrap()
}

/// A node with pods that may go, and a volume that a pod left behind there.
async fn shop(client: &Client) {
    put_node(client, &node(NODE, "us-east-1a", 4)).await;
    put(client, deployment("web", 3, &template("web", "100m", &json!({})))).await;
    let volume: PersistentVolume = object(json!({
        "metadata": { "name": "left" },
        "spec": {
            "capacity": { "storage": "1Gi" },
            "accessModes": ["ReadWriteOnce"],
            "claimRef": { "namespace": "default", "name": "data" },
            "csi": { "driver": "ebs.csi.aws.com", "volumeHandle": "vol-1" },
        },
    }));
    Api::all(client.clone()).create(&PostParams::default(), &volume).await.unwrap();
    let attachment: VolumeAttachment = object(json!({
        "metadata": { "name": "left-on-one" },
        "spec": { "attacher": "ebs.csi.aws.com", "nodeName": NODE, "source": { "persistentVolumeName": "left" } },
    }));
    Api::all(client.clone()).create(&PostParams::default(), &attachment).await.unwrap();
    until_ready(client, 3).await;
}

/// A cluster and who may do everything in it.
struct Shop {
    ground: Ground,
    admin: Client,
    token: String,
}

impl Shop {
    /// The cluster as it is seen by whom it was made for. Its watches are new.
    async fn live(&self) -> Kubernetes {
        Kubernetes::new(id(), self.ground.config_with(&self.token).await).unwrap()
    }

    /// A pod that may go.
    async fn pod(&self) -> String {
        let pods: Api<Pod> = Api::namespaced(self.admin.clone(), "default");
        for _ in 0..600 {
            let all = pods.list(&ListParams::default().labels("app=web")).await.unwrap().items;
            let stays = |pod: &Pod| {
                pod.metadata.deletion_timestamp.is_none()
                    && pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some())
            };
            if let Some(pod) = all.into_iter().find(stays) {
                return format!("default/{}", pod.metadata.name.unwrap());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no pod stays");
    }

    /// Does everything that there is to do. What was forbidden.
    async fn refusals(&self, live: &Kubernetes) -> Vec<String> {
        let mut errors = Vec::new();
        errors.extend(live.state(&id()).await.err());
        match live.left_on(&id(), NODE).await {
            Ok(left) => assert!(left.contains(&"volume default/data".to_owned()), "{left:?}"),
            Err(error) => errors.push(error),
        }
        errors.extend(live.set_cordon(&id(), NODE, Cordon::Final).await.err());
        errors.extend(live.set_cordon(&id(), NODE, Cordon::Lifted).await.err());
        errors.extend(live.evict(&id(), &self.pod().await, NODE).await.err());
        // Nobody serves usage here: that is found out by those who may ask for it.
        errors.extend(live.usage(&id()).await.err());
        let errors = errors.into_iter().map(|error| error.to_string());
        errors.filter(|error| !error.contains("metrics-server")).collect()
    }

    async fn may(&self, right: &Right) -> bool {
        let (resource, part) = right.resource.split_once('/').unwrap_or((&right.resource, ""));
        let review: SubjectAccessReview = object(json!({
            "metadata": {},
            "spec": { "user": USER, "resourceAttributes": {
                "group": right.group, "resource": resource, "subresource": part, "verb": right.verb,
            } },
        }));
        let reviews: Api<SubjectAccessReview> = Api::all(self.admin.clone());
        reviews.create(&PostParams::default(), &review).await.unwrap().status.unwrap().allowed
    }

    /// Leaves the account with these rights.
    async fn leave(&self, rights: &[Right]) {
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": { "name": "plimsoll" },
            "rules": rights.iter().map(Right::rule).collect::<Vec<_>>(),
        });
        let roles: Api<ClusterRole> = Api::all(self.admin.clone());
        roles.patch("plimsoll", &PatchParams::apply("tests"), &Patch::Apply(&role)).await.unwrap();
    }

    /// How often each event was written.
    async fn events(&self) -> Vec<(String, i32)> {
        let events: Api<Event> = Api::namespaced(self.admin.clone(), "default");
        let all = events.list(&ListParams::default()).await.unwrap().items;
        let ours = all.into_iter().filter(|event| event.reporting_controller.as_deref() == Some("plimsoll"));
        let counted =
            ours.map(|event| (event.reason.unwrap(), event.series.map_or(1, |series| series.count)));
        let mut counted: Vec<(String, i32)> = counted.collect();
        counted.sort();
        counted
    }

    /// What fails without a right is told in words that name it; but for events, without which nothing fails.
    async fn expect_missed(&self, right: &Right) {
        let live = self.live().await;
        if right.resource == "events" {
            let before = self.events().await;
            assert_eq!(self.refusals(&live).await, Vec::<String>::new());
            assert_eq!(self.refusals(&live).await, Vec::<String>::new());
            let after = self.events().await;
            // Two reasons, each told twice: those may not be made, or may not be counted up.
            let told = |events: &[(String, i32)]| events.iter().map(|(_, count)| count).sum::<i32>();
            let more = if right.verb == "create" { 0 } else { 2 };
            assert_eq!(told(&after) - told(&before), more, "{after:?}");
            return;
        }
        until(&right.refusal(), async || {
            let told = self.refusals(&live).await;
            assert!(told.iter().all(|error| error.contains(&right.refusal())), "{right:?}: {told:?}");
            assert!(told.iter().all(|error| error.contains("k8s/rbac.yaml")), "{right:?}: {told:?}");
            !told.is_empty()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_may_do_all_that_is_needed_and_needs_all_that_it_may_do() {
    let Some(ground) = Ground::start(Options::default()).await else { return };
    let admin = ground.client().await;
    let role = apply_file(&admin).await;
    let accounts: Api<ServiceAccount> = Api::namespaced(admin.clone(), "plimsoll");
    let request: TokenRequest = object(json!({ "metadata": {}, "spec": { "audiences": [] } }));
    let token = accounts.create_token_request("plimsoll", &PostParams::default(), &request).await.unwrap();
    let shop_of = Shop { ground, admin, token: token.status.unwrap().token };
    shop(&shop_of.admin).await;
    let rights = rights(&role);

    let live = shop_of.live().await;
    assert_eq!(shop_of.refusals(&live).await, Vec::<String>::new());
    assert_eq!(shop_of.refusals(&live).await, Vec::<String>::new());
    assert_eq!(shop_of.events().await, [("Cordoned".to_owned(), 2), ("Uncordoned".to_owned(), 2)]);
    for other in [
        Right::new("list", "", "secrets"),
        Right::new("delete", "", "pods"),
        Right::new("delete", "", "nodes"),
        Right::new("create", "", "pods/exec"),
        Right::new("patch", "apps", "deployments"),
    ] {
        assert!(!shop_of.may(&other).await, "{other:?}");
    }

    for right in &rights {
        assert_eq!(rights.iter().filter(|other| *other == right).count(), 1, "{right:?} is given twice");
        let others: Vec<Right> = rights.iter().filter(|other| *other != right).cloned().collect();
        shop_of.leave(&others).await;
        until("the right is taken away", async || !shop_of.may(right).await).await;
        shop_of.expect_missed(right).await;
    }
}
