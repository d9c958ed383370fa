//! What went over the wire, judged by the models that every program of AWS in Python goes by.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::FakeAws;
use crate::python;

impl FakeAws {
    /// What is wrong with any call so far, by botocore's models. None where Python with botocore is missing, which is
    /// printed, except where `CI` is set: there it fails.
    ///
    /// # Panics
    /// If Python does not run, or is missing and `CI` is set.
    pub fn faults_on_the_wire(&self) -> Option<String> {
        let python = python::interpreter("venv")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/check_wire.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        for call in self.log() {
            writeln!(input, "{}", serde_json::to_string(&call).unwrap()).unwrap();
        }
        drop(input);
        let output = child.wait_with_output().unwrap();
        let words = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() || !words.is_empty(), "the check did not run");
        Some(words)
    }
}
