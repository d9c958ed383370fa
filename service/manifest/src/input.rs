//! The way in: gzip is undone, sizes are limited, lines are counted.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use crate::error::{Fault, ReadError};

/// Bytes of a file after decompression: 200,000 pods at 5 KB each.
pub const DECOMPRESSED_BYTES_MAX: u64 = 1 << 30;

/// Bytes of one Kubernetes object; etcd refuses objects above 1.5 MiB.
pub const OBJECT_BYTES_MAX: u64 = 8 << 20;

/// What [`Limit`]s are of, for [`ReadError::TooLarge`].
const FILE_BYTES: &str = "bytes after decompression";
const OBJECT_BYTES: &str = "bytes in one object";

/// Bytes at the start of a file that tell its format.
pub const PREFIX_BYTES_MAX: usize = 4096;

const BUFFER_BYTES: usize = 256 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// A file's text: decompressed if it was gzip, at most [`DECOMPRESSED_BYTES_MAX`] of it.
pub struct Text<'r> {
    prefix: Vec<u8>,
    inner: BufReader<Box<dyn Read + 'r>>,
    place: Place,
}

/// Where in a file its reader stands; shared with whoever parses.
#[derive(Clone, Default)]
pub(crate) struct Place(Rc<Counters>);

#[derive(Default)]
struct Counters {
    line: Cell<u64>,
    byte: Cell<u64>,
    object_start: Cell<u64>,
    in_object: Cell<bool>,
}

impl Place {
    /// Line that the next byte is on, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.0.line.get() + 1
    }

    /// From here on, at most [`OBJECT_BYTES_MAX`] until this is called again.
    pub(crate) fn begin_object(&self) {
        self.0.object_start.set(self.0.byte.get());
        self.0.in_object.set(true);
    }

    /// What follows is not limited on its own.
    pub(crate) fn end_objects(&self) {
        self.0.in_object.set(false);
    }

    fn advance(&self, bytes: &[u8]) -> io::Result<()> {
        let Counters { line, byte, object_start, in_object } = &*self.0;
        let newlines = match bytes {
            [one] => u64::from(*one == b'\n'),
            many => many.iter().map(|b| u64::from(*b == b'\n')).sum(),
        };
        line.set(line.get() + newlines);
        byte.set(byte.get() + bytes.len() as u64);
        if DECOMPRESSED_BYTES_MAX < byte.get() {
            return Err(over(FILE_BYTES, DECOMPRESSED_BYTES_MAX));
        }
        if in_object.get() && OBJECT_BYTES_MAX < byte.get() - object_start.get() {
            return Err(over(OBJECT_BYTES, OBJECT_BYTES_MAX));
        }
        Ok(())
    }
}

/// Opens a file, given as bytes that may be gzip.
///
/// # Errors
/// [`ReadError::Io`] if the source fails at once, [`ReadError::Bad`] if it is damaged gzip.
pub fn open<'r>(raw: impl Read + 'r) -> Result<Text<'r>, ReadError> {
    let mut raw = BufReader::with_capacity(BUFFER_BYTES, raw);
    let magic = head(&mut raw, GZIP_MAGIC.len()).map_err(cause)?;
    let is_gzip = magic == GZIP_MAGIC;
    let raw = Cursor::new(magic).chain(raw);
    let mut plain: Box<dyn Read + 'r> =
        if is_gzip { Box::new(MultiGzDecoder::new(raw)) } else { Box::new(raw) };
    let mut prefix = head(&mut plain, PREFIX_BYTES_MAX).map_err(cause)?;
    if prefix.starts_with(&BYTE_ORDER_MARK) {
        prefix.drain(..BYTE_ORDER_MARK.len());
    }
    let all: Box<dyn Read + 'r> = Box::new(Cursor::new(prefix.clone()).chain(plain));
    Ok(Text { prefix, inner: BufReader::with_capacity(BUFFER_BYTES, all), place: Place::default() })
}

/// The first `max` bytes, or all there are.
fn head(reader: &mut impl Read, max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(max);
    reader.take(max as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Text<'_> {
    /// The first bytes of the file, at most [`PREFIX_BYTES_MAX`]; what was read since makes no difference.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// The next byte that is no white space, not consumed; none at the end.
    pub(crate) fn peek_token(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            let buffer = self.inner.fill_buf().map_err(cause)?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let blank = buffer.iter().take_while(|b| b.is_ascii_whitespace()).count();
            let found = buffer.get(blank).copied();
            self.place.advance(&buffer[..blank]).map_err(cause)?;
            self.inner.consume(blank);
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    /// Where this reader stands.
    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }
}

impl Read for Text<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.place.advance(&into[..count])?;
        Ok(count)
    }
}

/// What an I/O error of a [`Text`] means: a limit, damaged gzip, or a source that failed.
pub(crate) fn cause(error: io::Error) -> ReadError {
    if let Some(limit) = error.get_ref().and_then(|inner| inner.downcast_ref::<Limit>()) {
        return ReadError::TooLarge { what: limit.what, limit: limit.bytes };
    }
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            ReadError::Bad(Fault::new(error.to_string()))
        }
        io::ErrorKind::UnexpectedEof => ReadError::Bad(Fault::new("the gzip data ends early")),
        _ => ReadError::Io(error),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("more than {bytes} {what}")]
struct Limit {
    what: &'static str,
    bytes: u64,
}

fn over(what: &'static str, bytes: u64) -> io::Error {
    io::Error::other(Limit { what, bytes })
}
