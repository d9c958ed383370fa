//! EC2: forms in, XML out.

use std::collections::BTreeMap;
use std::sync::Arc;

use plimsoll_domain::catalog::{Catalog, InstanceType};

use super::machines::Machine;
use super::state::{State, Words};
use super::types;
use super::xml::{leaf, list};
use super::{Answer, Request};
use super::{network, savings};

const XML: &str = "text/xml";
/// Values of one filter.
const FILTER_VALUES_MAX: usize = 200;
/// Of the service's XML.
const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

pub fn answer(state: &mut State, request: &Request) -> Answer {
    let action = request.action.as_str();
    state.refused(&format!("ec2:{action}"))?;
    if filters(&request.fields).values().any(|values| FILTER_VALUES_MAX < values.len()) {
        let message = "The maximum number of filter values specified on a single call is 200";
        return Err(Words::new(400, "FilterLimitExceeded", message));
    }
    if let Some(answered) = network::answer(state, request) {
        return answered.map(|result| told(action, &result));
    }
    let result = match action {
        "DescribeInstances" => instances(state, &request.fields),
        "DescribeSubnets" => subnets(state, &request.fields)?,
        "DescribeInstanceTypes" => types::types(&request.fields, &values(&request.fields, "InstanceType"))?,
        "DescribeInstanceTypeOfferings" => types::offerings(state, &request.fields)?,
        "CreateLaunchTemplate" => create_template(state, &request.fields)?,
        "DescribeLaunchTemplates" => templates(state, &request.fields),
        "DeleteLaunchTemplate" => delete_template(state, &request.fields)?,
        "DescribeSpotPriceHistory" => spot_prices(state, &request.fields),
        "DescribeReservedInstances" => savings::reservations(state),
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
            "instance-state-name" => values.iter().any(|value| value == state_of(machine).1),
            "tag:eks:cluster-name" => values.contains(&state.cluster),
            _ => false,
        })
    };
    let shown = state.machines.values().filter(wanted).map(|machine| instance(&state.cluster, machine));
    let reservation = [leaf("reservationId", "r-fake"), list("instancesSet", "item", shown)].concat();
    list("reservationSet", "item", [reservation])
}

/// A machine's state: its code and its name.
fn state_of(machine: &Machine) -> (i32, &'static str) {
    match (machine.end.is_some(), machine.left) {
        (false, _) if machine.joined => (16, "running"),
        (false, _) => (0, "pending"),
        (true, false) => (32, "shutting-down"),
        (true, true) => (48, "terminated"),
    }
}

/// Cores and threads of a type: two threads a core where that comes out even.
fn cpu_options(instance_type: &str) -> String {
    let vcpus = Catalog::builtin().types.get(instance_type).map_or(2, |known| known.vcpu);
    let threads = if vcpus % 2 == 0 { 2 } else { 1 };
    [leaf("coreCount", vcpus / threads), leaf("threadsPerCore", threads)].concat()
}

fn instance(cluster: &str, machine: &Machine) -> String {
    let (code, name) = state_of(machine);
    let tag = |(key, value): (&str, &str)| [leaf("key", key), leaf("value", value)].concat();
    let tags = [("eks:cluster-name", cluster), ("eks:nodegroup-name", machine.group.as_str())].map(tag);
    let mut shown = vec![
        leaf("instanceId", &machine.id),
        super::xml::node("instanceState", &[leaf("code", code), leaf("name", name)].concat()),
        leaf("instanceType", &machine.instance_type),
        super::xml::node("cpuOptions", &cpu_options(&machine.instance_type)),
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

fn subnets(state: &State, fields: &BTreeMap<String, String>) -> Result<String, Words> {
    let mut filters = filters(fields);
    let mut ids = values(fields, "SubnetId");
    if let Some(strange) = ids.iter().find(|id| !state.subnets.iter().any(|(known, _)| known == *id)) {
        let message = format!("The subnet ID '{strange}' does not exist");
        return Err(Words::new(400, "InvalidSubnetID.NotFound", message));
    }
    ids.extend(filters.remove("subnet-id").unwrap_or_default());
    if !filters.is_empty() {
        return Ok(list("subnetSet", "item", state.tagged_subnets(&filters)));
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
    Ok(list("subnetSet", "item", shown))
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

/// Of the zones and types that are asked for, or of all.
fn spot_prices(state: &State, fields: &BTreeMap<String, String>) -> String {
    let catalog = Catalog::builtin();
    let (zone, names) = (fields.get("AvailabilityZone"), values(fields, "InstanceType"));
    let start = fields.get("StartTime").cloned().unwrap_or_default();
    let zones = state.subnets.iter().map(|(_, its)| its).filter(|its| zone.is_none_or(|zone| zone == *its));
    let wanted = |known: &&Arc<InstanceType>| names.is_empty() || names.contains(&known.name);
    let pools = zones.flat_map(|zone| catalog.types.values().filter(wanted).map(move |known| (known, zone)));
    let prices =
        pools.filter(|(known, zone)| types::is_sold(state, known, zone)).filter_map(|(known, zone)| {
            let price = catalog.spot_price(&known.name, zone)?;
            let shown = [
                leaf("instanceType", &known.name),
                leaf("productDescription", "Linux/UNIX"),
                leaf("spotPrice", format!("{:.6}", price.rate.usd())),
                leaf("timestamp", &start),
                leaf("availabilityZone", zone),
            ];
            Some(shown.concat())
        });
    let (shown, more) = types::page(fields, prices.collect());
    [list("spotPriceHistorySet", "item", shown), more].concat()
}
