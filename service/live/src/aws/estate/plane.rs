//! The control plane.

use aws_sdk_eks::types::{
    AuthenticationMode, Cluster, ClusterStatus, CreateAccessConfigRequest, EncryptionConfig,
    KubernetesNetworkConfigRequest, LogSetup, LogType, Logging, Provider, SupportType, UpgradePolicyRequest,
    VpcConfigRequest,
};
use plimsoll_domain::estate::{ControlPlane, Standing};
use plimsoll_domain::ids::OperationId;
use plimsoll_domain::world::CloudError;

use super::{Fate, expect_ours, fate, marks, on_the_way};
use crate::aws::{Aws, TAG_NODE_ROLE, fault};

/// What an update of the whole cluster is remembered by.
const CONTROL_PLANE: &str = "the control plane";

impl Aws {
    /// The cluster as EKS has it; none if there is none.
    pub(in crate::aws) async fn plane(&self) -> Result<Option<Cluster>, CloudError> {
        let call = self.eks.describe_cluster().name(self.cluster.as_str());
        match call.send().await.map_err(|error| fault::of("eks:DescribeCluster", error)) {
            Ok(answer) => Ok(answer.cluster),
            Err(fault) if fault.is_gone() => Ok(None),
            Err(fault) => Err(fault.about_part()),
        }
    }

    /// The cluster's version, once it is active.
    pub(super) async fn plane_version(&self) -> Result<String, CloudError> {
        let there = self.plane().await?;
        let version = there.and_then(|there| there.version);
        version.ok_or_else(|| CloudError::Refused(format!("there is no cluster {}", self.cluster)))
    }

    pub(super) async fn ensure_plane(
        &self,
        plan: &ControlPlane,
        by: &OperationId,
    ) -> Result<Standing, CloudError> {
        let Some(there) = self.plane().await? else {
            self.make_plane(plan, by).await?;
            return on_the_way("EKS begins to make the control plane");
        };
        expect_ours(there.tags(), &self.what())?;
        match there.status() {
            Some(ClusterStatus::Active) => {
                same(&there, plan)?;
                if there.deletion_protection() == Some(true) {
                    return Ok(Standing::Reached);
                }
                // Not before it is there: one that could not be made has to go.
                self.protect(true).await?;
                on_the_way("EKS protects the control plane from being removed")
            }
            Some(ClusterStatus::Failed) => {
                Err(CloudError::Refused(format!("EKS could not make the control plane: {}", issues(&there))))
            }
            Some(ClusterStatus::Deleting) => {
                Err(CloudError::Conflict(format!("{} is being deleted", self.what())))
            }
            status => {
                let status = status.map_or("unknown", ClusterStatus::as_str);
                on_the_way(format!("the control plane is {status}"))
            }
        }
    }

    /// The same with the roles and subnets that were made for it, where it names none.
    async fn whole(&self, plan: &ControlPlane) -> Result<ControlPlane, CloudError> {
        let mut whole = plan.clone();
        if whole.role_arn.is_empty() || whole.node_role_arn.is_empty() {
            (whole.role_arn, whole.node_role_arn) = self.role_arns().await?;
        }
        if whole.subnets.is_empty() {
            whole.subnets = self.own_subnets().await?;
        }
        Ok(whole)
    }

    async fn make_plane(&self, plan: &ControlPlane, by: &OperationId) -> Result<(), CloudError> {
        let plan = &self.whole(plan).await?;
        let is_public = !plan.public_cidrs.is_empty();
        let network = VpcConfigRequest::builder()
            .set_subnet_ids(Some(plan.subnets.clone()))
            .set_security_group_ids(Some(plan.security_groups.clone()))
            .endpoint_private_access(true)
            .endpoint_public_access(is_public)
            .set_public_access_cidrs(is_public.then(|| plan.public_cidrs.clone()));
        let access = CreateAccessConfigRequest::builder()
            .authentication_mode(AuthenticationMode::Api)
            .bootstrap_cluster_creator_admin_permissions(false);
        let mut call = self
            .eks
            .create_cluster()
            .name(self.cluster.as_str())
            .version(&plan.version)
            .role_arn(&plan.role_arn)
            .resources_vpc_config(network.build())
            .access_config(access.build())
            // Standard support ends with an upgrade, extended support with a larger bill.
            .upgrade_policy(UpgradePolicyRequest::builder().support_type(SupportType::Standard).build())
            .bootstrap_self_managed_addons(false)
            .client_request_token(format!("{by}-plane"))
            .set_tags(Some(marks(by)))
            .tags(TAG_NODE_ROLE, &plan.node_role_arn);
        if !plan.service_cidr.is_empty() {
            let services =
                KubernetesNetworkConfigRequest::builder().service_ipv4_cidr(&plan.service_cidr).build();
            call = call.kubernetes_network_config(services);
        }
        if !plan.log_types.is_empty() {
            let types = plan.log_types.iter().map(|kind| LogType::from(kind.as_str())).collect();
            let setup = LogSetup::builder().set_types(Some(types)).enabled(true).build();
            call = call.logging(Logging::builder().cluster_logging(setup).build());
        }
        if !plan.kms_key_arn.is_empty() {
            let key = Provider::builder().key_arn(&plan.kms_key_arn).build();
            call = call.encryption_config(EncryptionConfig::builder().provider(key).build());
        }
        match call.send().await.map_err(|error| fault::of("eks:CreateCluster", error)) {
            Ok(_) => Ok(()),
            Err(fault) => Err(fault.about_part()),
        }
    }

