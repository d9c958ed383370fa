//! EC2: forms in, XML out.

use std::collections::BTreeMap;

use plimsoll_domain::catalog::{AcceleratorKind, Catalog, InstanceType};

use super::machines::Machine;
use super::network;
use super::state::{State, Words};
use super::xml::{leaf, list};
use super::{Answer, Request};

const XML: &str = "text/xml";
/// Of the service's XML.
const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

pub fn answer(state: &mut State, request: &Request) -> Answer {
    let action = request.action.as_str();
    state.refused(&format!("ec2:{action}"))?;
    if let Some(answered) = network::answer(state, request) {
        return answered.map(|result| told(action, &result));
    }
    let result = match action {
        "DescribeInstances" => instances(state, &request.fields),
        "DescribeSubnets" => subnets(state, &request.fields),
        "DescribeInstanceTypes" => types(&request.fields),
        "CreateLaunchTemplate" => create_template(state, &request.fields)?,
        "DescribeLaunchTemplates" => templates(state, &request.fields),
        "DeleteLaunchTemplate" => delete_template(state, &request.fields)?,
        "DescribeSpotPriceHistory" => spot_prices(&request.fields),
        "DescribeNetworkInterfaces" => interfaces(state),
        "DeleteNetworkInterface" => delete_interface(state, &request.fields)?,
        other => return Err(Words::new(400, "InvalidAction", format!("{other} is not answered here"))),
    };
    Ok(told(action, &result))
}

fn told(action: &str, result: &str) -> (&'static str, String) {
    let id = leaf("requestId", "fake");
    (XML, format!("<{action}Response xmlns=\"{NAMESPACE}\">{id}{result}</{action}Response>"))
}

/// Values of `prefix.1`, `prefix.2` and so on.
fn values(fields: &BTreeMap<String, String>, prefix: &str) -> Vec<String> {
    (1..).map_while(|index| fields.get(&format!("{prefix}.{index}")).cloned()).collect()
}

/// Filters by name.
pub fn filters(fields: &BTreeMap<String, String>) -> BTreeMap<String, Vec<String>> {
    (1..)
        .map_while(|index| {
            let name = fields.get(&format!("Filter.{index}.Name"))?.clone();
            Some((name, values(fields, &format!("Filter.{index}.Value"))))
        })
        .collect()
}

fn instances(state: &State, fields: &BTreeMap<String, String>) -> String {
    let filters = filters(fields);
    let wanted = |machine: &&Machine| {
        filters.iter().all(|(name, values)| match name.as_str() {
            "instance-id" => values.contains(&machine.id),
            "tag:eks:cluster-name" => values.contains(&state.cluster),
            _ => false,
        })
    };
    let shown = state.machines.values().filter(wanted).map(|machine| instance(&state.cluster, machine));
    let reservation = [leaf("reservationId", "r-fake"), list("instancesSet", "item", shown)].concat();
    list("reservationSet", "item", [reservation])
}

fn instance(cluster: &str, machine: &Machine) -> String {
    let (code, name) = match (machine.end.is_some(), machine.left) {
        (false, _) if machine.joined => (16, "running"),
        (false, _) => (0, "pending"),
        (true, false) => (32, "shutting-down"),
        (true, true) => (48, "terminated"),
    };
    let tag = |(key, value): (&str, &str)| [leaf("key", key), leaf("value", value)].concat();
    let tags = [("eks:cluster-name", cluster), ("eks:nodegroup-name", machine.group.as_str())].map(tag);
    let mut shown = vec![
        leaf("instanceId", &machine.id),
        super::xml::node("instanceState", &[leaf("code", code), leaf("name", name)].concat()),
        leaf("instanceType", &machine.instance_type),
        leaf("launchTime", machine.launched.strftime("%Y-%m-%dT%H:%M:%S.%3fZ")),
        super::xml::node("placement", &leaf("availabilityZone", &machine.zone)),
        list("tagSet", "item", tags),
    ];
    if machine.is_spot {
        shown.push(leaf("instanceLifecycle", "spot"));
    }
    if let Some(end) = machine.end {
        let (reason, code) = match machine.taken_back {
            // When, is not told.
            true => ("Server.SpotInstanceTermination".to_owned(), "Server.SpotInstanceTermination"),
            false => {
                let time = end.strftime("User initiated (%Y-%m-%d %H:%M:%S GMT)").to_string();
                (time, "Client.UserInitiatedShutdown")
            }
        };
        shown.push(leaf("reason", reason));
        shown.push(super::xml::node("stateReason", &leaf("code", code)));
    }
    shown.concat()
}

