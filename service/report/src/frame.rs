//! Rows to columns and back.

use std::collections::HashMap;

use jiff::Timestamp;
use polars::prelude::*;

use crate::schema::{self, COST_SCALE, PRECISION, PRICE_SCALE};

/// Makes a frame from rows, column by column; a column that is not set is null.
pub struct Builder<'a, R> {
    rows: &'a [R],
    made: HashMap<&'static str, Series>,
}

impl<'a, R> Builder<'a, R> {
    pub fn new(rows: &'a [R]) -> Self {
        Self { rows, made: HashMap::new() }
    }

    /// Empty text is null.
    pub fn text<T: AsRef<str>>(&mut self, name: &'static str, value: impl Fn(&'a R) -> T) -> &mut Self {
        let values = self.rows.iter().map(value);
        let mut column = StringChunkedBuilder::new(name.into(), self.rows.len());
        values.for_each(|text| column.append_option(Some(text.as_ref()).filter(|text| !text.is_empty())));
        self.set(name, column.finish().into_series())
    }

    /// Nano-USD.
    pub fn cost(&mut self, name: &'static str, value: impl Fn(&'a R) -> i64) -> &mut Self {
        let values = self.rows.iter().map(|row| Some(i128::from(value(row))));
        self.decimal(name, values.collect(), COST_SCALE)
    }

    /// In 1e-18.
    pub fn price(&mut self, name: &'static str, value: impl Fn(&'a R) -> Option<i128>) -> &mut Self {
        self.decimal(name, self.rows.iter().map(value).collect(), PRICE_SCALE)
    }

    fn decimal(&mut self, name: &'static str, values: Vec<Option<i128>>, scale: usize) -> &mut Self {
        let column = Int128Chunked::from_iter_options(name.into(), values.into_iter());
        self.set(name, column.into_decimal_unchecked(PRECISION, scale).into_series())
    }

    pub fn time(&mut self, name: &'static str, value: impl Fn(&'a R) -> Option<Timestamp>) -> &mut Self {
        let values = self.rows.iter().map(|row| value(row).map(Timestamp::as_microsecond));
        let column = Int64Chunked::from_iter_options(name.into(), values);
        self.set(name, column.into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)).into_series())
    }

    pub fn integer(&mut self, name: &'static str, value: impl Fn(&'a R) -> Option<i64>) -> &mut Self {
        let column = Int64Chunked::from_iter_options(name.into(), self.rows.iter().map(value));
        self.set(name, column.into_series())
    }

    pub fn flag(&mut self, name: &'static str, value: impl Fn(&'a R) -> Option<bool>) -> &mut Self {
        let column = BooleanChunked::from_iter_options(name.into(), self.rows.iter().map(value));
        self.set(name, column.into_series())
    }

    fn set(&mut self, name: &'static str, column: Series) -> &mut Self {
        self.made.insert(name, column);
        self
    }

    /// The frame, in the order of `columns`.
    pub fn finish(&mut self, columns: &[schema::Column]) -> PolarsResult<DataFrame> {
        let height = self.rows.len();
        let in_order = columns.iter().map(|(name, kind)| {
            let made = self.made.remove(name);
            made.unwrap_or_else(|| Series::full_null((*name).into(), height, &kind.data_type())).into()
        });
        DataFrame::new(height, in_order.collect())
    }
}

/// Reads the cells of a frame; a column that is not there is null.
pub struct Reader<'a>(pub &'a DataFrame);

impl<'a> Reader<'a> {
    fn series(&self, name: &str) -> Option<&'a Series> {
        self.0.column(name).ok().map(Column::as_materialized_series)
    }

    pub fn text(&self, name: &str) -> PolarsResult<impl Fn(usize) -> &'a str + use<'a>> {
        let column = self.series(name).map(Series::str).transpose()?;
        Ok(move |row| column.and_then(|column| column.get(row)).unwrap_or_default())
    }

    pub fn decimal(&self, name: &str) -> PolarsResult<impl Fn(usize) -> Option<i128> + use<'a>> {
        let column = self.series(name).map(Series::decimal).transpose()?;
        Ok(move |row| column.and_then(|column| column.physical().get(row)))
    }

    pub fn time(&self, name: &str) -> PolarsResult<impl Fn(usize) -> Option<Timestamp> + use<'a>> {
        let column = self.series(name).map(Series::datetime).transpose()?;
        Ok(move |row| {
            let micros = column.and_then(|column| column.physical().get(row))?;
            Timestamp::from_microsecond(micros).ok()
        })
    }

    pub fn integer(&self, name: &str) -> PolarsResult<impl Fn(usize) -> Option<i64> + use<'a>> {
        let column = self.series(name).map(Series::i64).transpose()?;
        Ok(move |row| column.and_then(|column| column.get(row)))
    }

    pub fn flag(&self, name: &str) -> PolarsResult<impl Fn(usize) -> Option<bool> + use<'a>> {
        let column = self.series(name).map(Series::bool).transpose()?;
        Ok(move |row| column.and_then(|column| column.get(row)))
    }
}
