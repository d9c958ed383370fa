//! Terraform: its own reader of configurations, and its evaluation of expressions.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::policy::Actuator;
use plimsoll_manifest::export::{Fleet, Group, terraform};
use plimsoll_props::schemas::Schemas;
use plimsoll_proto::v1::export_plan_request::Format;
use serde_json::{Value, json};

use super::fleet::{TOLD, ZONE, odd};
use super::service::Service;
use super::wanted::{Wanted, check_head, map, sorted, taints, text, texts};

/// What who applies it gives it: a subnet for each zone is named after it.
fn variables() -> Value {
    let zones = ["a", "b", "c", "d", "e", "f"].map(|letter| format!("us-east-1{letter}"));
    let subnets: BTreeMap<&String, String> =
        zones.iter().map(|zone| (zone, format!("subnet-{zone}"))).collect();
    json!({ "cluster_name": "prod", "node_role_arn": "arn:aws:iam::123456789012:role/nodes", "subnet_ids": subnets })
}

fn read(found: &Value) -> Vec<Wanted> {
    let groups = found["node_groups"].as_object().unwrap().values();
    sorted(groups.map(|group| {
        assert_eq!(group["cluster_name"], "prod");
        assert_eq!(group["node_role_arn"], variables()["node_role_arn"]);
        let subnets: Vec<String> = texts(&group["subnet_ids"]);
        let effect = |word: &str| match word {
            "NO_SCHEDULE" => "NoSchedule".to_owned(),
            "PREFER_NO_SCHEDULE" => "PreferNoSchedule".to_owned(),
            "NO_EXECUTE" => "NoExecute".to_owned(),
            other => panic!("{other} is no effect"),
        };
        Wanted {
            name: text(&group["node_group_name"]),
            is_spot: group["capacity_type"] == "SPOT",
            zones: subnets.iter().map(|subnet| subnet.replacen("subnet-", "", 1)).collect(),
            types: texts(&group["instance_types"]),
            count: group["scaling_config"]["desired_size"].as_u64().unwrap(),
            labels: map(&group["labels"]),
            taints: taints(&group["taint"])
                .into_iter()
                .map(|[key, value, word]| [key, value, effect(&word)])
                .collect(),
        }
    }))
}

#[test]
fn terraform_reads_what_the_plan_says() {
    let Some(schemas) = Schemas::find() else { return };
    let mut fleet = odd();
    fleet.groups[0].labels.insert("a".into(), "${var.cluster_name} %{ if true }".into());
    let file = terraform::configuration(&fleet);
    let found = schemas.terraform(&file, &variables()).unwrap_or_else(|why| panic!("{why}\n{file}"));
    let new = fleet.groups.iter().filter(|group| !group.existing);
    assert_eq!(read(&found), sorted(new.map(|group| Wanted::of_fleet(group, &TOLD))), "{file}");
    let module = &found["module"];
    assert_eq!(module["required_providers"]["aws"]["source"], "hashicorp/aws");
    let needed = |name: &str| module["variables"][name]["required"].as_bool();
    assert_eq!(
        ["cluster_name", "node_role_arn", "subnet_ids"].map(needed),
        [Some(false), Some(true), Some(true)]
    );
    let amis: BTreeSet<&str> = found["node_groups"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(|group| group["ami_type"].as_str())
        .collect();
    let want = ["AL2023_ARM_64_STANDARD", "AL2023_x86_64_NVIDIA", "AL2023_x86_64_STANDARD"];
    assert_eq!(amis, want.into_iter().collect());
    let parsed: Value = serde_json::from_str(&file).unwrap();
    check_head(&texts::<Vec<String>>(&parsed["//"]).join("\n"), &fleet);
    assert!(file.starts_with("{\n  \"//\": ["), "{file}");
}

#[test]
fn sizes_that_others_own_are_left_to_them() {
    let owned = |actuator| {
        let mut fleet = odd();
        fleet.policy.actuator = actuator;
        terraform::configuration(&fleet).contains("ignore_changes")
    };
    assert_eq!(
        [Actuator::Advise, Actuator::ClusterAutoscaler, Actuator::Plimsoll].map(owned),
        [false, true, true]
    );
}

#[test]
fn a_plan_without_new_groups_is_a_configuration_without_resources() {
    let Some(schemas) = Schemas::find() else { return };
    let kept: Vec<Group> = odd().groups.into_iter().filter(|group| group.existing).collect();
    let file = terraform::configuration(&Fleet { groups: kept, ..odd() });
    let found = schemas.terraform(&file, &variables()).unwrap();
    assert_eq!(found["node_groups"], json!({}), "{file}");
}

#[test]
fn terraform_refuses_what_is_wrong() {
    let Some(schemas) = Schemas::find() else { return };
    let file = terraform::configuration(&odd());
    let cases = [
        ("\"capacity_type\"", "\"capacity_kind\"", "capacity_kind"),
        ("${var.node_role_arn}", "${var.role}", "role"),
        ("\"min_size\": 0", "\"min_size\": \"none\"", "number"),
        (ZONE, "us-east-1z", "us-east-1z"),
    ];
    for (from, to, why) in cases {
        let refusal = schemas.terraform(&file.replace(from, to), &variables()).expect_err(to);
        assert!(refusal.contains(why) || refusal.contains("does not identify an element"), "{to}: {refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_the_service_is_what_terraform_reads() {
    let Some(schemas) = Schemas::find() else { return };
    let service = Service::start().await;
    let export = service.export(Format::Terraform).await;
    assert!(export.name.ends_with(".tf.json") && export.media == "application/json", "{}", export.name);
    let found =
        schemas.terraform(&export.text, &variables()).unwrap_or_else(|why| panic!("{why}\n{}", export.text));
    assert_eq!(read(&found), sorted(service.new_groups().map(Wanted::of_plan)), "{}", export.text);
}
