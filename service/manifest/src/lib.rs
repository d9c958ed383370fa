//! What files and Kubernetes say, as values of the domain.
//!
//! Pure: reads from `impl Read`, never opens a file or a socket, never asks for the time. Nothing panics on
//! input; every refusal names the place and what was expected. Start at [`any`], the door for
//! files about a cluster, and [`price`], the one for prices; [`input`] undoes gzip and limits sizes for both.

pub mod any;
pub mod detect;
pub mod error;
pub mod export;
pub mod input;
pub mod instance;
mod json;
pub mod kube;
pub mod price;
pub mod quantity;
mod table;
pub mod trace;
pub mod usage;

pub use any::{Read, ReadOptions, read, read_named};
pub use detect::{Format, detect};
pub use error::{Fault, ReadError};
