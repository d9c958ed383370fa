//! Who may enter.

use std::hash::{DefaultHasher, Hash, Hasher};

use aws_sdk_eks::types::{AccessEntry, AccessScope, AccessScopeType};
use plimsoll_domain::estate::{Access, Standing};
use plimsoll_domain::ids::OperationId;
use plimsoll_domain::world::CloudError;

use super::{Fate, expect_ours, fate, marks};
use crate::aws::{Aws, fault};

/// What names of EKS's own access policies begin with.
const POLICIES: &str = "arn:aws:eks::aws:cluster-access-policy/";

impl Aws {
    async fn entry(&self, principal: &str) -> Result<Option<AccessEntry>, CloudError> {
        let call = self.eks.describe_access_entry().cluster_name(self.cluster.as_str());
        let answer = call.principal_arn(principal).send().await;
        match answer.map_err(|error| fault::of("eks:DescribeAccessEntry", error)) {
            Ok(answer) => Ok(answer.access_entry),
            Err(fault) if fault.is_gone() => Ok(None),
            Err(fault) => Err(fault.about_part()),
        }
    }

    pub(super) async fn ensure_access(
        &self,
        access: &Access,
        by: &OperationId,
    ) -> Result<Standing, CloudError> {
        let principal = &access.principal_arn;
        match self.entry(principal).await? {
            Some(there) => expect_ours(there.tags(), &format!("an access entry of {principal}"))?,
            None => {
                let call = self.eks.create_access_entry().cluster_name(self.cluster.as_str());
                let call = call.principal_arn(principal).r#type("STANDARD").set_tags(Some(marks(by)));
                let sent = call.client_request_token(token(by, principal)).send().await;
                sent.map_err(|error| fault::of("eks:CreateAccessEntry", error).about_part())?;
            }
        }
        let policy = format!("{POLICIES}{}", access.policy);
        // The same association again changes nothing.
        let scope = AccessScope::builder().r#type(AccessScopeType::Cluster).build();
        let call = self.eks.associate_access_policy().cluster_name(self.cluster.as_str());
        let sent = call.principal_arn(principal).policy_arn(policy).access_scope(scope).send().await;
        sent.map_err(|error| fault::of("eks:AssociateAccessPolicy", error).about_part())?;
        Ok(Standing::Reached)
    }

    pub(super) async fn access_gone(
        &self,
        access: &Access,
        made_by: Option<&OperationId>,
    ) -> Result<Standing, CloudError> {
        let principal = &access.principal_arn;
        let Some(there) = self.entry(principal).await? else { return Ok(Standing::Reached) };
        if let Fate::Stays = fate(there.tags(), made_by, &format!("an access entry of {principal}"))? {
            return Ok(Standing::Reached);
        }
        let call = self.eks.delete_access_entry().cluster_name(self.cluster.as_str());
        match call.principal_arn(principal).send().await {
            Ok(_) => Ok(Standing::Reached),
            Err(error) => match fault::of("eks:DeleteAccessEntry", error) {
                fault if fault.is_gone() => Ok(Standing::Reached),
                fault => Err(fault.about_part()),
            },
        }
    }
}

/// What a request is known again by: the operation, and the principal, of whom names alone may be of several accounts.
fn token(by: &OperationId, principal: &str) -> String {
    let mut hasher = DefaultHasher::new();
    principal.hash(&mut hasher);
    format!("{by}-{:016x}", hasher.finish())
}
