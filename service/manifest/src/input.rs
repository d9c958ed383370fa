//! The way in: gzip is undone, sizes are limited, lines are counted.

use std::cell::Cell;
use std::io::{self, BufReader, Cursor, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use crate::error::{Fault, ReadError};

/// Bytes of a file after decompression: some 130,000 pods as kubectl prints them, indented.
pub const DECOMPRESSED_BYTES_MAX: u64 = 1 << 30;

/// Bytes of one Kubernetes object; etcd refuses objects above 1.5 MiB.
pub const OBJECT_BYTES_MAX: u64 = 8 << 20;

/// What [`Limit`]s are of, for [`ReadError::TooLarge`].
const FILE_BYTES: &str = "bytes after decompression";
const OBJECT_BYTES: &str = "bytes in one object";

/// Bytes at the start of a file that tell its format.
pub const PREFIX_BYTES_MAX: usize = 4096;

const CHUNK_BYTES: usize = 256 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// A file's text: decompressed if it was gzip, at most [`DECOMPRESSED_BYTES_MAX`] of it.
pub struct Text<'r> {
    prefix: Vec<u8>,
    source: Box<dyn Read + 'r>,
    /// What was taken from the source last, and how much of it was handed on.
    chunk: Vec<u8>,
    position: usize,
    place: Place,
}

/// Where in a file its reader stands; shared with whoever parses. Bytes are counted by chunks.
#[derive(Clone, Default)]
pub(crate) struct Place(Rc<Counters>);

#[derive(Default)]
struct Counters {
    newlines: Cell<u64>,
    bytes: Cell<u64>,
    object_start: Cell<Option<u64>>,
}

impl Place {
    /// Line that the next byte is on, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.0.newlines.get() + 1
    }

    /// Line that `text`, which ends here, begins on.
    pub(crate) fn line_before(&self, text: &str) -> u64 {
        let newlines = text.bytes().filter(|byte| *byte == b'\n').count() as u64;
        self.line().saturating_sub(newlines)
    }

    /// From here on, at most [`OBJECT_BYTES_MAX`] (and a chunk) until this is called again.
    pub(crate) fn begin_object(&self) {
        self.0.object_start.set(Some(self.0.bytes.get()));
    }

    /// What follows is not limited on its own.
    pub(crate) fn end_objects(&self) {
        self.0.object_start.set(None);
    }

    fn hand_on(&self, bytes: &[u8]) {
        let newlines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.0.newlines.set(self.0.newlines.get() + newlines);
    }

    fn take(&self, count: usize) -> io::Result<()> {
        let bytes = self.0.bytes.get() + count as u64;
        self.0.bytes.set(bytes);
        if DECOMPRESSED_BYTES_MAX < bytes {
            return Err(over(FILE_BYTES, DECOMPRESSED_BYTES_MAX));
        }
        match self.0.object_start.get() {
            Some(start) if OBJECT_BYTES_MAX < bytes - start => Err(over(OBJECT_BYTES, OBJECT_BYTES_MAX)),
            _ => Ok(()),
        }
    }
}

/// Opens a file, given as bytes that may be gzip.
///
/// # Errors
/// [`ReadError::Io`] if the source fails at once, [`ReadError::Bad`] if it is damaged gzip.
pub fn open<'r>(mut raw: impl Read + 'r) -> Result<Text<'r>, ReadError> {
    let magic = head(&mut raw, GZIP_MAGIC.len()).map_err(cause)?;
    let is_gzip = magic == GZIP_MAGIC;
    let raw = Cursor::new(magic).chain(raw);
    let mut plain: Box<dyn Read + 'r> = if is_gzip {
        Box::new(MultiGzDecoder::new(BufReader::with_capacity(CHUNK_BYTES, raw)))
    } else {
        Box::new(raw)
    };
    let mut prefix = head(&mut plain, PREFIX_BYTES_MAX).map_err(cause)?;
    if prefix.starts_with(&BYTE_ORDER_MARK) {
        prefix.drain(..BYTE_ORDER_MARK.len());
    }
    let source = Box::new(Cursor::new(prefix.clone()).chain(plain));
    Ok(Text { prefix, source, chunk: Vec::new(), position: 0, place: Place::default() })
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
            let rest = self.rest().map_err(cause)?;
            let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let (found, at_end) = (rest.get(blank).copied(), rest.is_empty());
            self.consume(blank);
            if found.is_some() || at_end {
                return Ok(found);
            }
        }
    }

    /// Where this reader stands.
    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }

    /// What is left of the chunk, or of the next one; empty at the end.
    fn rest(&mut self) -> io::Result<&[u8]> {
        if self.chunk.len() <= self.position {
            self.chunk.resize(CHUNK_BYTES, 0);
            self.position = 0;
            let taken = loop {
                match self.source.read(&mut self.chunk) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other,
                }
            };
            self.chunk.truncate(*taken.as_ref().unwrap_or(&0));
            self.place.take(taken?)?;
        }
        Ok(&self.chunk[self.position..])
    }

    fn consume(&mut self, count: usize) {
        self.place.hand_on(&self.chunk[self.position..self.position + count]);
        self.position += count;
    }
}

impl Read for Text<'_> {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // The JSON parser takes bytes one by one.
        if let ([slot], Some(byte)) = (&mut *into, self.chunk.get(self.position)) {
            *slot = *byte;
            self.position += 1;
            if *byte == b'\n' {
                self.place.0.newlines.set(self.place.0.newlines.get() + 1);
            }
            return Ok(1);
        }
        let rest = self.rest()?;
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.consume(count);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_ends_at_its_limit() {
        let place = Place::default();
        assert!(place.take(DECOMPRESSED_BYTES_MAX as usize).is_ok());
        let over = place.take(1).map_err(cause);
        assert!(matches!(over, Err(ReadError::TooLarge { limit: DECOMPRESSED_BYTES_MAX, .. })));
    }

    #[test]
    fn objects_have_a_limit_of_their_own() {
        let place = Place::default();
        for _ in 0..3 {
            place.begin_object();
            assert!(place.take(OBJECT_BYTES_MAX as usize).is_ok());
        }
        let over = place.take(1).map_err(cause);
        assert!(matches!(over, Err(ReadError::TooLarge { limit: OBJECT_BYTES_MAX, .. })));
        place.end_objects();
        assert!(place.take(1).is_ok());
    }

    /// Hands out a byte at a time, as a slow connection might.
    struct Trickle<'b>(&'b [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = into.len().min(1);
            self.0.read(&mut into[..count])
        }
    }

    #[test]
    fn gzip_and_lines_are_seen_however_slowly_they_come() {
        let zipped = {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            io::Write::write_all(&mut encoder, b"one\n\n  two\n").expect("to memory");
            encoder.finish().expect("to memory")
        };
        let mut text = open(Trickle(&zipped)).expect("sound");
        assert_eq!(text.prefix(), b"one\n\n  two\n");
        let mut three = [0; 3];
        text.read_exact(&mut three).expect("there are three");
        assert_eq!((&three, text.place().line()), (b"one", 1));
        assert_eq!(text.peek_token().expect("sound"), Some(b't'));
        assert_eq!(text.place().line(), 3);
    }
}
