//! Policies, field by field: a mask says which fields of a message count.

mod fields;
mod times;

use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::policy::{Actuator, Burstable, ColdStart, Policy, Preset, Rightsize};
use plimsoll_domain::store::StoredPolicy;
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::policy as kinds;

use self::fields::{FIELDS, Field};
use super::{Invalid, plan::int, time::span};

const MINUTE_SECONDS: u64 = 60;
const HOUR_SECONDS: u64 = 3600;

/// In a mask: every field.
const ALL: &str = "*";

/// A cluster's policy as the wire has it.
pub fn stored(cluster: &ClusterId, from: &StoredPolicy) -> pb::Policy {
    pb::Policy { name: cluster.policy_name(), etag: from.etag.clone(), ..policy(&from.policy) }
}

fn minutes(count: u32) -> Option<pbjson_types::Duration> {
    Some(span(std::time::Duration::from_secs(u64::from(count) * MINUTE_SECONDS)))
}

/// A policy as the wire has it, every field set.
pub fn policy(from: &Policy) -> pb::Policy {
    let seconds = |count: u32, unit: u64| Some(span(std::time::Duration::from_secs(u64::from(count) * unit)));
    pb::Policy {
        name: String::new(),
        etag: String::new(),
        preset: preset(from.preset).into(),
        actuator: actuator(from.actuator).into(),
        auto_apply: Some(from.auto_apply),
        gap_target_ratio: Some(from.gap_target_ratio),
        zones: from.zones.clone(),
        families_allow: from.families_allow.clone(),
        families_deny: from.families_deny.clone(),
        offerings_deny: from.offerings_deny.iter().map(ToString::to_string).collect(),
        architectures: from.architectures.clone(),
        burstable: burstable(from.burstable).into(),
        metal: Some(from.metal),
        spot_share_max_ratio: Some(from.spot_share_max_ratio),
        on_demand_base_count: Some(int(from.on_demand_base_count)),
        types_per_spot_group_min: Some(int(from.types_per_spot_group_min)),
        zone_share_max_ratio: Some(from.zone_share_max_ratio),
        node_groups_max: Some(int(from.node_groups_max)),
        nodes_max: Some(int(from.nodes_max)),
        nodes_per_group_max: Some(int(from.nodes_per_group_max)),
        gpu_only_for_gpu_pods: Some(from.gpu_only_for_gpu_pods),
        horizon: seconds(from.horizon_hours, HOUR_SECONDS),
        saving_min_ratio: Some(from.saving_min_ratio),
        saving_min_usd_per_month: Some(from.saving_min_usd_per_month),
        moved_pods_max_ratio: Some(from.moved_pods_max_ratio),
        plan_ttl: seconds(from.plan_ttl_minutes, MINUTE_SECONDS),
        headroom: Some(kinds::Headroom {
            cpu_ratio: Some(from.headroom.cpu),
            memory_ratio: Some(from.headroom.memory),
        }),
        rightsize: rightsize(from.rightsize).into(),
        cold_start: cold_start(from.cold_start).into(),
        month_hours: Some(from.month_hours),
        discount_ratio: Some(from.discount_ratio),
        protected_groups: from.protected_groups.clone(),
        freeze: Some(from.freeze),
        spot_ok: from.spot_ok.clone(),
        gpu_classes: from.gpu_classes.clone(),
        teams: from.teams.clone(),
        restart_cost_usd: Some(from.restart_cost_usd),
        maintenance_windows: from.maintenance_windows.iter().map(times::window).collect(),
        disruption_budgets: from.disruption_budgets.iter().map(times::budget).collect(),
        drain_timeout: minutes(from.drain_timeout_minutes),
        monthly_budget_usd: Some(from.monthly_budget_usd),
    }
}

