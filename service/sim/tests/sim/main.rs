//! The pretended world keeps its manners and the contract, and is found again.

mod contract;
mod demand;
mod faults;
mod groups;
mod journal;
mod mishaps;
mod pods;
mod random;
mod rehearsal;
mod spot;
mod support;
mod volumes;
mod week;
