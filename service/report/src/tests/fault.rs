//! A store that dies: after so many writes, none is done any more, as if the process had been killed there.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::focus::Account;
use crate::lake::Lake;
use crate::place::Place;

/// Writes that are still done.
#[derive(Debug)]
struct Fault {
    inner: LocalFileSystem,
    left: Arc<AtomicUsize>,
    kind: io::ErrorKind,
}

/// A lake in a folder that takes `writes` more puts and drops.
pub fn lake(folder: &std::path::Path, writes: usize, kind: io::ErrorKind) -> Lake {
    let inner = LocalFileSystem::new_with_prefix(folder).unwrap();
    let store = Fault { inner, left: Arc::new(AtomicUsize::new(writes)), kind };
    Lake::at(Place::through(Arc::new(store), folder.to_owned()), Account::default())
}

fn spend(left: &AtomicUsize, kind: io::ErrorKind) -> Result<()> {
    let spent = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    let dead = |_| Error::Generic { store: "fault", source: io::Error::from(kind).into() };
    spent.map(drop).map_err(dead)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault")
    }
}

#[async_trait]
impl ObjectStore for Fault {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        spend(&self.left, self.kind)?;
        self.inner.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (left, kind) = (self.left.clone(), self.kind);
        let locations = locations.map(move |path| path.and_then(|path| spend(&left, kind).map(|()| path)));
        self.inner.delete_stream(locations.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
