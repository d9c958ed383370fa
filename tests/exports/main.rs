//! Exported plans, as the tools read them that they are for.

mod eksctl;
mod fleet;
mod karpenter;
mod kubernetes;
mod service;
mod terraform;
mod wanted;
