//! What eksctl, Karpenter, Terraform and kubectl make of a file.
//!
//! `.ci/schemas` builds the program that says so from those tools' own modules; a machine that cannot is told what to
//! install, and tests that need it are skipped, except where `CI` is set: there they fail.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The tools' readers.
#[derive(Clone, Copy, Debug)]
pub struct Schemas(&'static Path);

impl Schemas {
    /// They, if this machine has them; why not is printed.
    ///
    /// # Panics
    /// If they are not there and `CI` is set.
    pub fn find() -> Option<Self> {
        static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
        let found = PROGRAM.get_or_init(|| {
            let script =
                Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join(".ci/schemas");
            let built = Command::new(script).stderr(Stdio::inherit()).output().unwrap();
            let path = String::from_utf8(built.stdout).unwrap();
            crate::expect_built(built.status);
            built.status.success().then(|| path.trim().into())
        });
        if found.is_none() {
            crate::skip("nobody to judge exports");
        }
        found.as_deref().map(Self)
    }

    /// Karpenter's definitions of its kinds.
    ///
    /// # Panics
    /// If the program fails.
    pub fn definitions(self) -> Vec<Value> {
        list(self.ask(&["crds"], "").unwrap())
    }

    /// Objects that kubectl reads from a file.
    ///
    /// # Errors
    /// What it says of a file that is none.
    pub fn documents(self, file: &str) -> Result<Vec<Value>, String> {
        self.ask(&["documents"], file).map(list)
    }

    /// The configuration that eksctl reads, with its defaults.
    ///
    /// # Errors
    /// Why it refuses it.
    pub fn eksctl(self, file: &str) -> Result<Value, String> {
        self.ask(&["eksctl"], file)
    }

    /// What Terraform finds in a file (`module`), and what it makes of the node groups (`node_groups`) with such variables.
    ///
    /// # Errors
    /// Why it refuses it.
    ///
    /// # Panics
    /// If there is no place for the file.
    pub fn terraform(self, file: &str, variables: &Value) -> Result<Value, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("plan.tf.json"), file).unwrap();
        self.ask(&["terraform", folder.path().to_str().unwrap()], &variables.to_string())
    }

    fn ask(self, args: &[&str], input: &str) -> Result<Value, String> {
        let mut command = Command::new(self.0);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        // Beside the reading, or both sides wait for room in a pipe. Who refuses a file may stop reading it.
        let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        if output.status.success() {
            Ok(serde_json::from_slice(&output.stdout).unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => panic!("{other} is no list"),
    }
}
