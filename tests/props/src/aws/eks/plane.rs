//! The control plane, its add-ons, and who may enter.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::state::{State, Words};
use super::super::{Answer, Request};
use super::{JSON, decoded, page};

/// Kubernetes version of a cluster that others made.
const FOUND_VERSION: &str = "1.36";
/// Add-ons that are offered.
const OFFERED: [&str; 6] =
    ["aws-ebs-csi-driver", "coredns", "eks-pod-identity-agent", "kube-proxy", "metrics-server", "vpc-cni"];

/// The control plane.
#[derive(Clone, Debug)]
pub struct Plane {
    made: Value,
    status: &'static str,
    until: Option<Timestamp>,
    version: String,
    protected: bool,
    /// The version that an update brings, and its id.
    next: Option<(String, String)>,
}

/// An add-on.
#[derive(Clone, Debug)]
pub struct AddOn {
    made: Value,
    status: &'static str,
    until: Option<Timestamp>,
    version: String,
    next: Option<(String, String)>,
}

/// What there is beside node groups.
#[derive(Clone, Debug, Default)]
pub struct Estate {
    pub(in crate::aws) plane: Option<Plane>,
    pub(in crate::aws) add_ons: BTreeMap<String, AddOn>,
    /// Entries by principal, with the policies of each.
    pub entries: BTreeMap<String, (Value, BTreeSet<String>)>,
    /// Network interfaces that nothing uses any more.
    pub interfaces: BTreeSet<String>,
    /// Fargate profiles, which others made.
    pub fargate_profiles: BTreeSet<String>,
    /// What insights say against an upgrade.
    pub insights: Vec<(String, String)>,
    /// Whether that holds no longer, as insights see once they are refreshed.
    pub is_ready: bool,
    /// Add-ons that end DEGRADED.
    degraded: BTreeSet<String>,
    /// Whether the next control plane cannot be made.
    pub cannot_make: bool,
}

impl Estate {
    /// A control plane that others made.
    pub fn found(&mut self, subnets: &[(String, String)]) {
        let ids: Vec<&String> = subnets.iter().map(|(id, _)| id).collect();
        let made = json!({
            "roleArn": "arn:aws:iam::123456789012:role/cluster",
            "resourcesVpcConfig": { "subnetIds": ids, "vpcId": "vpc-0fedcba9876543210" },
        });
        let (status, until, next, protected) = ("ACTIVE", None, None, false);
        let version = FOUND_VERSION.to_owned();
        self.plane = Some(Plane { made, status, until, version, protected, next });
    }

    /// An add-on is DEGRADED from its next change on.
    pub fn degrade(&mut self, name: &str) {
        self.degraded.insert(name.to_owned());
    }

    /// Add-ons that were DEGRADED are well.
    pub fn mend(&mut self) {
        self.degraded.clear();
        for add_on in self.add_ons.values_mut().filter(|add_on| add_on.status == "DEGRADED") {
            add_on.status = "ACTIVE";
        }
    }

    /// What there is, without times and ids.
    pub fn shown(&self) -> String {
        let mut shown = String::new();
        if let Some(plane) = &self.plane {
            let (role, subnets) = (&plane.made["roleArn"], &plane.made["resourcesVpcConfig"]["subnetIds"]);
            shown +=
                &format!("plane {} {} {} {role} {subnets}\n", plane.status, plane.version, plane.protected);
        }
        for (name, add_on) in &self.add_ons {
            shown += &format!("add-on {name} {} {}\n", add_on.status, add_on.version);
        }
        for (principal, (_, policies)) in &self.entries {
            shown += &format!("entry {principal} {policies:?}\n");
        }
        for id in &self.interfaces {
            shown += &format!("interface {id}\n");
        }
        shown
    }

    pub(in crate::aws) fn version(&self) -> String {
        self.plane.as_ref().map_or_else(String::new, |plane| plane.version.clone())
    }
}

