//! Auto Scaling: forms in, XML out.

use super::machines::Machine;
use super::state::{State, Words};
use super::xml::{leaf, list, node};
use super::{Answer, Request};

const XML: &str = "text/xml";
/// Of the service's XML.
const NAMESPACE: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";

pub fn answer(state: &mut State, request: &Request) -> Answer {
    let action = request.action.as_str();
    state.refused(&format!("autoscaling:{action}"))?;
    let field = |name: &str| request.fields.get(name).map_or("", String::as_str);
    let result = match action {
        "DescribeAutoScalingGroups" => groups(state, field("AutoScalingGroupNames.member.1")),
        "DescribeScalingActivities" => activities(state, field("AutoScalingGroupName")),
        "SetDesiredCapacity" => set_desired(state, field("AutoScalingGroupName"), field("DesiredCapacity"))?,
        "TerminateInstanceInAutoScalingGroup" => {
            terminate(state, field("InstanceId"), field("ShouldDecrementDesiredCapacity") == "true")?
        }
        other => return Err(Words::new(400, "InvalidAction", format!("{other} is not answered here"))),
    };
    let result = node(&format!("{action}Result"), &result);
    let metadata = node("ResponseMetadata", &leaf("RequestId", "fake"));
    Ok((XML, format!("<{action}Response xmlns=\"{NAMESPACE}\">{result}{metadata}</{action}Response>")))
}

/// The node group behind an Auto Scaling group's name.
fn name_of(scaling_group: &str) -> &str {
    scaling_group.strip_prefix("eks-").unwrap_or(scaling_group)
}

fn groups(state: &State, scaling_group: &str) -> String {
    let name = name_of(scaling_group);
    let found = state.groups.get(name).filter(|group| group.status != "CREATING");
    let shown = found.map(|group| {
        let its = state.machines.values().filter(|machine| machine.group == name && !machine.left);
        [
            leaf("AutoScalingGroupName", scaling_group),
            leaf("MinSize", group.min),
            leaf("MaxSize", group.max),
            leaf("DesiredCapacity", group.desired),
            leaf("DefaultCooldown", 300),
            list("AvailabilityZones", "member", [group.zone.clone()]),
            leaf("HealthCheckType", "EC2"),
            leaf("CreatedTime", group.created.strftime("%Y-%m-%dT%H:%M:%SZ")),
            list("Instances", "member", its.map(member)),
        ]
        .concat()
    });
    list("AutoScalingGroups", "member", shown)
}

fn member(machine: &Machine) -> String {
    let state = match (machine.end.is_some(), machine.joined) {
        (true, _) => "Terminating",
        (false, true) => "InService",
        (false, false) => "Pending",
    };
    [
        leaf("InstanceId", &machine.id),
        leaf("InstanceType", &machine.instance_type),
        leaf("AvailabilityZone", &machine.zone),
        leaf("LifecycleState", state),
        leaf("HealthStatus", "Healthy"),
        leaf("ProtectedFromScaleIn", false),
    ]
    .concat()
}

fn activities(state: &State, scaling_group: &str) -> String {
    let failures = state.groups.get(name_of(scaling_group)).map(|group| &group.failures);
    let shown = failures.into_iter().flatten().enumerate().map(|(index, (time, message))| {
        [
            leaf("ActivityId", format!("activity-{index}")),
            leaf("AutoScalingGroupName", scaling_group),
            leaf("Cause", "a difference between desired and actual capacity"),
            leaf("StartTime", time.strftime("%Y-%m-%dT%H:%M:%SZ")),
            leaf("StatusCode", "Failed"),
            leaf("StatusMessage", message),
        ]
        .concat()
    });
    list("Activities", "member", shown)
}

fn set_desired(state: &mut State, scaling_group: &str, desired: &str) -> Result<String, Words> {
    let desired: i32 = desired.parse().unwrap_or(-1);
    let Some(group) = state.groups.get_mut(name_of(scaling_group)) else {
        return Err(Words::new(400, "ValidationError", "AutoScalingGroup name not found"));
    };
    if desired < group.min || group.max < desired {
        let message =
            format!("New SetDesiredCapacity value {desired} is outside {}..{}", group.min, group.max);
        return Err(Words::new(400, "ValidationError", message));
    }
    group.desired = desired;
    Ok(String::new())
}

fn terminate(state: &mut State, id: &str, decrement: bool) -> Result<String, Words> {
    let machine = state.machines.get(id).filter(|machine| machine.end.is_none());
    let Some(name) = machine.map(|machine| machine.group.clone()) else {
        return Err(Words::new(
            400,
            "ValidationError",
            format!("Instance Id not found - No managed instance found for instance ID: {id}"),
        ));
    };
    if decrement && let Some(group) = state.groups.get_mut(&name) {
        if group.desired <= group.min {
            let message = "Currently, desiredSize equals minSize. Terminating instance without replacement will violate group's min size constraint.";
            return Err(Words::new(400, "ValidationError", message));
        }
        group.desired -= 1;
        group.made["scalingConfig"]["desiredSize"] = group.desired.into();
    }
    state.terminate(id);
    let activity = [
        leaf("ActivityId", format!("terminate-{id}")),
        leaf("AutoScalingGroupName", format!("eks-{name}")),
        leaf("Cause", "a user request"),
        leaf("StartTime", state.now().strftime("%Y-%m-%dT%H:%M:%SZ")),
        leaf("StatusCode", "InProgress"),
    ];
    Ok(node("Activity", &activity.concat()))
}
