//! Uploads: chunks go to a temporary file, so that memory holds one chunk of each at most.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::import_chunk::Part;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::limits::{FILE_NAME_BYTES_MAX, IMPORT_BYTES_MAX, UPLOAD_IDLE_MAX, UPLOAD_WAIT_MAX};
use crate::wire::{Invalid, request::hex};

/// What a gzip file begins with.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Why an upload did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stream is not a header followed by data.
    #[error(transparent)]
    Malformed(#[from] Invalid),
    /// More bytes than are taken.
    #[error("the import has more than {limit} bytes")]
    TooLarge {
        /// Bytes that are taken.
        limit: u64,
    },
    /// As many uploads as there may be are under way.
    #[error("{limit} imports are under way already; try again in a few seconds")]
    Busy {
        /// How many there may be.
        limit: usize,
    },
    /// Nothing came for too long.
    #[error("nothing came for {seconds} s")]
    Stalled {
        /// How long.
        seconds: u64,
    },
    /// The disk is full.
    #[error("no space left to keep the upload")]
    DiskFull,
    /// The disk failed.
    #[error("the upload cannot be kept")]
    Disk(#[source] io::Error),
    /// The stream ended with an error of its own.
    #[error("the upload broke off")]
    Broken(Box<Status>),
}

/// Where uploads are kept, and how many at once. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Spool {
    dir: Option<PathBuf>,
    bytes_max: u64,
    idle_max: Duration,
    wait_max: Duration,
    concurrent_max: usize,
    places: Arc<Semaphore>,
}

/// An upload that arrived.
#[derive(Debug)]
pub struct Upload {
    /// SHA-256 of header and bytes without the request id, hex; empty where there is no request id.
    pub digest: String,
    /// The bytes.
    pub file: Spooled,
}

/// The bytes of an upload, from the start. The file goes when this does, and its place becomes free.
#[derive(Debug)]
pub struct Spooled {
    file: File,
    cancelled: CancellationToken,
    _place: OwnedSemaphorePermit,
}

impl Spool {
    /// A spool in a folder; none: the system's temporary one.
    pub fn new(dir: Option<PathBuf>, concurrent_max: usize) -> Self {
        let places = Arc::new(Semaphore::new(concurrent_max));
        Self {
            dir,
            bytes_max: IMPORT_BYTES_MAX,
            idle_max: UPLOAD_IDLE_MAX,
            wait_max: UPLOAD_WAIT_MAX,
            concurrent_max,
            places,
        }
    }

    /// Takes the first chunk of a stream, so that a handler can refuse before the rest is sent.
    pub async fn header<S>(&self, chunks: &mut S) -> Result<pb::ImportHeader, Error>
    where
        S: Stream<Item = Result<pb::ImportChunk, Status>> + Unpin + Send,
    {
        first(next(chunks, self.idle_max).await?)
    }

    /// Takes the rest. When `cancelled` fires, reading the file ends with an error, so that a parser stops.
    pub async fn receive<S>(
        &self,
        header: &pb::ImportHeader,
        mut chunks: S,
        cancelled: CancellationToken,
    ) -> Result<Upload, Error>
    where
        S: Stream<Item = Result<pb::ImportChunk, Status>> + Unpin + Send,
    {
        let place = Arc::clone(&self.places).acquire_owned();
        let place = match tokio::time::timeout(self.wait_max, place).await {
            Ok(place) => place.expect("the semaphore is never closed"),
            Err(_) => return Err(Error::Busy { limit: self.concurrent_max }),
        };
        let mut writer = Writer::new(self.file()?, header, self.bytes_max);
        while let Some(part) = next(&mut chunks, self.idle_max).await? {
            let Part::Data(data) = part else {
                return Err(Invalid::new("header", "only the first chunk may have one").into());
            };
            writer = tokio::task::spawn_blocking(move || writer.take(&data)).await.map_err(lost)??;
        }
        let (file, digest) = writer.finish(header)?;
        Ok(Upload { digest, file: Spooled { file, cancelled, _place: place } })
    }

    fn file(&self) -> Result<File, Error> {
        let made = match &self.dir {
            Some(dir) => tempfile::tempfile_in(dir),
            None => tempfile::tempfile(),
        };
        made.map_err(disk)
    }
}

impl Read for Spooled {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.cancelled.is_cancelled() {
            return Err(io::Error::other("the caller went away"));
        }
        self.file.read(into)
    }
}

async fn next<S>(chunks: &mut S, idle_max: Duration) -> Result<Option<Part>, Error>
where
    S: Stream<Item = Result<pb::ImportChunk, Status>> + Unpin,
{
    let stalled = |_| Error::Stalled { seconds: idle_max.as_secs() };
    match tokio::time::timeout(idle_max, chunks.next()).await.map_err(stalled)? {
        None => Ok(None),
        Some(Err(status)) => Err(Error::Broken(Box::new(status))),
        Some(Ok(pb::ImportChunk { part: Some(part) })) => Ok(Some(part)),
        Some(Ok(pb::ImportChunk { part: None })) => Err(Invalid::new("part", "is required").into()),
    }
}

fn first(part: Option<Part>) -> Result<pb::ImportHeader, Error> {
    let Some(Part::Header(header)) = part else {
        return Err(Invalid::new("header", "must come first").into());
    };
    if FILE_NAME_BYTES_MAX < header.file_name.len() {
        return Err(
            Invalid::new("header.file_name", format!("longer than {FILE_NAME_BYTES_MAX} bytes")).into()
        );
    }
    Ok(header)
}

