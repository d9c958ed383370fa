//! What we know: the vocabulary of capacity, demand, money and plans, and the rules that bind them.
//!
//! Pure. Nothing here reads a file, a socket, a clock or the environment; the same input gives the
//! same output on every machine. Start at [`snapshot`] (what a cluster looks like), go on to
//! [`problem`] (what has to be decided) and [`plan`] (what was decided and why).

pub mod build;
pub mod catalog;
pub mod check;
pub mod clock;
pub mod commitments;
pub mod estate;
pub mod finding;
pub mod fleet;
pub mod ids;
pub mod ledger;
pub mod offer;
pub mod operation;
pub mod plan;
pub mod policy;
pub mod priced;
pub mod problem;
pub mod quota;
pub mod rehearsal;
pub mod resources;
pub mod rightsize;
pub mod scheduler;
pub mod selector;
pub mod snapshot;
pub mod solution;
pub mod store;
pub mod units;
pub mod usage;
pub mod workload;
pub mod world;
