//! Printing: data to stdout in the wanted form, remarks for people to stderr.

use std::io::{IsTerminal, Write};

use serde::Serialize;
use serde_json::Value;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Padding, Style};

/// How data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// Proto3 JSON with the proto's own field names; 64-bit integers as strings.
    Json,
    /// The same as YAML.
    Yaml,
    /// The main table, with a header.
    Csv,
}

/// A table: a head and rows of the same length. Columns whose head starts with `$` or `#` are numbers.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Column heads.
    pub head: Vec<&'static str>,
    /// Cells.
    pub rows: Vec<Vec<String>>,
}

/// Where to and how.
pub struct Output {
    format: Format,
    quiet: bool,
}

impl Output {
    /// Prints to stdout in this form; remarks go to stderr unless `quiet`.
    pub fn new(format: Format, quiet: bool) -> Self {
        Self { format, quiet }
    }

    /// Whether somebody watches stderr and wants progress.
    pub fn shows_progress(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }

    /// Prints a value: the table for people and CSV, the message itself for programs. `text` is what a
    /// person sees before the table.
    pub fn print(&mut self, message: &impl Serialize, text: &str, table: &Table) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        match self.format {
            Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(message)?)?,
            Format::Yaml => write!(out, "{}", serde_norway::to_string(&serde_json::to_value(message)?)?)?,
            Format::Csv => write_csv(&mut out, table)?,
            Format::Table => {
                write!(out, "{text}")?;
                if !table.rows.is_empty() {
                    writeln!(out, "{}", draw(table))?;
                }
            }
        }
        Ok(())
    }

    /// Prints a list: each message for programs, one table for people.
    pub fn print_all<T: Serialize>(&mut self, messages: &[T], table: &Table) -> anyhow::Result<()> {
        let values: Vec<Value> = messages.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
        let empty = if table.rows.is_empty() { "nothing to show\n" } else { "" };
        self.print(&values, empty, table)
    }

    /// Money: dollars for people, in a sheet the exact number.
    pub fn usd(&self, nano_usd: i64) -> String {
        if self.format == Format::Csv { usd_exact(nano_usd) } else { usd(nano_usd) }
    }

    /// Money by the hour: dollars for people, in a sheet the exact number.
    pub fn usd_per_hour(&self, nano_usd: i64) -> String {
        if self.format == Format::Csv { usd_exact(nano_usd) } else { usd_per_hour(nano_usd) }
    }

    /// Says something to a person on stderr.
    pub fn remark(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }
}

/// A table as text, numbers to the right.
pub fn draw(table: &Table) -> String {
    let mut builder = Builder::new();
    builder.push_record(table.head.iter().map(|head| head.trim_start_matches('#')));
    table.rows.iter().for_each(|row| builder.push_record(row));
    let mut drawn = builder.build();
    drawn.with(Style::blank()).with(Padding::new(0, 1, 0, 0));
    for (number, head) in table.head.iter().enumerate() {
        if head.starts_with('$') || head.starts_with('#') {
            drawn.modify(Columns::one(number), Alignment::right());
        }
    }
    drawn.to_string()
}

fn write_csv(out: &mut impl Write, table: &Table) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(table.head.iter().map(|head| head.trim_start_matches('#')))?;
    for row in &table.rows {
        csv.write_record(row)?;
    }
    csv.flush()?;
    Ok(())
}

/// Nano-USD as dollars, to the last digit and without a sign of currency, as sheets read numbers.
fn usd_exact(nano_usd: i64) -> String {
    let amount = nano_usd.unsigned_abs();
    format!("{}{}.{:09}", sign(nano_usd), amount / 1_000_000_000, amount % 1_000_000_000)
}

/// Nano-USD per hour for people.
pub fn usd_per_hour(nano_usd: i64) -> String {
    format!("{}${:.4}/h", sign(nano_usd), nano_usd.unsigned_abs() as f64 / 1e9)
}

/// Nano-USD for people.
pub fn usd(nano_usd: i64) -> String {
    let cents = (nano_usd.unsigned_abs() + 5_000_000) / 10_000_000;
    let whole = thousands(i64::try_from(cents / 100).unwrap_or(i64::MAX));
    format!("{}${whole}.{:02}", sign(nano_usd), cents % 100)
}

/// Nano-USD per hour for people, as whole dollars in a month of so many hours.
pub fn usd_per_month(nano_usd: i64, month_hours: f64) -> String {
    let usd = (nano_usd as f64 / 1e9 * month_hours).round() as i64;
    format!("{}${}/month", sign(usd), thousands(usd.saturating_abs()))
}

/// A number with thousands apart.
pub fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|chunk| std::str::from_utf8(chunk).unwrap_or("")).collect();
    format!("{}{}", sign(number), groups.join(","))
}

fn sign(number: i64) -> &'static str {
    if number < 0 { "-" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_exact_in_sheets_and_short_for_people() {
        for (nano_usd, exact, short) in [
            (0, "0.000000000", "$0.00"),
            (1, "0.000000001", "$0.00"),
            (-1_500_000_000, "-1.500000000", "-$1.50"),
            (1_234_567_000_000_001, "1234567.000000001", "$1,234,567.00"),
        ] {
            assert_eq!((usd_exact(nano_usd).as_str(), usd(nano_usd).as_str()), (exact, short));
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1340, "1,340"), (-1_234_567, "-1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn the_sign_stands_before_the_currency() {
        assert_eq!(usd_per_hour(96_000_000), "$0.0960/h");
        assert_eq!(usd_per_hour(-7_862_000_000), "-$7.8620/h");
        assert_eq!(usd(-1_234_567_894_999_999), "-$1,234,567.89");
        assert_eq!(usd(5_000_000), "$0.01");
        assert_eq!(usd_per_month(-7_862_000_000, 730.0), "-$5,739/month");
        assert_eq!(usd_per_month(1_000_000_000, 744.0), "$744/month");
        assert_eq!(usd_per_month(-1, 730.0), "$0/month");
    }
}
