//! The small language of `filter`: comparisons joined by `AND`. What is not understood is refused.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::Invalid;
use crate::limits::{FILTER_BYTES_MAX, FILTER_TERMS_MAX};

/// What a list's item has in a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text: compared for equality only.
    Text(&'a str),
    /// The name of an enum's value, with its prefix: compared for equality only, with or without it.
    Enum {
        /// Name of the value, such as `STATE_READY`.
        name: &'a str,
        /// What may be left out, such as `STATE_`.
        prefix: &'static str,
    },
    /// A whole number.
    Number(i64),
    /// A time.
    Time(Timestamp),
}

/// What kind of value a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Value::Text`] or [`Value::Enum`].
    Text,
    /// [`Value::Number`].
    Number,
    /// [`Value::Time`].
    Time,
}

/// A filter that was understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter(Vec<Term>);

#[derive(Clone, Debug, PartialEq)]
struct Term {
    field: &'static str,
    operator: Operator,
    operand: Operand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Text(String),
    Number(i64),
    Time(Timestamp),
}

/// Longer ones first, so that `<=` is not read as `<`.
const OPERATORS: [(&str, Operator); 6] = [
    ("!=", Operator::Unequal),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// Reads a filter over `fields`; empty text lets everything pass.
///
/// # Errors
/// Names what was not understood, and the fields there are.
pub fn parse(text: &str, fields: &[(&'static str, Kind)]) -> Result<Filter, Invalid> {
    if FILTER_BYTES_MAX < text.len() {
        return Err(bad(format!("longer than {FILTER_BYTES_MAX} bytes")));
    }
    let mut terms = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if terms.len() == FILTER_TERMS_MAX {
            return Err(bad(format!("more than {FILTER_TERMS_MAX} comparisons")));
        }
        let (term, after) = term(rest, fields)?;
        terms.push(term);
        rest = match after.trim_start() {
            "" => "",
            after => joined(after)?,
        };
    }
    Ok(Filter(terms))
}

impl Filter {
    /// Whether an item passes, given what it has in a field.
    pub fn passes<'a>(&self, value: impl Fn(&str) -> Value<'a>) -> bool {
        self.0.iter().all(|term| term.holds(&value(term.field)))
    }

    /// Comparisons of text: the field, whether it has to be equal, and the value.
    pub fn equalities(&self) -> impl Iterator<Item = (&'static str, bool, &str)> {
        self.0.iter().filter_map(|term| match &term.operand {
            Operand::Text(value) => Some((term.field, term.operator == Operator::Equal, value.as_str())),
            Operand::Number(_) | Operand::Time(_) => None,
        })
    }
}

impl Term {
    fn holds(&self, value: &Value<'_>) -> bool {
        let order = match (value, &self.operand) {
            (Value::Text(have), Operand::Text(want)) => equality(have == want),
            (Value::Enum { name, prefix }, Operand::Text(want)) => {
                equality(name == want || name.strip_prefix(prefix) == Some(want))
            }
            (Value::Number(have), Operand::Number(want)) => have.cmp(want),
            (Value::Time(have), Operand::Time(want)) => have.cmp(want),
            _ => return false,
        };
        match self.operator {
            Operator::Equal => order.is_eq(),
            Operator::Unequal => order.is_ne(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// Text has no order here; any that is not equal will do, since only `=` and `!=` are let in.
fn equality(equal: bool) -> Ordering {
    if equal { Ordering::Equal } else { Ordering::Less }
}

fn term<'t>(text: &'t str, fields: &[(&'static str, Kind)]) -> Result<(Term, &'t str), Invalid> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let Some((field, kind)) = fields.iter().find(|(field, _)| *field == name) else {
        let known: Vec<&str> = fields.iter().map(|(field, _)| *field).collect();
        return Err(bad(format!("{name:?} is no field to filter by; there are {}", known.join(", "))));
    };
    let rest = rest.trim_start();
    let Some((symbol, operator)) = OPERATORS.iter().find(|(symbol, _)| rest.starts_with(symbol)) else {
        return Err(bad(format!("after {name}, expected one of = != < <= > >=")));
    };
    if *kind == Kind::Text && !matches!(operator, Operator::Equal | Operator::Unequal) {
        return Err(bad(format!("{name} can only be compared with = and !=")));
    }
    let (operand, rest) = operand(name, *kind, rest[symbol.len()..].trim_start())?;
    Ok((Term { field, operator: *operator, operand }, rest))
}

fn operand<'t>(name: &str, kind: Kind, text: &'t str) -> Result<(Operand, &'t str), Invalid> {
    let (value, rest) = match text.strip_prefix('"') {
        Some(quoted) => {
            quoted.split_once('"').ok_or_else(|| bad(format!("{name}: a quote is not closed")))?
        }
        None => text.split_at(text.find(char::is_whitespace).unwrap_or(text.len())),
    };
    let wrong = |want: &str| bad(format!("{name}: {value:?} is not {want}"));
    let operand = match kind {
        Kind::Text if value.is_empty() && !text.starts_with('"') => return Err(wrong("a value")),
        Kind::Text => Operand::Text(value.to_owned()),
        Kind::Number => Operand::Number(value.parse().map_err(|_| wrong("a whole number"))?),
        Kind::Time => Operand::Time(value.parse().map_err(|_| wrong("an RFC 3339 time"))?),
    };
    Ok((operand, rest))
}

/// What follows an `AND`.
fn joined(text: &str) -> Result<&str, Invalid> {
    let rest = text.strip_prefix("AND").map(str::trim_start);
    match rest {
        Some(rest) if !rest.is_empty() && text.as_bytes().get(3).is_some_and(u8::is_ascii_whitespace) => {
            Ok(rest)
        }
        _ => Err(bad(format!("expected AND and a comparison at {text:?}"))),
    }
}

fn bad(message: String) -> Invalid {
    Invalid::new("filter", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [(&str, Kind); 4] =
        [("state", Kind::Text), ("name", Kind::Text), ("size", Kind::Number), ("made", Kind::Time)];

    fn value(field: &str) -> Value<'static> {
        match field {
            "state" => Value::Enum { name: "STATE_READY", prefix: "STATE_" },
            "name" => Value::Text("a b"),
            "size" => Value::Number(8),
            _ => Value::Time("2026-11-22T00:00:00Z".parse().unwrap()),
        }
    }

    fn check(text: &str, want: bool) {
        let filter = parse(text, &FIELDS).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.passes(value), want, "{text}");
    }

    #[test]
    fn comparisons_are_joined_by_and() {
        check("", true);
        check("  ", true);
        check("state = \"READY\"", true);
        check("state=READY", true);
        check("state = STATE_READY", true);
        check("state != \"STALE\"", true);
        check("state = \"STALE\"", false);
        check("name = \"a b\" AND size >= 8", true);
        check("name = \"a b\" AND size > 8", false);
        check("size<9 AND size<=8 AND size>=8 AND size>7 AND size!=9", true);
        check("made < \"2026-11-23T00:00:00Z\"", true);
        check("made >= \"2026-11-23T00:00:00Z\"", false);
        check("name != \"\"", true);
    }

    #[track_caller]
    fn check_refused(text: &str, part: &str) {
        let error = parse(text, &FIELDS).unwrap_err();
        assert_eq!(error.field, "filter");
        assert!(error.message.contains(part), "{text}: {}", error.message);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        check_refused("cost = 1", "no field");
        check_refused("(size = 1)", "no field");
        check_refused("size", "expected one of");
        check_refused("size ~ 1", "expected one of");
        check_refused("size = x", "whole number");
        check_refused("size =", "whole number");
        check_refused("state =", "not a value");
        check_refused("state < \"READY\"", "only be compared");
        check_refused("name = \"open", "not closed");
        check_refused("made = yesterday", "RFC 3339");
        check_refused("size = 1 OR size = 2", "expected AND");
        check_refused("size = 1 AND", "expected AND");
        check_refused("size = 1 ANDsize = 2", "expected AND");
        check_refused(&["size = 1"; 11].join(" AND "), "more than 10");
        check_refused(&"x".repeat(3000), "longer than");
    }
}
