//! Labels of nodes that do not exist yet: those that Kubernetes and EKS will set, and the template's.

use std::collections::BTreeMap;

use crate::catalog::InstanceType;
use crate::fleet::{
    CapacityKind, LABEL_ARCH, LABEL_CAPACITY_TYPE, LABEL_EBS_ZONE, LABEL_HOSTNAME, LABEL_INSTANCE_TYPE,
    LABEL_OS, LABEL_REGION, LABEL_ZONE,
};
use crate::selector::Labels;

/// Prefix of labels that Karpenter computes from the instance type.
const KARPENTER_TYPE_PREFIX: &str = "karpenter.k8s.aws/instance-";
/// Karpenter's label of the capacity kind.
pub(super) const KARPENTER_CAPACITY_TYPE: &str = "karpenter.sh/capacity-type";

/// Old names of well-known labels, which kubelets still set, each with its present name.
pub const ALIASES: [(&str, &str); 5] = [
    ("beta.kubernetes.io/arch", LABEL_ARCH),
    ("beta.kubernetes.io/os", LABEL_OS),
    ("beta.kubernetes.io/instance-type", LABEL_INSTANCE_TYPE),
    ("failure-domain.beta.kubernetes.io/zone", LABEL_ZONE),
    ("failure-domain.beta.kubernetes.io/region", LABEL_REGION),
];

/// Labels of one machine, or of its group as such. A new node of the same template will not have them.
const OWN: [&str; 9] = [
    "eks.amazonaws.com/nodegroup",
    "eks.amazonaws.com/nodegroup-image",
    "eks.amazonaws.com/sourceLaunchTemplateId",
    "eks.amazonaws.com/sourceLaunchTemplateVersion",
    "k8s.io/cloud-provider-aws",
    "topology.k8s.aws/zone-id",
    "karpenter.sh/registered",
    "karpenter.sh/initialized",
    // It is on nodes that leave.
    "node.kubernetes.io/exclude-from-external-load-balancers",
];
const OWN_PREFIXES: [&str; 3] =
    ["alpha.eksctl.io/", "topology.k8s.aws/network-node-layer-", "karpenter.k8s.aws/ec2nodeclass-"];

/// Prefixes of labels that agents on the node derive from the machine: what one node of a type
/// carries, the next of that type will.
const BY_TYPE_PREFIXES: [&str; 3] = ["nvidia.com/", "feature.node.kubernetes.io/", "amd.com/"];

/// Domains of labels that AWS, EKS, eksctl and Karpenter set themselves, or refuse from others.
const SET_BY_OTHERS: [&str; 6] = [
    "eks.amazonaws.com",
    "alpha.eksctl.io",
    "karpenter.sh",
    "karpenter.k8s.aws",
    "topology.k8s.aws",
    "topology.ebs.csi.aws.com",
];
/// Domains that belong to Kubernetes: a kubelet does not start if it is told to set labels of them on its node.
/// Source: the admission plugin NodeRestriction.
const OF_KUBERNETES: [&str; 2] = ["kubernetes.io", "k8s.io"];
/// Those of them that a kubelet may set.
const OPEN_TO_KUBELETS: [&str; 2] = ["node.kubernetes.io", "kubelet.kubernetes.io"];

/// What tells one new node's labels from another's.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewNode<'a> {
    pub instance_type: &'a InstanceType,
    pub zone: &'a str,
    pub region: &'a str,
    pub kind: CapacityKind,
    /// The template's labels.
    pub template: &'a Labels,
    /// Whether the template's nodes are Karpenter's.
    pub karpenter: bool,
    /// What agents will add, from a node of the same type.
    pub learnt: Option<&'a Labels>,
}

