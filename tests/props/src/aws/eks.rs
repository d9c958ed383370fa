//! EKS: REST with JSON.

pub mod plane;
pub mod updates;

use serde_json::{Value, json};

use super::state::{Group, Rolling, State, Words};
use super::{Answer, Request};

const JSON: &str = "application/json";
/// Names of one page: few, so that pages are read.
const PAGE: usize = 3;

/// The operation of a request.
pub fn action(request: &Request) -> &'static str {
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), &parts[..]) {
        ("GET", ["clusters", _]) => "DescribeCluster",
        ("GET", ["clusters"]) => "ListClusters",
        ("POST", ["clusters"]) => "CreateCluster",
        ("DELETE", ["clusters", _]) => "DeleteCluster",
        ("POST", ["clusters", _, "update-config"]) => "UpdateClusterConfig",
        ("POST", ["clusters", _, "updates"]) => "UpdateClusterVersion",
        ("GET", ["clusters", _, "updates", _]) => "DescribeUpdate",
        ("POST", ["clusters", _, "insights"]) => "ListInsights",
        ("POST", ["clusters", _, "insights-refresh"]) => "StartInsightsRefresh",
        ("GET", ["clusters", _, "fargate-profiles"]) => "ListFargateProfiles",
        ("GET", ["clusters", _, "addons"]) => "ListAddons",
        ("POST", ["clusters", _, "addons"]) => "CreateAddon",
        ("GET", ["clusters", _, "addons", _]) => "DescribeAddon",
        ("POST", ["clusters", _, "addons", _, "update"]) => "UpdateAddon",
        ("DELETE", ["clusters", _, "addons", _]) => "DeleteAddon",
        ("GET", ["addons", "supported-versions"]) => "DescribeAddonVersions",
        ("POST", ["clusters", _, "access-entries"]) => "CreateAccessEntry",
        ("GET", ["clusters", _, "access-entries", _]) => "DescribeAccessEntry",
        ("DELETE", ["clusters", _, "access-entries", _]) => "DeleteAccessEntry",
        ("POST", ["clusters", _, "access-entries", _, "access-policies"]) => "AssociateAccessPolicy",
        ("POST", ["clusters", _, "node-groups", _, "update-version"]) => "UpdateNodegroupVersion",
        ("GET", ["clusters", _, "node-groups"]) => "ListNodegroups",
        ("POST", ["clusters", _, "node-groups"]) => "CreateNodegroup",
        ("GET", ["clusters", _, "node-groups", _]) => "DescribeNodegroup",
        ("DELETE", ["clusters", _, "node-groups", _]) => "DeleteNodegroup",
        ("POST", ["clusters", _, "node-groups", _, "update-config"]) => "UpdateNodegroupConfig",
        _ => "Unknown",
    }
}

pub fn answer(state: &mut State, request: &Request) -> Answer {
    let action = action(request);
    state.refused(&format!("eks:{action}"))?;
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let cluster = parts.get(1).copied().unwrap_or_default();
    let is_about_one = !matches!(action, "CreateCluster" | "ListClusters" | "DescribeAddonVersions");
    if is_about_one && cluster != state.cluster {
        return Err(Words::new(
            404,
            "ResourceNotFoundException",
            format!("No cluster found for name: {cluster}."),
        ));
    }
    if let Some(answer) = plane::answer(state, action, request) {
        return answer;
    }
    let name = parts.get(3).copied().unwrap_or_default();
    let answer = match action {
        "ListNodegroups" => page("nodegroups", state.groups.keys().cloned().collect(), request),
        "DescribeNodegroup" => json!({ "nodegroup": shown(state, name)? }),
        "CreateNodegroup" => create(state, &request.body)?,
        "UpdateNodegroupConfig" => update(state, name, &request.body)?,
        "UpdateNodegroupVersion" => update_version(state, name, &request.body)?,
        "DeleteNodegroup" => delete(state, name)?,
        _ => {
            let what = format!("{} {}", request.method, request.path);
            return Err(Words::new(400, "UnknownOperationException", what));
        }
    };
    Ok((JSON, answer.to_string()))
}

