//! Every command explains itself with an example.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::process::Command;

fn help(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(words).arg("--help").output().unwrap();
    assert!(output.status.success(), "{words:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Names of the commands that a help page lists.
fn commands(page: &str) -> Vec<String> {
    let list = page.split("Commands:\n").nth(1).unwrap_or_default();
    let lines = list.lines().take_while(|line| !line.is_empty());
    // Names are indented by two, what they explain by more.
    let names = lines.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    names
        .filter_map(|rest| rest.split(' ').next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_has_an_example() {
    let mut without = Vec::new();
    let mut count = 0;
    let nouns = commands(&help(&[]));
    assert!(nouns.contains(&"cluster".to_owned()), "{nouns:?}");
    for noun in nouns {
        let page = help(&[&noun]);
        let verbs = commands(&page);
        let pages = verbs.iter().map(|verb| (format!("{noun} {verb}"), help(&[&noun, verb])));
        let all: Vec<_> = if verbs.is_empty() { vec![(noun.clone(), page)] } else { pages.collect() };
        count += all.len();
        without.extend(all.into_iter().filter(|(_, page)| !page.contains("Example")).map(|(name, _)| name));
    }
    assert_eq!(without, Vec::<String>::new());
    assert!(20 < count, "{count}");
}
