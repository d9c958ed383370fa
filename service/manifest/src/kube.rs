//! Objects of a cluster, as `kubectl get ... -o json` prints them, into a [`Snapshot`].
//!
//! The text is read as a stream, object by object ([`stream`]); each object is turned into what planning needs
//! and forgotten ([`object`] tells which); what refers to other objects is resolved at the end ([`resolve`]).
//! Objects of unknown kinds are counted, not refused: only what is missing matters.

mod affinity;
mod architecture;
mod billed;
mod budget;
mod disruption;
mod draft;
mod job;
mod labels;
mod node;
mod notes;
mod object;
mod owner;
mod pod;
mod requests;
mod resolve;
mod scaling;
mod scheduling;
mod sharing;
mod stream;
#[cfg(test)]
mod tests;
mod volume;
mod yaml;

use std::io::Read;
use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_domain::snapshot::Snapshot;

use crate::error::ReadError;
use crate::input;

use draft::{Draft, Origin};
pub(crate) use owner::workload_kind;

/// Pods of one cluster.
pub const PODS_MAX: usize = 200_000;

/// What the reader cannot know from the objects.
#[derive(Clone, Debug)]
pub struct Options {
    /// The time now; stands in where no object tells a time.
    pub now: Timestamp,
    /// When the objects were read, if known; else the newest time in them, but not after `now`.
    pub capture_time: Option<Timestamp>,
}

impl Options {
    /// Options for objects of which nobody noted when they were read.
    pub fn at(now: Timestamp) -> Self {
        Self { now, capture_time: None }
    }
}

/// Reads one file of Kubernetes objects: JSON or YAML, one list or many documents, gzip or not.
///
/// # Errors
/// [`ReadError`]: no pods, too many, a node or pod twice, or an object that is not what its kind promises.
pub fn read(raw: impl Read, options: &Options) -> Result<Snapshot, ReadError> {
    let mut import = Import::default();
    import.read(raw)?;
    import.finish(options)
}

/// One object of a cluster, read once to be taken into many an [`Import`]: what planning needs of it, but for what others say.
/// Cheap to clone.
#[derive(Clone)]
pub struct Object(Arc<Draft>);

impl Object {
    /// Reads an object from its JSON.
    ///
    /// # Errors
    /// [`ReadError::Bad`] if it is not what its kind promises.
    pub fn read(json: &str) -> Result<Self, ReadError> {
        let mut draft = Draft::default();
        let item = object::Item { text: json, line: None, origin: Origin::default(), kind: None };
        object::read(&item, &mut draft)?;
        draft.documents = 1;
        Ok(Self(Arc::new(draft)))
    }
}

/// Objects of one cluster from several files.
#[derive(Default)]
pub struct Import {
    draft: Draft,
}

impl Import {
    /// Reads one more file.
    ///
    /// # Errors
    /// As of [`read`]; the import is then of no further use.
    pub fn read(&mut self, raw: impl Read) -> Result<(), ReadError> {
        self.read_text(&mut input::open(raw)?)
    }

    /// Reads one more file that is open already.
    ///
    /// # Errors
    /// As of [`Import::read`].
    pub fn read_text(&mut self, text: &mut input::Text<'_>) -> Result<(), ReadError> {
        if let Some(b'{' | b'[') = text.peek_token()? {
            stream::read(text, &mut self.draft)?;
        }
        match text.peek_token()? {
            None => Ok(()),
            Some(_) => yaml::read(text, &mut self.draft),
        }
    }

    /// Takes one more object, read before.
    ///
    /// # Errors
    /// [`ReadError::TooLarge`] after [`PODS_MAX`] pods.
    pub fn add(&mut self, object: &Object) -> Result<(), ReadError> {
        self.draft.add(&object.0);
        match self.draft.pods.len() <= PODS_MAX {
            true => Ok(()),
            false => Err(ReadError::TooLarge { what: "pods", limit: PODS_MAX as u64 }),
        }
    }

    /// Resolves what the objects say about each other.
    ///
    /// # Errors
    /// As of [`read`].
    pub fn finish(self, options: &Options) -> Result<Snapshot, ReadError> {
        if self.draft.pods.is_empty() {
            return Err(ReadError::Empty { what: "pods" });
        }
        self.finish_live(options)
    }

    /// The same of a cluster that was asked for everything: it may have no pods.
    ///
    /// # Errors
    /// As of [`read`].
    pub fn finish_live(self, options: &Options) -> Result<Snapshot, ReadError> {
        resolve::snapshot(self.draft, options)
    }
}
