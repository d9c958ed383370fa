//! Requests that usage justifies, and when not to touch them.
