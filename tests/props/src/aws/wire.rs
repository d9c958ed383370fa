//! What went over the wire, judged by the models that every program of AWS in Python goes by.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::FakeAws;
use crate::python;

/// The policies of `k8s/iam`.
const POLICIES: [&str; 3] = ["read.json", "operate.json", "clusters.json"];

/// Every action that a policy of ours allows.
///
/// # Panics
/// If a policy cannot be read.
pub fn allowed() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../k8s/iam");
    let mut allowed = BTreeSet::new();
    for name in POLICIES {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let policy: serde_json::Value = serde_json::from_str(&text).unwrap();
        let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
        let actions = list(&policy["Statement"]).into_iter().flat_map(|statement| list(&statement["Action"]));
        allowed.extend(actions.filter_map(|action| action.as_str().map(str::to_owned)));
    }
    allowed
}

impl FakeAws {
    /// Actions that were called and that no policy of ours allows.
    ///
    /// # Panics
    /// If a policy cannot be read.
    pub fn forbidden(&self) -> BTreeSet<String> {
        let called: BTreeSet<String> = self.log().into_iter().map(|call| call.action).collect();
        called.difference(&allowed()).cloned().collect()
    }

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
