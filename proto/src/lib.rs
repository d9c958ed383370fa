//! The wire: `plimsoll.v1` as Rust types, with their proto3 JSON (the proto's own field names) and the
//! descriptor set for reflection.
//!
//! Generated from `plimsoll/v1/*.proto`, whose comments are the contract; nothing is written by hand here.
//! Start reading at `plan.proto` (what is answered) and `problem.proto` (what was decided).

/// Package `plimsoll.v1`.
pub mod v1 {
    // Generated code is judged by `buf lint` at its source, not here.
    #![allow(missing_docs, clippy::all, clippy::unwrap_used)]

    tonic::include_proto!("plimsoll.v1");
    include!(concat!(env!("OUT_DIR"), "/plimsoll.v1.serde.rs"));

    /// Encoded `google.protobuf.FileDescriptorSet` of the package and everything it imports.
    pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plimsoll_v1.bin"));
}
