//! Room `solver`.
