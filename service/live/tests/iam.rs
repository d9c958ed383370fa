//! What Plimsoll may do in an account is what it does: the code, the policies and the table of reasons agree.

#![allow(clippy::unwrap_used, reason = "a test that cannot read the repository should stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Actions that no call of ours has the name of, and that EKS checks of whoever makes a node group. From the EKS guide,
/// "Launch template support".
const CHECKED_BY_EKS: [&str; 8] = [
    "ec2:CreateTags",
    "ec2:RunInstances",
    "eks:TagResource",
    "iam:CreateServiceLinkedRole",
    "iam:PassRole",
    "iam:TagRole",
    "kms:CreateGrant",
    "kms:DescribeKey",
];
/// What a policy is called, and its file.
const POLICIES: [(&str, &str); 3] =
    [("read", "read.json"), ("operate", "operate.json"), ("clusters", "clusters.json")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn actions(policy: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("k8s/iam").join(policy)).unwrap();
    let policy: Value = serde_json::from_str(&text).unwrap();
    let statements = policy["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

/// Actions that calls in a folder are named after.
fn called(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(called(&path));
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let quoted = text.split("fault::of(\"").skip(1).filter_map(|rest| rest.split('"').next());
        found.extend(quoted.map(str::to_owned));
    }
    found
}

/// Actions of the table, with the policy that each is in.
fn table() -> BTreeSet<(String, String)> {
    let text = fs::read_to_string(root().join("k8s/iam/README.md")).unwrap();
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let (action, policy, reason) = (cells.next()?, cells.next()?, cells.next()?);
        assert!(3 < reason.len(), "{line}: says no reason");
        Some((action.trim_end_matches('`').to_owned(), policy.to_owned()))
    });
    rows.collect()
}

#[test]
fn every_call_is_allowed_and_nothing_else() {
    let of = |(name, file): (&str, &str)| {
        actions(file).into_iter().map(|action| (action, name.to_owned())).collect::<Vec<_>>()
    };
    let all: BTreeSet<(String, String)> = POLICIES.into_iter().flat_map(of).collect();
    let mut calls = called(&root().join("service/live/src"));
    assert!(calls.contains("eks:DescribeNodegroup"), "{calls:?}");
    calls.extend(CHECKED_BY_EKS.map(str::to_owned));
    assert_eq!(all.iter().map(|(action, _)| action.clone()).collect::<BTreeSet<_>>(), calls);
    let reads = actions("read.json");
    let changes = all.iter().filter(|(_, policy)| policy != "read");
    let both: Vec<_> = changes.filter(|(action, _)| reads.contains(action)).collect();
    assert!(both.is_empty(), "{both:?}");
    assert_eq!(table(), all);
}

#[test]
fn nothing_that_changes_is_among_what_reads() {
    for action in actions("read.json") {
        let verb = action.split(':').nth(1).unwrap();
        let reads = ["Describe", "List", "Get", "Receive"].iter().any(|word| verb.starts_with(word));
        assert!(reads || action == "sqs:DeleteMessage", "{action}");
    }
}
