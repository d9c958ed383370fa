//! The digest that ties a plan and a certificate to their problem.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};

use sha2::{Digest, Sha256};

use crate::problem::Problem;
use crate::rejection::{Member, Rejection};
use crate::{Certificate, Plan};

/// Bytes hashed at once.
const CHUNK_BYTES: usize = 1 << 16;

/// The SHA-256 of a problem's proto3 JSON in the form of RFC 8785, in lower-case hex.
///
/// The form: no spaces, members sorted by name, strings with the shortest escapes. The fields of
/// [`Problem`] are declared in that order, and serde_json escapes in that way; the text is never built.
pub fn digest(problem: &Problem) -> String {
    let mut text = BufWriter::with_capacity(CHUNK_BYTES, Hasher(Sha256::new()));
    serde_json::to_writer(&mut text, problem).expect("every field of a problem has a JSON form");
    text.flush().expect("a hasher takes every byte");
    let mut hex = String::with_capacity(64);
    for byte in text.get_mut().0.finalize_reset() {
        write!(hex, "{byte:02x}").expect("a string takes every byte");
    }
    hex
}

/// Checks that a plan and a certificate are about this problem.
///
/// # Errors
/// [`Rejection::Digest`] for the first that is not.
pub fn check(problem: &Problem, plan: &Plan, certificate: &Certificate) -> Result<(), Rejection> {
    let actual = digest(problem);
    for (member, stated) in
        [(Member::Plan, &plan.problem_digest), (Member::Certificate, &certificate.problem_digest)]
    {
        if *stated != actual {
            return Err(Rejection::Digest { member, stated: stated.clone(), actual });
        }
    }
    Ok(())
}

struct Hasher(Sha256);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
