//! The file that a world is found again from: a line that says how it began, and a line for each thing that was done.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::act::{Act, Line};
use crate::faults::Refusal;
use crate::manners::LEASE_SECONDS;
use crate::weather::{Origin, Weather};

/// What the first line names; counts with the format.
const FORMAT: &str = "plimsoll-sim/1";

/// Why a journal file did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be read or written.
    #[error("the journal cannot be opened")]
    Io(#[from] io::Error),
    /// Another world has it open.
    #[error("the journal is in use")]
    InUse,
    /// It is no journal, or was changed by other hands.
    #[error("line {line} of the journal: {why}")]
    Broken {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: String,
    seed: u64,
    start: Timestamp,
    #[serde(default)]
    weather: Weather,
}

impl Header {
    fn of(origin: &Origin) -> Self {
        let Origin { start, seed, weather } = *origin;
        Self { format: FORMAT.to_owned(), seed, start, weather }
    }

    fn origin(&self) -> Origin {
        Origin { start: self.start, seed: self.seed, weather: self.weather }
    }
}

/// What a file tells.
pub(crate) struct Past {
    pub origin: Origin,
    pub lines: Vec<Line>,
}

/// A file that is written on. Once a write has failed it takes nothing more: it would not be the world's any longer.
pub(crate) struct Journal {
    file: File,
    broken: Option<String>,
    leased: Timestamp,
}

impl Journal {
    /// Opens a file and reads it; begins it if it is empty. What was half written when the process died is cut off.
    pub fn open(path: &Path, origin: &Origin) -> Result<(Self, Past), OpenError> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse,
            TryLockError::Error(error) => OpenError::Io(error),
        })?;
        let (past, length) = read(&file)?;
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        let mut journal = Self { file, broken: None, leased: origin.start };
        let past = match past {
            Some(past) => past,
            None => {
                journal.append(&Header::of(origin))?;
                sync_folder(path)?;
                Past { origin: *origin, lines: Vec::new() }
            }
        };
        journal.leased = past.origin.start;
        Ok((journal, past))
    }

    /// Writes a line; it is on disk afterwards.
    pub fn record(&mut self, line: &Line) -> Result<(), Refusal> {
        self.sound()?;
        if let Err(error) = self.append(line) {
            self.broken = Some(format!("the journal cannot be written: {error}"));
        }
        self.sound()
    }

    /// Sees to it that a world that is opened again is not before `now`. A failure shows at the next call.
    pub fn lease(&mut self, now: Timestamp) {
        if now < self.leased || self.broken.is_some() {
            return;
        }
        let until = now.checked_add(SignedDuration::from_secs(LEASE_SECONDS)).unwrap_or(Timestamp::MAX);
        if self.record(&Line { at: now, act: Act::Lease { until } }).is_ok() {
            self.leased = until;
        }
    }

    /// Whether it can be written.
    pub fn sound(&self) -> Result<(), Refusal> {
        self.broken.clone().map_or(Ok(()), |why| Err(Refusal::Failed(why)))
    }

    fn append(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        self.file.sync_data()
    }
}

/// What a file tells, and where its last whole line ends.
fn read(file: &File) -> Result<(Option<Past>, u64), OpenError> {
    let mut reader = BufReader::new(file);
    let (mut past, mut length, mut text) = (None, 0, Vec::new());
    for number in 1.. {
        text.clear();
        reader.read_until(b'\n', &mut text)?;
        if text.last() != Some(&b'\n') {
            break;
        }
        length += text.len() as u64;
        let broken = |why: serde_json::Error| OpenError::Broken { line: number, why: why.to_string() };
        match &mut past {
            None => {
                let header: Header = serde_json::from_slice(&text).map_err(broken)?;
                if header.format != FORMAT {
                    let why = format!("format {:?}, not {FORMAT:?}", header.format);
                    return Err(OpenError::Broken { line: number, why });
                }
                past = Some(Past { origin: header.origin(), lines: Vec::new() });
            }
            Some(past) => past.lines.push(serde_json::from_slice(&text).map_err(broken)?),
        }
    }
    Ok((past, length))
}

/// Makes the name of a new file last.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
