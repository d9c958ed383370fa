//! Which hours: flags for a window, and times for people.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Which hours.
#[derive(Debug, clap::Args)]
pub struct WindowArgs {
    /// Length of the window that ends at --end, such as 90m, 24h or 7d; default: 24h
    #[arg(long, value_parser = parse_length, conflicts_with = "start")]
    window: Option<Duration>,
    /// First hour: a day (2026-07-01, in UTC) or a time (2026-07-01T06:00:00Z)
    #[arg(long, value_parser = parse_time)]
    start: Option<Timestamp>,
    /// End, not part of the window: a day or a time; default: the cluster's now
    #[arg(long, value_parser = parse_time)]
    end: Option<Timestamp>,
}

impl WindowArgs {
    /// First hour.
    pub fn start(&self) -> Option<pbjson_types::Timestamp> {
        self.start.map(wire)
    }

    /// End.
    pub fn end(&self) -> Option<pbjson_types::Timestamp> {
        self.end.map(wire)
    }

    /// Length.
    pub fn length(&self) -> Option<pbjson_types::Duration> {
        let seconds = |length: Duration| i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
        self.window.map(|length| pbjson_types::Duration { seconds: seconds(length), nanos: 0 })
    }
}

/// A time for people: `2026-07-20 08:00`, the day alone at midnight.
pub fn shown(time: &pbjson_types::Timestamp) -> String {
    let Ok(time) = Timestamp::new(time.seconds, 0) else { return String::new() };
    let text = time.strftime("%Y-%m-%d %H:%M").to_string();
    text.strip_suffix(" 00:00").map(str::to_owned).unwrap_or(text)
}

fn wire(time: Timestamp) -> pbjson_types::Timestamp {
    pbjson_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp());
    text.parse::<Timestamp>().ok().or_else(day).ok_or_else(|| {
        format!("{text:?} is neither a day such as 2026-07-01 nor a time such as 2026-07-01T06:00:00Z")
    })
}

fn parse_length(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no length; try 90m, 24h or 7d");
    let unit = match text.chars().last() {
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 24 * 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(unit).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read_as_they_are_said() {
        for (text, seconds) in [
            ("90m", Some(5400)),
            ("24h", Some(86_400)),
            ("7d", Some(604_800)),
            ("7", None),
            ("xd", None),
            ("", None),
        ] {
            assert_eq!(parse_length(text).ok().map(|length| length.as_secs()), seconds, "{text}");
        }
        for (text, want) in [
            ("2026-07-01", Some("2026-07-01T00:00:00Z")),
            ("2026-07-01T06:30:00Z", Some("2026-07-01T06:30:00Z")),
            ("July", None),
        ] {
            assert_eq!(parse_time(text).ok().map(|time| time.to_string()).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn midnight_is_a_day() {
        let show = |text: &str| shown(&wire(text.parse().unwrap()));
        assert_eq!(show("2026-07-01T00:00:00Z"), "2026-07-01");
        assert_eq!(show("2026-07-01T06:30:00Z"), "2026-07-01 06:30");
    }
}
