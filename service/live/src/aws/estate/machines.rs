//! Node groups as a whole: brought to the version of the control plane, and removed with everything in them.

use aws_sdk_eks::types::{Nodegroup, NodegroupStatus};
use plimsoll_domain::estate::Standing;
use plimsoll_domain::world::CloudError;

use super::{expect_ours, on_the_way};
use crate::aws::{Aws, fault};

impl Aws {
    /// EKS brings new machines first, and empties the old ones as disruption budgets allow.
    pub(super) async fn ensure_machines(&self, group: &str) -> Result<Standing, CloudError> {
        let what = what(group);
        let Some(there) = self.described(group).await? else {
            return Err(CloudError::Refused(format!("there is no {what}")));
        };
        expect_ours(there.tags(), &what)?;
        let version = self.plane_version().await?;
        let is_at = there.version() == Some(&version);
        let settled = is_settled(&there);
        if settled && is_at {
            self.forget(&what);
            return Ok(Standing::Reached);
        }
        if let Some(standing) = self.update_of(&what, Some(group), None).await? {
            return Ok(standing);
        }
        if !settled {
            return on_the_way(format!("{what} is being changed"));
        }
        let call = self.eks.update_nodegroup_version().cluster_name(self.cluster.as_str());
        let call = call.nodegroup_name(group).version(&version);
        let answer = call.send().await;
        let answer = answer.map_err(|error| fault::of("eks:UpdateNodegroupVersion", error).about_part())?;
        self.remember(&what, answer.update);
        on_the_way(format!("EKS brings the machines of {what} to {version}"))
    }

    /// EKS empties it as far as disruption budgets allow, and then without asking them.
    pub(super) async fn group_gone(&self, group: &str) -> Result<Standing, CloudError> {
        let what = what(group);
        let Some(there) = self.described(group).await? else {
            self.forget_template(group).await?;
            return Ok(Standing::Reached);
        };
        expect_ours(there.tags(), &what)?;
        if there.status() == Some(&NodegroupStatus::DeleteFailed) {
            let issues = there.health().map(|health| health.issues()).unwrap_or_default();
            let words: Vec<&str> = issues.iter().filter_map(|issue| issue.message()).collect();
            return Err(CloudError::Refused(format!("EKS cannot delete {what}: {}", words.join("; "))));
        }
        if !is_settled(&there) && there.status() != Some(&NodegroupStatus::CreateFailed) {
            return on_the_way(format!("{what} is being changed"));
        }
        let call = self.eks.delete_nodegroup().cluster_name(self.cluster.as_str()).nodegroup_name(group);
        match call.send().await {
            Ok(_) => on_the_way(format!("EKS deletes {what}")),
            Err(error) => match fault::of("eks:DeleteNodegroup", error) {
                fault if fault.is_gone() => on_the_way(format!("{what} is gone")),
                fault => Err(fault.about_part()),
            },
        }
    }
}

fn what(group: &str) -> String {
    format!("node group {group}")
}

fn is_settled(group: &Nodegroup) -> bool {
    matches!(group.status(), Some(NodegroupStatus::Active | NodegroupStatus::Degraded))
}