fn subnets(state: &State, fields: &BTreeMap<String, String>) -> String {
    let mut filters = filters(fields);
    let mut ids = values(fields, "SubnetId");
    ids.extend(filters.remove("subnet-id").unwrap_or_default());
    if !filters.is_empty() {
        return list("subnetSet", "item", state.tagged_subnets(&filters));
    }
    let its = state.subnets.iter().filter(|(id, _)| ids.contains(id));
    let shown = its.map(|(id, zone)| {
        [
            leaf("subnetId", id),
            leaf("availabilityZone", zone),
            leaf("availableIpAddressCount", state.free_addresses),
            leaf("cidrBlock", "10.0.0.0/16"),
            leaf("vpcId", "vpc-0fedcba9876543210"),
        ]
        .concat()
    });
    list("subnetSet", "item", shown)
}

fn types(fields: &BTreeMap<String, String>) -> String {
    let catalog = Catalog::builtin();
    let names = values(fields, "InstanceType");
    let known = names.iter().filter_map(|name| catalog.types.get(name));
    list("instanceTypeSet", "item", known.map(|known| instance_type(known)))
}

fn instance_type(known: &InstanceType) -> String {
    let architecture = if known.architecture == "arm64" { "arm64" } else { "x86_64" };
    let processor = list("supportedArchitectures", "item", [architecture.to_owned()]);
    // A list of texts has no elements in its items.
    let processor = super::xml::node("processorInfo", &processor);
    let mut shown = vec![leaf("instanceType", &known.name), processor];
    if let Some(accelerator) = &known.accelerator
        && accelerator.kind == AcceleratorKind::Gpu
    {
        let maker = if accelerator.nvidia { "NVIDIA" } else { "AMD" };
        let gpu =
            [leaf("name", &accelerator.name), leaf("manufacturer", maker), leaf("count", accelerator.count)];
        shown.push(super::xml::node("gpuInfo", &list("gpus", "item", [gpu.concat()])));
    }
    shown.concat()
}

fn shown_template(name: &str) -> String {
    [
        leaf("launchTemplateId", format!("lt-{name}")),
        leaf("launchTemplateName", name),
        leaf("latestVersionNumber", 1),
    ]
    .concat()
}

fn create_template(state: &mut State, fields: &BTreeMap<String, String>) -> Result<String, Words> {
    let name = fields.get("LaunchTemplateName").cloned().unwrap_or_default();
    if state.templates.contains_key(&name) {
        let code = "InvalidLaunchTemplateName.AlreadyExistsException";
        return Err(Words::new(400, code, "Launch template name already in use."));
    }
    state.templates.insert(name.clone(), serde_json::json!(fields));
    Ok(super::xml::node("launchTemplate", &shown_template(&name)))
}

fn templates(state: &State, fields: &BTreeMap<String, String>) -> String {
    let named = filters(fields).remove("launch-template-name").unwrap_or_default();
    let found = state.templates.keys().filter(|name| named.contains(name));
    list("launchTemplates", "item", found.map(|name| shown_template(name)))
}

fn delete_template(state: &mut State, fields: &BTreeMap<String, String>) -> Result<String, Words> {
    let name = fields.get("LaunchTemplateName").cloned().unwrap_or_default();
    match state.templates.remove(&name) {
        Some(_) => Ok(super::xml::node("launchTemplate", &shown_template(&name))),
        None => {
            let code = "InvalidLaunchTemplateName.NotFoundException";
            Err(Words::new(
                400,
                code,
                "At least one of the launch templates specified in the request does not exist.",
            ))
        }
    }
}

/// Those that nothing uses any more: what is asked for.
fn interfaces(state: &State) -> String {
    let shown = state.estate.interfaces.iter().map(|id| {
        [leaf("networkInterfaceId", id), leaf("status", "available"), leaf("description", "aws-K8S-i-0")]
            .concat()
    });
    list("networkInterfaceSet", "item", shown)
}

fn delete_interface(state: &mut State, fields: &BTreeMap<String, String>) -> Result<String, Words> {
    let id = fields.get("NetworkInterfaceId").cloned().unwrap_or_default();
    if state.estate.interfaces.remove(&id) {
        return Ok(leaf("return", true));
    }
    let message = format!("The networkInterface ID '{id}' does not exist");
    Err(Words::new(400, "InvalidNetworkInterfaceID.NotFound", message))
}

fn spot_prices(fields: &BTreeMap<String, String>) -> String {
    let catalog = Catalog::builtin();
    let zone = fields.get("AvailabilityZone").cloned().unwrap_or_default();
    let start = fields.get("StartTime").cloned().unwrap_or_default();
    let prices = values(fields, "InstanceType").into_iter().filter_map(|name| {
        let price = catalog.spot_price(&name, &zone)?;
        Some(
            [
                leaf("instanceType", name),
                leaf("productDescription", "Linux/UNIX"),
                leaf("spotPrice", format!("{:.6}", price.rate.usd())),
                leaf("timestamp", &start),
                leaf("availabilityZone", &zone),
            ]
            .concat(),
        )
    });
    list("spotPriceHistorySet", "item", prices)
}
