//! CSV tables with a header: columns by name, errors with line and column name.

use std::io::{BufRead, BufReader};

use super::{ENTRIES_MAX, money};
use crate::error::{Fault, ReadError};
use crate::input::{self, Text};
use plimsoll_domain::units::ParsedPrice;

/// A table whose columns are known by name, read row by row. A row is a line, and no field
/// holds a comma or a quote: names and numbers need neither.
///
/// Empty lines, and those that begin with `#`, are passed over.
pub(super) struct Table<'r> {
    lines: Lines<'r>,
    columns: Vec<&'static str>,
    count: u64,
}

/// One row. Fields are looked up by the names given to [`Table::open`].
pub(super) struct Row<'a> {
    columns: &'a [&'static str],
    fields: Vec<String>,
    line: u64,
}

impl<'r> Table<'r> {
    /// Opens a table that must have exactly these columns, in any order.
    pub(super) fn open(text: Text<'r>, columns: &[&'static str]) -> Result<Self, ReadError> {
        let mut lines = Lines { text: BufReader::new(text), number: 0 };
        let header = lines.next()?.ok_or(ReadError::Empty { what: "columns" })?;
        let columns = order(&header, columns).map_err(|fault| fault.on_line(lines.number))?;
        Ok(Self { lines, columns, count: 0 })
    }

    /// The next row; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Row<'_>>, ReadError> {
        let Some(fields) = self.lines.next()? else {
            return Ok(None);
        };
        if self.count == ENTRIES_MAX {
            return Err(ReadError::TooLarge { what: "rows", limit: ENTRIES_MAX });
        }
        self.count += 1;
        let (line, found, expected) = (self.lines.number, fields.len(), self.columns.len());
        if found != expected {
            let message = format!("{found} fields, where the header has {expected}: is the file cut off?");
            return Err(Fault::new(message).on_line(line).into());
        }
        Ok(Some(Row { columns: &self.columns, fields, line }))
    }
}

/// Lines that say something, split into fields.
struct Lines<'r> {
    text: BufReader<Text<'r>>,
    /// Of the last line read, from 1.
    number: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<Vec<String>>, ReadError> {
        let mut line = Vec::new();
        while self.text.read_until(b'\n', &mut line).map_err(input::cause)? > 0 {
            self.number += 1;
            let text = line.trim_ascii();
            if !text.is_empty() && !text.starts_with(b"#") {
                return self.split(text).map(Some);
            }
            line.clear();
        }
        Ok(None)
    }

    fn split(&self, line: &[u8]) -> Result<Vec<String>, ReadError> {
        let text =
            std::str::from_utf8(line).map_err(|_| Fault::new("is not UTF-8 text").on_line(self.number))?;
        Ok(text.split(',').map(|field| unquoted(field.trim()).to_owned()).collect())
    }
}

/// A field without the quotes around it.
fn unquoted(field: &str) -> &str {
    field.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(field)
}

/// The known columns in the header's order.
fn order(header: &[String], columns: &[&'static str]) -> Result<Vec<&'static str>, Fault> {
    let mut found = Vec::new();
    for name in header {
        let known = columns.iter().find(|column| **column == name);
        let column = known
            .ok_or_else(|| Fault::new(format!("unknown column; expected {}", columns.join(","))).at(name))?;
        if found.contains(column) {
            return Err(Fault::new("column stands there twice").at(name));
        }
        found.push(*column);
    }
    match columns.iter().find(|column| !found.contains(column)) {
        None => Ok(found),
        Some(missing) => Err(Fault::new("column is missing").at(missing)),
    }
}

impl Row<'_> {
    /// The text of a field; empty if it is.
    pub(super) fn text(&self, column: &str) -> &str {
        let at = self.columns.iter().position(|name| *name == column);
        at.and_then(|at| self.fields.get(at)).map_or("", String::as_str)
    }

    /// The text of a field that must have one.
    pub(super) fn name(&self, column: &str) -> Result<&str, Fault> {
        match self.text(column) {
            "" => Err(self.fault(column, "is empty")),
            text => Ok(text),
        }
    }

    /// A whole number from 0 to `max`.
    pub(super) fn number(&self, column: &str, max: i64) -> Result<i64, Fault> {
        let number = self.text(column).parse().ok().filter(|number| (0..=max).contains(number));
        number.ok_or_else(|| self.odd(column, &format!("a whole number, 0 to {max}")))
    }

    /// The same, or nothing if the field is empty.
    pub(super) fn optional(&self, column: &str, max: i64) -> Result<Option<i64>, Fault> {
        if self.text(column).is_empty() { Ok(None) } else { self.number(column, max).map(Some) }
    }

    /// `1` or `0`.
    pub(super) fn flag(&self, column: &str) -> Result<bool, Fault> {
        Ok(self.number(column, 1)? == 1)
    }

    /// US dollars per hour, above zero.
    pub(super) fn price(&self, column: &str) -> Result<ParsedPrice, Fault> {
        money::parse(self.text(column)).map_err(|told| self.fault(column, told))
    }

    /// A fault for a field that is not what was expected.
    pub(super) fn odd(&self, column: &str, expected: &str) -> Fault {
        self.fault(column, format!("{:?}: expected {expected}", self.text(column)))
    }

    /// A fault in a field of this row.
    pub(super) fn fault(&self, column: &str, message: impl Into<String>) -> Fault {
        Fault { path: column.to_owned(), ..Fault::new(message) }.on_line(self.line)
    }
}
