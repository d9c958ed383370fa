//! Clusters that are made, upgraded and removed.

use plimsoll_domain::estate::{
    ADD_ONS_BEFORE_NODES, ADD_ONS_DEFAULT, Access, AddOn, ClusterPlan, ControlPlane, FirstGroup, Network,
};
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::policy::Policy;
use plimsoll_domain::store::{Mode, Write};
use plimsoll_domain::workload::{Taint, TaintEffect};
use plimsoll_domain::world::GroupSpec;
use plimsoll_engine::{CreateOrder, DeleteOrder, Proposal, UpgradeOrder};
use plimsoll_proto::v1 as pb;

use super::{Invalid, cluster, names, operation};

/// Letters of a cluster's name at most. From the model of EKS.
const CLUSTER_NAME_MAX: usize = 100;

/// Addresses of a network that names none.
const NETWORK_DEFAULT: &str = "10.0.0.0/16";

/// Reads which cluster is to be made.
///
/// # Errors
/// Names the field that is not acceptable.
pub fn create(from: pb::CreateClusterRequest, write: Write) -> Result<CreateOrder, Invalid> {
    if CLUSTER_NAME_MAX < from.cluster_id.len() || from.cluster_id.contains('.') {
        let want = format!("EKS takes at most {CLUSTER_NAME_MAX} letters, digits and '-'");
        return Err(Invalid::new("cluster_id", want));
    }
    let spec = from.spec.ok_or_else(|| Invalid::new("spec", "is required"))?;
    let (cluster, request_id) = (from.cluster, String::new());
    let registration = cluster::registration(pb::RegisterClusterRequest {
        cluster_id: from.cluster_id,
        cluster,
        request_id,
    })?;
    if registration.region.is_empty() {
        return Err(Invalid::new("cluster.region", "is required"));
    }
    let registration =
        plimsoll_engine::Registration { mode: Mode::Live, policy: Policy::default(), ..registration };
    Ok(CreateOrder { write, registration, plan: plan(spec)?, dry: from.validate_only })
}

fn plan(from: pb::ClusterSpec) -> Result<ClusterPlan, Invalid> {
    let add_on = |one: pb::ClusterAddOn| AddOn { name: one.name, role_arn: one.role_arn };
    let default = |name: &&str| AddOn { name: (*name).to_owned(), role_arn: String::new() };
    let add_ons = match from.add_ons.is_empty() {
        true if from.groups.is_empty() => ADD_ONS_BEFORE_NODES.iter().map(default).collect(),
        true => ADD_ONS_DEFAULT.iter().map(default).collect(),
        false => from.add_ons.into_iter().map(add_on).collect(),
    };
    let access = |one: pb::ClusterAccess| match one.policy.starts_with("AmazonEKS") {
        true => Ok(Access { principal_arn: one.principal_arn, policy: one.policy }),
        false => Err(Invalid::new(
            "spec.access",
            format!("{:?} is no policy of EKS such as AmazonEKSViewPolicy", one.policy),
        )),
    };
    let network = |one: pb::ClusterNetwork| Network {
        cidr: if one.cidr.is_empty() { NETWORK_DEFAULT.to_owned() } else { one.cidr },
        zones: one.zones,
        nat_per_zone: one.nat_per_zone,
    };
    Ok(ClusterPlan {
        network: from.network.map(network),
        plane: ControlPlane {
            version: from.kubernetes_version,
            role_arn: from.cluster_role_arn,
            node_role_arn: from.node_role_arn,
            subnets: from.subnets,
            security_groups: from.security_groups,
            public_cidrs: from.public_cidrs,
            service_cidr: from.service_cidr,
            log_types: from.log_types,
            kms_key_arn: from.kms_key_arn,
        },
        access: from.access.into_iter().map(access).collect::<Result<_, _>>()?,
        add_ons,
        groups: from.groups.into_iter().map(group).collect::<Result<_, _>>()?,
    })
}

fn group(from: pb::ClusterGroup) -> Result<FirstGroup, Invalid> {
    let wrong = |what: String| Invalid::new("spec.groups", format!("{}: {what}", from.name));
    let kind = match pb::CapacityKind::try_from(from.kind) {
        Ok(pb::CapacityKind::Unspecified | pb::CapacityKind::OnDemand) => CapacityKind::OnDemand,
        Ok(pb::CapacityKind::Spot) => CapacityKind::Spot,
        _ => return Err(wrong("its kind is neither ON_DEMAND nor SPOT".to_owned())),
    };
    let count = from.node_count;
    let count = u32::try_from(count).map_err(|_| wrong(format!("{count} nodes are fewer than none")))?;
    let taints =
        from.taints.iter().map(|one| taint(one).ok_or_else(|| wrong("a taint has no effect".into())));
    let spec = GroupSpec {
        taints: taints.collect::<Result<_, _>>()?,
        name: from.name.clone(),
        zone: from.zone,
        kind,
        instance_types: from.instance_types,
        labels: from.labels.into_iter().collect(),
    };
    Ok(FirstGroup { spec, count })
}