    /// A control plane is not removed while it is being made or changed, nor while it is protected.
    pub(super) async fn plane_gone(&self, made_by: Option<&OperationId>) -> Result<Standing, CloudError> {
        let Some(there) = self.plane().await? else { return Ok(Standing::Reached) };
        match (fate(there.tags(), made_by, &self.what())?, there.status()) {
            (Fate::Stays, _) => return Ok(Standing::Reached),
            (Fate::Goes, Some(ClusterStatus::Active | ClusterStatus::Failed)) => {}
            (Fate::Goes, status) => {
                let status = status.map_or("unknown", ClusterStatus::as_str);
                return on_the_way(format!("the control plane is {status}"));
            }
        }
        let name = self.cluster.as_str();
        if there.deletion_protection() == Some(true) {
            self.protect(false).await?;
            return on_the_way("EKS takes the protection off the control plane");
        }
        match self.eks.delete_cluster().name(name).send().await {
            Ok(_) => on_the_way("EKS removes the control plane"),
            Err(error) => match fault::of("eks:DeleteCluster", error) {
                fault if fault.is_gone() => Ok(Standing::Reached),
                fault => Err(fault.about_part()),
            },
        }
    }

    async fn protect(&self, on: bool) -> Result<(), CloudError> {
        let call = self.eks.update_cluster_config().name(self.cluster.as_str()).deletion_protection(on);
        let sent = call.send().await;
        sent.map(drop).map_err(|error| fault::of("eks:UpdateClusterConfig", error).about_part())
    }

    pub(super) async fn ensure_version(&self, version: &str) -> Result<Standing, CloudError> {
        let missing = || CloudError::Refused(format!("there is no {}", self.what()));
        let there = self.plane().await?.ok_or_else(missing)?;
        expect_ours(there.tags(), &self.what())?;
        let has = there.version().unwrap_or_default();
        if there.status() == Some(&ClusterStatus::Active) && has == version {
            self.forget(CONTROL_PLANE);
            return Ok(Standing::Reached);
        }
        if let Some(standing) = self.update_of(CONTROL_PLANE, None, None).await? {
            return Ok(standing);
        }
        if there.status() != Some(&ClusterStatus::Active) {
            let status = there.status().map_or("unknown", ClusterStatus::as_str);
            return on_the_way(format!("the control plane is {status}"));
        }
        let call = self.eks.update_cluster_version().name(self.cluster.as_str()).version(version);
        // No token of the operation: one that failed may be asked for again.
        let answer = call.send().await;
        let answer = answer.map_err(|error| fault::of("eks:UpdateClusterVersion", error).about_part())?;
        self.remember(CONTROL_PLANE, answer.update);
        on_the_way(format!("EKS begins to bring the control plane from {has} to {version}"))
    }

    fn what(&self) -> String {
        format!("cluster {}", self.cluster)
    }
}

/// Whether a control plane is what it is to be, as far as that cannot be changed later.
fn same(there: &Cluster, plan: &ControlPlane) -> Result<(), CloudError> {
    let differs = |what: &str, is: &str, wanted: &str| {
        Err(CloudError::Conflict(format!("the control plane is there with {what} {is}, not {wanted}")))
    };
    let version = there.version().unwrap_or_default();
    if version != plan.version {
        return differs("version", version, &plan.version);
    }
    let role = there.role_arn().unwrap_or_default();
    if !plan.role_arn.is_empty() && role != plan.role_arn {
        return differs("role", role, &plan.role_arn);
    }
    Ok(())
}

fn issues(there: &Cluster) -> String {
    let all = there.health().map(|health| health.issues()).unwrap_or_default().iter().map(|issue| {
        let code = issue.code().map_or("", |code| code.as_str());
        format!("{code}: {}", issue.message().unwrap_or_default())
    });
    let all: Vec<String> = all.collect();
    if all.is_empty() { "EKS does not say why".to_owned() } else { all.join("; ") }
}
