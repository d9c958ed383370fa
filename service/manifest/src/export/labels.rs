//! Labels that a group may state, among those that its nodes carry.

use plimsoll_domain::selector::Labels;

use super::Group;

/// Domains of labels that AWS, EKS, eksctl and Karpenter set themselves, or refuse from others.
const SET_BY_OTHERS: [&str; 7] = [
    "eks.amazonaws.com",
    "alpha.eksctl.io",
    "karpenter.sh",
    "karpenter.k8s.aws",
    "topology.k8s.aws",
    "topology.ebs.csi.aws.com",
    "kops.k8s.io",
];
/// Domains that belong to Kubernetes: a kubelet does not start if it is told to set labels of them on its node.
/// Source: the admission plugin NodeRestriction.
const OF_KUBERNETES: [&str; 2] = ["kubernetes.io", "k8s.io"];
/// Those of them that a kubelet may set.
const OPEN_TO_KUBELETS: [&str; 2] = ["node.kubernetes.io", "kubelet.kubernetes.io"];
/// What it may set and the cloud sets.
const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";

/// The labels that a group has to be told; the others come by themselves or may not be stated.
pub fn stated(group: &Group) -> Labels {
    group
        .labels
        .iter()
        .filter(|(key, _)| is_stated(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn is_stated(key: &str) -> bool {
    let Some((domain, _)) = key.split_once('/') else { return true };
    if key == INSTANCE_TYPE || any(&SET_BY_OTHERS, domain) {
        return false;
    }
    any(&OPEN_TO_KUBELETS, domain) || !any(&OF_KUBERNETES, domain)
}

/// Whether a domain is one of these, or below one.
fn any(domains: &[&str], domain: &str) -> bool {
    domains
        .iter()
        .any(|one| domain.strip_suffix(one).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_states_what_nobody_else_sets() {
        for key in
            ["team", "example.com/pool", "nvidia.com/gpu", "node.kubernetes.io/pool", "notkubernetes.io/a"]
        {
            assert!(is_stated(key), "{key}");
        }
        for key in [
            "kubernetes.io/arch",
            "topology.kubernetes.io/zone",
            "node.kubernetes.io/instance-type",
            "node-role.kubernetes.io/worker",
            "k8s.io/cloud-provider-aws",
            "topology.k8s.aws/zone-id",
            "eks.amazonaws.com/capacityType",
            "karpenter.sh/nodepool",
            "karpenter.k8s.aws/instance-cpu",
            "alpha.eksctl.io/nodegroup-name",
            "beta.kubernetes.io/os",
        ] {
            assert!(!is_stated(key), "{key}");
        }
    }
}
