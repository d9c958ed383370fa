//! Tests of the whole service. Everything is in the test binaries beside this file.
