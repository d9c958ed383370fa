//! What a caller of CreatePlan asks for.

use jiff::Timestamp;
use plimsoll_domain::policy::Policy;
use plimsoll_engine::PlanOrder;
use plimsoll_proto::v1 as pb;

use super::{Invalid, names, policy, request, time::parse_span};

/// Method name in request keys: StreamPlan asks for the same, so the two share their request ids.
const METHOD: &str = "/plimsoll.v1.PlanService/CreatePlan";

/// Reads an order; `base` is the cluster's policy, over which the override goes.
pub fn plan_order(
    mut request: pb::CreatePlanRequest,
    base: &Policy,
    now: Timestamp,
) -> Result<PlanOrder, Invalid> {
    let id = std::mem::take(&mut request.request_id);
    let write = request::write(METHOD, id, &request, now)?;
    let cluster = names::parse_cluster("parent", &request.parent)?;
    let snapshot = match request.snapshot.as_str() {
        "" => None,
        name => {
            let (owner, snapshot) = names::parse_snapshot("snapshot", name)?;
            if owner != cluster {
                return Err(Invalid::new("snapshot", format!("is of cluster {owner}, not of {cluster}")));
            }
            snapshot
        }
    };
    Ok(PlanOrder {
        parent: None,
        write,
        cluster,
        plan_id: optional(&request.plan_id, |id| names::id("plan_id", id))?,
        snapshot,
        catalog: optional(&request.catalog, |name| names::parse_catalog("catalog", name))?.flatten(),
        policy: policy_override(&request, base)?,
        time_budget: request.time_budget.as_ref().map(|span| parse_span("time_budget", span)).transpose()?,
        seed: u64::try_from(request.seed).map_err(|_| Invalid::new("seed", "may not be negative"))?,
    })
}

/// Reads how much of a plan is asked for.
pub fn view(view: i32, default: pb::PlanView) -> Result<pb::PlanView, Invalid> {
    match pb::PlanView::try_from(view) {
        Ok(pb::PlanView::Unspecified) => Ok(default),
        Ok(view) => Ok(view),
        Err(_) => Err(Invalid::new("view", format!("{view} is no value of this enum"))),
    }
}

fn optional<T>(text: &str, read: impl Fn(&str) -> Result<T, Invalid>) -> Result<Option<T>, Invalid> {
    if text.is_empty() { Ok(None) } else { read(text).map(Some) }
}

fn policy_override(request: &pb::CreatePlanRequest, base: &Policy) -> Result<Option<Policy>, Invalid> {
    let mask = request.policy_override_mask.as_ref().map(|mask| mask.paths.as_slice()).unwrap_or_default();
    let empty = pb::Policy::default();
    let from = match &request.policy_override {
        None if mask.is_empty() => return Ok(None),
        from => from.as_ref().unwrap_or(&empty),
    };
    let mut policy = base.clone();
    policy::merge(&mut policy, from, mask, "policy_override", "policy_override_mask")?;
    Ok(Some(policy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(change: impl Fn(&mut pb::CreatePlanRequest)) -> Result<PlanOrder, Invalid> {
        let mut request = pb::CreatePlanRequest { parent: "clusters/atlas".into(), ..Default::default() };
        change(&mut request);
        plan_order(request, &Policy::default(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_is_left_out_is_left_to_the_engine() {
        let order = order(|_| {}).unwrap();
        assert_eq!(order.cluster.as_str(), "atlas");
        assert!(order.plan_id.is_none() && order.snapshot.is_none() && order.catalog.is_none());
        assert!(order.policy.is_none() && order.time_budget.is_none());
    }

    #[test]
    fn an_override_goes_over_the_clusters_policy() {
        let order = order(|request| {
            request.policy_override = Some(pb::Policy { nodes_max: Some(5), ..Default::default() });
        });
        assert_eq!(order.unwrap().policy, Some(Policy { nodes_max: 5, ..Policy::default() }));
    }

    #[test]
    fn the_request_id_is_no_part_of_what_is_asked() {
        let key = |id: &str| order(|request| request.request_id = id.to_owned()).unwrap().write.request;
        assert_eq!(key("a").body_digest, key("b").body_digest);
        assert_eq!(key("a").id, "a");
    }

    #[track_caller]
    fn check(change: impl Fn(&mut pb::CreatePlanRequest), field: &str) {
        assert_eq!(order(change).unwrap_err().field, field);
    }

    #[test]
    fn what_is_no_order_is_refused() {
        check(|request| request.parent.clear(), "parent");
        check(|request| request.snapshot = "clusters/other/snapshots/s".into(), "snapshot");
        check(|request| request.catalog = "k".into(), "catalog");
        check(|request| request.seed = -1, "seed");
        check(|request| request.plan_id = "A b".into(), "plan_id");
        let negative = pbjson_types::Duration { seconds: -1, nanos: 0 };
        check(|request| request.time_budget = Some(negative), "time_budget");
    }
}
