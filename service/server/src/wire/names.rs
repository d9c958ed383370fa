//! Resource names on their way in; [`plimsoll_domain::ids`] says how they are written.

use std::str::FromStr;

use plimsoll_domain::ids::{
    CatalogId, ClusterId, IdError, LATEST, NAME_LENGTH_MAX, OperationId, PlanId, SnapshotId,
};

use super::Invalid;

/// Reads `clusters/{cluster}`.
pub fn parse_cluster(field: &str, name: &str) -> Result<ClusterId, Invalid> {
    let cluster = ClusterId::split_name(name);
    id(field, cluster.ok_or_else(|| malformed(field, name, ClusterId::NAME_FORM))?)
}

/// Reads `clusters/{cluster}/policy`.
pub fn parse_policy(field: &str, name: &str) -> Result<ClusterId, Invalid> {
    let cluster = ClusterId::split_policy_name(name);
    id(field, cluster.ok_or_else(|| malformed(field, name, ClusterId::POLICY_NAME_FORM))?)
}

/// Reads `clusters/{cluster}/snapshots/{snapshot}`; no id is the newest.
pub fn parse_snapshot(field: &str, name: &str) -> Result<(ClusterId, Option<SnapshotId>), Invalid> {
    let parts = SnapshotId::split_name(name);
    let (cluster, snapshot) = parts.ok_or_else(|| malformed(field, name, SnapshotId::NAME_FORM))?;
    Ok((id(field, cluster)?, id_or_latest(field, snapshot)?))
}

/// Reads `clusters/{cluster}/plans/{plan}`.
pub fn parse_plan(field: &str, name: &str) -> Result<(ClusterId, PlanId), Invalid> {
    let parts = PlanId::split_name(name);
    let (cluster, plan) = parts.ok_or_else(|| malformed(field, name, PlanId::NAME_FORM))?;
    Ok((id(field, cluster)?, id(field, plan)?))
}

/// Reads `clusters/{cluster}/nodeGroups/{group}`. Clouds name groups by rules of their own: any text is a name.
pub fn parse_node_group(field: &str, name: &str) -> Result<(ClusterId, String), Invalid> {
    let parts = ClusterId::split_node_group_name(name).filter(|(_, group)| !group.is_empty());
    let (cluster, group) = parts.ok_or_else(|| malformed(field, name, ClusterId::NODE_GROUP_NAME_FORM))?;
    if NAME_LENGTH_MAX < group.len() {
        return Err(Invalid::new(field, format!("a group's name has at most {NAME_LENGTH_MAX} bytes")));
    }
    Ok((id(field, cluster)?, group.to_owned()))
}

/// Reads `catalogs/{catalog}`; no id is the newest.
pub fn parse_catalog(field: &str, name: &str) -> Result<Option<CatalogId>, Invalid> {
    let catalog = CatalogId::split_name(name);
    id_or_latest(field, catalog.ok_or_else(|| malformed(field, name, CatalogId::NAME_FORM))?)
}

/// Reads `operations/{operation}`.
pub fn parse_operation(field: &str, name: &str) -> Result<OperationId, Invalid> {
    let operation = OperationId::split_name(name);
    id(field, operation.ok_or_else(|| malformed(field, name, OperationId::NAME_FORM))?)
}

/// Reads a bare id.
pub fn id<T: FromStr<Err = IdError>>(field: &str, text: &str) -> Result<T, Invalid> {
    text.parse().map_err(|error| Invalid::id(field, &error))
}

fn id_or_latest<T: FromStr<Err = IdError>>(field: &str, text: &str) -> Result<Option<T>, Invalid> {
    if text == LATEST { Ok(None) } else { id(field, text).map(Some) }
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
        assert_eq!(parse_cluster("name", &atlas.name()), Ok(atlas.clone()));
        assert_eq!(parse_policy("name", &atlas.policy_name()), Ok(atlas.clone()));
        assert_eq!(parse_plan("name", &plan_id.name(&atlas)), Ok((atlas.clone(), plan_id)));
        assert_eq!(parse_snapshot("name", &SnapshotId::latest_name(&atlas)), Ok((atlas, None)));
        assert_eq!(parse_catalog("name", &catalog_id.name()), Ok(Some(catalog_id)));
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
