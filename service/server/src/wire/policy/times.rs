//! Windows and budgets of a policy.

use plimsoll_domain::policy::{Budget, Policy, Window};
use plimsoll_proto::v1::policy as kinds;

use super::fields::{Field, count, ratio, whole};
use super::{MINUTE_SECONDS, minutes};
use crate::wire::plan::int;

/// Most windows, and most budgets: a few for each day of the week.
const TIMES_MAX: usize = 50;
/// Characters of a cron expression.
const CRON_MAX: usize = 200;

/// Fields of a policy that say when something may be done.
pub const FIELDS: &[Field] = &[
    Field {
        path: "maintenance_windows",
        is_carried: |from| !from.maintenance_windows.is_empty(),
        write: |into, from| {
            into.maintenance_windows = few(&from.maintenance_windows, read_window)?;
            Ok(())
        },
    },
    Field {
        path: "disruption_budgets",
        is_carried: |from| !from.disruption_budgets.is_empty(),
        write: |into, from| {
            let read = few(&from.disruption_budgets, read_budget)?;
            into.disruption_budgets =
                if read.is_empty() { Policy::default().disruption_budgets } else { read };
            Ok(())
        },
    },
];

/// A window as the wire has it.
pub fn window(from: &Window) -> kinds::Window {
    kinds::Window { cron: from.cron.clone(), duration: minutes(from.duration_minutes) }
}

/// A budget as the wire has it.
pub fn budget(from: &Budget) -> kinds::Budget {
    kinds::Budget {
        nodes_max: from.nodes_max.map(int),
        nodes_max_ratio: from.nodes_max_ratio,
        window: from.window.as_ref().map(window),
    }
}

fn few<F, T>(list: &[F], read: fn(&F) -> Result<T, String>) -> Result<Vec<T>, String> {
    if TIMES_MAX < list.len() {
        return Err(format!("more than {TIMES_MAX} entries"));
    }
    list.iter().map(read).collect()
}

fn read_window(from: &kinds::Window) -> Result<Window, String> {
    if CRON_MAX < from.cron.len() {
        return Err(format!("a cron expression is longer than {CRON_MAX} bytes"));
    }
    let span = from.duration.as_ref().ok_or("a window has no duration")?;
    let duration_minutes = whole(span, MINUTE_SECONDS, "minutes")?;
    let window = Window { cron: from.cron.clone(), duration_minutes };
    plimsoll_engine::schedule::check(&window)?;
    Ok(window)
}

fn read_budget(from: &kinds::Budget) -> Result<Budget, String> {
    if from.nodes_max.is_none() && from.nodes_max_ratio.is_none() {
        return Err("a budget has neither nodes_max nor nodes_max_ratio".to_owned());
    }
    Ok(Budget {
        nodes_max: from.nodes_max.map(count).transpose()?,
        nodes_max_ratio: from.nodes_max_ratio.map(ratio).transpose()?,
        window: from.window.as_ref().map(read_window).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use plimsoll_proto::v1 as pb;

    use super::*;

    fn written(wire: &pb::Policy) -> Result<Policy, String> {
        let mut into = Policy::default();
        FIELDS.iter().try_for_each(|field| (field.write)(&mut into, wire)).map(|()| into)
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let window =
            |cron: &str, minutes_long| kinds::Window { cron: cron.into(), duration: minutes(minutes_long) };
        let with = |window| pb::Policy { maintenance_windows: vec![window], ..Default::default() };
        assert!(written(&with(window("0 22 * * 2,4", 60))).is_ok());
        for bad in [
            window("at night", 60),
            window("0 0 31 2 *", 60),
            window("0 22 * * *", 0),
            kinds::Window::default(),
        ] {
            assert!(written(&with(bad.clone())).is_err(), "{bad:?} was taken");
        }
        for bad in [
            kinds::Budget::default(),
            kinds::Budget { nodes_max: Some(-1), ..Default::default() },
            kinds::Budget { nodes_max_ratio: Some(1.5), ..Default::default() },
        ] {
            let wire = pb::Policy { disruption_budgets: vec![bad.clone()], ..Default::default() };
            assert!(written(&wire).is_err(), "{bad:?} was taken");
        }
    }
}
