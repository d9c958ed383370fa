//! Bytes into pieces for a reader elsewhere.

use std::io::{self, Write};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;

/// Most bytes of a piece: what the wire takes as one message with room to spare.
pub const CHUNK_BYTES_MAX: usize = 1 << 20;

/// How long a reader may read nothing: an export holds one of a few places.
pub const IDLE_MAX: Duration = Duration::from_secs(60);

/// Sends what is written to it in pieces. The rest goes when it is dropped.
pub struct Sink {
    to: Sender<Vec<u8>>,
    /// Of the runtime in which the reader reads.
    handle: Handle,
    idle: Duration,
    open: Vec<u8>,
}

impl Sink {
    /// A sink that gives up once nothing was read for as long as `idle`.
    pub fn new(to: Sender<Vec<u8>>, handle: Handle, idle: Duration) -> Self {
        Self { to, handle, idle, open: Vec::with_capacity(CHUNK_BYTES_MAX) }
    }

    fn send(&mut self) -> io::Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.open, Vec::with_capacity(CHUNK_BYTES_MAX));
        let sent = self.handle.block_on(async { timeout(self.idle, self.to.send(piece)).await });
        let stalled = || format!("nothing of it was read for {} s", self.idle.as_secs());
        sent.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, stalled()))?
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_that_reads_nothing_is_not_waited_for_forever() {
        let (to, mut from) = tokio::sync::mpsc::channel(1);
        let handle = Handle::current();
        let written = tokio::task::spawn_blocking(move || {
            let mut sink = Sink::new(to, handle, Duration::from_millis(20));
            sink.write_all(&vec![7; 3 * CHUNK_BYTES_MAX])
        });
        let error = written.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        assert_eq!(from.recv().await.map(|piece| piece.len()), Some(CHUNK_BYTES_MAX));
        assert_eq!(from.recv().await, None);
    }
}
