//! Affinity to nodes and to other pods.

use k8s_openapi::api::core::v1 as core;
use plimsoll_domain::selector::{Labels, Operator};
use plimsoll_domain::workload::{PodTerm, Scheduling};

use crate::error::{At, Fault};

use super::labels;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Reads all affinities of a pod in `namespace` with the labels `pod`.
pub(super) fn take(
    from: core::Affinity,
    namespace: &str,
    pod: &Labels,
    into: &mut Scheduling,
) -> Result<(), Fault> {
    if let Some(affinity) = from.node_affinity {
        take_node(affinity, into).at("nodeAffinity")?;
    }
    let terms = Terms { namespace, pod };
    if let Some(affinity) = from.pod_affinity {
        let path = "podAffinity";
        let required = affinity.required_during_scheduling_ignored_during_execution;
        into.pod_affinity = terms.required(required).at(path)?;
        let preferred = affinity.preferred_during_scheduling_ignored_during_execution;
        into.preferred_pod_terms.extend(terms.preferred(preferred, 1).at(path)?);
    }
    if let Some(affinity) = from.pod_anti_affinity {
        let path = "podAntiAffinity";
        let required = affinity.required_during_scheduling_ignored_during_execution;
        into.pod_anti_affinity = terms.required(required).at(path)?;
        let preferred = affinity.preferred_during_scheduling_ignored_during_execution;
        into.preferred_pod_terms.extend(terms.preferred(preferred, -1).at(path)?);
    }
    Ok(())
}

fn take_node(from: core::NodeAffinity, into: &mut Scheduling) -> Result<(), Fault> {
    if let Some(required) = from.required_during_scheduling_ignored_during_execution {
        into.node_terms = labels::node_terms(required.node_selector_terms).at(REQUIRED)?;
    }
    let preferred = from.preferred_during_scheduling_ignored_during_execution;
    for (index, one) in preferred.into_iter().flatten().enumerate() {
        let path = format_args!("{PREFERRED}[{index}]");
        let weight = weight(one.weight).at(path)?;
        let term = labels::node_term(one.preference).at("preference").at(path)?;
        into.preferred_node_terms.push((weight, term));
    }
    Ok(())
}

/// Whose terms they are.
struct Terms<'p> {
    namespace: &'p str,
    pod: &'p Labels,
}

impl Terms<'_> {
    fn required(&self, from: Option<Vec<core::PodAffinityTerm>>) -> Result<Vec<PodTerm>, Fault> {
        let all = from.into_iter().flatten().enumerate();
        all.map(|(index, term)| self.term(term).at(format_args!("{REQUIRED}[{index}]"))).collect()
    }

    fn preferred(
        &self,
        from: Option<Vec<core::WeightedPodAffinityTerm>>,
        sign: i32,
    ) -> Result<Vec<(i32, PodTerm)>, Fault> {
        let all = from.into_iter().flatten().enumerate();
        let one = |(index, one): (usize, core::WeightedPodAffinityTerm)| {
            let path = format_args!("{PREFERRED}[{index}]");
            let weight = weight(one.weight).at(path)?;
            Ok((sign * weight, self.term(one.pod_affinity_term).at("podAffinityTerm").at(path)?))
        };
        all.map(one).collect()
    }

    fn term(&self, from: core::PodAffinityTerm) -> Result<PodTerm, Fault> {
        let mut selector = labels::selector(from.label_selector).at("labelSelector")?;
        labels::fold_keys(&mut selector, from.match_label_keys, Operator::In, self.pod);
        labels::fold_keys(&mut selector, from.mismatch_label_keys, Operator::NotIn, self.pod);
        let namespace_selector = match from.namespace_selector {
            Some(there) => Some(labels::selector(Some(there)).at("namespaceSelector")?),
            None => None,
        };
        let mut namespaces = from.namespaces.unwrap_or_default();
        if namespaces.is_empty() && namespace_selector.is_none() {
            namespaces.push(self.namespace.to_owned());
        }
        namespaces.sort();
        let topology_key = labels::present_key(from.topology_key);
        Ok(PodTerm { topology_key, selector, namespaces, namespace_selector })
    }
}

fn weight(weight: i32) -> Result<i32, Fault> {
    let outside = || Fault::new(format!("{weight} is not within 1 to 100")).at("weight");
    if (1..=100).contains(&weight) { Ok(weight) } else { Err(outside()) }
}