/// Writes what comes, counts and digests it.
struct Writer {
    file: File,
    size: u64,
    bytes_max: u64,
    head: Vec<u8>,
    digest: Option<Sha256>,
}

impl Writer {
    /// Nothing is digested without a request id, for nobody would ask.
    fn new(file: File, header: &pb::ImportHeader, bytes_max: u64) -> Self {
        let digest = (!header.request_id.is_empty()).then(|| {
            let asked = pb::ImportHeader { request_id: String::new(), ..header.clone() };
            Sha256::new_with_prefix(prost::Message::encode_to_vec(&asked))
        });
        Self { file, size: 0, bytes_max, head: Vec::new(), digest }
    }

    fn take(mut self, data: &[u8]) -> Result<Self, Error> {
        self.size = self.size.saturating_add(data.len() as u64);
        if self.bytes_max < self.size {
            return Err(Error::TooLarge { limit: self.bytes_max });
        }
        let missing = GZIP_MAGIC.len().saturating_sub(self.head.len());
        self.head.extend(data.iter().take(missing));
        if let Some(digest) = &mut self.digest {
            digest.update(data);
        }
        self.file.write_all(data).map_err(disk)?;
        Ok(self)
    }

    fn finish(mut self, header: &pb::ImportHeader) -> Result<(File, String), Error> {
        if header.gzip && self.head != GZIP_MAGIC {
            return Err(Invalid::new("header.gzip", "the data is not gzip").into());
        }
        self.file.seek(SeekFrom::Start(0)).map_err(disk)?;
        let digest = self.digest.map(|digest| hex(&digest.finalize())).unwrap_or_default();
        Ok((self.file, digest))
    }
}

fn disk(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull,
        _ => Error::Disk(error),
    }
}

fn lost(panic: tokio::task::JoinError) -> Error {
    Error::Disk(io::Error::other(panic))
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    fn header(header: pb::ImportHeader) -> pb::ImportChunk {
        pb::ImportChunk { part: Some(Part::Header(header)) }
    }

    fn named(request_id: &str) -> pb::ImportChunk {
        header(pb::ImportHeader { request_id: request_id.into(), ..Default::default() })
    }

    fn data(bytes: &'static [u8]) -> pb::ImportChunk {
        pb::ImportChunk { part: Some(Part::Data(bytes.into())) }
    }

    fn spool() -> Spool {
        Spool { bytes_max: 10, wait_max: Duration::from_millis(1), ..Spool::new(None, 1) }
    }

    async fn receive(spool: &Spool, chunks: Vec<pb::ImportChunk>) -> Result<Upload, Error> {
        let mut chunks = stream::iter(chunks.into_iter().map(Ok));
        let header = spool.header(&mut chunks).await?;
        spool.receive(&header, chunks, CancellationToken::new()).await
    }

    #[tokio::test]
    async fn the_bytes_come_back_in_order() {
        let mut upload = receive(&spool(), vec![named(""), data(b"abc"), data(b"def")]).await.unwrap();
        let mut text = String::new();
        upload.file.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), upload.digest.as_str()), ("abcdef", ""));
    }

    #[tokio::test]
    async fn the_digest_is_of_the_content_alone() {
        let digest =
            async |id: &str, bytes| receive(&spool(), vec![named(id), data(bytes)]).await.unwrap().digest;
        assert_eq!(digest("a", b"x").await, digest("b", b"x").await);
        assert_ne!(digest("a", b"x").await, digest("a", b"y").await);
    }

    async fn check(chunks: Vec<pb::ImportChunk>, want: &str) {
        let error = receive(&spool(), chunks).await.unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }

    #[tokio::test]
    async fn what_is_no_upload_is_refused() {
        check(vec![], "must come first").await;
        check(vec![data(b"x")], "must come first").await;
        check(vec![named(""), named("")], "only the first").await;
        check(vec![named(""), pb::ImportChunk { part: None }], "part").await;
        check(vec![named(""), data(b"123456"), data(b"12345")], "more than 10 bytes").await;
        check(vec![header(pb::ImportHeader { gzip: true, ..Default::default() }), data(b"{}")], "not gzip")
            .await;
        let long = pb::ImportHeader { file_name: "x".repeat(1025), ..Default::default() };
        check(vec![header(long)], "longer than").await;
    }

    #[tokio::test]
    async fn a_place_is_taken_until_the_file_is_gone() {
        let spool = spool();
        let upload = receive(&spool, vec![named("")]).await.unwrap();
        assert!(matches!(receive(&spool, vec![named("")]).await, Err(Error::Busy { limit: 1 })));
        drop(upload);
        assert!(receive(&spool, vec![named("")]).await.is_ok());
    }

    #[tokio::test]
    async fn a_silent_upload_ends() {
        let silent = stream::pending::<Result<pb::ImportChunk, Status>>();
        let spool = Spool { idle_max: Duration::from_millis(1), ..spool() };
        let header = pb::ImportHeader::default();
        let error = spool.receive(&header, silent, CancellationToken::new()).await.unwrap_err();
        assert!(matches!(error, Error::Stalled { .. }), "{error}");
    }

    #[tokio::test]
    async fn reading_stops_when_the_caller_goes() {
        let cancelled = CancellationToken::new();
        let chunks = stream::iter([data(b"abc")].map(Ok));
        let header = pb::ImportHeader::default();
        let mut upload = spool().receive(&header, chunks, cancelled.clone()).await.unwrap();
        cancelled.cancel();
        assert!(upload.file.read_to_end(&mut Vec::new()).is_err());
    }
}
