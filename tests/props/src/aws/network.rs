//! Networks, as EC2 keeps them: things with tags that let go of one another in an order.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Request;
use super::state::{State, Words};
use super::xml::{leaf, list, node};

/// A thing of a network.
#[derive(Clone, Debug)]
pub struct Thing {
    kind: &'static str,
    tags: BTreeMap<String, String>,
    /// What it is in, on or of, by name of the field.
    of: BTreeMap<&'static str, String>,
    state: &'static str,
    until: Option<Timestamp>,
}

/// Kind, beginning of its ids, and its words on the wire.
const KINDS: [(&str, &str); 6] = [
    ("Vpc", "vpc"),
    ("Subnet", "subnet"),
    ("InternetGateway", "igw"),
    ("NatGateway", "nat"),
    ("Address", "eipalloc"),
    ("RouteTable", "rtb"),
];

/// Answers what is about networks; none: it is about something else.
pub fn answer(state: &mut State, request: &Request) -> Option<Result<String, Words>> {
    let fields = &request.fields;
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let done = || Ok(leaf("return", true));
    Some(match request.action.as_str() {
        "CreateVpc" => Ok(made(state, "Vpc", request, &[])),
        "CreateInternetGateway" => Ok(made(state, "InternetGateway", request, &[])),
        "CreateRouteTable" => Ok(made(state, "RouteTable", request, &[("vpcId", "VpcId")])),
        "CreateSubnet" => {
            let of =
                [("vpcId", "VpcId"), ("availabilityZone", "AvailabilityZone"), ("cidrBlock", "CidrBlock")];
            Ok(made(state, "Subnet", request, &of))
        }
        "AllocateAddress" => Ok(made(state, "Address", request, &[])),
        "CreateNatGateway" => {
            let of = [("subnetId", "SubnetId"), ("allocationId", "AllocationId")];
            Ok(made(state, "NatGateway", request, &of))
        }
        "ModifyVpcAttribute" | "ModifySubnetAttribute" => done(),
        "AttachInternetGateway" => {
            state.thing(&field("InternetGatewayId"), |one| drop(one.of.insert("vpcId", field("VpcId"))))
        }
        "DetachInternetGateway" => {
            match state.network.values().any(|one| one.kind == "NatGateway" && one.state != "deleted") {
                true => Err(held("network has some mapped public address(es)")),
                false => state.thing(&field("InternetGatewayId"), |one| drop(one.of.remove("vpcId"))),
            }
        }
        "CreateRoute" => {
            let way = field("GatewayId") + &field("NatGatewayId");
            state.thing(&field("RouteTableId"), |one| drop(one.of.insert("way", way)))
        }
        "AssociateRouteTable" => {
            let (table, subnet) = (field("RouteTableId"), field("SubnetId"));
            state
                .thing(&subnet, |one| drop(one.of.insert("table", table)))
                .map(|_| leaf("associationId", "rtbassoc-1"))
        }
        "DeleteVpc" => remove(state, &field("VpcId")),
        "DeleteSubnet" => remove(state, &field("SubnetId")),
        "DeleteInternetGateway" => remove(state, &field("InternetGatewayId")),
        "DeleteRouteTable" => remove(state, &field("RouteTableId")),
        "ReleaseAddress" => remove(state, &field("AllocationId")),
        "DeleteNatGateway" => {
            let until = state.after(state.manners.group);
            let id = field("NatGatewayId");
            state
                .thing(&id, |one| (one.state, one.until) = ("deleting", Some(until)))
                .map(|_| leaf("natGatewayId", id))
        }
        "DescribeVpcs" => Ok(described(state, "Vpc", "vpcSet", request)),
        "DescribeInternetGateways" => Ok(described(state, "InternetGateway", "internetGatewaySet", request)),
        "DescribeNatGateways" => Ok(described(state, "NatGateway", "natGatewaySet", request)),
        "DescribeAddresses" => Ok(described(state, "Address", "addressesSet", request)),
        "DescribeRouteTables" => Ok(described(state, "RouteTable", "routeTableSet", request)),
        _ => return None,
    })
}

fn held(what: &str) -> Words {
    Words::new(400, "DependencyViolation", format!("It has dependencies and cannot be deleted: {what}"))
}

/// Makes a thing; `of`: fields that it keeps, and their names in the request. As it is shown.
fn made(state: &mut State, kind: &'static str, request: &Request, of: &[(&'static str, &str)]) -> String {
    let prefix = KINDS.iter().find(|(name, _)| *name == kind).map_or("x", |(_, prefix)| prefix);
    let id = format!("{prefix}-{:017x}", 0xa000 + state.next());
    let field = |name: &str| request.fields.get(name).cloned().unwrap_or_default();
    let tags = (1..).map_while(|index| {
        let key = request.fields.get(&format!("TagSpecification.1.Tag.{index}.Key"))?;
        Some((key.clone(), field(&format!("TagSpecification.1.Tag.{index}.Value"))))
    });
    let waits = kind == "NatGateway";
    let thing = Thing {
        kind,
        tags: tags.collect(),
        of: of.iter().map(|(name, asked)| (*name, field(asked))).collect(),
        state: if waits { "pending" } else { "available" },
        until: waits.then(|| state.after(state.manners.group)),
    };
    if kind == "Subnet" {
        state.subnets.push((id.clone(), field("AvailabilityZone")));
    }
    if kind == "Address" {
        // Its tags are told later.
        let told = address(&id);
        state.network.insert(id, thing);
        return told;
    }
    let shown = thing.shown(&id, state);
    state.network.insert(id, thing);
    let mut word = kind.to_owned();
    word[..1].make_ascii_lowercase();
    node(&word, &shown)
}

