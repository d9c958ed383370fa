//! Where the files are: a folder or a bucket.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, Error, ObjectStore, ObjectStoreExt, RetryConfig};
use plimsoll_domain::ledger::LedgerError;
use polars::prelude::cloud::CloudOptions;
use polars::prelude::{CloudScheme, PlRefPath};

/// Tries of one request to a bucket, and how long they may take in all: a reader is waiting.
const TRIES_MAX: usize = 3;
const TRY_TIME_MAX: Duration = Duration::from_secs(20);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// A folder or a bucket. All paths are relative to it.
#[derive(Clone)]
pub struct Place {
    store: Arc<dyn ObjectStore>,
    root: Root,
}

#[derive(Clone)]
enum Root {
    Folder(PathBuf),
    /// URL without a slash at its end, and the settings that polars needs to go there itself.
    Bucket(String, Vec<(String, String)>),
}

impl Place {
    /// Opens `s3://bucket/prefix`, or a folder, which is made if it is not there.
    ///
    /// `s3` are settings by the names of object_store, such as `aws_endpoint`; what is not among them comes from the
    /// environment, as for any AWS client.
    pub fn open(url: &str, s3: &[(String, String)]) -> Result<Self, LedgerError> {
        if url.starts_with("s3://") {
            bucket(url.trim_end_matches('/'), s3).map_err(read_fault)
        } else {
            folder(url.strip_prefix("file://").unwrap_or(url).into())
        }
    }

    /// A place whose files are in `store`, readable below `folder`, too.
    #[cfg(test)]
    pub fn through(store: Arc<dyn ObjectStore>, folder: PathBuf) -> Self {
        Self { store, root: Root::Folder(folder) }
    }

    /// Bytes of a file; none if there is none.
    pub async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        let read = async { self.store.get(&Path::from(path)).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(read_fault(error)),
        }
    }

    /// Whether there is a file.
    pub async fn has(&self, path: &str) -> Result<bool, LedgerError> {
        match self.store.head(&Path::from(path)).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(read_fault(error)),
        }
    }

    /// Puts a file in the place of whatever was there: readers see the old one or the new one.
    pub async fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), LedgerError> {
        self.store.put(&Path::from(path), bytes.into()).await.map(drop).map_err(write_fault)
    }

    /// Drops a file; none there is as good.
    pub async fn drop(&self, path: &str) -> Result<(), LedgerError> {
        match self.store.delete(&Path::from(path)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(write_fault(error)),
        }
    }

    /// Paths of all files below a folder, ascending.
    pub async fn list(&self, below: &str) -> Result<Vec<String>, LedgerError> {
        let files = self.store.list(Some(&Path::from(below)));
        let found: Result<Vec<String>, Error> =
            files.map_ok(|file| file.location.to_string()).try_collect().await;
        let mut paths = found.map_err(read_fault)?;
        paths.sort();
        Ok(paths)
    }

    /// Names of the folders in a folder, ascending.
    pub async fn folders(&self, inside: &str) -> Result<Vec<String>, LedgerError> {
        let found = self.store.list_with_delimiter(Some(&Path::from(inside))).await.map_err(read_fault)?;
        let name = |path: &Path| path.filename().map(str::to_owned);
        let mut names: Vec<String> = found.common_prefixes.iter().filter_map(name).collect();
        names.sort();
        Ok(names)
    }

    /// Where polars finds a file.
    pub fn scan_path(&self, path: &str) -> PlRefPath {
        match &self.root {
            Root::Folder(folder) => PlRefPath::new(format!("{}/{path}", folder.display())),
            Root::Bucket(url, _) => PlRefPath::new(format!("{url}/{path}")),
        }
    }

    /// How polars gets there; none: it is a folder.
    pub fn cloud_options(&self) -> Result<Option<CloudOptions>, LedgerError> {
        let Root::Bucket(_, settings) = &self.root else { return Ok(None) };
        let pairs = settings.iter().map(|(key, value)| (key, value));
        let options = CloudOptions::from_untyped_config(Some(CloudScheme::S3), pairs);
        options.map(Some).map_err(|error| LedgerError::Failed(error.into()))
    }
}

fn folder(path: PathBuf) -> Result<Place, LedgerError> {
    std::fs::create_dir_all(&path).map_err(|error| write_fault(local(error)))?;
    let path = path.canonicalize().map_err(|error| read_fault(local(error)))?;
    let store = LocalFileSystem::new_with_prefix(&path).map_err(read_fault)?;
    Ok(Place { store: Arc::new(store), root: Root::Folder(path) })
}

fn local(error: io::Error) -> Error {
    Error::Generic { store: "LocalFileSystem", source: error.into() }
}

fn bucket(url: &str, s3: &[(String, String)]) -> Result<Place, Error> {
    let mut builder = AmazonS3Builder::from_env().with_url(url).with_retry(RetryConfig {
        max_retries: TRIES_MAX,
        retry_timeout: TRY_TIME_MAX,
        ..RetryConfig::default()
    });
    let mut client = ClientOptions::new().with_connect_timeout(CONNECT_TIME_MAX);
    for (key, value) in s3 {
        let key: AmazonS3ConfigKey = key.parse()?;
        if let AmazonS3ConfigKey::Client(option) = key {
            client = client.with_config(option, value);
        } else {
            builder = builder.with_config(key, value);
        }
    }
    let store = builder.with_client_options(client).build()?;
    let prefix = url.trim_start_matches("s3://").split_once('/').map_or("", |(_, prefix)| prefix);
    let store = Arc::new(PrefixStore::new(store, Path::from(prefix)));
    Ok(Place { store, root: Root::Bucket(url.to_owned(), s3.to_vec()) })
}

/// What a failed read means.
fn read_fault(error: Error) -> LedgerError {
    LedgerError::Failed(error.into())
}

/// What a failed write means, by what lies at its bottom.
fn write_fault(error: Error) -> LedgerError {
    if matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. }) {
        return LedgerError::ReadOnly(error.to_string());
    }
    match io_kind(&error) {
        Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => LedgerError::Full,
        Some(io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
            LedgerError::ReadOnly(error.to_string())
        }
        _ => LedgerError::Failed(error.into()),
    }
}

fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<io::ErrorKind> {
    let mut layer = Some(error);
    while let Some(error) = layer {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        layer = error.source();
    }
    None
}
