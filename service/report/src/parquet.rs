//! Frames to bytes of Parquet and back; and polars kept from taking the service down.

use std::any::Any;
use std::io::{Cursor, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use plimsoll_domain::ledger::LedgerError;
use polars::io::parquet::write::BatchedWriter;
use polars::prelude::*;

use crate::schema::{self, schema};

/// Rows of a row group: small enough to be read one at a time, large enough to compress.
pub const GROUP_ROWS: usize = 100_000;

/// Writes frames of `columns` as one file.
pub struct Writer<W: Write> {
    writer: BatchedWriter<W>,
    /// Less than a row group.
    open: Option<DataFrame>,
}

impl<W: Write> Writer<W> {
    /// A writer that has written nothing yet.
    pub fn new(to: W, columns: &[schema::Column]) -> PolarsResult<Self> {
        let writer = ParquetWriter::new(to)
            .with_compression(ParquetCompression::Zstd(None))
            .with_statistics(StatisticsOptions::default())
            .batched(&schema(columns))?;
        Ok(Self { writer, open: None })
    }

    /// Adds rows; writes as many whole row groups as there are.
    pub fn write(&mut self, frame: DataFrame) -> PolarsResult<()> {
        let mut open = match self.open.take() {
            Some(open) => open.vstack(&frame)?,
            None => frame,
        };
        while GROUP_ROWS <= open.height() {
            self.flush(open.slice(0, GROUP_ROWS))?;
            open = open.slice(GROUP_ROWS as i64, open.height() - GROUP_ROWS);
        }
        self.open = Some(open);
        Ok(())
    }

    fn flush(&mut self, mut rows: DataFrame) -> PolarsResult<()> {
        rows.rechunk_mut_par();
        self.writer.write_batch(&rows)
    }

    /// Writes the rest and the footer.
    pub fn finish(mut self) -> PolarsResult<()> {
        if let Some(open) = self.open.take().filter(|open| open.height() != 0) {
            self.flush(open)?;
        }
        self.writer.finish().map(drop)
    }
}

/// A frame as the bytes of a file; the same frame gives the same bytes.
pub fn encode(frame: DataFrame, columns: &[schema::Column]) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, columns)?;
    writer.write(frame)?;
    writer.finish()?;
    Ok(bytes)
}

/// The frame in a file's bytes.
pub fn decode(bytes: impl AsRef<[u8]> + Send + Sync) -> PolarsResult<DataFrame> {
    ParquetReader::new(Cursor::new(bytes.as_ref().to_vec())).finish()
}

/// Runs polars; what it panics with becomes an error that tells the same.
pub fn guarded<T>(work: impl FnOnce() -> PolarsResult<T>) -> PolarsResult<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(PolarsError::ComputeError(told(panic.as_ref()).into())))
}

fn told(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "polars panicked".to_owned())
}

/// Runs what computes or waits on files where it holds up no one else.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, LedgerError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|stopped| Err(LedgerError::Failed(stopped.into())))
}

/// A file that polars cannot make sense of.
pub fn damaged(path: &str, why: impl ToString) -> LedgerError {
    LedgerError::Damaged { path: path.to_owned(), why: why.to_string() }
}

/// A failure of polars that is no file's fault.
pub fn failed(error: PolarsError) -> LedgerError {
    LedgerError::Failed(error.into())
}
