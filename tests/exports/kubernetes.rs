//! Kubernetes itself: objects that a plan needs, applied to a real API server.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{ConfigMap, Container, PodSpec};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, Client};
use plimsoll_domain::policy::Actuator;
use plimsoll_manifest::export::{Fleet, kubernetes};
use plimsoll_props::ground::{Ground, Options};
use plimsoll_props::objects::{deployment, object, put, template};
use plimsoll_props::schemas::Schemas;
use plimsoll_proto::v1::export_plan_request::Format;
use serde_json::{Value, json};

use super::fleet::odd;
use super::service::Service;
use super::wanted::{check_head, head};

/// Applies objects on the server's side, by force, as the file says.
async fn apply(client: &Client, documents: &[Value]) {
    for document in documents {
        let wanted: DynamicObject = object(document.clone());
        let kind = GroupVersionKind::try_from(wanted.types.as_ref().unwrap()).unwrap();
        let namespace = wanted.metadata.namespace.clone().unwrap();
        let api: Api<DynamicObject> =
            Api::namespaced_with(client.clone(), &namespace, &ApiResource::from_gvk(&kind));
        let name = wanted.metadata.name.clone().unwrap();
        let by_force = PatchParams::apply("tests").force().validation_strict();
        api.patch(&name, &by_force, &Patch::Apply(&wanted))
            .await
            .unwrap_or_else(|why| panic!("{why}\n{document:#}"));
    }
}

/// Name, image, CPU and memory that each container asks for.
fn asked(pods: &PodSpec) -> Vec<[String; 4]> {
    let one = |container: &Container| {
        let requests = container.resources.clone().unwrap().requests.unwrap();
        let of = |name: &str| requests[name].0.clone();
        [container.name.clone(), container.image.clone().unwrap(), of("cpu"), of("memory")]
    };
    pods.containers.iter().map(one).collect()
}

fn two_containers() -> Value {
    let mut pods = template("web", "500m", &json!({}));
    let mut sidecar = pods["spec"]["containers"][0].clone();
    sidecar["name"] = json!("sidecar");
    pods["spec"]["containers"].as_array_mut().unwrap().push(sidecar);
    pods
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_takes_the_requests_that_a_plan_counts_on() {
    let Some(schemas) = Schemas::find() else { return };
    let Some(ground) = Ground::start(Options::default()).await else { return };
    let client = ground.client().await;
    put(&client, deployment("web", 1, &two_containers())).await;
    let mut pods = template("night", "500m", &json!({}));
    pods["spec"]["restartPolicy"] = json!("Never");
    let job = json!({ "schedule": "0 3 * * *", "jobTemplate": { "spec": { "template": pods } } });
    put(&client, object::<CronJob>(json!({ "metadata": { "name": "night" }, "spec": job }))).await;

    let fleet = odd();
    let file = kubernetes::manifests(&fleet);
    apply(&client, &schemas.documents(&file).unwrap()).await;

    let web: Deployment = Api::default_namespaced(client.clone()).get("web").await.unwrap();
    let night: CronJob = Api::default_namespaced(client.clone()).get("night").await.unwrap();
    let line = |name: &str| [name, "registry.k8s.io/pause:3.10", "230m", "300Mi"].map(str::to_owned);
    let bytes = |mut line: [String; 4]| {
        line[3] = (300 << 20).to_string();
        line
    };
    assert_eq!(
        asked(&web.spec.unwrap().template.spec.unwrap()),
        [bytes(line("app")), bytes(line("sidecar"))]
    );
    let pods = night.spec.unwrap().job_template.spec.unwrap().template.spec.unwrap();
    assert_eq!(asked(&pods), [bytes(line("app"))]);
    check_head(&head(&file), &fleet);
    assert!(file.contains("By hand: container app of Job default/once is to ask for 230m CPU"), "{file}");

    let maps: Api<ConfigMap> = Api::namespaced(client, "kube-system");
    let priorities = maps.get("cluster-autoscaler-priority-expander").await.unwrap().data.unwrap();
    check_priorities(schemas, &fleet, &priorities["priorities"]);
}

/// Groups that stay, by the price of a virtual CPU; those that go are not in it.
fn check_priorities(schemas: Schemas, fleet: &Fleet, table: &str) {
    let table = schemas.documents(table).unwrap().remove(0);
    let mut groups: Vec<_> = fleet.groups.iter().filter(|group| group.stays() && !group.is_pool).collect();
    groups.sort_by_key(|group| group.price().unwrap().nano_usd() / group.vcpu());
    let want: serde_json::Map<String, Value> = groups
        .iter()
        .enumerate()
        .map(|(place, group)| {
            let pattern = format!("^(eks-{0}-[0-9a-f-]{{36}}|{0})$", group.name);
            ((groups.len() - place).to_string(), json!([pattern]))
        })
        .collect();
    assert_eq!(table, Value::Object(want));
}

#[test]
fn a_cluster_that_needs_nothing_gets_comments_only() {
    let Some(schemas) = Schemas::find() else { return };
    for actuator in [Actuator::Plimsoll, Actuator::Karpenter] {
        let mut fleet = odd();
        fleet.policy.actuator = actuator;
        fleet.requests.clear();
        let file = kubernetes::manifests(&fleet);
        assert_eq!(schemas.documents(&file), Ok(Vec::new()), "{file}");
        assert!(file.contains("There is nothing to apply"), "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_the_service_is_what_an_api_server_takes() {
    let Some(schemas) = Schemas::find() else { return };
    let Some(ground) = Ground::start(Options::default()).await else { return };
    let service = Service::start().await;
    let export = service.export(Format::Manifests).await;
    assert!(
        export.name.ends_with(".manifests.yaml") && export.media == "application/yaml",
        "{}",
        export.name
    );
    let documents = schemas.documents(&export.text).unwrap();
    apply(&ground.client().await, &documents).await;
    let [priorities] = documents.as_slice() else { panic!("one object: {}", export.text) };
    let table = priorities["data"]["priorities"].as_str().unwrap();
    let stay = service.plan.groups.iter().filter(|group| 0 < group.to_count);
    for group in stay {
        assert!(table.contains(&format!("|{})$", group.name)), "{} is not in\n{table}", group.name);
    }
}
