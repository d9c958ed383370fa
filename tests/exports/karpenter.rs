//! Karpenter: its definitions on a real API server, which judges pools by schema and rules.

use std::collections::BTreeSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client};
use plimsoll_domain::catalog::Catalog;
use plimsoll_manifest::export::{Fleet, Group, karpenter};
use plimsoll_props::ground::{Ground, Options};
use plimsoll_props::objects::object;
use plimsoll_props::schemas::Schemas;
use plimsoll_proto::v1::export_plan_request::Format;
use serde_json::{Value, json};

use super::fleet::{TOLD, odd};
use super::service::Service;
use super::wanted::{Wanted, check_head, head, map, sorted, taints, text, texts};

/// Teaches an API server Karpenter's kinds.
async fn define(client: &Client, schemas: Schemas) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in schemas.definitions() {
        let definition: CustomResourceDefinition = object(definition);
        let name = definition.metadata.name.clone().unwrap();
        api.create(&PostParams::default(), &definition).await.unwrap();
        await_condition(api.clone(), &name, conditions::is_crd_established()).await.unwrap();
    }
}

/// Applies an object as kubectl does, with strict checks of fields, and reads it back.
async fn apply(client: &Client, value: &Value) -> Result<Value, kube::Error> {
    let wanted: DynamicObject = object(value.clone());
    let kind = GroupVersionKind::try_from(wanted.types.as_ref().unwrap()).unwrap();
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &ApiResource::from_gvk(&kind));
    let name = wanted.metadata.name.clone().unwrap();
    api.patch(&name, &PatchParams::apply("tests").validation_strict(), &Patch::Apply(&wanted)).await?;
    Ok(serde_json::to_value(api.get(&name).await?).unwrap())
}

/// What a pool may buy. As many nodes as its limit of CPU allows of the largest type.
fn read(pool: &Value) -> Wanted {
    let spec = &pool["spec"]["template"]["spec"];
    let values = |key: &str| -> Vec<String> {
        let requirements = spec["requirements"].as_array().unwrap();
        let found = requirements.iter().find(|one| one["key"] == key);
        found.map(|one| texts(&one["values"])).unwrap_or_default()
    };
    let types = values("node.kubernetes.io/instance-type");
    let catalog = Catalog::builtin();
    let largest = types.iter().map(|name| catalog.types[name].vcpu).max().unwrap();
    let cpu: u64 = text(&pool["spec"]["limits"]["cpu"]).parse().unwrap();
    let architectures: BTreeSet<&str> =
        types.iter().map(|name| catalog.types[name].architecture.as_str()).collect();
    assert_eq!(values("kubernetes.io/arch"), architectures.into_iter().collect::<Vec<_>>());
    Wanted {
        name: text(&pool["metadata"]["name"]),
        is_spot: values("karpenter.sh/capacity-type") == ["spot"],
        zones: values("topology.kubernetes.io/zone").into_iter().collect(),
        types,
        count: cpu / u64::try_from(largest).unwrap(),
        labels: map(&spec_labels(pool)),
        taints: taints(&spec["taints"]),
    }
}

fn spec_labels(pool: &Value) -> Value {
    pool["spec"]["template"]["metadata"]["labels"].clone()
}

/// Applies a whole file; what is there then, classes and pools.
async fn applied(client: &Client, schemas: Schemas, file: &str) -> (Vec<Value>, Vec<Value>) {
    let (mut classes, mut pools) = (Vec::new(), Vec::new());
    for document in schemas.documents(file).unwrap_or_else(|why| panic!("{why}\n{file}")) {
        let there = apply(client, &document).await.unwrap_or_else(|why| panic!("{why}\n{document:#}"));
        if there["kind"] == "NodePool" { pools.push(there) } else { classes.push(there) }
    }
    (classes, pools)
}