/// Writes the fields of `from` that `mask` names over `into`; an empty mask names those that `from` carries.
///
/// # Errors
/// Names the first field that is out of range, as `prefix.field`, or `mask_field` if that names none.
pub fn merge(
    into: &mut Policy,
    from: &pb::Policy,
    mask: &[String],
    prefix: &str,
    mask_field: &str,
) -> Result<(), Invalid> {
    for field in chosen(from, mask, mask_field)? {
        (field.write)(into, from)
            .map_err(|message| Invalid::new(format!("{prefix}.{}", field.path), message))?;
    }
    Ok(())
}

fn chosen(from: &pb::Policy, mask: &[String], mask_field: &str) -> Result<Vec<&'static Field>, Invalid> {
    let all = || FIELDS.iter().chain(times::FIELDS);
    if mask.is_empty() {
        return Ok(all().filter(|field| (field.is_carried)(from)).collect());
    }
    let mut chosen = Vec::new();
    for path in mask {
        let before = chosen.len();
        let below = |field: &&Field| field.path.split_once('.').is_some_and(|(parent, _)| parent == path);
        chosen.extend(all().filter(|field| path == ALL || field.path == path || below(field)));
        if chosen.len() == before {
            return Err(Invalid::new(mask_field, format!("{path:?} is no field of a policy")));
        }
    }
    Ok(chosen)
}

fn preset(from: Preset) -> kinds::Preset {
    match from {
        Preset::Default => kinds::Preset::Default,
        Preset::None => kinds::Preset::None,
    }
}

fn actuator(from: Actuator) -> kinds::Actuator {
    match from {
        Actuator::Advise => kinds::Actuator::Advise,
        Actuator::Plimsoll => kinds::Actuator::Plimsoll,
        Actuator::ClusterAutoscaler => kinds::Actuator::ClusterAutoscaler,
        Actuator::Karpenter => kinds::Actuator::Karpenter,
    }
}

fn burstable(from: Burstable) -> kinds::Burstable {
    match from {
        Burstable::ExistingOnly => kinds::Burstable::ExistingOnly,
        Burstable::Allowed => kinds::Burstable::Allowed,
    }
}

fn rightsize(from: Rightsize) -> kinds::Rightsize {
    match from {
        Rightsize::Off => kinds::Rightsize::Off,
        Rightsize::Recommend => kinds::Rightsize::Recommend,
        Rightsize::Apply => kinds::Rightsize::Apply,
    }
}

