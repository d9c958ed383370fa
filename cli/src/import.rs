//! Sending a file as a stream of chunks.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use plimsoll_proto::v1::import_chunk::Part;
use plimsoll_proto::v1::{ImportChunk, ImportHeader};
use tokio_stream::wrappers::ReceiverStream;

/// Bytes in a chunk.
const CHUNK_BYTES: usize = 256 << 10;
/// Chunks read ahead of the network.
const CHUNKS_AHEAD: usize = 8;

/// The stream of one file; reads on a thread of its own. A directory is sent file by file, one after another: their
/// objects belong to one cluster.
pub fn stream(path: &Path, header: ImportHeader) -> anyhow::Result<ReceiverStream<ImportChunk>> {
    let files = files(path)?;
    let opened: Vec<File> = files
        .iter()
        .map(|file| File::open(file).with_context(|| format!("{} cannot be read", file.display())))
        .collect::<Result<_, _>>()?;
    let (sender, receiver) = tokio::sync::mpsc::channel(CHUNKS_AHEAD);
    std::thread::spawn(move || {
        let send = |part| sender.blocking_send(ImportChunk { part: Some(part) }).is_ok();
        let _ = send(Part::Header(header)) && opened.into_iter().all(|file| send_file(file, &send));
    });
    Ok(ReceiverStream::new(receiver))
}

fn send_file(mut file: File, send: &impl Fn(Part) -> bool) -> bool {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return true,
            Ok(count) if send(Part::Data(buffer[..count].to_vec().into())) => {}
            Ok(_) => return false,
            Err(error) => {
                eprintln!("plimsoll: reading failed: {error}");
                return false;
            }
        }
    }
}

/// The file, or the files of a directory by name.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|file| file.is_file());
    files.sort();
    anyhow::ensure!(!files.is_empty(), "{} has no files", path.display());
    Ok(files)
}

/// The name that a server sees: without the folders.
pub fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
