//! Hours and days of UTC.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use plimsoll_domain::ledger::Span;

/// Day and hour of a moment.
pub fn split(time: Timestamp) -> (Date, i8) {
    let local = TimeZone::UTC.to_datetime(time);
    (local.date(), local.hour())
}

/// Start of an hour of a day; none beyond the end of time.
pub fn hour_start(date: Date, hour: i8) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(date.at(hour, 0, 0, 0)).ok()
}

/// Start of a day; the beginning of time before it.
pub fn day_start(date: Date) -> Timestamp {
    hour_start(date, 0).unwrap_or(Timestamp::MIN)
}

/// First moment of the day after.
pub fn day_end(date: Date) -> Timestamp {
    date.checked_add(1.day()).ok().and_then(|next| hour_start(next, 0)).unwrap_or(Timestamp::MAX)
}

/// Start of the month of a moment.
pub fn month_start(time: Timestamp) -> Timestamp {
    day_start(split(time).0.first_of_month())
}

/// Whether an hour of a day begins in a span.
pub fn begins_in(span: Span, date: Date, hour: i8) -> bool {
    hour_start(date, hour).is_some_and(|start| span.start <= start && start < span.end)
}

/// Whether any part of a day lies in a span.
pub fn touches(span: Span, date: Date) -> bool {
    day_start(date) < span.end && span.start < day_end(date)
}
