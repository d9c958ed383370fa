//! What files and Kubernetes say, as values of the domain.
//!
//! Pure: reads from `impl Read`, never opens a file or a socket, never asks for the time. Nothing panics on
//! input; every refusal names the place and what was expected. Start at [`kube`] for objects of a cluster;
//! [`input`] undoes gzip and limits sizes for all readers.

pub mod any;
pub mod error;
pub mod input;
pub mod kube;
pub mod price;
pub mod quantity;

pub use any::{Read, ReadOptions, read};
pub use error::{Fault, ReadError};
