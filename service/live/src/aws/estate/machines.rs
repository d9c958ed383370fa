//! Node groups as a whole: brought to the version of the control plane, and removed with everything in them.

use std::sync::PoisonError;

use aws_sdk_eks::types::{Nodegroup, NodegroupStatus};
use plimsoll_domain::estate::Standing;
use plimsoll_domain::world::CloudError;

use super::{expect_ours, on_the_way};
use crate::aws::groups::complaints;
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
        let has_failed = there.status() == Some(&NodegroupStatus::DeleteFailed);
        // What stood in the way may be gone when somebody asks again.
        if has_failed && self.deletions.lock().unwrap_or_else(PoisonError::into_inner).remove(group) {
            let why = complaints(&there).join("; ");
            return Err(CloudError::Refused(format!("EKS cannot delete {what}: {why}")));
        }
        let is_made = is_settled(&there) || there.status() == Some(&NodegroupStatus::CreateFailed);
        if !is_made && !has_failed {
            return on_the_way(format!("{what} is being changed"));
        }
        self.deletions.lock().unwrap_or_else(PoisonError::into_inner).insert(group.to_owned());
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
