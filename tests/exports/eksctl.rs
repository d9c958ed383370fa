//! eksctl: its schema, its strict decoder and its own checks.

use plimsoll_manifest::export::{Group, eksctl};
use plimsoll_props::schemas::Schemas;
use plimsoll_proto::v1::export_plan_request::Format;
use serde_json::Value;

use super::fleet::{TOLD, odd};
use super::service::Service;
use super::wanted::{Wanted, check_head, head, map, sorted, taints, text, texts};

/// Labels that eksctl gives every group.
const ITS_OWN: &str = "alpha.eksctl.io/";

fn read(config: &Value) -> Vec<Wanted> {
    let groups = config["managedNodeGroups"].as_array().unwrap().iter();
    sorted(groups.map(|group| {
        let mut labels = map(&group["labels"]);
        labels.retain(|key, _| !key.starts_with(ITS_OWN));
        Wanted {
            name: text(&group["name"]),
            is_spot: group["spot"] == Value::Bool(true),
            zones: texts(&group["availabilityZones"]),
            types: texts(&group["instanceTypes"]),
            count: group["desiredCapacity"].as_u64().unwrap(),
            labels,
            taints: taints(&group["taints"]),
        }
    }))
}

#[test]
fn eksctl_reads_what_the_plan_says() {
    let Some(schemas) = Schemas::find() else { return };
    let fleet = odd();
    let file = eksctl::cluster_config(&fleet);
    let config = schemas.eksctl(&file).unwrap_or_else(|why| panic!("{why}\n{file}"));
    let stays = |group: &&Group| group.stays() && !group.is_pool;
    let wanted = fleet.groups.iter().filter(stays).map(|group| {
        let wanted = Wanted::of_fleet(group, &TOLD);
        Wanted { name: wanted.name.replace("shrunk_1", "shrunk-1"), ..wanted }
    });
    assert_eq!(read(&config), sorted(wanted), "{file}");
    let metadata = &config["metadata"];
    assert_eq!([&metadata["name"], &metadata["region"], &metadata["version"]], ["prod", "us-east-1", "1.35"]);
    let odd =
        config["managedNodeGroups"].as_array().unwrap().iter().find(|group| group["name"] == "odd").unwrap();
    assert_eq!(
        [&odd["minSize"], &odd["maxSize"], &odd["volumeSize"]].map(Value::as_u64),
        [Some(0), Some(450), Some(20)]
    );
    check_head(&head(&file), &fleet);
    assert!(file.contains("drain ip-10-0-0-1.ec2.internal, ip 10;"), "{file}");
}

#[test]
fn eksctl_refuses_what_is_wrong() {
    let Some(schemas) = Schemas::find() else { return };
    let file = eksctl::cluster_config(&odd());
    let cases = [
        ("spot: true", "spott: true", "spott"),
        ("maxSize: 450", "maxSize: 2", "--nodes-max=2"),
        ("AmazonLinux2023", "AL2023", "amiFamily"),
        ("effect: PreferNoSchedule", "effect: Nowhere", "Nowhere"),
        ("\"on\"", "on", "got boolean, want string"),
        ("node.kubernetes.io/pool", "kubernetes.io/pool", "reserved prefixes"),
    ];
    for (from, to, why) in cases {
        assert!(file.contains(from), "{from} is not in\n{file}");
        let refusal = schemas.eksctl(&file.replacen(from, to, 1)).expect_err(to);
        assert!(refusal.contains(why), "{to}: {refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_the_service_is_what_eksctl_reads() {
    let Some(schemas) = Schemas::find() else { return };
    let service = Service::start().await;
    let export = service.export(Format::Eksctl).await;
    assert!(export.name.ends_with(".eksctl.yaml") && export.media == "application/yaml", "{}", export.name);
    let config = schemas.eksctl(&export.text).unwrap_or_else(|why| panic!("{why}\n{}", export.text));
    let groups = service.plan.groups.iter().filter(|group| 0 < group.to_count);
    assert_eq!(read(&config), sorted(groups.map(Wanted::of_plan)), "{}", export.text);
    assert!(head(&export.text).contains(&service.plan.name));
}