impl State {
    /// Lets what is due happen to everything but node groups.
    pub fn advance_estate(&mut self, now: Timestamp) {
        let due = |until: Option<Timestamp>| until.is_some_and(|until| until <= now);
        if let Some(plane) = self.estate.plane.as_mut().filter(|plane| due(plane.until)) {
            plane.until = None;
            match plane.status {
                "DELETING" => {
                    self.estate.plane = None;
                    self.estate.add_ons.clear();
                    self.estate.entries.clear();
                }
                "CREATING" if std::mem::take(&mut self.estate.cannot_make) => plane.status = "FAILED",
                _ => {
                    plane.status = "ACTIVE";
                    if let Some((version, update)) = plane.next.take() {
                        let error = self.updates.fails("VersionUpdate");
                        if error.is_none() {
                            plane.version = version;
                        }
                        self.updates.end(&update, error);
                    }
                }
            }
        }
        let degraded = self.estate.degraded.clone();
        let is_gone = |add_on: &AddOn| add_on.status == "DELETING" && due(add_on.until);
        self.estate.add_ons.retain(|_, add_on| !is_gone(add_on));
        for (name, add_on) in self.estate.add_ons.iter_mut().filter(|(_, add_on)| due(add_on.until)) {
            add_on.until = None;
            add_on.status = if degraded.contains(name) { "DEGRADED" } else { "ACTIVE" };
            if let Some((version, update)) = add_on.next.take() {
                let error = self.updates.fails("AddonUpdate");
                if error.is_none() {
                    add_on.version = version;
                }
                self.updates.end(&update, error);
            }
        }
    }
}

/// Answers what is not about node groups.
pub fn answer(state: &mut State, action: &str, request: &Request) -> Option<Answer> {
    let parts: Vec<String> = request.path.trim_matches('/').split('/').map(decoded).collect();
    let name = parts.get(3).cloned().unwrap_or_default();
    let body = &request.body;
    let answered = match action {
        "ListClusters" => {
            let names: Vec<&String> = shown(state).iter().map(|_| &state.cluster).collect();
            Ok(json!({ "clusters": names }))
        }
        "DescribeCluster" => shown(state).map(|cluster| json!({ "cluster": cluster })),
        "CreateCluster" => create(state, body),
        "DeleteCluster" => delete(state),
        "UpdateClusterConfig" => configure(state, body),
        "UpdateClusterVersion" => upgrade(state, body),
        "DescribeUpdate" => state
            .updates
            .shown(parts.get(3).map_or("", String::as_str))
            .map(|update| json!({ "update": update })),
        "ListInsights" => Ok(insights(state)),
        "StartInsightsRefresh" => {
            if state.estate.is_ready {
                state.estate.insights.clear();
            }
            Ok(json!({ "status": "IN_PROGRESS", "message": "Insights refresh is in progress" }))
        }
        "ListFargateProfiles" => {
            Ok(page("fargateProfileNames", state.estate.fargate_profiles.iter().cloned().collect(), request))
        }
        "ListAddons" => {
            let names = state.estate.add_ons.keys().cloned().collect();
            Ok(page("addons", names, request))
        }
        "DescribeAddonVersions" => Ok(offered(request)),
        "DescribeAddon" => add_on(state, &name).map(|add_on| json!({ "addon": add_on })),
        "CreateAddon" => create_add_on(state, body),
        "UpdateAddon" => update_add_on(state, &name, body),
        "DeleteAddon" => delete_add_on(state, &name),
        "DescribeAccessEntry" => entry(state, &name).map(|entry| json!({ "accessEntry": entry })),
        "CreateAccessEntry" => create_entry(state, body),
        "DeleteAccessEntry" => {
            state.estate.entries.remove(&name);
            Ok(json!({}))
        }
        "AssociateAccessPolicy" => associate(state, &name, body),
        _ => return None,
    };
    Some(answered.map(|value| (JSON, value.to_string())))
}

fn wrong(code: &str, message: impl Into<String>) -> Words {
    let status = match code {
        "ResourceNotFoundException" => 404,
        "ResourceInUseException" => 409,
        _ => 400,
    };
    Words::new(status, code, message)
}

fn plane(state: &mut State) -> Result<&mut Plane, Words> {
    let missing = format!("No cluster found for name: {}.", state.cluster);
    state.estate.plane.as_mut().ok_or_else(|| wrong("ResourceNotFoundException", missing))
}

fn settled(state: &mut State) -> Result<&mut Plane, Words> {
    let plane = plane(state)?;
    match plane.status {
        "ACTIVE" => Ok(plane),
        status => Err(wrong("ResourceInUseException", format!("Cluster is not ACTIVE but {status}"))),
    }
}

fn shown(state: &mut State) -> Result<Value, Words> {
    let name = state.cluster.clone();
    let plane = plane(state)?;
    let mut cluster = json!({
        "name": name,
        "status": plane.status,
        "version": plane.version,
        "roleArn": plane.made["roleArn"],
        "resourcesVpcConfig": plane.made["resourcesVpcConfig"],
        "deletionProtection": plane.protected,
    });
    if plane.made["tags"].is_object() {
        cluster["tags"] = plane.made["tags"].clone();
    }
    if plane.status == "FAILED" {
        let issue = json!({ "code": "InternalFailure", "message": "as it was told to", "resourceIds": [] });
        cluster["health"] = json!({ "issues": [issue] });
    }
    Ok(cluster)
}

