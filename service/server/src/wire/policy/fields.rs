//! Every field of a policy: where it goes, and which values it may have.

use std::collections::BTreeMap;
use std::time::Duration;

use plimsoll_domain::offer::Offer;
use plimsoll_domain::policy::{Actuator, Burstable, ColdStart, Headroom, Policy, Preset, Rightsize};
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::policy as kinds;

use super::{HOUR_SECONDS, MINUTE_SECONDS};
use crate::wire::time::parse_span;

/// Entries of one list or map in a policy; a fleet has at most 1000 node groups and some thousand workloads.
const ENTRIES_MAX: usize = 10_000;
/// Bytes of one text in a policy: two Kubernetes names of 253 and what joins them.
const TEXT_BYTES_MAX: usize = 512;
/// Largest count and span: far above any fleet, and far from overflow.
const COUNT_MAX: u32 = 1_000_000;
/// Largest amount of money, in USD.
const USD_MAX: f64 = 1e9;

/// One field.
pub struct Field {
    /// Its name in a mask.
    pub path: &'static str,
    /// Whether a message carries it.
    pub is_carried: fn(&pb::Policy) -> bool,
    /// Takes it over, or its default if the message does not carry it. The error says what is expected.
    pub write: fn(&mut Policy, &pb::Policy) -> Result<(), String>,
}

/// `optional` scalars and messages: `read` turns the value into the domain's.
macro_rules! optional {
    ($path:literal, $wire:ident, $($domain:ident).+, $read:expr) => {
        Field {
            path: $path,
            is_carried: |from| from.$wire.is_some(),
            write: |into, from| {
                into.$($domain).+ = match &from.$wire {
                    Some(value) => $read(value.clone())?,
                    None => Policy::default().$($domain).+,
                };
                Ok(())
            },
        }
    };
}

/// Lists and maps: carried unless empty, and written as they are.
macro_rules! collection {
    ($name:ident, $default:expr, $check:expr) => {
        Field {
            path: stringify!($name),
            is_carried: |from| !from.$name.is_empty(),
            write: |into, from| {
                $check(&from.$name)?;
                into.$name = if from.$name.is_empty() { $default } else { from.$name.clone() };
                Ok(())
            },
        }
    };
}

/// Enums: the zero value is absence.
macro_rules! choice {
    ($name:ident, $kind:ident, $($wire:ident => $domain:expr),+) => {
        Field {
            path: stringify!($name),
            is_carried: |from| from.$name != 0,
            write: |into, from| {
                into.$name = match kinds::$kind::try_from(from.$name) {
                    Ok(kinds::$kind::Unspecified) => Policy::default().$name,
                    $(Ok(kinds::$kind::$wire) => $domain,)+
                    Err(_) => return Err(format!("{} is no value of this enum", from.$name)),
                };
                Ok(())
            },
        }
    };
}

/// Parts of the headroom.
macro_rules! headroom {
    ($path:literal, $wire:ident, $domain:ident) => {
        Field {
            path: $path,
            is_carried: |from| from.headroom.as_ref().is_some_and(|headroom| headroom.$wire.is_some()),
            write: |into, from| {
                into.headroom.$domain = match from.headroom.as_ref().and_then(|headroom| headroom.$wire) {
                    Some(value) => number(value, 0.0, 0.9)?,
                    None => Headroom::default().$domain,
                };
                Ok(())
            },
        }
    };
}

