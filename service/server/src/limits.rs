//! Every limit of the door, with the sketch that chose it.

use std::time::Duration;

/// Largest message that is taken in, in bytes. A chunk or a batch of samples needs 3 MiB; gRPC clients send 4 MiB by
/// default.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Largest message that is sent, in bytes. A plan with its placements has about 60 bytes a pod: 12 MB at 200,000.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Largest import before decompression, in bytes: the same as after it.
pub const IMPORT_BYTES_MAX: u64 = 1 << 30;

/// Longest silence within an upload. A client on a slow line sends 3 MiB in a minute at 50 kB/s.
pub const UPLOAD_IDLE_MAX: Duration = Duration::from_secs(60);

/// Longest wait of an upload for a place; the time that a few large files take to be parsed.
pub const UPLOAD_WAIT_MAX: Duration = Duration::from_secs(10);

/// Requests at the same time on one connection: twice what HTTP/2 recommends as the least.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 200;

/// Longest time to the first byte of an answer: uploading 1 GiB at 10 Mbit/s and the longest plan after it.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(30 * 60);

/// How often a silent connection is asked whether it is still there, and how long it may take to answer.
pub const KEEPALIVE: Duration = Duration::from_secs(30);

/// Bytes of a chunk of an export: below the 4 MiB that gRPC clients take by default.
pub const EXPORT_CHUNK_BYTES: usize = 1 << 20;

/// Samples in one batch: 20,000 at 150 bytes are 3 MB, below [`MESSAGE_BYTES_MAX`].
pub const BATCH_SAMPLES_MAX: usize = 20_000;

/// Samples that are folded in at once; a stream of more is folded in parts. 100,000 samples hold about 20 MB.
pub const FOLD_SAMPLES_MAX: usize = 100_000;
/// Batches that are folded in at once: each is looked up by its id.
pub const FOLD_BATCHES_MAX: usize = 1_000;

/// Bytes of a request id; a UUID has 36.
pub const REQUEST_ID_BYTES_MAX: usize = 128;

/// Bytes of an imported file's name: what Linux allows in a path is 4096, in a name 255.
pub const FILE_NAME_BYTES_MAX: usize = 1024;

/// Bytes of the reason of a resize: a few sentences; as much is stored with each operation.
pub const RESIZE_REASON_BYTES_MAX: usize = 1000;

/// Items in a page where the caller names no number.
pub const PAGE_SIZE_DEFAULT: u32 = 50;

/// Items in a page at most; more is lowered to it.
pub const PAGE_SIZE_MAX: u32 = 1000;

/// Comparisons in a filter: no list has more fields.
pub const FILTER_TERMS_MAX: usize = 10;

/// Bytes of a filter.
pub const FILTER_BYTES_MAX: usize = 2048;

/// Progress events that wait for a slow reader; while as many wait, new ones are dropped.
pub const PROGRESS_QUEUE_MAX: usize = 16;

/// Time between two progress events of one plan: ten a second are plenty for eyes.
pub const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Entries of one kind in an error's metadata; the message says how many there are. gRPC clients refuse headers
/// above 8 KiB by default, and the details travel in a trailer.
pub const ERROR_ENTRIES_MAX: usize = 10;

/// Bytes of one text in an error's metadata, for the same reason.
pub const ERROR_TEXT_BYTES_MAX: usize = 400;