impl NewNode<'_> {
    /// All its labels except the host name.
    pub fn labels(&self) -> Labels {
        let mut labels = self.template.clone();
        labels.extend(self.learnt.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
        if self.karpenter {
            labels.extend(self.karpenter_labels());
        }
        let known = [
            (LABEL_ZONE, self.zone),
            (LABEL_EBS_ZONE, self.zone),
            (LABEL_REGION, self.region),
            (LABEL_ARCH, &self.instance_type.architecture),
            (LABEL_OS, "linux"),
            (LABEL_INSTANCE_TYPE, &self.instance_type.name),
            (LABEL_CAPACITY_TYPE, self.kind.label()),
        ];
        labels.extend(known.map(|(key, value)| (key.to_owned(), value.to_owned())));
        for (alias, key) in ALIASES {
            if let Some(value) = labels.get(key).cloned() {
                labels.insert(alias.to_owned(), value);
            }
        }
        labels
    }

    fn karpenter_labels(&self) -> Labels {
        let facts = self.instance_type;
        let family = facts.family();
        let category: String = family.chars().take_while(char::is_ascii_alphabetic).collect();
        let generation: String =
            family.chars().skip_while(char::is_ascii_alphabetic).take_while(char::is_ascii_digit).collect();
        let mut own = BTreeMap::from([
            ("category", category),
            ("generation", generation),
            ("family", family.to_owned()),
            ("size", facts.size().to_owned()),
            ("cpu", facts.vcpu.to_string()),
            ("memory", facts.memory_mib.to_string()),
        ]);
        if let Some(gpu) = facts.accelerator.as_ref().filter(|_| facts.has_gpus()) {
            own.insert("gpu-name", gpu.name.to_lowercase().replace(' ', "-"));
            own.insert("gpu-count", gpu.count.to_string());
            own.insert("gpu-memory", gpu.memory_mib.to_string());
        }
        let prefixed = own.into_iter().map(|(key, value)| (format!("{KARPENTER_TYPE_PREFIX}{key}"), value));
        let kind = match self.kind {
            CapacityKind::OnDemand => "on-demand",
            CapacityKind::Spot => "spot",
        };
        prefixed.chain([(KARPENTER_CAPACITY_TYPE.to_owned(), kind.to_owned())]).collect()
    }
}

/// The labels that a node group has to be told, of those that its nodes carry. The others come by themselves, or from somebody
/// who set them on nodes that are there.
pub fn stated(labels: &Labels) -> Labels {
    let stated = labels.iter().filter(|(key, _)| may_be_stated(key));
    stated.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn may_be_stated(key: &str) -> bool {
    let set_by_others = domain(key).is_some_and(|domain| is_in(domain, &SET_BY_OTHERS));
    key != LABEL_INSTANCE_TYPE && !set_by_others && !is_own(key) && !is_reserved(key)
}

fn is_own(key: &str) -> bool {
    OWN.contains(&key) || OWN_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// Whether only Kubernetes may set it.
fn is_reserved(key: &str) -> bool {
    domain(key).is_some_and(|domain| is_in(domain, &OF_KUBERNETES) && !is_in(domain, &OPEN_TO_KUBELETS))
}

fn domain(key: &str) -> Option<&str> {
    Some(key.split_once('/')?.0)
}

/// Whether a domain is one of these, or below one.
fn is_in(domain: &str, domains: &[&str]) -> bool {
    let is_below = |rest: &str| rest.is_empty() || rest.ends_with('.');
    domains.iter().any(|one| domain.strip_suffix(one).is_some_and(is_below))
}

/// Whether a label belongs to the node template: neither well-known, nor of one machine or group, nor
/// derived from the instance type, nor such that no template can state it.
pub fn is_custom(key: &str) -> bool {
    let well_known = [
        LABEL_ZONE,
        LABEL_EBS_ZONE,
        LABEL_REGION,
        LABEL_HOSTNAME,
        LABEL_ARCH,
        LABEL_OS,
        LABEL_INSTANCE_TYPE,
        LABEL_CAPACITY_TYPE,
        KARPENTER_CAPACITY_TYPE,
    ];
    let aliases = ALIASES.iter().any(|(alias, _)| *alias == key);
    !(well_known.contains(&key)
        || aliases
        || is_own(key)
        || is_by_type(key)
        || is_karpenter_type(key)
        || is_reserved(key))
}

/// Whether agents derive the label from the machine.
pub fn is_by_type(key: &str) -> bool {
    BY_TYPE_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// Whether the label shows that Karpenter made the node.
pub(super) fn is_karpenter(key: &str) -> bool {
    key.starts_with("karpenter.sh/") || key.starts_with("karpenter.k8s.aws/")
}

fn is_karpenter_type(key: &str) -> bool {
    key.starts_with(KARPENTER_TYPE_PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_states_what_nobody_else_sets() {
        for key in
            ["team", "example.com/pool", "nvidia.com/gpu", "node.kubernetes.io/pool", "notkubernetes.io/a"]
        {
            assert!(may_be_stated(key), "{key}");
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
            "node.kubernetes.io/exclude-from-external-load-balancers",
        ] {
            assert!(!may_be_stated(key), "{key}");
        }
    }

    #[test]
    fn the_next_node_has_what_its_group_states_and_not_what_somebody_set_on_the_last() {
        for key in ["team", "karpenter.sh/nodepool", "node.kubernetes.io/pool"] {
            assert!(is_custom(key), "{key}");
        }
        for key in [
            "node-role.kubernetes.io/worker",
            "kubernetes.io/arch",
            "nvidia.com/gpu.product",
            "node.kubernetes.io/exclude-from-external-load-balancers",
        ] {
            assert!(!is_custom(key), "{key}");
        }
    }
}