fn create(state: &mut State, body: &Value) -> Result<Value, Words> {
    if body["name"] != state.cluster.as_str() {
        return Err(wrong("ResourceLimitExceededException", "one cluster is all there is room for"));
    }
    if state.estate.plane.is_some() {
        let message = format!("Cluster already exists with name: {}", state.cluster);
        return Err(wrong("ResourceInUseException", message));
    }
    let subnets = body["resourcesVpcConfig"]["subnetIds"].as_array().cloned().unwrap_or_default();
    let zone = |id: &Value| state.subnets.iter().find(|(its, _)| Some(its.as_str()) == id.as_str());
    let zones: BTreeSet<&str> = subnets.iter().filter_map(zone).map(|(_, zone)| zone.as_str()).collect();
    if zones.len() < 2 {
        let message = "Subnets specified must be in at least two different AZs";
        return Err(wrong("InvalidParameterException", message));
    }
    let version = body["version"].as_str().unwrap_or(FOUND_VERSION).to_owned();
    let until = Some(state.after(state.manners.plane));
    let protected = body["deletionProtection"] == true;
    let mut made = body.clone();
    made["resourcesVpcConfig"]["vpcId"] = "vpc-0fedcba9876543210".into();
    state.estate.plane = Some(Plane { made, status: "CREATING", until, version, protected, next: None });
    Ok(json!({ "cluster": shown(state)? }))
}

fn delete(state: &mut State) -> Result<Value, Words> {
    if !state.groups.is_empty() {
        return Err(wrong("ResourceInUseException", "Cluster has nodegroups attached"));
    }
    let until = Some(state.after(state.manners.plane));
    let plane = plane(state)?;
    if plane.protected {
        let message = "Cluster has deletion protection enabled";
        return Err(wrong("InvalidRequestException", message));
    }
    if plane.status != "ACTIVE" && plane.status != "FAILED" {
        return Err(wrong("ResourceInUseException", format!("Cluster is {}", plane.status)));
    }
    (plane.status, plane.until) = ("DELETING", until);
    Ok(json!({ "cluster": shown(state)? }))
}

fn configure(state: &mut State, body: &Value) -> Result<Value, Words> {
    let id = format!("update-{}", state.next());
    let plane = settled(state)?;
    plane.protected = body["deletionProtection"].as_bool().unwrap_or(plane.protected);
    let update = state.updates.begin(&id, "DeletionProtectionUpdate");
    state.updates.end(&id, None);
    Ok(json!({ "update": update }))
}

fn upgrade(state: &mut State, body: &Value) -> Result<Value, Words> {
    let version = body["version"].as_str().unwrap_or_default().to_owned();
    let behind: Vec<String> = state
        .groups
        .values()
        .filter(|group| group.version != state.estate.version())
        .map(|group| group.zone.clone())
        .collect();
    if !behind.is_empty() {
        let message = "Nodegroups must be updated to match cluster version before updating cluster version";
        return Err(wrong("InvalidRequestException", message));
    }
    let (id, until) = (format!("update-{}", state.next()), state.after(state.manners.plane));
    let plane = settled(state)?;
    let minor = |version: &str| version.split('.').nth(1).and_then(|text| text.parse::<u32>().ok());
    if minor(&version) != minor(&plane.version).map(|minor| minor + 1) {
        let message =
            format!("Unsupported Kubernetes minor version update from {} to {version}", plane.version);
        return Err(wrong("InvalidParameterException", message));
    }
    (plane.status, plane.until, plane.next) = ("UPDATING", Some(until), Some((version, id.clone())));
    Ok(json!({ "update": state.updates.begin(&id, "VersionUpdate") }))
}

fn insights(state: &State) -> Value {
    let one = |(name, reason): &(String, String)| {
        json!({
            "id": name,
            "name": name,
            "category": "UPGRADE_READINESS",
            "lastRefreshTime": LAST_LOOK,
            "insightStatus": { "status": "ERROR", "reason": reason },
        })
    };
    json!({ "insights": state.estate.insights.iter().map(one).collect::<Vec<_>>() })
}

/// When insights were refreshed last, in seconds: 2026-11-22T06:00:00Z.
const LAST_LOOK: i64 = 1_795_327_200;

