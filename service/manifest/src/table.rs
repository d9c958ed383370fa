//! CSV with a header: columns by name, faults with line and column name.

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord};

use crate::error::{Fault, ReadError};
use crate::input::{Place, Text, cause};

/// A table, read row by row.
pub(crate) struct Table<'r> {
    reader: csv::Reader<Text<'r>>,
    place: Place,
    header: StringRecord,
    row: StringRecord,
}

/// One row.
pub(crate) struct Row<'t> {
    header: &'t StringRecord,
    fields: &'t StringRecord,
}

impl<'r> Table<'r> {
    /// Opens a table that has at least these columns, in any order.
    pub(crate) fn open(text: Text<'r>, columns: &[&'static str]) -> Result<Self, ReadError> {
        let place = text.place();
        place.begin_object();
        let mut reader = ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
        let header = reader.headers().map_err(explain)?.clone();
        let missing = columns.iter().find(|column| !header.iter().any(|there| there == **column));
        match missing {
            Some(column) => Err(Fault::new("the column is missing").at(column).on_line(1).into()),
            None => Ok(Self { reader, place, header, row: StringRecord::new() }),
        }
    }

    /// The next row; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, ReadError> {
        self.place.begin_object();
        let there = self.reader.read_record(&mut self.row).map_err(explain)?;
        Ok(there.then_some(Row { header: &self.header, fields: &self.row }))
    }
}

impl Row<'_> {
    /// The text of a field; empty if it is, or if there is no such column.
    pub(crate) fn text(&self, column: &str) -> &str {
        let index = self.header.iter().position(|there| there == column);
        index.and_then(|index| self.fields.get(index)).unwrap_or_default()
    }

    /// The text of a field that must have one.
    pub(crate) fn name(&self, column: &str) -> Result<&str, Fault> {
        match self.text(column) {
            "" => Err(self.fault(column, "is empty")),
            text => Ok(text),
        }
    }

    /// A whole number from 0 to `max`.
    pub(crate) fn number(&self, column: &str, max: i64) -> Result<i64, Fault> {
        let text = self.text(column);
        let number = text.parse().ok().filter(|number| (0..=max).contains(number));
        number.ok_or_else(|| self.fault(column, format!("{text:?} is no whole number from 0 to {max}")))
    }

    /// A fault in a field of this row.
    pub(crate) fn fault(&self, column: &str, message: impl Into<String>) -> Fault {
        Fault::new(message).at(column).on_line(self.fields.position().map_or(0, Position::line))
    }
}

fn explain(error: csv::Error) -> ReadError {
    let line = error.position().map(Position::line);
    let message = match error.into_kind() {
        ErrorKind::Io(error) => return cause(error),
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields where the header has {expected_len}")
        }
        ErrorKind::Utf8 { .. } => "this is not UTF-8".to_owned(),
        _ => "this is not CSV".to_owned(),
    };
    Fault { line, ..Fault::new(message) }.into()
}
