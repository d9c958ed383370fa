//! What is sent and when, decided before the first of it is sent.

use std::time::Duration;

use plimsoll_proto::v1 as pb;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Reads for each two writes.
const READS_PER_TWO_WRITES: u64 = 1;
/// Repeats of a request come this many writes after it, or later: a second at the usual rate.
const REPEAT_AFTER: usize = 1000;
/// Wishes grow with time, so that there is always something to do, and stay far below what a group may have.
const GROWTH_PER_SECOND: f64 = 1.5;
/// Share of wishes for a node less: of a group that is growing they are refused.
const LESS_RATIO: f64 = 0.15;

/// A resize to be sent.
#[derive(Clone, Debug)]
pub struct Write {
    /// When it is due, after the begin.
    pub due: Duration,
    /// What it is.
    pub kind: Kind,
    /// The message.
    pub request: pb::ResizeNodeGroupRequest,
}

/// What a resize is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A new wish.
    Wish,
    /// The same again as the write of this number.
    Repeat(usize),
    /// The request id of the write of this number, for another size.
    Reused(usize),
    /// An etag that was never given.
    Outdated,
    /// A size above what any group may have.
    OutOfRange,
}

/// A read to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    /// When it is due, after the begin.
    pub due: Duration,
    /// What it reads.
    pub what: What,
}

/// What a read reads.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// This group of this cluster.
    Group(usize, usize),
    /// The operation that the newest answered write made.
    Operation,
    /// The first page of this cluster's operations.
    List(usize),
}

/// All that is sent.
#[derive(Clone, Debug)]
pub struct Intents {
    /// By time.
    pub writes: Vec<Write>,
    /// By time.
    pub reads: Vec<Read>,
}

/// Id of a cluster.
pub fn cluster_id(number: usize) -> String {
    format!("c{number}")
}

/// Resource name of a node group.
pub fn group_name(cluster: usize, group: usize) -> String {
    format!("clusters/{}/nodeGroups/g{group}", cluster_id(cluster))
}

/// Writes at `rate` a second, and reads beside them.
pub fn all(span: Duration, rate: u64, clusters: usize, groups: usize) -> Intents {
    let mut random = SmallRng::seed_from_u64(1);
    let count = span.as_secs() * rate;
    let mut writes: Vec<Write> = Vec::new();
    for number in 0..count as usize {
        let due = span.mul_f64(number as f64 / count as f64);
        let name = group_name(random.random_range(0..clusters), random.random_range(0..groups));
        let base = 2 + (due.as_secs_f64() * GROWTH_PER_SECOND) as i32;
        let fresh = pb::ResizeNodeGroupRequest {
            name,
            desired_count: base - i32::from(random.random_bool(LESS_RATIO)),
            reason: "load".into(),
            request_id: format!("w-{number}"),
            etag: String::new(),
        };
        let earlier = number.checked_sub(REPEAT_AFTER).map(|last| random.random_range(0..=last));
        let (kind, request) = match (random.random_range(0..100), earlier) {
            (0..8, Some(earlier)) => (Kind::Repeat(earlier), writes[earlier].request.clone()),
            (8..12, Some(earlier)) => {
                let request_id = writes[earlier].request.request_id.clone();
                let desired_count = writes[earlier].request.desired_count + 1;
                (Kind::Reused(earlier), pb::ResizeNodeGroupRequest { request_id, desired_count, ..fresh })
            }
            (12..16, _) => (Kind::Outdated, pb::ResizeNodeGroupRequest { etag: "outdated".into(), ..fresh }),
            (16..20, _) => (Kind::OutOfRange, pb::ResizeNodeGroupRequest { desired_count: 100_000, ..fresh }),
            _ => (Kind::Wish, fresh),
        };
        writes.push(Write { due, kind, request });
    }
    let count = count * READS_PER_TWO_WRITES / 2;
    let mut reads = Vec::new();
    for number in 0..count {
        let due = span.mul_f64(number as f64 / count as f64);
        let cluster = random.random_range(0..clusters);
        let what = match random.random_range(0..10) {
            0..4 => What::Group(cluster, random.random_range(0..groups)),
            4..8 => What::Operation,
            _ => What::List(cluster),
        };
        reads.push(Read { due, what });
    }
    Intents { writes, reads }
}
