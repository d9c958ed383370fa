//! Rows as CSV and as JSON lines. Decimals are written digit by digit, moments as RFC 3339.

use std::io::{self, Write};

use jiff::Timestamp;
use polars::prelude::{Column, DataFrame, Int64Chunked, Int128Chunked, PolarsResult, StringChunked};

use crate::schema::{COST_SCALE, FOCUS, Kind, PRICE_SCALE};

/// How rows look.
#[derive(Clone, Copy)]
pub enum Layout {
    Csv,
    Json,
}

/// A column, ready to be written.
enum Cells<'a> {
    Text(&'a StringChunked),
    Decimal(&'a Int128Chunked, usize),
    Time(&'a Int64Chunked),
}

impl Layout {
    /// What comes before the rows.
    pub fn head(self, to: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Csv => writeln!(to, "{}", FOCUS.map(|(name, _)| name).join(",")),
            Self::Json => Ok(()),
        }
    }

    /// A line for each row.
    pub fn rows(self, frame: &DataFrame, to: &mut impl Write) -> PolarsResult<()> {
        let columns = FOCUS.iter().map(|(name, kind)| Cells::of(frame.column(name)?, *kind));
        let columns = columns.collect::<PolarsResult<Vec<_>>>()?;
        let mut line = Vec::new();
        for row in 0..frame.height() {
            line.clear();
            match self {
                Self::Csv => csv(&columns, row, &mut line)?,
                Self::Json => json(&columns, row, &mut line)?,
            }
            line.push(b'\n');
            to.write_all(&line)?;
        }
        Ok(())
    }
}

impl<'a> Cells<'a> {
    fn of(column: &'a Column, kind: Kind) -> PolarsResult<Self> {
        let series = column.as_materialized_series();
        Ok(match kind {
            Kind::Cost => Self::Decimal(series.decimal()?.physical(), COST_SCALE),
            Kind::Price => Self::Decimal(series.decimal()?.physical(), PRICE_SCALE),
            Kind::Time => Self::Time(series.datetime()?.physical()),
            Kind::Text | Kind::Integer | Kind::Flag => Self::Text(series.str()?),
        })
    }

    fn number(&self, row: usize) -> Option<String> {
        match self {
            Self::Decimal(cells, scale) => Some(decimal(cells.get(row)?, *scale)),
            _ => None,
        }
    }

    fn text(&self, row: usize) -> Option<String> {
        match self {
            Self::Text(cells) => cells.get(row).map(str::to_owned),
            Self::Time(cells) => Some(Timestamp::from_microsecond(cells.get(row)?).ok()?.to_string()),
            Self::Decimal(..) => None,
        }
    }
}

fn csv(columns: &[Cells<'_>], row: usize, line: &mut Vec<u8>) -> io::Result<()> {
    for (number, cells) in columns.iter().enumerate() {
        if number != 0 {
            line.push(b',');
        }
        match cells.number(row).or_else(|| cells.text(row)) {
            Some(text) if text.contains([',', '"', '\n', '\r']) => {
                write!(line, "\"{}\"", text.replace('"', "\"\""))?;
            }
            Some(text) => line.extend_from_slice(text.as_bytes()),
            None => {}
        }
    }
    Ok(())
}

fn json(columns: &[Cells<'_>], row: usize, line: &mut Vec<u8>) -> io::Result<()> {
    for ((name, _), (number, cells)) in FOCUS.iter().zip(columns.iter().enumerate()) {
        write!(line, "{}\"{name}\":", if number == 0 { '{' } else { ',' })?;
        match (cells.number(row), cells.text(row)) {
            (Some(digits), _) => line.extend_from_slice(digits.as_bytes()),
            (None, Some(text)) => serde_json::to_writer(&mut *line, &text)?,
            (None, None) => line.extend_from_slice(b"null"),
        }
    }
    line.push(b'}');
    Ok(())
}

/// All digits of a decimal, without zeros at its end.
fn decimal(value: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        let table = [
            (0, 9, "0"),
            (1, 9, "0.000000001"),
            (96_000_000, 9, "0.096"),
            (-1_500_000_000, 9, "-1.5"),
            (73_000_000_000, 9, "73"),
            (i128::from(i64::MAX), 9, "9223372036.854775807"),
            (10_i128.pow(38) - 1, 18, "99999999999999999999.999999999999999999"),
        ];
        for (value, scale, want) in table {
            assert_eq!(decimal(value, scale), want);
        }
    }
}
