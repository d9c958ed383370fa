//! A plan for other tools: [`eksctl`], [`karpenter`], [`terraform`], and Kubernetes itself ([`kubernetes`]).
//!
//! Each is a pure function from a [`Fleet`], what a plan says the nodes should be, to the text of one file. What a tool
//! cannot be told is said in the comments that the file begins with; nothing is made up.

pub mod eksctl;
mod fleet;
pub mod karpenter;
pub mod kubernetes;
mod names;
pub mod terraform;
#[cfg(test)]
mod tests;
mod text;
mod yaml;

pub use fleet::{ExportError, Fleet, Group, Type};
