//! Names that other tools take.

use std::collections::BTreeSet;

/// Longest name of a node group, by the model of EKS; objects of Kubernetes and resources of Terraform may be longer.
const NAME_BYTES_MAX: usize = 63;
/// Room for what tells two names apart.
const NUMBER_BYTES: usize = 5;

/// A name for each group: its own where the tool takes it, else one of small letters, digits and hyphens that is like it.
/// No two are the same.
pub fn all<'a>(groups: impl Iterator<Item = &'a str>, takes: impl Fn(&str) -> bool) -> Vec<String> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    groups
        .map(|group| {
            let base = if takes(group) { group.to_owned() } else { plain(group) };
            let numbered = (2..).map(|number: u64| format!("{base}-{number}"));
            let mut tried = std::iter::once(base.clone()).chain(numbered);
            let name = tried.find(|name| !taken.contains(name)).expect("numbers never end");
            taken.insert(name.clone());
            name
        })
        .collect()
}

/// Whether a managed node group of eksctl may be called so.
pub fn is_eksctl(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    begins && name.len() <= NAME_BYTES_MAX && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// Whether EKS takes it for a node group.
pub fn is_eks(name: &str) -> bool {
    is_eksctl(&name.replace('_', "-"))
}

/// Whether an object of Kubernetes may be called so, and a value of a label be the same.
pub fn is_object(name: &str) -> bool {
    plain(name) == name
}

/// Small letters, digits and single hyphens, a letter first.
pub fn plain(name: &str) -> String {
    let mut plain = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' => plain.push(c),
            _ if plain.is_empty() || plain.ends_with('-') => {}
            _ => plain.push('-'),
        }
    }
    if !plain.starts_with(|c: char| c.is_ascii_lowercase()) {
        plain.insert_str(0, "group-");
    }
    plain.truncate(NAME_BYTES_MAX - NUMBER_BYTES);
    plain.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_tool_does_not_take_becomes_one_like_it() {
        let long = "x".repeat(80);
        let cases = [
            ("web", "web"),
            ("Web_1", "web-1"),
            ("m7i.large/us-east-1a/on-demand", "m7i-large-us-east-1a-on-demand"),
            ("7up", "group-7up"),
            ("", "group"),
            ("-é-", "group"),
            (long.as_str(), &long[..58]),
        ];
        for (name, want) in cases {
            assert_eq!(plain(name), want, "{name}");
            assert!(is_eksctl(&plain(name)) && is_eks(&plain(name)) && is_object(&plain(name)), "{name}");
        }
    }

    #[test]
    fn no_two_groups_get_the_same_name() {
        let names = all(["a-b", "a_b", "a.b", "a-b-2"].into_iter(), is_eksctl);
        assert_eq!(names, ["a-b", "a-b-2", "a-b-3", "a-b-2-2"]);
    }
}
