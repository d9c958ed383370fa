//! Marks that forbid to evict a pod or to remove a node (rule 52).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::owner::Controller;

type Annotations = BTreeMap<String, String>;

const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";
const DO_NOT_EVICT: &str = "karpenter.sh/do-not-evict";
const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";
const SCALE_DOWN_DISABLED: &str = "cluster-autoscaler.kubernetes.io/scale-down-disabled";
const MIRROR: &str = "kubernetes.io/config.mirror";

/// What a pod's marks ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// Why, for people.
    pub reason: String,
    /// How long after its creation; none: as long as it lives.
    pub lasts: Option<SignedDuration>,
}

impl Wish {
    fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), lasts: None }
    }

    /// Whether it holds at a time for a pod created then.
    pub(super) fn holds(&self, created: Option<Timestamp>, at: Timestamp) -> bool {
        match (self.lasts, created) {
            (Some(lasts), Some(created)) => at.duration_since(created) < lasts,
            _ => true,
        }
    }
}

/// What forbids to evict a pod. A mark in a format that nobody knows forbids nothing.
pub(super) fn wish_of_pod(
    annotations: Option<&Annotations>,
    controller: Option<&Controller>,
) -> Option<Wish> {
    let value = |key: &str| annotations.and_then(|all| all.get(key)).map(String::as_str);
    if value(MIRROR).is_some() || controller.is_some_and(|controller| controller.kind == "Node") {
        return Some(Wish::lasting("a static pod of its node"));
    }
    if value(SAFE_TO_EVICT) == Some("false") {
        return Some(Wish::lasting(format!("annotation {SAFE_TO_EVICT}=false")));
    }
    if value(DO_NOT_EVICT) == Some("true") {
        return Some(Wish::lasting(format!("annotation {DO_NOT_EVICT}=true")));
    }
    let mark = value(DO_NOT_DISRUPT)?;
    let reason = format!("annotation {DO_NOT_DISRUPT}={mark}");
    if mark == "true" {
        return Some(Wish::lasting(reason));
    }
    Some(Wish { reason, lasts: Some(go_duration(mark)?) })
}

/// What forbids to remove a node.
pub(super) fn protection_of_node(annotations: Option<&Annotations>) -> Option<String> {
    let is_true = |key: &&str| annotations.and_then(|all| all.get(*key)).is_some_and(|value| value == "true");
    let key = [DO_NOT_DISRUPT, SCALE_DOWN_DISABLED].into_iter().find(is_true)?;
    Some(format!("annotation {key}=true on its node"))
}

/// A positive duration as Go writes them, such as `1h30m`.
fn go_duration(text: &str) -> Option<SignedDuration> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b"hmsun".contains(&b));
    let duration: SignedDuration = text.parse().ok().filter(|_| plain)?;
    duration.is_positive().then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pod created at 1970-01-01T00:00:00Z, one hour later.
    fn check(annotation: (&str, &str), want: bool) {
        let annotations = Annotations::from([(annotation.0.to_owned(), annotation.1.to_owned())]);
        let wish = wish_of_pod(Some(&annotations), None);
        let an_hour_on = Timestamp::from_second(3600).expect("in range");
        let holds = wish.is_some_and(|wish| wish.holds(Some(Timestamp::UNIX_EPOCH), an_hour_on));
        assert_eq!(holds, want, "{annotation:?}");
    }

    #[test]
    fn marks_forbid_only_what_they_say() {
        check((DO_NOT_DISRUPT, "true"), true);
        check((DO_NOT_DISRUPT, "false"), false);
        check((DO_NOT_DISRUPT, "2h"), true);
        check((DO_NOT_DISRUPT, "1h30m"), true);
        check((DO_NOT_DISRUPT, "1.5h"), true);
        check((DO_NOT_DISRUPT, "10m"), false);
        check((DO_NOT_DISRUPT, "-2h"), false);
        check((DO_NOT_DISRUPT, "2 hours"), false);
        check((DO_NOT_DISRUPT, "PT2H"), false);
        check((DO_NOT_DISRUPT, "yes"), false);
        check((DO_NOT_EVICT, "true"), true);
        check((SAFE_TO_EVICT, "false"), true);
        check((SAFE_TO_EVICT, "true"), false);
        check((MIRROR, "0123"), true);
        check(("example.com/other", "true"), false);
    }
}
