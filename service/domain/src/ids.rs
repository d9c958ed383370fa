//! Names of things, each its own type, each validated once at the door.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest name that is accepted, in bytes. Kubernetes object names end at 253.
pub const NAME_LENGTH_MAX: usize = 253;

/// In a resource name, in place of a snapshot's or a catalog's id: the newest.
pub const LATEST: &str = "latest";

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is no valid {what}: use 1 to {max} lower-case letters, digits, '-' and '.', starting with a letter or digit", max = NAME_LENGTH_MAX)]
pub struct IdError {
    /// Which kind of id was wanted.
    pub what: &'static str,
    /// The text that was given.
    pub value: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text, without any `collection/` in front.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(value: String) -> Result<Self, IdError> {
                if is_name(&value) { Ok(Self(value)) } else { Err(IdError { what: $what, value }) }
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(value: &str) -> Result<Self, IdError> {
                Self::try_from(value.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A cluster: the `{c}` of `clusters/{c}`.
    ClusterId,
    "cluster id"
);
id!(
    /// A snapshot of a cluster: the `{s}` of `clusters/{c}/snapshots/{s}`.
    SnapshotId,
    "snapshot id"
);
id!(
    /// A price catalog: the `{k}` of `catalogs/{k}`.
    CatalogId,
    "catalog id"
);
id!(
    /// A plan: the `{p}` of `clusters/{c}/plans/{p}`.
    PlanId,
    "plan id"
);
id!(
    /// An operation: the `{o}` of `operations/{o}`.
    OperationId,
    "operation id"
);

impl ClusterId {
    /// Form of its resource name.
    pub const NAME_FORM: &'static str = "clusters/{cluster}";
    /// Form of the resource name of its policy.
    pub const POLICY_NAME_FORM: &'static str = "clusters/{cluster}/policy";

    /// Its resource name: `clusters/{cluster}`.
    pub fn name(&self) -> String {
        format!("clusters/{self}")
    }

    /// The resource name of its policy: `clusters/{cluster}/policy`.
    pub fn policy_name(&self) -> String {
        format!("clusters/{self}/policy")
    }

    /// The name of its usage, in the log of writes: `clusters/{cluster}/usage`.
    pub fn usage_name(&self) -> String {
        format!("clusters/{self}/usage")
    }

    /// Form of the resource name of one of its node groups.
    pub const NODE_GROUP_NAME_FORM: &'static str = "clusters/{cluster}/nodeGroups/{group}";

    /// The resource name of one of its node groups: `clusters/{cluster}/nodeGroups/{group}`.
    pub fn node_group_name(&self, group: &str) -> String {
        format!("clusters/{self}/nodeGroups/{group}")
    }

    /// What stands in the places of cluster and node group, unchecked; none if `name` has another form.
    pub fn split_node_group_name(name: &str) -> Option<(&str, &str)> {
        match segments(name)[..] {
            ["clusters", cluster, "nodeGroups", group] => Some((cluster, group)),
            _ => None,
        }
    }

    /// What stands in the place of the id, unchecked; none if `name` has another form.
    pub fn split_name(name: &str) -> Option<&str> {
        match segments(name)[..] {
            ["clusters", cluster] => Some(cluster),
            _ => None,
        }
    }

    /// What stands in the place of the id in the name of a policy, unchecked; none if `name` has another form.
    pub fn split_policy_name(name: &str) -> Option<&str> {
        match segments(name)[..] {
            ["clusters", cluster, "policy"] => Some(cluster),
            _ => None,
        }
    }
}

impl SnapshotId {
    /// Form of its resource name.
    pub const NAME_FORM: &'static str = "clusters/{cluster}/snapshots/{snapshot}";

    /// Its resource name: `clusters/{cluster}/snapshots/{snapshot}`.
    pub fn name(&self, cluster: &ClusterId) -> String {
        format!("clusters/{cluster}/snapshots/{self}")
    }

    /// The name of whichever snapshot is the cluster's newest.
    pub fn latest_name(cluster: &ClusterId) -> String {
        format!("clusters/{cluster}/snapshots/{LATEST}")
    }

    /// What stands in the places of cluster and snapshot, unchecked; none if `name` has another form.
    pub fn split_name(name: &str) -> Option<(&str, &str)> {
        match segments(name)[..] {
            ["clusters", cluster, "snapshots", snapshot] => Some((cluster, snapshot)),
            _ => None,
        }
    }

    /// The snapshot of `cluster` that `name` names. None: it names another cluster's, something else, or
    /// [`LATEST`], which is no id.
    pub fn from_name(name: &str, cluster: &ClusterId) -> Option<Self> {
        let (owner, id) = Self::split_name(name)?;
        if owner != cluster.as_str() || id == LATEST {
            return None;
        }
        id.parse().ok()
    }
}

impl CatalogId {
    /// Form of its resource name.
    pub const NAME_FORM: &'static str = "catalogs/{catalog}";

    /// Its resource name: `catalogs/{catalog}`.
    pub fn name(&self) -> String {
        format!("catalogs/{self}")
    }

    /// What stands in the place of the id, unchecked; none if `name` has another form.
    pub fn split_name(name: &str) -> Option<&str> {
        match segments(name)[..] {
            ["catalogs", catalog] => Some(catalog),
            _ => None,
        }
    }

    /// The catalog that `name` names. None: it names something else, or [`LATEST`], which is no id.
    pub fn from_name(name: &str) -> Option<Self> {
        let id = Self::split_name(name)?;
        if id == LATEST { None } else { id.parse().ok() }
    }
}

impl OperationId {
    /// Form of its resource name.
    pub const NAME_FORM: &'static str = "operations/{operation}";

    /// Its resource name: `operations/{operation}`.
    pub fn name(&self) -> String {
        format!("operations/{self}")
    }

    /// What stands in the place of the id, unchecked; none if `name` has another form.
    pub fn split_name(name: &str) -> Option<&str> {
        match segments(name)[..] {
            ["operations", operation] => Some(operation),
            _ => None,
        }
    }

    /// The id in a resource name; none if it is none of an operation.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::split_name(name)?.parse().ok()
    }
}

impl PlanId {
    /// Form of its resource name.
    pub const NAME_FORM: &'static str = "clusters/{cluster}/plans/{plan}";

    /// Its resource name: `clusters/{cluster}/plans/{plan}`.
    pub fn name(&self, cluster: &ClusterId) -> String {
        format!("clusters/{cluster}/plans/{self}")
    }

    /// What stands in the places of cluster and plan, unchecked; none if `name` has another form.
    pub fn split_name(name: &str) -> Option<(&str, &str)> {
        match segments(name)[..] {
            ["clusters", cluster, "plans", plan] => Some((cluster, plan)),
            _ => None,
        }
    }

    /// The plan of `cluster` that `name` names. None: it names another cluster's, or something else.
    pub fn from_name(name: &str, cluster: &ClusterId) -> Option<Self> {
        let (owner, id) = Self::split_name(name)?;
        if owner == cluster.as_str() { id.parse().ok() } else { None }
    }
}

fn segments(name: &str) -> Vec<&str> {
    name.split('/').collect()
}

fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=NAME_LENGTH_MAX).contains(&text.len())
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|b| plain(b) || b == b'-' || b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_dns_like() {
        for good in ["atlas", "a", "0", "prod-eu.1"] {
            assert!(good.parse::<ClusterId>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "A", "a/b", "a b", "ü", &"x".repeat(254)] {
            assert!(bad.parse::<ClusterId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        let cluster: ClusterId = "atlas".parse().unwrap();
        let snapshot: SnapshotId = "s1".parse().unwrap();
        let catalog: CatalogId = "k1".parse().unwrap();
        let plan: PlanId = "p1".parse().unwrap();
        assert_eq!(ClusterId::split_name(&cluster.name()), Some("atlas"));
        assert_eq!(ClusterId::split_policy_name(&cluster.policy_name()), Some("atlas"));
        let group = cluster.node_group_name("Web_1");
        assert_eq!(ClusterId::split_node_group_name(&group), Some(("atlas", "Web_1")));
        assert_eq!(SnapshotId::from_name(&snapshot.name(&cluster), &cluster), Some(snapshot));
        assert_eq!(CatalogId::from_name(&catalog.name()), Some(catalog));
        assert_eq!(PlanId::from_name(&plan.name(&cluster), &cluster), Some(plan));
    }

    #[test]
    fn names_have_their_forms() {
        let cluster: ClusterId = "cluster".parse().unwrap();
        let plain = |form: &str| form.replace(['{', '}'], "");
        assert_eq!(cluster.name(), plain(ClusterId::NAME_FORM));
        assert_eq!(cluster.node_group_name("group"), plain(ClusterId::NODE_GROUP_NAME_FORM));
        assert_eq!(cluster.policy_name(), plain(ClusterId::POLICY_NAME_FORM));
        assert_eq!("snapshot".parse::<SnapshotId>().unwrap().name(&cluster), plain(SnapshotId::NAME_FORM));
        assert_eq!("catalog".parse::<CatalogId>().unwrap().name(), plain(CatalogId::NAME_FORM));
        assert_eq!("plan".parse::<PlanId>().unwrap().name(&cluster), plain(PlanId::NAME_FORM));
    }

    #[test]
    fn a_name_of_something_else_is_no_id() {
        let cluster: ClusterId = "atlas".parse().unwrap();
        for name in ["", "s1", "clusters/atlas", "clusters/zeus/snapshots/s1", "clusters/atlas/usage"] {
            assert_eq!(SnapshotId::from_name(name, &cluster), None, "{name}");
        }
        assert_eq!(SnapshotId::from_name(&SnapshotId::latest_name(&cluster), &cluster), None);
        for name in ["", "p1", "clusters/zeus/plans/p1", "clusters/atlas/plans/P", "clusters/atlas/plans/p/q"]
        {
            assert_eq!(PlanId::from_name(name, &cluster), None, "{name}");
        }
        for name in ["", "k1", "catalogs/", "catalogs/k1/x", "catalogs/latest"] {
            assert_eq!(CatalogId::from_name(name), None, "{name}");
        }
    }
}