fn taint(from: &pb::Taint) -> Option<Taint> {
    let effect = match from.effect() {
        pb::taint::Effect::NoSchedule => TaintEffect::NoSchedule,
        pb::taint::Effect::PreferNoSchedule => TaintEffect::PreferNoSchedule,
        pb::taint::Effect::NoExecute => TaintEffect::NoExecute,
        pb::taint::Effect::Unspecified => return None,
    };
    Some(Taint { key: from.key.clone(), value: from.value.clone(), effect })
}

/// Reads which cluster is to have which version.
///
/// # Errors
/// Names the field that is not acceptable.
pub fn upgrade(from: pb::UpgradeClusterRequest, write: Write) -> Result<UpgradeOrder, Invalid> {
    let cluster = names::parse_cluster("name", &from.name)?;
    Ok(UpgradeOrder { write, cluster, version: from.kubernetes_version, dry: from.validate_only })
}

/// Reads which cluster is to be removed.
///
/// # Errors
/// Names the field that is not acceptable.
pub fn delete(from: pb::DeleteClusterRequest, write: Write) -> Result<DeleteOrder, Invalid> {
    let cluster = names::parse_cluster("name", &from.name)?;
    Ok(DeleteOrder { write, cluster, leave_behind: from.leave_behind, dry: from.validate_only })
}

/// What would be carried out, or is; `dry`: it is not, and has no name.
pub fn proposal(from: &Proposal, dry: bool) -> pb::Operation {
    let mut shown = operation::operation(&from.operation);
    if dry {
        shown.name.clear();
    }
    if let Some(metadata) = &mut shown.metadata {
        metadata.leftovers = from
            .leftovers
            .iter()
            .map(|left| pb::Leftover {
                what: left.what.clone(),
                cost_nano_usd_per_hour: left.nano_usd_per_hour,
            })
            .collect();
    }
    shown
}

#[cfg(test)]
mod tests {
    use plimsoll_domain::store::RequestKey;

    use super::*;

    fn write() -> Write {
        let request = RequestKey { id: String::new(), method: "test".into(), body_digest: String::new() };
        Write { request, actor: "test".into(), time: jiff::Timestamp::UNIX_EPOCH }
    }

    fn request() -> pb::CreateClusterRequest {
        pb::CreateClusterRequest {
            cluster_id: "prod".into(),
            cluster: Some(pb::Cluster { region: "us-east-1".into(), ..Default::default() }),
            spec: Some(pb::ClusterSpec {
                groups: vec![pb::ClusterGroup { name: "web".into(), node_count: 2, ..Default::default() }],
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn a_cluster_without_add_ons_gets_those_that_nodes_need() {
        let order = create(request(), write()).unwrap();
        assert_eq!(order.registration.mode, Mode::Live);
        assert_eq!(order.plan.add_ons.len(), ADD_ONS_DEFAULT.len());
        assert_eq!(order.plan.groups[0].count, 2);
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut pb::CreateClusterRequest), field: &str) {
        let mut request = request();
        change(&mut request);
        assert_eq!(create(request, write()).unwrap_err().field, field);
    }

    #[test]
    fn what_cannot_be_names_its_field() {
        check(|request| request.cluster_id = "a.b".into(), "cluster_id");
        check(|request| request.cluster_id = "a".repeat(101), "cluster_id");
        check(|request| request.spec = None, "spec");
        check(|request| request.cluster = None, "cluster.region");
        let group = |group: pb::ClusterGroup| {
            move |request: &mut pb::CreateClusterRequest| {
                request.spec.as_mut().unwrap().groups = vec![group];
            }
        };
        check(group(pb::ClusterGroup { node_count: -1, ..Default::default() }), "spec.groups");
        check(group(pb::ClusterGroup { kind: 9, ..Default::default() }), "spec.groups");
        let access = pb::ClusterAccess { policy: "Admin".into(), ..Default::default() };
        check(|request| request.spec.as_mut().unwrap().access = vec![access], "spec.access");
    }
}
