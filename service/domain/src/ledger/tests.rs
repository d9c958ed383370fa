//! Numbers that were worked out by hand, and what is read off a cluster's objects.

mod check_values;
mod observing;
