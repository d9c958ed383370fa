//! CSV tables with a header: columns by name, errors with line and column name.

use std::io::BufReader;

use csv::{Reader, ReaderBuilder, StringRecord};

use super::{ENTRIES_MAX, money};
use crate::error::{Fault, ReadError};
use crate::input::{self, Text};
use plimsoll_domain::units::ParsedPrice;

/// A table whose columns are known by name, read row by row.
pub(super) struct Table<'r> {
    reader: Reader<BufReader<Text<'r>>>,
    columns: Vec<&'static str>,
    count: u64,
}

/// One row. Fields are looked up by the names given to [`Table::open`].
pub(super) struct Row<'a> {
    columns: &'a [&'static str],
    record: StringRecord,
    line: u64,
}

impl<'r> Table<'r> {
    /// Opens a table that must have exactly these columns, in any order.
    pub(super) fn open(text: Text<'r>, columns: &[&'static str]) -> Result<Self, ReadError> {
        let mut reader =
            ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(BufReader::new(text));
        let header = reader.headers().map_err(fault)?.clone();
        let columns = order(&header, columns).map_err(|fault| fault.on_line(1))?;
        Ok(Self { reader, columns, count: 0 })
    }

    /// The next row; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Row<'_>>, ReadError> {
        let mut record = StringRecord::new();
        if !self.reader.read_record(&mut record).map_err(fault)? {
            return Ok(None);
        }
        if self.count == ENTRIES_MAX {
            return Err(ReadError::TooLarge { what: "rows", limit: ENTRIES_MAX });
        }
        self.count += 1;
        let line = record.position().map_or(0, csv::Position::line);
        Ok(Some(Row { columns: &self.columns, record, line }))
    }
}

/// The known columns in the header's order.
fn order(header: &StringRecord, columns: &[&'static str]) -> Result<Vec<&'static str>, Fault> {
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
        at.and_then(|at| self.record.get(at)).unwrap_or_default()
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

fn fault(error: csv::Error) -> ReadError {
    let line = error.position().map(csv::Position::line);
    let message = match error.into_kind() {
        csv::ErrorKind::Io(error) => return input::cause(error),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields, where the header has {expected_len}: is the file cut off?")
        }
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8 text".to_owned(),
        _ => "is no CSV".to_owned(),
    };
    Fault { line, ..Fault::new(message) }.into()
}
