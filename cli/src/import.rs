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

/// Between two files of a directory, and before YAML: ends the document before it.
const YAML_SEPARATOR: &[u8] = b"\n---\n";

/// The stream of one file; reads on a thread of its own. A directory is sent file by file, JSON before YAML: their
/// objects belong to one cluster.
pub fn stream(path: &Path, header: ImportHeader) -> anyhow::Result<ReceiverStream<ImportChunk>> {
    let files = files(path)?;
    let open = |file: &PathBuf| {
        let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
        Ok((opened, 1 < files.len() && is_yaml(file)))
    };
    let opened: Vec<(File, bool)> = files.iter().map(open).collect::<anyhow::Result<_>>()?;
    let (sender, receiver) = tokio::sync::mpsc::channel(CHUNKS_AHEAD);
    std::thread::spawn(move || {
        let send = |part| sender.blocking_send(ImportChunk { part: Some(part) }).is_ok();
        let send_one = |(file, separated): (File, bool)| {
            (!separated || send(Part::Data(YAML_SEPARATOR.to_vec().into()))) && send_file(file, &send)
        };
        if send(Part::Header(header)) && !opened.into_iter().all(send_one) {
            // A chunk with no part is refused, so that half a file is never taken for a whole one.
            let _ = sender.blocking_send(ImportChunk { part: None });
        }
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
    files.sort_by_key(|file| (is_yaml(file), file.clone()));
    anyhow::ensure!(!files.is_empty(), "{} has no files", path.display());
    let packed = files.iter().filter(|file| file.extension().is_some_and(|name| name == "gz")).count();
    anyhow::ensure!(
        packed == 0 || (packed == files.len() && !files.iter().any(|file| is_yaml(file))),
        "{} mixes compressed files with others: decompress them first",
        path.display()
    );
    Ok(files)
}

fn is_yaml(file: &Path) -> bool {
    let name = file_name(file);
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.ends_with(".yaml") || name.ends_with(".yml")
}

/// The name that a server sees: without the folders.
pub fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_read_json_first_and_never_half_compressed() {
        let folder = std::env::temp_dir().join(format!("plimsoll-import-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str| std::fs::write(folder.join(name), "x").unwrap();
        ["a.yaml", "b.json", "c.yml"].into_iter().for_each(write);
        let names = |files: Vec<PathBuf>| files.iter().map(|file| file_name(file)).collect::<Vec<_>>();
        let mixed = names(files(&folder).unwrap());
        write("d.json.gz");
        let packed = files(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(mixed, ["b.json", "a.yaml", "c.yml"]);
        assert!(packed.is_err_and(|error| error.to_string().contains("decompress")));
    }
}
