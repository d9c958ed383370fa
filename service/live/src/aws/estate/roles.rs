//! The roles of a cluster that names none: one that EKS acts in, one for machines.

use aws_sdk_iam::types::{Role, Tag};
use plimsoll_domain::estate::Standing;
use plimsoll_domain::ids::OperationId;
use plimsoll_domain::world::CloudError;
use serde_json::json;

use super::{Fate, expect_ours, fate, marks};
use crate::aws::{Aws, fault};

/// Where our roles are, so that a policy can name all of them.
const PATH: &str = "/plimsoll/";
/// What names of AWS's own policies begin with.
const POLICIES: &str = "arn:aws:iam::aws:policy/";

/// A role that a cluster needs.
struct Need {
    /// End of its name.
    suffix: &'static str,
    /// Who may assume it.
    service: &'static str,
    /// Policies of AWS that it has. From the EKS guide, "Amazon EKS cluster IAM role" and "Amazon EKS node IAM role". That of
    /// the CNI is the machines', until the add-on has a role of its own.
    policies: &'static [&'static str],
}

const CLUSTER: Need =
    Need { suffix: "cluster", service: "eks.amazonaws.com", policies: &["AmazonEKSClusterPolicy"] };
const NODES: Need = Need {
    suffix: "nodes",
    service: "ec2.amazonaws.com",
    policies: &["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy"],
};

impl Aws {
    fn role_name(&self, need: &Need) -> String {
        // Roles are of all regions.
        format!("plimsoll-{}-{}-{}", self.account.region, self.cluster, need.suffix)
    }

    async fn role(&self, name: &str) -> Result<Option<Role>, CloudError> {
        match self.iam.get_role().role_name(name).send().await {
            Ok(answer) => Ok(answer.role),
            Err(error) => match fault::of("iam:GetRole", error) {
                fault if fault.is_gone() => Ok(None),
                fault => Err(fault.about_part()),
            },
        }
    }

    /// ARNs of the role of EKS and of that of machines.
    pub(super) async fn role_arns(&self) -> Result<(String, String), CloudError> {
        let mut arns = Vec::new();
        for need in [&CLUSTER, &NODES] {
            let name = self.role_name(need);
            let role = self.role(&name).await?;
            arns.push(role.ok_or_else(|| CloudError::Failed(format!("there is no role {name}")))?.arn);
        }
        let nodes = arns.pop().unwrap_or_default();
        Ok((arns.pop().unwrap_or_default(), nodes))
    }

    pub(super) async fn ensure_roles(&self, by: &OperationId) -> Result<Standing, CloudError> {
        for need in [&CLUSTER, &NODES] {
            let name = self.role_name(need);
            match self.role(&name).await? {
                Some(there) => expect_ours(Some(&tags(&there)), &format!("role {name}"))?,
                None => self.make_role(&name, need, by).await?,
            }
            let has = self.attached(&name).await?;
            for policy in need.policies.iter().map(|policy| format!("{POLICIES}{policy}")) {
                if !has.contains(&policy) {
                    let sent = self.iam.attach_role_policy().role_name(&name).policy_arn(policy).send().await;
                    sent.map_err(|error| fault::of("iam:AttachRolePolicy", error).about_part())?;
                }
            }
        }
        Ok(Standing::Reached)
    }

    async fn make_role(&self, name: &str, need: &Need, by: &OperationId) -> Result<(), CloudError> {
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": need.service },
                "Action": "sts:AssumeRole",
            }],
        });
        let tag = |(key, value): (String, String)| Tag::builder().key(key).value(value).build();
        let tags: Result<Vec<Tag>, _> = marks(by).into_iter().map(tag).collect();
        let tags = tags.map_err(|error| CloudError::Refused(error.to_string()))?;
        let call = self.iam.create_role().role_name(name).path(PATH);
        let call = call.assume_role_policy_document(trust.to_string()).set_tags(Some(tags));
        let sent = call.description(format!("Made for the EKS cluster {}.", self.cluster)).send().await;
        match sent.map_err(|error| fault::of("iam:CreateRole", error)) {
            Ok(_) => Ok(()),
            // Made by a call whose answer was lost; the next look tells whether it is ours.
            Err(fault) if fault.code == "EntityAlreadyExists" => Err(CloudError::Failed(fault.to_string())),
            Err(fault) => Err(fault.about_part()),
        }
    }

    /// ARNs of the policies that a role has.
    async fn attached(&self, name: &str) -> Result<Vec<String>, CloudError> {
        let mut pages = self.iam.list_attached_role_policies().role_name(name).into_paginator().send();
        let mut arns = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| fault::of("iam:ListAttachedRolePolicies", error).about_part())?;
            let its = page.attached_policies.unwrap_or_default().into_iter();
            arns.extend(its.filter_map(|policy| policy.policy_arn));
        }
        Ok(arns)
    }

    pub(super) async fn roles_gone(&self, made_by: Option<&OperationId>) -> Result<Standing, CloudError> {
        for need in [&CLUSTER, &NODES] {
            let name = self.role_name(need);
            let Some(there) = self.role(&name).await? else { continue };
            if let Fate::Stays = fate(Some(&tags(&there)), made_by, &format!("role {name}"))? {
                continue;
            }
            for policy in self.attached(&name).await? {
                let sent = self.iam.detach_role_policy().role_name(&name).policy_arn(policy).send().await;
                match sent.map_err(|error| fault::of("iam:DetachRolePolicy", error)) {
                    Ok(_) => {}
                    Err(fault) if fault.is_gone() => {}
                    Err(fault) => return Err(fault.about_part()),
                }
            }
            match self.iam.delete_role().role_name(&name).send().await {
                Ok(_) => {}
                Err(error) => match fault::of("iam:DeleteRole", error) {
                    fault if fault.is_gone() => {}
                    fault => return Err(fault.about_part()),
                },
            }
        }
        Ok(Standing::Reached)
    }
}

fn tags(role: &Role) -> std::collections::HashMap<String, String> {
    role.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
}