/// Removes a thing that nothing holds.
fn remove(state: &mut State, id: &str) -> Result<String, Words> {
    // A route to what is gone leads nowhere, and holds nothing.
    let uses = |one: &Thing| one.of.iter().any(|(field, other)| *field != "way" && other == id);
    let holds = |one: &&Thing| one.state != "deleted" && uses(one);
    if let Some(holder) = state.network.values().find(holds) {
        return Err(held(holder.kind));
    }
    let attached =
        state.network.get(id).is_some_and(|one| one.kind == "InternetGateway" && !one.of.is_empty());
    if attached {
        return Err(held("it is attached"));
    }
    state.subnets.retain(|(its, _)| its != id);
    match state.network.remove(id) {
        Some(_) => Ok(leaf("return", true)),
        None => Err(Words::new(400, "InvalidID.NotFound", format!("{id} does not exist"))),
    }
}

fn described(state: &State, kind: &str, set: &str, request: &Request) -> String {
    let filters = super::ec2::filters(&request.fields);
    let its = state.network.iter().filter(|(_, one)| one.kind == kind && one.is(&filters));
    list(set, "item", its.map(|(id, one)| one.shown(id, state)))
}

fn address(id: &str) -> String {
    [leaf("allocationId", id), leaf("publicIp", "203.0.113.7"), leaf("domain", "vpc")].concat()
}

impl Thing {
    fn is(&self, wanted: &BTreeMap<String, Vec<String>>) -> bool {
        wanted.iter().all(|(name, values)| {
            let tag = name.strip_prefix("tag:").and_then(|key| self.tags.get(key));
            tag.is_some_and(|tag| values.contains(tag))
        })
    }

    fn shown(&self, id: &str, state: &State) -> String {
        let tags = self.tags.iter().map(|(key, value)| [leaf("key", key), leaf("value", value)].concat());
        let of = |name: &str| self.of.get(name).map(|value| leaf(name, value)).unwrap_or_default();
        let mut shown = match self.kind {
            "Vpc" => leaf("vpcId", id),
            "Subnet" => [
                leaf("subnetId", id),
                of("vpcId"),
                of("availabilityZone"),
                of("cidrBlock"),
                leaf("availableIpAddressCount", state.free_addresses),
            ]
            .concat(),
            "InternetGateway" => {
                let attached =
                    self.of.get("vpcId").map(|vpc| leaf("vpcId", vpc) + &leaf("state", "available"));
                leaf("internetGatewayId", id) + &list("attachmentSet", "item", attached)
            }
            "NatGateway" => [leaf("natGatewayId", id), leaf("state", self.state), of("subnetId")].concat(),
            "Address" => address(id),
            _ => {
                let route = self
                    .of
                    .get("way")
                    .map(|way| leaf("destinationCidrBlock", "0.0.0.0/0") + &leaf("gatewayId", way));
                let uses = state
                    .network
                    .iter()
                    .filter(|(_, one)| one.of.get("table").is_some_and(|table| table == id));
                let uses = uses.map(|(subnet, _)| leaf("subnetId", subnet) + &leaf("routeTableId", id));
                [
                    leaf("routeTableId", id),
                    of("vpcId"),
                    list("routeSet", "item", route),
                    list("associationSet", "item", uses),
                ]
                .concat()
            }
        };
        shown += &list("tagSet", "item", tags);
        shown
    }
}

impl State {
    fn thing(&mut self, id: &str, change: impl FnOnce(&mut Thing)) -> Result<String, Words> {
        let missing = || Words::new(400, "InvalidID.NotFound", format!("{id} does not exist"));
        change(self.network.get_mut(id).ok_or_else(missing)?);
        Ok(leaf("return", true))
    }

    /// Gateways come and go.
    pub fn advance_network(&mut self, now: Timestamp) {
        for one in self.network.values_mut().filter(|one| one.until.is_some_and(|until| until <= now)) {
            one.until = None;
            one.state = if one.state == "deleting" { "deleted" } else { "available" };
            if one.state == "deleted" {
                one.of.clear();
            }
        }
    }

    /// Subnets of made networks with such tags.
    pub fn tagged_subnets(&self, wanted: &BTreeMap<String, Vec<String>>) -> Vec<String> {
        let its = self.network.iter().filter(|(_, one)| one.kind == "Subnet" && one.is(wanted));
        its.map(|(id, one)| one.shown(id, self)).collect()
    }

    /// What there is of networks, without ids.
    pub fn shown_network(&self) -> String {
        let living = self.network.values().filter(|one| one.state != "deleted");
        let mut lines: Vec<String> = living
            .map(|one| {
                let name = one.tags.get("plimsoll:part").cloned().unwrap_or_default();
                let links: Vec<&str> = one.of.keys().copied().collect();
                format!("{} {name} {} {links:?}\n", one.kind, one.state)
            })
            .collect();
        lines.sort();
        lines.concat()
    }
}
