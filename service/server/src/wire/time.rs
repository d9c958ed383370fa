//! Times and spans.

use std::time::Duration;

use jiff::Timestamp;
use plimsoll_proto::v1 as pb;

use super::Invalid;

/// A time as the wire has it.
pub fn timestamp(time: Timestamp) -> pbjson_types::Timestamp {
    pbjson_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

/// A time from the wire.
pub fn parse_timestamp(field: &str, time: pbjson_types::Timestamp) -> Result<Timestamp, Invalid> {
    Timestamp::new(time.seconds, time.nanos).map_err(|error| Invalid::new(field, error.to_string()))
}

/// A span as the wire has it; more than the wire holds is its most.
pub fn span(length: Duration) -> pbjson_types::Duration {
    let seconds = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    pbjson_types::Duration { seconds, nanos: i32::try_from(length.subsec_nanos()).unwrap_or(0) }
}

/// A span of zero or more from the wire.
pub fn parse_span(field: &str, span: &pbjson_types::Duration) -> Result<Duration, Invalid> {
    let negative = || Invalid::new(field, "a time span may not be negative");
    let seconds = u64::try_from(span.seconds).map_err(|_| negative())?;
    let nanos = u32::try_from(span.nanos).map_err(|_| negative())?;
    if 1_000_000_000 <= nanos {
        return Err(Invalid::new(field, "nanos must be below one second"));
    }
    Ok(Duration::new(seconds, nanos))
}

/// A window as the wire has it.
pub fn window((start, end): (Timestamp, Timestamp)) -> pb::Window {
    pb::Window { start_time: Some(timestamp(start)), end_time: Some(timestamp(end)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_the_wire() {
        for text in ["2026-11-22T10:00:00.123456789Z", "1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z"] {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!(parse_timestamp("t", timestamp(time)), Ok(time), "{text}");
        }
    }

    fn check(seconds: i64, nanos: i32, want: Option<Duration>) {
        let span = pbjson_types::Duration { seconds, nanos };
        assert_eq!(parse_span("s", &span).ok(), want, "{seconds} {nanos}");
    }

    #[test]
    fn negative_spans_are_refused() {
        check(1, 500_000_000, Some(Duration::from_millis(1500)));
        check(-1, 0, None);
        check(0, -1, None);
        check(0, 1_000_000_000, None);
    }

    #[test]
    fn a_time_beyond_the_calendar_is_refused() {
        assert!(parse_timestamp("t", pbjson_types::Timestamp { seconds: i64::MAX, nanos: 0 }).is_err());
    }
}