/// One page of a list of names.
fn page(list: &str, mut names: Vec<String>, request: &Request) -> Value {
    let after = request.fields.get("nextToken").map_or("", String::as_str);
    names.retain(|name| after < name.as_str());
    let more = PAGE < names.len();
    names.truncate(PAGE);
    let token = names.last().filter(|_| more).cloned();
    json!({ list: names, "nextToken": token })
}

/// A part of a path as it was before it was put there.
fn decoded(part: &str) -> String {
    form_urlencoded::parse(format!("part={}", part.replace('+', "%2B")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn group<'a>(state: &'a mut State, name: &str) -> Result<&'a mut Group, Words> {
    let missing =
        || Words::new(404, "ResourceNotFoundException", format!("No node group found for name: {name}."));
    state.groups.get_mut(name).ok_or_else(missing)
}

fn shown(state: &mut State, name: &str) -> Result<Value, Words> {
    let cluster = state.cluster.clone();
    let group = group(state, name)?;
    let mut shown = group.made.clone();
    shown["clusterName"] = cluster.into();
    shown["status"] = group.status.into();
    shown["createdAt"] = json!(group.created.as_second());
    shown["version"] = group.version.clone().into();
    if group.status != "CREATING" {
        shown["resources"] = json!({ "autoScalingGroups": [{ "name": format!("eks-{name}") }] });
    }
    let failures = group.failures.front().map(|(_, message)| ("AsgInstanceLaunchFailures", message));
    let complaint = group.complaint.as_ref().map(|message| ("NodeCreationFailure", message));
    let issues = failures
        .into_iter()
        .chain(complaint)
        .map(|(code, message)| json!({ "code": code, "message": message, "resourceIds": [name] }));
    let issues: Vec<Value> = issues.collect();
    shown["health"] = json!({ "issues": issues });
    Ok(shown)
}

/// Prefixes of labels that no node group may state.
const RESERVED_LABELS: [&str; 3] = ["kubernetes.io/", "k8s.io/", "eks.amazonaws.com/"];
/// Domains of which a kubelet sets labels, among those of Kubernetes.
const OPEN_TO_KUBELETS: [&str; 2] = ["node.kubernetes.io/", "kubelet.kubernetes.io/"];

/// Labels with which nodes come up. EKS refuses some; with others it makes the group, and no node ever joins, which is refused
/// here, too, for it is told sooner.
fn labels(stated: &Value) -> Result<(), Words> {
    let stated = stated.as_object().into_iter().flatten().map(|(key, _)| key);
    let is_reserved = |key: &&String| {
        RESERVED_LABELS.iter().any(|prefix| key.contains(prefix))
            && !OPEN_TO_KUBELETS.iter().any(|prefix| key.contains(prefix))
    };
    match stated.into_iter().find(is_reserved) {
        Some(key) => {
            let message = format!("Label {key} cannot contain reserved prefixes {RESERVED_LABELS:?}");
            Err(Words::new(400, "InvalidParameterException", message))
        }
        None => Ok(()),
    }
}

/// Sizes that make sense, as EKS checks them.
fn sizes(config: &Value) -> Result<(i32, i32, i32), Words> {
    let size = |key: &str| i32::try_from(config[key].as_i64().unwrap_or(-1)).unwrap_or(-1);
    let (min, max, desired) = (size("minSize"), size("maxSize"), size("desiredSize"));
    let wrong = |message: String| Err(Words::new(400, "InvalidParameterException", message));
    if min < 0 || max < 1 || desired < 0 {
        return wrong("minSize, maxSize and desiredSize are required".into());
    }
    if desired < min {
        return wrong(format!("Minimum capacity {min} can't be greater than desired size {desired}"));
    }
    if max < desired {
        return wrong(format!("desired capacity {desired} can't be greater than max size {max}"));
    }
    Ok((min, max, desired))
}

fn create(state: &mut State, body: &Value) -> Result<Value, Words> {
    let name = body["nodegroupName"].as_str().unwrap_or_default().to_owned();
    if state.groups.contains_key(&name) {
        return Err(Words::new(
            409,
            "ResourceInUseException",
            format!("NodeGroup already exists with name {name}"),
        ));
    }
    labels(&body["labels"])?;
    let sizes = sizes(&body["scalingConfig"])?;
    let subnet = body["subnets"][0].as_str().unwrap_or_default();
    let zone = state.subnets.iter().find(|(id, _)| id == subnet).map(|(_, zone)| zone.clone());
    let Some(zone) = zone else {
        return Err(Words::new(
            400,
            "InvalidParameterException",
            format!("The subnet ID '{subnet}' does not exist"),
        ));
    };
    let template = body["launchTemplate"]["name"].as_str().unwrap_or_default();
    if !state.templates.contains_key(template) {
        return Err(Words::new(400, "InvalidRequestException", "Launch template details can't be found"));
    }
    let until = Some(state.after(state.manners.group));
    let version = state.estate.version();
    let mut made = body.clone();
    // What a request is known again by is not told again.
    made.as_object_mut().into_iter().for_each(|made| drop(made.remove("clientRequestToken")));
    let group = Group::new(made, version, state.now(), zone, sizes);
    let group = Group { status: "CREATING", until, ..group };
    state.groups.insert(name.clone(), group);
    Ok(json!({ "nodegroup": shown(state, &name)? }))
}

fn settled(group: &Group) -> Result<(), Words> {
    match group.status {
        "ACTIVE" | "DEGRADED" => Ok(()),
        status => {
            let message =
                format!("Nodegroup cannot be updated as it is currently not in Active State: {status}");
            Err(Words::new(409, "ResourceInUseException", message))
        }
    }
}

fn update(state: &mut State, name: &str, body: &Value) -> Result<Value, Words> {
    let (now, until) = (state.now(), Some(state.after(state.manners.update)));
    let id = format!("update-{}", state.next());
    let group = group(state, name)?;
    settled(group)?;
    let (min, max, desired) = sizes(&body["scalingConfig"])?;
    group.asked = now;
    group.made["scalingConfig"] = body["scalingConfig"].clone();
    (group.min, group.max, group.desired, group.status, group.until) = (min, max, desired, "UPDATING", until);
    let created = now.as_second();
    Ok(
        json!({ "update": { "id": id, "status": "InProgress", "type": "ConfigUpdate", "createdAt": created } }),
    )
}

fn update_version(state: &mut State, name: &str, body: &Value) -> Result<Value, Words> {
    let id = format!("update-{}", state.next());
    let version = body["version"].as_str().map_or_else(|| state.estate.version(), str::to_owned);
    let old: Vec<String> = state.members(name).iter().map(|machine| machine.id.clone()).collect();
    let fails = state.updates.fails("NodegroupVersionUpdate");
    let update = state.updates.begin(&id, "VersionUpdate");
    let group = group(state, name)?;
    settled(group)?;
    if fails.is_some() {
        state.updates.end(&id, fails);
    } else {
        group.rolling = Some(Rolling { version, old, update: id });
        group.status = "UPDATING";
    }
    Ok(json!({ "update": update }))
}

fn delete(state: &mut State, name: &str) -> Result<Value, Words> {
    let until = Some(state.after(state.manners.group));
    let there = group(state, name)?;
    if there.complaint.is_none() {
        settled(there)?;
    }
    let its: Vec<String> = state.members(name).iter().map(|machine| machine.id.clone()).collect();
    its.iter().for_each(|id| state.terminate(id));
    let group = group(state, name)?;
    (group.status, group.until, group.desired) = ("DELETING", until, 0);
    Ok(json!({ "nodegroup": shown(state, name)? }))
}