/// Of each add-on two versions; the second is the default.
fn offered(request: &Request) -> Value {
    let field = |name: &str| request.fields.get(name).cloned().unwrap_or_default();
    let (name, kubernetes) = (field("addonName"), field("kubernetesVersion"));
    if !OFFERED.contains(&name.as_str()) {
        return json!({ "addons": [] });
    }
    let version = |build: u32, default: bool| {
        json!({
            "addonVersion": format!("v{kubernetes}.0-eksbuild.{build}"),
            "compatibilities": [{ "clusterVersion": kubernetes, "defaultVersion": default }],
        })
    };
    json!({ "addons": [{ "addonName": name, "addonVersions": [version(2, false), version(1, true)] }] })
}

fn its<'a>(state: &'a mut State, name: &str) -> Result<&'a mut AddOn, Words> {
    let missing = || wrong("ResourceNotFoundException", format!("No addon: {name} found in cluster"));
    state.estate.add_ons.get_mut(name).ok_or_else(missing)
}

fn add_on(state: &mut State, name: &str) -> Result<Value, Words> {
    let cluster = state.cluster.clone();
    let add_on = its(state, name)?;
    let issue =
        json!({ "code": "InsufficientNumberOfReplicas", "message": "as it was told to", "resourceIds": [] });
    let issues = if add_on.status == "DEGRADED" { vec![issue] } else { Vec::new() };
    Ok(json!({
        "addonName": name,
        "clusterName": cluster,
        "status": add_on.status,
        "addonVersion": add_on.version,
        "health": { "issues": issues },
        "tags": add_on.made["tags"],
    }))
}

fn create_add_on(state: &mut State, body: &Value) -> Result<Value, Words> {
    settled(state)?;
    let name = body["addonName"].as_str().unwrap_or_default().to_owned();
    if state.estate.add_ons.contains_key(&name) {
        return Err(wrong("ResourceInUseException", format!("Addon already exists: {name}")));
    }
    let until = Some(state.after(state.manners.add_on));
    let version = body["addonVersion"].as_str().unwrap_or_default().to_owned();
    let add_on_made = AddOn { made: body.clone(), status: "CREATING", until, version, next: None };
    state.estate.add_ons.insert(name.clone(), add_on_made);
    Ok(json!({ "addon": add_on(state, &name)? }))
}

fn update_add_on(state: &mut State, name: &str, body: &Value) -> Result<Value, Words> {
    let (id, until) = (format!("update-{}", state.next()), state.after(state.manners.add_on));
    let version = body["addonVersion"].as_str().unwrap_or_default().to_owned();
    let add_on = its(state, name)?;
    if add_on.until.is_some() {
        return Err(wrong("ResourceInUseException", "Addon is being changed"));
    }
    (add_on.status, add_on.until, add_on.next) = ("UPDATING", Some(until), Some((version, id.clone())));
    Ok(json!({ "update": state.updates.begin(&id, "AddonUpdate") }))
}

fn delete_add_on(state: &mut State, name: &str) -> Result<Value, Words> {
    let until = state.after(state.manners.add_on);
    let gone = its(state, name)?;
    if gone.until.is_some() {
        return Err(wrong("ResourceInUseException", "Addon is being changed"));
    }
    (gone.status, gone.until) = ("DELETING", Some(until));
    Ok(json!({ "addon": add_on(state, name)? }))
}

fn entry(state: &mut State, principal: &str) -> Result<Value, Words> {
    plane(state)?;
    let cluster = state.cluster.clone();
    let missing = || {
        let message = format!("The specified principalArn could not be found: {principal}");
        wrong("ResourceNotFoundException", message)
    };
    let (made, _) = state.estate.entries.get(principal).ok_or_else(missing)?;
    Ok(json!({
        "clusterName": cluster,
        "principalArn": principal,
        "type": made["type"],
        "tags": made["tags"],
    }))
}

fn create_entry(state: &mut State, body: &Value) -> Result<Value, Words> {
    settled(state)?;
    let principal = body["principalArn"].as_str().unwrap_or_default().to_owned();
    if state.estate.entries.contains_key(&principal) {
        return Err(wrong("ResourceInUseException", "The specified access entry resource is already in use"));
    }
    state.estate.entries.insert(principal.clone(), (body.clone(), BTreeSet::new()));
    Ok(json!({ "accessEntry": entry(state, &principal)? }))
}

fn associate(state: &mut State, principal: &str, body: &Value) -> Result<Value, Words> {
    entry(state, principal)?;
    let policy = body["policyArn"].as_str().unwrap_or_default().to_owned();
    if let Some((_, policies)) = state.estate.entries.get_mut(principal) {
        policies.insert(policy.clone());
    }
    let associated = json!({ "policyArn": policy, "accessScope": body["accessScope"] });
    Ok(json!({
        "clusterName": state.cluster,
        "principalArn": principal,
        "associatedAccessPolicy": associated,
    }))
}
