//! Resource names: `clusters/{cluster}` and what lies below.

use std::str::FromStr;

use plimsoll_domain::ids::{CatalogId, ClusterId, IdError, PlanId, SnapshotId};

use super::Invalid;

/// In place of an id: the newest.
const LATEST: &str = "latest";

/// The name of a cluster.
pub fn cluster(id: &ClusterId) -> String {
    format!("clusters/{id}")
}

/// The name of a cluster's policy.
pub fn policy(cluster: &ClusterId) -> String {
    format!("clusters/{cluster}/policy")
}

/// The name of a snapshot.
pub fn snapshot(cluster: &ClusterId, id: &SnapshotId) -> String {
    format!("clusters/{cluster}/snapshots/{id}")
}

/// The name of a plan.
pub fn plan(cluster: &ClusterId, id: &PlanId) -> String {
    format!("clusters/{cluster}/plans/{id}")
}

/// The name of a catalog.
pub fn catalog(id: &CatalogId) -> String {
    format!("catalogs/{id}")
}

/// Reads `clusters/{cluster}`.
pub fn parse_cluster(field: &str, name: &str) -> Result<ClusterId, Invalid> {
    let form = "clusters/{cluster}";
    match parts(name)[..] {
        ["clusters", cluster] => id(field, cluster),
        _ => Err(malformed(field, name, form)),
    }
}

/// Reads `clusters/{cluster}/policy`.
pub fn parse_policy(field: &str, name: &str) -> Result<ClusterId, Invalid> {
    match parts(name)[..] {
        ["clusters", cluster, "policy"] => id(field, cluster),
        _ => Err(malformed(field, name, "clusters/{cluster}/policy")),
    }
}

/// Reads `clusters/{cluster}/snapshots/{snapshot}`; no id is the newest.
pub fn parse_snapshot(field: &str, name: &str) -> Result<(ClusterId, Option<SnapshotId>), Invalid> {
    match parts(name)[..] {
        ["clusters", cluster, "snapshots", LATEST] => Ok((id(field, cluster)?, None)),
        ["clusters", cluster, "snapshots", snapshot] => Ok((id(field, cluster)?, Some(id(field, snapshot)?))),
        _ => Err(malformed(field, name, "clusters/{cluster}/snapshots/{snapshot}")),
    }
}

/// Reads `clusters/{cluster}/plans/{plan}`.
pub fn parse_plan(field: &str, name: &str) -> Result<(ClusterId, PlanId), Invalid> {
    match parts(name)[..] {
        ["clusters", cluster, "plans", plan] => Ok((id(field, cluster)?, id(field, plan)?)),
        _ => Err(malformed(field, name, "clusters/{cluster}/plans/{plan}")),
    }
}

/// Reads `catalogs/{catalog}`; no id is the newest.
pub fn parse_catalog(field: &str, name: &str) -> Result<Option<CatalogId>, Invalid> {
    match parts(name)[..] {
        ["catalogs", LATEST] => Ok(None),
        ["catalogs", catalog] => Ok(Some(id(field, catalog)?)),
        _ => Err(malformed(field, name, "catalogs/{catalog}")),
    }
}

/// Reads a bare id.
pub fn id<T: FromStr<Err = IdError>>(field: &str, text: &str) -> Result<T, Invalid> {
    text.parse().map_err(|error| Invalid::id(field, &error))
}

fn parts(name: &str) -> Vec<&str> {
    name.split('/').collect()
}

fn malformed(field: &str, name: &str, form: &str) -> Invalid {
    let message = if name.is_empty() {
        format!("is required, in the form {form}")
    } else {
        format!("{name:?} is not in the form {form}")
    };
    Invalid::new(field, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let atlas: ClusterId = "atlas".parse().unwrap();
        let plan_id: PlanId = "p1".parse().unwrap();
        let catalog_id: CatalogId = "builtin".parse().unwrap();
        assert_eq!(parse_cluster("name", &cluster(&atlas)), Ok(atlas.clone()));
        assert_eq!(parse_policy("name", &policy(&atlas)), Ok(atlas.clone()));
        assert_eq!(parse_plan("name", &plan(&atlas, &plan_id)), Ok((atlas.clone(), plan_id)));
        assert_eq!(parse_snapshot("name", "clusters/atlas/snapshots/latest"), Ok((atlas, None)));
        assert_eq!(parse_catalog("name", &catalog(&catalog_id)), Ok(Some(catalog_id)));
        assert_eq!(parse_catalog("name", "catalogs/latest"), Ok(None));
    }

    fn check(name: &str) {
        let error = parse_plan("name", name).unwrap_err();
        assert_eq!(error.field, "name", "{name}");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in
            ["", "p", "clusters/a", "clusters/a/plans/", "clusters/A/plans/p", "clusters/a/plans/p/q", "//"]
        {
            check(name);
        }
    }
}
