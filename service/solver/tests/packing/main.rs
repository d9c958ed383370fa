//! Plans where capacity is all there is: how good they are, and what always holds.

mod data;
mod instances;
mod properties;
mod published;
mod run;
