//! Which calls a step may make in AWS, by the actions of IAM that they need, and that AWS checks of whoever makes them. Tests
//! compare this with what is called.

use plimsoll_domain::estate::Part;
use plimsoll_domain::operation::Step;

/// What every look at node groups needs.
const LOOK: [&str; 4] = [
    "eks:DescribeNodegroup",
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeScalingActivities",
    "ec2:DescribeInstances",
];

/// Calls of a step, those that only read first. Nothing for a step that talks to the API server alone.
pub fn of(step: &Step) -> Vec<&'static str> {
    let looking = |more: &[&'static str]| LOOK.iter().chain(more).copied().collect();
    match step {
        Step::EnsureGroup { .. } => looking(&[
            "eks:DescribeCluster",
            "eks:ListNodegroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeInstanceTypes",
            "ec2:CreateLaunchTemplate",
            "eks:CreateNodegroup",
            // What EKS checks of whoever calls it.
            "eks:TagResource",
            "ec2:RunInstances",
            "ec2:CreateTags",
            "iam:PassRole",
            "iam:CreateServiceLinkedRole",
            "ec2:DescribeLaunchTemplates",
            "eks:DeleteNodegroup",
            "ec2:DeleteLaunchTemplate",
        ]),
        Step::Grow { .. } | Step::Order { .. } | Step::Refill { .. } => looking(&[
            "eks:UpdateNodegroupConfig",
            "autoscaling:SetDesiredCapacity",
            "autoscaling:TerminateInstanceInAutoScalingGroup",
        ]),
        Step::Remove { .. } | Step::Evacuate { .. } => {
            looking(&["eks:UpdateNodegroupConfig", "autoscaling:TerminateInstanceInAutoScalingGroup"])
        }
        Step::DeleteGroup { .. } => {
            looking(&["ec2:DescribeLaunchTemplates", "eks:DeleteNodegroup", "ec2:DeleteLaunchTemplate"])
        }
        Step::Migrate { .. } | Step::Open { .. } => looking(&[]),
        Step::Cordon { .. } | Step::Verify { .. } => Vec::new(),
        Step::Ensure { part } => made(part),
        Step::Upgrade { part } => upgraded(part),
        Step::Dismantle { part } => removed(part),
    }
}

/// With what takes it back.
fn made(part: &Part) -> Vec<&'static str> {
    match part {
        Part::Network(_) => {
            let made = [
                "ec2:CreateVpc",
                "ec2:ModifyVpcAttribute",
                "ec2:CreateInternetGateway",
                "ec2:AttachInternetGateway",
                "ec2:CreateRouteTable",
                "ec2:CreateRoute",
                "ec2:CreateSubnet",
                "ec2:ModifySubnetAttribute",
                "ec2:AssociateRouteTable",
                "ec2:AllocateAddress",
                "ec2:CreateNatGateway",
            ];
            removed(part).into_iter().chain(made).collect()
        }
        Part::Roles => {
            let made = ["iam:CreateRole", "iam:TagRole", "iam:AttachRolePolicy"];
            removed(part).into_iter().chain(made).collect()
        }
        Part::ControlPlane(plane) => {
            let mut calls = vec![
                "iam:GetRole",
                "ec2:DescribeSubnets",
                "eks:DescribeCluster",
                "eks:CreateCluster",
                "eks:TagResource",
                "iam:PassRole",
                "iam:CreateServiceLinkedRole",
                "eks:UpdateClusterConfig",
                "eks:DeleteCluster",
            ];
            if !plane.kms_key_arn.is_empty() {
                calls.extend(["kms:DescribeKey", "kms:CreateGrant"]);
            }
            calls
        }
        Part::Access(_) => vec![
            "eks:DescribeAccessEntry",
            "eks:CreateAccessEntry",
            "eks:AssociateAccessPolicy",
            "eks:DeleteAccessEntry",
        ],
        Part::AddOn(_) => vec![
            "eks:DescribeCluster",
            "eks:DescribeAddonVersions",
            "eks:DescribeAddon",
            "eks:DescribeUpdate",
            "iam:PassRole",
            "eks:CreateAddon",
            "eks:UpdateAddon",
            "eks:DeleteAddon",
        ],
        Part::Version(_) | Part::Machines(_) | Part::DevicePlugin(_) | Part::Group(_) | Part::Leftovers => {
            Vec::new()
        }
    }
}

fn upgraded(part: &Part) -> Vec<&'static str> {
    match part {
        Part::Version(_) => vec!["eks:DescribeCluster", "eks:DescribeUpdate", "eks:UpdateClusterVersion"],
        Part::Machines(_) => vec![
            "eks:DescribeCluster",
            "eks:DescribeNodegroup",
            "eks:DescribeUpdate",
            "eks:UpdateNodegroupVersion",
        ],
        Part::AddOn(_) => vec![
            "eks:DescribeCluster",
            "eks:DescribeAddonVersions",
            "eks:DescribeAddon",
            "eks:DescribeUpdate",
            "eks:UpdateAddon",
        ],
        _ => Vec::new(),
    }
}

fn removed(part: &Part) -> Vec<&'static str> {
    match part {
        Part::Network(_) => vec![
            "ec2:DescribeVpcs",
            "ec2:DescribeSubnets",
            "ec2:DescribeInternetGateways",
            "ec2:DescribeNatGateways",
            "ec2:DescribeAddresses",
            "ec2:DescribeRouteTables",
            "ec2:DeleteNatGateway",
            "ec2:ReleaseAddress",
            "ec2:DetachInternetGateway",
            "ec2:DeleteInternetGateway",
            "ec2:DeleteSubnet",
            "ec2:DeleteRouteTable",
            "ec2:DeleteVpc",
        ],
        Part::Roles => {
            vec!["iam:GetRole", "iam:ListAttachedRolePolicies", "iam:DetachRolePolicy", "iam:DeleteRole"]
        }
        Part::ControlPlane(_) => {
            vec!["eks:DescribeCluster", "eks:UpdateClusterConfig", "eks:DeleteCluster"]
        }
        Part::Group(_) => vec![
            "eks:DescribeNodegroup",
            "ec2:DescribeLaunchTemplates",
            "eks:DeleteNodegroup",
            "ec2:DeleteLaunchTemplate",
        ],
        Part::Leftovers => vec!["ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"],
        Part::AddOn(_) => vec!["eks:DescribeAddon", "eks:DeleteAddon"],
        Part::Access(_) => vec!["eks:DescribeAccessEntry", "eks:DeleteAccessEntry"],
        Part::Version(_) | Part::Machines(_) | Part::DevicePlugin(_) => Vec::new(),
    }
}
