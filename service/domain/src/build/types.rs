//! Which instance types are on offer: the policy's families, and nothing exotic that nobody asks for.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::pods::Kin;
use crate::catalog::traits::ExoticKind;
use crate::catalog::{Catalog, InstanceType};
use crate::fleet::LABEL_INSTANCE_TYPE;
use crate::policy::{Burstable, Policy};
use crate::selector::{Operator, Requirement};
use crate::workload::Scheduling;

/// Labels by which pods ask for a type, or a family of types, by name.
const TYPE_KEYS: [&str; 2] = [LABEL_INSTANCE_TYPE, "beta.kubernetes.io/instance-type"];
const FAMILY_KEY: &str = "karpenter.k8s.aws/instance-family";

/// What pods ask for beyond the ordinary.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asks {
    /// Types named in a selector.
    pub types: BTreeSet<String>,
    /// Families named in a selector.
    pub families: BTreeSet<String>,
    /// Extended resources requested.
    pub resources: BTreeSet<String>,
}

impl Asks {
    /// What one family of pods asks for.
    pub fn of(kin: &Kin) -> Self {
        let mut asks = Self::named(&kin.scheduling);
        asks.resources = kin.request.extended.keys().cloned().collect();
        asks
    }

    /// What all of them ask for.
    pub fn of_all(kins: &[Kin]) -> Self {
        let mut all = Self::default();
        for asks in kins.iter().map(Self::of) {
            all.types.extend(asks.types);
            all.families.extend(asks.families);
            all.resources.extend(asks.resources);
        }
        all
    }

    fn named(scheduling: &Scheduling) -> Self {
        let mut asks = Self::default();
        let selector = scheduling.node_selector.iter().map(|(key, value)| (key, std::slice::from_ref(value)));
        let required = scheduling.node_terms.iter().flat_map(|term| &term.labels);
        let listed = required.filter(|requirement: &&Requirement| requirement.operator == Operator::In);
        for (key, values) in selector.chain(listed.map(|found| (&found.key, found.values.as_slice()))) {
            if TYPE_KEYS.contains(&key.as_str()) {
                asks.types.extend(values.iter().cloned());
            } else if key == FAMILY_KEY {
                asks.families.extend(values.iter().cloned());
            }
        }
        asks
    }

    /// Whether the type is named.
    pub fn names(&self, facts: &InstanceType) -> bool {
        self.types.contains(&facts.name) || self.families.contains(facts.family())
    }

    /// Whether an accelerator of the type is requested as a resource.
    pub fn wants_accelerator(&self, facts: &InstanceType) -> bool {
        let resource = facts.accelerator.as_ref().and_then(|accelerator| accelerator.resource());
        resource.is_some_and(|resource| self.resources.contains(resource))
    }

    /// Whether a new node of the type may carry a pod that asks for this: exotic types only by name, by
    /// resource or by policy; accelerators only for those who use them, GPUs for others if the policy
    /// does not mind.
    pub fn may_use(&self, facts: &InstanceType, policy: &Policy) -> bool {
        let asked = self.names(facts) || self.wants_accelerator(facts);
        let admitted = match facts.exotic() {
            None => true,
            Some(ExoticKind::Metal) => policy.metal || self.names(facts),
            Some(_) => asked || policy.families_allow.iter().any(|family| family == facts.family()),
        };
        admitted && self.may_join(facts, policy)
    }

    /// Whether a running node of the type may: accelerators are for those who use them.
    pub fn may_join(&self, facts: &InstanceType, policy: &Policy) -> bool {
        let asked = self.names(facts) || self.wants_accelerator(facts);
        let wasted = facts.accelerator.is_some() && !asked;
        !wasted || (facts.has_gpus() && !policy.gpu_only_for_gpu_pods)
    }
}

/// The types that new nodes may be of, by name. `architectures`: those that some pod runs on.
pub(super) fn on_offer<'c>(
    catalog: &'c Catalog,
    policy: &Policy,
    asks: &Asks,
    architectures: &BTreeSet<String>,
) -> Vec<&'c Arc<InstanceType>> {
    let is_on_offer = |facts: &&Arc<InstanceType>| {
        let family = facts.family();
        let listed = |list: &[String]| list.iter().any(|name| name == family);
        let architecture = &facts.architecture;
        let burstable = facts.is_burstable() && policy.burstable == Burstable::ExistingOnly;
        !listed(&policy.families_deny)
            && (policy.families_allow.is_empty() || listed(&policy.families_allow))
            && policy.architectures.contains(architecture)
            && architectures.contains(architecture)
            && !burstable
            && asks.may_use(facts, policy)
    };
    catalog.types.values().filter(is_on_offer).collect()
}
