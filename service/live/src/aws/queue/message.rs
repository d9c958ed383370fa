//! What messages of EventBridge say of machines.

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::world::Cause;
use serde::Deserialize;

/// From a notice of interruption to the end of the machine.
const NOTICE: SignedDuration = SignedDuration::from_mins(2);

/// A message of EventBridge.
#[derive(Deserialize)]
pub struct Envelope {
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    time: Timestamp,
    detail: serde_json::Value,
}

/// What AWS Health tells of work that is planned. Source: AWS Health guide, "EventBridge schema".
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Planned {
    event_arn: String,
    service: String,
    event_type_code: String,
    event_type_category: String,
    /// `Fri, 27 Nov 2026 12:00:00 GMT`.
    start_time: String,
    /// `closed` once it is over or called off.
    #[serde(default)]
    status_code: String,
    #[serde(default)]
    affected_entities: Vec<Entity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entity {
    /// An instance id, or an ARN that ends in one.
    entity_value: String,
    /// `RESOLVED` once nothing is left to be done.
    #[serde(default)]
    status: String,
}

/// What a message is about.
#[derive(Debug, PartialEq, Eq)]
pub enum About {
    /// Machines that will go.
    Going { machines: Vec<String>, reclaim_time: Timestamp, cause: Cause, event: String },
    /// An event of AWS Health that is over or called off.
    Over { event: String },
}

/// Ends of the codes of events that end or interrupt single machines. Others of their category, such as the end of support of
/// something, are no reason to put a machine like it in its place.
const WORK: [&str; 6] = [
    "_RETIREMENT_SCHEDULED",
    "_RETIREMENT_EXPEDITED",
    "_MAINTENANCE_SCHEDULED",
    "_INSTANCE_STOP_SCHEDULED",
    "_INSTANCE_TERMINATION_SCHEDULED",
    "_DEGRADED_HARDWARE_SCHEDULED",
];

impl Envelope {
    /// What it says of machines, if anything.
    pub fn about(&self) -> Option<About> {
        match (self.source.as_str(), self.detail_type.as_str()) {
            (
                "aws.ec2",
                "EC2 Spot Instance Interruption Warning"
                | "EC2 Capacity Reservation Instance Interruption Warning",
            ) => {
                let machines = vec![self.detail.get("instance-id")?.as_str()?.to_owned()];
                let reclaim_time = self.time.checked_add(NOTICE).unwrap_or(Timestamp::MAX);
                Some(About::Going { machines, reclaim_time, cause: Cause::Reclaim, event: String::new() })
            }
            ("aws.health", "AWS Health Event") => planned(Planned::deserialize(&self.detail).ok()?),
            _ => None,
        }
    }
}

fn planned(event: Planned) -> Option<About> {
    let is_work = event.service == "EC2"
        && event.event_type_category == "scheduledChange"
        && WORK.iter().any(|end| event.event_type_code.ends_with(end));
    if !is_work {
        return None;
    }
    if event.status_code == "closed" {
        return Some(About::Over { event: event.event_arn });
    }
    let reclaim_time = rfc2822::DateTimeParser::new().parse_timestamp(&event.start_time).ok()?;
    let open = event.affected_entities.into_iter().filter(|entity| entity.status != "RESOLVED");
    let id = |entity: Entity| entity.entity_value.rsplit('/').next().unwrap_or_default().to_owned();
    let machines = open.map(id).collect();
    Some(About::Going { machines, reclaim_time, cause: Cause::Maintenance, event: event.event_arn })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn about(source: &str, detail_type: &str, detail: &str) -> Option<About> {
        let text = format!(
            r#"{{"version":"0","id":"1","source":"{source}","detail-type":"{detail_type}","time":"2026-07-20T08:00:00Z","detail":{detail}}}"#
        );
        serde_json::from_str::<Envelope>(&text).unwrap().about()
    }

    #[test]
    fn warnings_name_the_machine_and_recommendations_are_none() {
        let detail = r#"{"instance-id":"i-1","instance-action":"terminate"}"#;
        let warned = About::Going {
            machines: vec!["i-1".into()],
            reclaim_time: at("2026-07-20T08:02:00Z"),
            cause: Cause::Reclaim,
            event: String::new(),
        };
        assert_eq!(about("aws.ec2", "EC2 Spot Instance Interruption Warning", detail), Some(warned));
        assert_eq!(about("aws.ec2", "EC2 Instance Rebalance Recommendation", detail), None);
        assert_eq!(about("aws.health", "EC2 Spot Instance Interruption Warning", detail), None);
    }

    #[test]
    fn planned_work_names_machines_and_its_time_until_it_is_over() {
        let told = |code: &str, category: &str, status: &str| {
            let detail = format!(
                r#"{{"eventArn":"arn:1","service":"EC2","eventTypeCode":"AWS_EC2_{code}","eventTypeCategory":"{category}","startTime":"Mon, 27 Jul 2026 06:02:51 GMT","statusCode":"{status}","affectedEntities":[{{"entityValue":"i-1"}},{{"entityValue":"arn:aws:ec2:us-east-1:1:instance/i-2"}},{{"entityValue":"i-3","status":"RESOLVED"}}]}}"#
            );
            about("aws.health", "AWS Health Event", &detail)
        };
        let work = "INSTANCE_RETIREMENT_SCHEDULED";
        let wanted = About::Going {
            machines: vec!["i-1".into(), "i-2".into()],
            reclaim_time: at("2026-07-27T06:02:51Z"),
            cause: Cause::Maintenance,
            event: "arn:1".into(),
        };
        assert_eq!(told(work, "scheduledChange", "upcoming"), Some(wanted));
        let over = About::Over { event: "arn:1".into() };
        assert_eq!(told(work, "scheduledChange", "closed"), Some(over));
        assert_eq!(told(work, "issue", "open"), None);
        assert_eq!(told("PLANNED_LIFECYCLE_EVENT", "scheduledChange", "upcoming"), None);
    }
}
