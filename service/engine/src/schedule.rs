//! Times of day and week, by cron expressions in UTC.

use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use plimsoll_domain::policy::Window;

/// When a window is open next, or is open until.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is open, until then.
    Open(Timestamp),
    /// It is closed, until then; none: it never opens again.
    Closed(Option<Timestamp>),
}

/// Checks a window as a policy states it.
///
/// # Errors
/// What is wrong, for people.
pub fn check(window: &Window) -> Result<(), String> {
    let cron = Cron::from_str(&window.cron)
        .map_err(|error| format!("{:?} is no cron expression of five fields: {error}", window.cron))?;
    match cron.find_next_occurrence(&Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC), false) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{:?} never comes: {error}", window.cron)),
    }
}

/// Where a window stands. One whose expression is none never opens: it was checked when the policy was written.
pub fn turn(window: &Window, now: Timestamp) -> Turn {
    let Ok(cron) = Cron::from_str(&window.cron) else { return Turn::Closed(None) };
    let here: Zoned = now.to_zoned(TimeZone::UTC);
    let span = Duration::from_secs(60 * u64::from(window.duration_minutes));
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    let end = cron.find_previous_occurrence(&here, true).ok();
    let end = end.map(|start| start.timestamp().saturating_add(span).unwrap_or(Timestamp::MAX));
    match end.filter(|end| now < *end) {
        Some(end) => Turn::Open(end),
        None => Turn::Closed(cron.find_next_occurrence(&here, false).ok().map(|next| next.timestamp())),
    }
}

/// Until when all windows are closed; none: one is open, or there are none. Never opening is the end of time.
pub fn closed_until(windows: &[Window], now: Timestamp) -> Option<Timestamp> {
    let mut next = Timestamp::MAX;
    for window in windows {
        match turn(window, now) {
            Turn::Open(_) => return None,
            Turn::Closed(opens) => next = next.min(opens.unwrap_or(Timestamp::MAX)),
        }
    }
    (!windows.is_empty()).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(cron: &str, duration_minutes: u32) -> Window {
        Window { cron: cron.into(), duration_minutes }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_window_is_open_from_its_start_to_its_end() {
        // Nights of Tuesday and Thursday, 22:00 to 02:00. 2026-07-21 is a Tuesday.
        let nights = window("0 22 * * 2,4", 240);
        let cases = [
            ("2026-07-21T21:59:59Z", Turn::Closed(Some(at("2026-07-21T22:00:00Z")))),
            ("2026-07-21T22:00:00Z", Turn::Open(at("2026-07-22T02:00:00Z"))),
            ("2026-07-22T01:59:59Z", Turn::Open(at("2026-07-22T02:00:00Z"))),
            ("2026-07-22T02:00:00Z", Turn::Closed(Some(at("2026-07-23T22:00:00Z")))),
        ];
        for (now, want) in cases {
            assert_eq!(turn(&nights, at(now)), want, "{now}");
        }
    }

    #[test]
    fn of_several_windows_one_that_is_open_is_enough() {
        let now = at("2026-07-21T12:00:00Z");
        let (noon, night) = (window("0 12 * * *", 60), window("0 22 * * *", 60));
        assert_eq!(closed_until(&[], now), None);
        assert_eq!(closed_until(&[night.clone(), noon.clone()], now), None);
        let later = at("2026-07-21T13:00:00Z");
        assert_eq!(closed_until(&[noon, night], later), Some(at("2026-07-21T22:00:00Z")));
    }

    #[test]
    fn what_is_no_expression_or_never_comes_is_refused() {
        assert_eq!(check(&window("0 22 * * 2,4", 240)), Ok(()));
        for cron in ["", "at night", "0 25 * * *", "0 0 31 2 *"] {
            assert!(check(&window(cron, 60)).is_err(), "{cron:?} was taken");
        }
        assert_eq!(closed_until(&[window("never", 1)], Timestamp::UNIX_EPOCH), Some(Timestamp::MAX));
    }
}