fn pools_of(fleet: &Fleet) -> impl Iterator<Item = &Group> {
    fleet.groups.iter().filter(|group| group.stays() && (group.is_pool || !group.existing))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_takes_pools_as_the_plan_says_and_nothing_wrong() {
    let Some(schemas) = Schemas::find() else { return };
    let Some(ground) = Ground::start(Options::default()).await else { return };
    let client = ground.client().await;
    define(&client, schemas).await;

    let fleet = odd();
    let file = karpenter::pools(&fleet);
    let (classes, pools) = applied(&client, schemas, &file).await;
    let wanted = pools_of(&fleet).map(|group| Wanted::of_fleet(group, &TOLD));
    assert_eq!(sorted(pools.iter().map(read)), sorted(wanted), "{file}");
    check_head(&head(&file), &fleet);
    check_class(&classes);
    check_pools(&fleet, &pools);

    let right = schemas.documents(&file).unwrap();
    let pool = right.iter().find(|document| document["metadata"]["name"] == "odd").unwrap();
    for (pointer, value, why) in wrongs() {
        let mut wrong = pool.clone();
        set(&mut wrong, pointer, value.clone());
        let refusal = apply(&client, &wrong).await.map(drop).expect_err(pointer).to_string();
        assert!(refusal.contains(why), "{pointer} = {value}: {refusal}");
    }
    let mut wrong = right[0].clone();
    set(&mut wrong, "/spec/role", json!(""));
    let refusal = apply(&client, &wrong).await.map(drop).expect_err("a class without role").to_string();
    assert!(refusal.contains("role cannot be empty"), "{refusal}");
}

/// Fields of a pool, what is wrong in them, and what the API server says of it.
fn wrongs() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("/spec/weight", json!(101), "less than or equal to 100"),
        ("/spec/template/spec/requirements/1/minValues", json!(4), "minValues"),
        ("/spec/template/metadata/labels/kubernetes.io~1hostname", json!("a"), "is restricted"),
        ("/spec/disruption/budgets/0/schedule", json!("0 9 * * *"), "'schedule' must be set with 'duration'"),
        ("/spec/disruption/budgets/0/nodes", json!("15.5%"), "should match"),
        ("/spec/template/spec/taints/0/effect", json!("Nowhere"), "Unsupported value"),
        ("/spec/wait", json!("1m"), "spec.wait"),
    ]
}

/// Sets a field, there already or not.
fn set(value: &mut Value, pointer: &str, new: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = value.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
    parent[key.replace("~1", "/")] = new;
}

fn check_class(classes: &[Value]) {
    let [class] = classes else { panic!("one class: {classes:?}") };
    let spec = &class["spec"];
    assert_eq!(spec["role"], "KarpenterNodeRole-prod");
    let found_by = json!([{ "tags": { "karpenter.sh/discovery": "prod" } }]);
    assert_eq!(spec["subnetSelectorTerms"], found_by);
    assert_eq!(spec["securityGroupSelectorTerms"], found_by);
    assert_eq!(spec["blockDeviceMappings"][0]["ebs"]["volumeSize"], "20Gi");
    assert_eq!(spec["metadataOptions"]["httpTokens"], "required");
}

fn spec<'a>(pools: &'a [Value], name: &str) -> &'a Value {
    let pool = pools.iter().find(|pool| pool["metadata"]["name"] == name);
    &pool.unwrap_or_else(|| panic!("no pool {name}"))["spec"]
}

fn check_pools(fleet: &Fleet, pools: &[Value]) {
    let odd = spec(pools, "odd");
    let budgets =
        json!([{ "nodes": "15%" }, { "nodes": "0", "schedule": "0 9 * * mon-fri", "duration": "90m" }]);
    assert_eq!(odd["disruption"]["budgets"], budgets);
    assert_eq!(odd["template"]["spec"]["requirements"][1]["minValues"], 3);
    assert_eq!(odd["template"]["spec"]["nodeClassRef"]["name"], "plimsoll");
    assert_eq!(spec(pools, "pool")["template"]["spec"]["nodeClassRef"]["name"], "theirs");
    let memory = |group: &Group| format!("{}Mi", group.memory_mib() * i64::from(group.to_count));
    assert_eq!(odd["limits"]["memory"], memory(&fleet.groups[0]));
    // The cheaper a virtual CPU, the heavier.
    let mut groups: Vec<&Group> = pools_of(fleet).collect();
    groups.sort_by_key(|group| group.price().unwrap().nano_usd() / group.vcpu());
    let weights: Vec<u64> =
        groups.iter().map(|group| spec(pools, &group.name)["weight"].as_u64().unwrap()).collect();
    assert_eq!(weights, (0..groups.len() as u64).map(|place| 100 - place).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_the_service_is_what_karpenter_would_buy() {
    let Some(schemas) = Schemas::find() else { return };
    let Some(ground) = Ground::start(Options::default()).await else { return };
    let client = ground.client().await;
    define(&client, schemas).await;
    let service = Service::start().await;
    let export = service.export(Format::Karpenter).await;
    assert!(
        export.name.ends_with(".karpenter.yaml") && export.media == "application/yaml",
        "{}",
        export.name
    );
    let (_, pools) = applied(&client, schemas, &export.text).await;
    let wanted = service.new_groups().map(Wanted::of_plan);
    assert_eq!(sorted(pools.iter().map(read)), sorted(wanted), "{}", export.text);
}