fn cold_start(from: ColdStart) -> kinds::ColdStart {
    match from {
        ColdStart::Report => kinds::ColdStart::Report,
        ColdStart::Buy => kinds::ColdStart::Buy,
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_domain::policy::{Budget, Window};

    use super::*;

    fn merged(from: &pb::Policy, mask: &[&str]) -> Result<Policy, Invalid> {
        let mask: Vec<String> = mask.iter().map(|path| (*path).to_owned()).collect();
        let mut into = Policy::default();
        merge(&mut into, from, &mask, "policy", "update_mask").map(|()| into)
    }

    fn night() -> Window {
        Window { cron: "0 22 * * 2,4".into(), duration_minutes: 240 }
    }

    /// Differs from the default in every field.
    fn unusual() -> Policy {
        Policy {
            preset: Preset::None,
            actuator: Actuator::Karpenter,
            auto_apply: true,
            gap_target_ratio: 0.25,
            zones: vec!["us-east-1a".into()],
            families_allow: vec!["m7i".into()],
            families_deny: vec!["c7g".into()],
            offerings_deny: vec!["m5.large/us-east-1a/spot".parse().unwrap()],
            architectures: vec!["arm64".into()],
            burstable: Burstable::Allowed,
            metal: true,
            spot_share_max_ratio: 0.5,
            on_demand_base_count: 7,
            types_per_spot_group_min: 4,
            zone_share_max_ratio: 0.6,
            node_groups_max: 11,
            nodes_max: 12,
            nodes_per_group_max: 13,
            gpu_only_for_gpu_pods: false,
            horizon_hours: 24,
            saving_min_ratio: 0.125,
            saving_min_usd_per_month: 1.5,
            moved_pods_max_ratio: 0.75,
            plan_ttl_minutes: 5,
            headroom: plimsoll_domain::policy::Headroom { cpu: 0.1, memory: 0.2 },
            rightsize: Rightsize::Off,
            cold_start: ColdStart::Buy,
            month_hours: 720.0,
            discount_ratio: 0.3,
            protected_groups: vec!["system".into()],
            freeze: true,
            spot_ok: vec!["shop/cart".into()],
            gpu_classes: [("ml/train".to_owned(), "A10G".to_owned())].into(),
            teams: [("shop".to_owned(), "web".to_owned())].into(),
            restart_cost_usd: 0.5,
            maintenance_windows: vec![night()],
            disruption_budgets: vec![Budget {
                nodes_max: Some(3),
                nodes_max_ratio: Some(0.25),
                window: Some(night()),
            }],
            drain_timeout_minutes: 20,
            monthly_budget_usd: 1000.0,
        }
    }

    #[test]
    fn every_field_survives_the_wire() {
        let wire = policy(&unusual());
        assert_eq!(merged(&wire, &["*"]), Ok(unusual()));
        assert_eq!(merged(&wire, &[]), Ok(unusual()));
    }

    #[test]
    fn what_is_named_but_absent_returns_to_its_default() {
        let mut into = unusual();
        merge(&mut into, &pb::Policy::default(), &["*".to_owned()], "policy", "update_mask").unwrap();
        assert_eq!(into, Policy::default());
    }

    #[test]
    fn a_mask_leaves_the_rest_alone() {
        let wire = policy(&unusual());
        assert_eq!(merged(&wire, &["nodes_max"]), Ok(Policy { nodes_max: 12, ..Policy::default() }));
        let headroom = |path: &str| merged(&wire, &[path]).unwrap().headroom;
        assert_eq!((headroom("headroom").cpu, headroom("headroom").memory), (0.1, 0.2));
        assert_eq!((headroom("headroom.cpu_ratio").cpu, headroom("headroom.cpu_ratio").memory), (0.1, 0.05));
        assert_eq!(merged(&pb::Policy::default(), &[]), Ok(Policy::default()));
    }

    #[track_caller]
    fn check_refused(wire: pb::Policy, mask: &[&str], field: &str) {
        assert_eq!(merged(&wire, mask).unwrap_err().field, field);
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let empty = pb::Policy::default;
        check_refused(empty(), &["nodes"], "update_mask");
        check_refused(pb::Policy { nodes_max: Some(-1), ..empty() }, &[], "policy.nodes_max");
        check_refused(pb::Policy { discount_ratio: Some(1.0), ..empty() }, &[], "policy.discount_ratio");
        check_refused(
            pb::Policy { gap_target_ratio: Some(f64::NAN), ..empty() },
            &[],
            "policy.gap_target_ratio",
        );
        check_refused(pb::Policy { month_hours: Some(f64::INFINITY), ..empty() }, &[], "policy.month_hours");
        check_refused(pb::Policy { actuator: 99, ..empty() }, &[], "policy.actuator");
        check_refused(
            pb::Policy { architectures: vec!["x86".into()], ..empty() },
            &[],
            "policy.architectures",
        );
        let half_hour = pbjson_types::Duration { seconds: 1800, nanos: 0 };
        check_refused(pb::Policy { horizon: Some(half_hour), ..empty() }, &[], "policy.horizon");
        let headroom = kinds::Headroom { cpu_ratio: Some(0.95), memory_ratio: None };
        check_refused(pb::Policy { headroom: Some(headroom), ..empty() }, &[], "policy.headroom.cpu_ratio");
        check_refused(pb::Policy { zones: vec![String::new()], ..empty() }, &[], "policy.zones");
        let denied = vec!["m5.large/spot".to_owned()];
        check_refused(pb::Policy { offerings_deny: denied, ..empty() }, &[], "policy.offerings_deny");
    }
}