/// All fields, in the order of the message.
pub const FIELDS: &[Field] = &[
    choice!(preset, Preset, Default => Preset::Default, None => Preset::None),
    choice!(actuator, Actuator, Advise => Actuator::Advise, Plimsoll => Actuator::Plimsoll,
        ClusterAutoscaler => Actuator::ClusterAutoscaler, Karpenter => Actuator::Karpenter),
    optional!("auto_apply", auto_apply, auto_apply, flag),
    optional!("gap_target_ratio", gap_target_ratio, gap_target_ratio, ratio),
    collection!(zones, Vec::new(), texts),
    collection!(families_allow, Vec::new(), texts),
    collection!(families_deny, Vec::new(), texts),
    collection!(architectures, Policy::default().architectures, architectures),
    choice!(burstable, Burstable, ExistingOnly => Burstable::ExistingOnly, Allowed => Burstable::Allowed),
    optional!("metal", metal, metal, flag),
    optional!("spot_share_max_ratio", spot_share_max_ratio, spot_share_max_ratio, ratio),
    optional!("on_demand_base_count", on_demand_base_count, on_demand_base_count, count),
    optional!("types_per_spot_group_min", types_per_spot_group_min, types_per_spot_group_min, count),
    optional!("zone_share_max_ratio", zone_share_max_ratio, zone_share_max_ratio, |value| number(
        value, 0.001, 1.0
    )),
    optional!("node_groups_max", node_groups_max, node_groups_max, count),
    optional!("nodes_max", nodes_max, nodes_max, count),
    optional!("nodes_per_group_max", nodes_per_group_max, nodes_per_group_max, count),
    optional!("gpu_only_for_gpu_pods", gpu_only_for_gpu_pods, gpu_only_for_gpu_pods, flag),
    optional!("horizon", horizon, horizon_hours, |span| whole(&span, HOUR_SECONDS, "hours")),
    optional!("saving_min_ratio", saving_min_ratio, saving_min_ratio, ratio),
    optional!("saving_min_usd_per_month", saving_min_usd_per_month, saving_min_usd_per_month, usd),
    optional!("moved_pods_max_ratio", moved_pods_max_ratio, moved_pods_max_ratio, ratio),
    optional!("plan_ttl", plan_ttl, plan_ttl_minutes, |span| whole(&span, MINUTE_SECONDS, "minutes")),
    headroom!("headroom.cpu_ratio", cpu_ratio, cpu),
    headroom!("headroom.memory_ratio", memory_ratio, memory),
    choice!(rightsize, Rightsize, Off => Rightsize::Off, Recommend => Rightsize::Recommend,
        Apply => Rightsize::Apply),
    choice!(cold_start, ColdStart, Report => ColdStart::Report, Buy => ColdStart::Buy),
    optional!("month_hours", month_hours, month_hours, |value| number(value, 1.0, 744.0)),
    optional!("discount_ratio", discount_ratio, discount_ratio, below_one),
    collection!(protected_groups, Vec::new(), texts),
    optional!("freeze", freeze, freeze, flag),
    collection!(spot_ok, Vec::new(), texts),
    collection!(gpu_classes, BTreeMap::new(), pairs),
    collection!(teams, BTreeMap::new(), pairs),
    optional!("drain_timeout", drain_timeout, drain_timeout_minutes, |span| whole(
        &span,
        MINUTE_SECONDS,
        "minutes"
    )),
    optional!("monthly_budget_usd", monthly_budget_usd, monthly_budget_usd, usd),
    optional!("restart_cost_usd", restart_cost_usd, restart_cost_usd, usd),
    Field {
        path: "offerings_deny",
        is_carried: |from| !from.offerings_deny.is_empty(),
        write: |into, from| {
            texts(&from.offerings_deny)?;
            let read = from.offerings_deny.iter().map(|text| text.parse::<Offer>());
            into.offerings_deny = read.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
            Ok(())
        },
    },
];

fn flag(value: bool) -> Result<bool, String> {
    Ok(value)
}

pub(super) fn ratio(value: f64) -> Result<f64, String> {
    number(value, 0.0, 1.0)
}

fn below_one(value: f64) -> Result<f64, String> {
    if value == 1.0 { Err("1 must not be reached".to_owned()) } else { ratio(value) }
}

fn usd(value: f64) -> Result<f64, String> {
    number(value, 0.0, USD_MAX)
}

fn number(value: f64, low: f64, high: f64) -> Result<f64, String> {
    if (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{value} is not within {low} to {high}"))
    }
}

pub(super) fn count(value: i32) -> Result<u32, String> {
    let inside = u32::try_from(value).ok().filter(|count| *count <= COUNT_MAX);
    inside.ok_or_else(|| format!("{value} is not within 0 to {COUNT_MAX}"))
}

pub(super) fn whole(span: &pbjson_types::Duration, unit_seconds: u64, unit: &str) -> Result<u32, String> {
    let wrong = || format!("expected whole {unit}, from 1 to {COUNT_MAX}");
    let span = parse_span("span", span).map_err(|_| wrong())?;
    let units = span.as_secs() / unit_seconds;
    let exact = Duration::from_secs(units * unit_seconds) == span;
    let units = u32::try_from(units).ok().filter(|units| exact && (1..=COUNT_MAX).contains(units));
    units.ok_or_else(wrong)
}

fn texts(list: &[String]) -> Result<(), String> {
    if ENTRIES_MAX < list.len() {
        return Err(format!("more than {ENTRIES_MAX} entries"));
    }
    list.iter().try_for_each(|text| text_fits(text))
}

fn pairs(map: &BTreeMap<String, String>) -> Result<(), String> {
    if ENTRIES_MAX < map.len() {
        return Err(format!("more than {ENTRIES_MAX} entries"));
    }
    map.iter().try_for_each(|(key, value)| text_fits(key).and_then(|()| text_fits(value)))
}

fn text_fits(text: &str) -> Result<(), String> {
    match text.len() {
        0 => Err("an entry is empty".to_owned()),
        1..=TEXT_BYTES_MAX => Ok(()),
        _ => Err(format!("an entry is longer than {TEXT_BYTES_MAX} bytes")),
    }
}

fn architectures(list: &[String]) -> Result<(), String> {
    match list.iter().find(|name| !["amd64", "arm64"].contains(&name.as_str())) {
        Some(other) => Err(format!("{other:?} is neither amd64 nor arm64")),
        None => Ok(()),
    }
}
