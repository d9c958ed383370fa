//! IAM: forms in, XML out. Roles alone.

use std::collections::{BTreeMap, BTreeSet};

use super::state::{State, Words};
use super::xml::{leaf, list, node};
use super::{Answer, Request};

const XML: &str = "text/xml";
/// Of the service's XML.
const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// A role.
#[derive(Clone, Debug, Default)]
pub struct Role {
    path: String,
    trust: String,
    tags: BTreeMap<String, String>,
    pub policies: BTreeSet<String>,
}

pub fn answer(state: &mut State, request: &Request) -> Answer {
    let action = request.action.as_str();
    state.refused(&format!("iam:{action}"))?;
    let field = |name: &str| request.fields.get(name).cloned().unwrap_or_default();
    let name = field("RoleName");
    let result = match action {
        "CreateRole" => {
            if state.roles.contains_key(&name) {
                let message = format!("Role with name {name} already exists.");
                return Err(Words::new(409, "EntityAlreadyExists", message));
            }
            let tag = |index: u32| {
                let key = request.fields.get(&format!("Tags.member.{index}.Key"))?;
                Some((key.clone(), field(&format!("Tags.member.{index}.Value"))))
            };
            let (path, trust) = (field("Path"), field("AssumeRolePolicyDocument"));
            let tags = (1..).map_while(tag).collect();
            state.roles.insert(name.clone(), Role { path, trust, tags, policies: BTreeSet::new() });
            role(state, &name)?.shown(&name)
        }
        "GetRole" => role(state, &name)?.shown(&name),
        "ListAttachedRolePolicies" => {
            let policies = role(state, &name)?.policies.clone();
            let shown = policies.iter().map(|arn| {
                let name = arn.rsplit('/').next().unwrap_or_default();
                leaf("PolicyName", name) + &leaf("PolicyArn", arn)
            });
            list("AttachedPolicies", "member", shown) + &leaf("IsTruncated", false)
        }
        "AttachRolePolicy" => {
            role(state, &name)?.policies.insert(field("PolicyArn"));
            String::new()
        }
        "DetachRolePolicy" => {
            role(state, &name)?.policies.remove(&field("PolicyArn"));
            String::new()
        }
        "DeleteRole" => {
            if !role(state, &name)?.policies.is_empty() {
                let message = "Cannot delete entity, must detach all policies first.";
                return Err(Words::new(409, "DeleteConflict", message));
            }
            state.roles.remove(&name);
            String::new()
        }
        other => return Err(Words::new(400, "InvalidAction", format!("{other} is not answered here"))),
    };
    let result = if result.is_empty() { result } else { node(&format!("{action}Result"), &result) };
    let metadata = node("ResponseMetadata", &leaf("RequestId", "fake"));
    Ok((XML, format!("<{action}Response xmlns=\"{NAMESPACE}\">{result}{metadata}</{action}Response>")))
}

fn role<'a>(state: &'a mut State, name: &str) -> Result<&'a mut Role, Words> {
    let missing = || Words::new(404, "NoSuchEntity", format!("The role with name {name} cannot be found."));
    state.roles.get_mut(name).ok_or_else(missing)
}

impl Role {
    fn shown(&self, name: &str) -> String {
        let tags = self.tags.iter().map(|(key, value)| leaf("Key", key) + &leaf("Value", value));
        let inner = [
            leaf("Path", &self.path),
            leaf("RoleName", name),
            leaf("RoleId", "AROAFAKEFAKEFAKEFAKE"),
            leaf("Arn", format!("arn:aws:iam::123456789012:role{}{name}", self.path)),
            leaf("CreateDate", "2026-07-20T08:00:00Z"),
            leaf("AssumeRolePolicyDocument", &self.trust),
            list("Tags", "member", tags),
        ];
        node("Role", &inner.concat())
    }
}
