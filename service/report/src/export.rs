//! Rows written out as one file, a piece at a time: whoever reads slowly is waited for, and memory stays bounded.

mod sink;
mod text;

use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};

use futures::StreamExt;
use futures::stream::BoxStream;
use jiff::Timestamp;
use plimsoll_domain::ledger::{Chunk, ExportFormat, ExportOrder, ExportTable, LedgerError};
use polars::prelude::{DataFrame, IntoLazy, PolarsError, PolarsResult};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::lake::READS_MAX;
use crate::manifest::Table;
use crate::parquet::{Writer, damaged, guarded};
use crate::place::Place;
use crate::schema::FOCUS;
use crate::select::{Pick, collect, only_hours, picks, scan};
use sink::{IDLE_MAX, Sink};

/// Rows that are held at a time: with 73 columns some 40 MB.
const ROWS_AT_ONCE: u64 = 32_768;

/// Pieces that wait for the reader.
const CHUNKS_WAITING_MAX: usize = 2;

/// Starts to write; the stream ends after the last piece, or after an error.
pub async fn stream(place: &Place, order: &ExportOrder) -> Result<BoxStream<'static, Chunk>, LedgerError> {
    let files = picks(place, order.cluster.as_ref(), order.span, table(order)).await?;
    let (to, mut from) = mpsc::channel(CHUNKS_WAITING_MAX);
    let (place, order, handle) = (place.clone(), order.clone(), Handle::current());
    let job = tokio::task::spawn_blocking(move || {
        let sink = Sink::new(to, handle.clone(), IDLE_MAX);
        Job { place, order, handle }.run(files, sink)
    });
    let pieces = futures::stream::poll_fn(move |context| from.poll_recv(context)).map(Ok);
    // A file that was broken off must not look whole: how it ended is told apart from its pieces.
    let end = futures::stream::once(job).filter_map(async |ended| match ended {
        Ok(ended) => ended.err().map(Err),
        Err(died) => Some(Err(LedgerError::Failed(died.into()))),
    });
    Ok(pieces.chain(end).boxed())
}

fn table(order: &ExportOrder) -> Table {
    match order.table {
        ExportTable::Charges => Table::Charges,
        ExportTable::Allocations => Table::Allocations,
    }
}

struct Job {
    place: Place,
    order: ExportOrder,
    handle: Handle,
}

/// Where rows go.
enum Output {
    Text(text::Layout, Sink),
    Parquet(Box<Writer<Sink>>),
}

impl Job {
    fn run(&self, mut files: Vec<Pick>, sink: Sink) -> Result<(), LedgerError> {
        let mut output = self.begin(sink).map_err(|error| LedgerError::Failed(error.into()))?;
        let mut written: BTreeSet<(String, Timestamp)> = BTreeSet::new();
        for _ in 0..READS_MAX {
            match self.write_files(&files, &mut output, &mut written)? {
                None => return output.finish().map_err(|error| LedgerError::Failed(error.into())),
                // A file was replaced before its turn: its hours are elsewhere now.
                Some(_) => files = self.rest(&written)?,
            }
        }
        Err(damaged(&files.first().map_or(String::new(), |file| file.path.clone()), "the file is missing"))
    }

    fn begin(&self, sink: Sink) -> PolarsResult<Output> {
        let mut output = match self.order.format {
            ExportFormat::Csv => Output::Text(text::Layout::Csv, sink),
            ExportFormat::Json => Output::Text(text::Layout::Json, sink),
            ExportFormat::Parquet => Output::Parquet(Box::new(Writer::new(sink, &FOCUS)?)),
        };
        output.head()?;
        Ok(output)
    }

    /// Writes files in turn; tells the first that is no longer there.
    fn write_files(
        &self,
        files: &[Pick],
        output: &mut Output,
        written: &mut BTreeSet<(String, Timestamp)>,
    ) -> Result<Option<String>, LedgerError> {
        for file in files {
            let mut first = true;
            for offset in (0..file.rows).step_by(ROWS_AT_ONCE as usize) {
                match guarded(|| output.rows(&self.rows(file, offset)?)) {
                    Ok(()) => first = false,
                    Err(PolarsError::IO { error, .. }) if error.kind() == ErrorKind::TimedOut => {
                        return Err(LedgerError::Failed(Box::new(std::io::Error::other(error))));
                    }
                    Err(error) => {
                        let there = self.handle.block_on(self.place.has(&file.path))?;
                        return match (there, first) {
                            (false, true) => Ok(Some(file.path.clone())),
                            (false, false) => Err(LedgerError::Failed("a file was replaced midway".into())),
                            (true, _) => Err(damaged(&file.path, error)),
                        };
                    }
                }
            }
            written.extend(file.hours.iter().map(|hour| (folder(&file.path).to_owned(), *hour)));
        }
        Ok(None)
    }

    fn rows(&self, file: &Pick, offset: u64) -> PolarsResult<DataFrame> {
        let piece = scan(&self.place, std::slice::from_ref(&file.path))?;
        let mut frame = collect(piece.slice(offset as i64, ROWS_AT_ONCE as u32))?;
        if !file.whole {
            frame = frame.lazy().filter(only_hours(&file.hours)).collect()?;
        }
        frame.rechunk_mut_par();
        Ok(frame)
    }

    /// What is still to be written, by the manifests as they are now.
    fn rest(&self, written: &BTreeSet<(String, Timestamp)>) -> Result<Vec<Pick>, LedgerError> {
        let again = picks(&self.place, self.order.cluster.as_ref(), self.order.span, table(&self.order));
        let mut files = self.handle.block_on(again)?;
        for file in &mut files {
            let all = file.hours.len();
            let folder = folder(&file.path).to_owned();
            file.hours.retain(|hour| !written.contains(&(folder.clone(), *hour)));
            file.whole &= file.hours.len() == all;
        }
        files.retain(|file| !file.hours.is_empty());
        Ok(files)
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Output {
    fn head(&mut self) -> PolarsResult<()> {
        match self {
            Self::Text(layout, sink) => layout.head(sink).map_err(Into::into),
            Self::Parquet(_) => Ok(()),
        }
    }

    fn rows(&mut self, frame: &DataFrame) -> PolarsResult<()> {
        match self {
            Self::Text(layout, sink) => layout.rows(frame, sink),
            Self::Parquet(writer) => writer.write(frame.clone()),
        }
    }

    fn finish(self) -> PolarsResult<()> {
        match self {
            Self::Text(_, mut sink) => sink.flush().map_err(Into::into),
            Self::Parquet(writer) => writer.finish(),
        }
    }
}
