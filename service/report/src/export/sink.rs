//! Bytes into pieces for a reader elsewhere.

use std::io::{self, Write};

use plimsoll_domain::ledger::Chunk;
use tokio::sync::mpsc::Sender;

/// Most bytes of a piece: what the wire takes as one message with room to spare.
pub const CHUNK_BYTES_MAX: usize = 1 << 20;

/// Sends what is written to it in pieces. The rest goes when it is dropped.
pub struct Sink {
    to: Sender<Chunk>,
    open: Vec<u8>,
}

impl Sink {
    pub fn new(to: Sender<Chunk>) -> Self {
        Self { to, open: Vec::with_capacity(CHUNK_BYTES_MAX) }
    }

    fn send(&mut self) -> io::Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.open, Vec::with_capacity(CHUNK_BYTES_MAX));
        self.to.blocking_send(Ok(piece)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES_MAX - self.open.len());
        self.open.extend_from_slice(&bytes[..taken]);
        if self.open.len() == CHUNK_BYTES_MAX {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}
