//! Room `verify`.
