//! Places for pods: each node that runs, and each node that could be bought, before any pod is asked.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bits::{Bits, Numbering};
use super::labels::NewNode;
use super::templates::{Learnt, TEMPLATES_MAX};
use super::terms::Terms;
use crate::catalog::{Catalog, InstanceType};
use crate::fleet::{CapacityKind, LABEL_HOSTNAME, LABEL_NODE_GROUP, Node};
use crate::policy::{Burstable, Policy};
use crate::resources::Resources;
use crate::selector::{Labels, NodeTerm};
use crate::units::HourlyRate;
use crate::workload::{Scheduling, Taint, untolerated};

/// Stands for the name of a node among its labels; no label has such a key.
const NAME_KEY: &str = "\0name";
/// Stands for a name that a new node will have and nobody can know, such as its host name.
const NEW_NAME: &str = "\0new";
/// EKS's label of nodes that hold one pod each and are not ours to buy.
const LABEL_COMPUTE_TYPE: &str = "eks.amazonaws.com/compute-type";

/// One node, running or possible.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// Index of the running node; none: it can be bought.
    pub node: Option<usize>,
    /// Facts of its type; none: not in the catalog.
    pub facts: Option<Arc<InstanceType>>,
    pub instance_type: String,
    pub zone: String,
    pub kind: CapacityKind,
    /// Index of its template.
    pub template: usize,
    /// Number of its set of lasting taints.
    pub taints: u32,
    /// What it is billed, discount included; none: not known.
    pub price: Option<HourlyRate>,
    /// What pods may use, DaemonSets included.
    pub allocatable: Resources,
    /// Takes no newcomers.
    pub sealed: bool,
    /// May not be removed.
    pub kept: bool,
}

/// All sites, running nodes first, in their order; and what is needed to ask who may go there.
pub(super) struct Sites<'a> {
    pub all: Vec<Site>,
    pub taint_sets: Vec<Vec<Taint>>,
    pub learnt: &'a Learnt,
    nodes: &'a [Node],
    region: &'a str,
    /// By site: number of its labels, as far as somebody looks at them.
    look_of: Vec<u32>,
    looks: Vec<Labels>,
    /// By set of label keys: for each look, the number of its part with these keys; and these parts.
    parts: BTreeMap<Vec<String>, (Vec<u32>, Vec<Labels>)>,
}

/// What [`Sites::gather`] needs beside nodes and catalog.
pub(super) struct Offer<'a> {
    pub types: Vec<&'a Arc<InstanceType>>,
    pub zones: &'a [String],
    pub spot: bool,
    pub policy: &'a Policy,
    pub terms: &'a Terms,
}

impl<'a> Sites<'a> {
    /// Lists running nodes and everything on offer. `keys`: node labels that somebody looks at.
    pub fn gather(
        nodes: &'a [Node],
        catalog: &'a Catalog,
        learnt: &'a Learnt,
        offer: &Offer<'_>,
        keys: &BTreeSet<&str>,
    ) -> Self {
        let mut taint_sets = Numbering::new();
        let mut all: Vec<Site> = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let mut taints: Vec<Taint> = node.lasting_taints().cloned().collect();
            taints.sort();
            let taints = taint_sets.number(&taints);
            all.push(running(index, node, catalog, learnt, offer, taints));
        }
        for (template, look) in learnt.templates.iter().enumerate().take(TEMPLATES_MAX) {
            let taints = taint_sets.number(&look.taints);
            all.extend(new_sites(catalog, learnt, offer, template, taints));
        }
        let mut sites = Self {
            all,
            taint_sets: taint_sets.into_values(),
            learnt,
            nodes,
            region: &catalog.region,
            look_of: Vec::new(),
            looks: Vec::new(),
            parts: BTreeMap::new(),
        };
        sites.number_looks(keys);
        sites
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// All labels of a site; of a new one, all but the host name.
    pub fn labels(&self, site: usize) -> Cow<'a, Labels> {
        let place = &self.all[site];
        match (place.node, &place.facts) {
            (Some(node), _) => Cow::Borrowed(&self.nodes[node].labels),
            (None, Some(facts)) => Cow::Owned(self.new_node(place, facts).labels()),
            (None, None) => unreachable!("new nodes come from the catalog"),
        }
    }

    fn new_node<'s>(&'s self, place: &'s Site, facts: &'s InstanceType) -> NewNode<'s> {
        let template = &self.learnt.templates[place.template];
        NewNode {
            instance_type: facts,
            zone: &place.zone,
            region: self.region,
            kind: place.kind,
            template: &template.labels,
            karpenter: template.karpenter,
            learnt: self.learnt.labels_by_type.get(&place.instance_type),
        }
    }

    fn number_looks(&mut self, keys: &BTreeSet<&str>) {
        let mut looks = Numbering::new();
        let look_of = (0..self.len()).map(|site| {
            let labels = self.labels(site);
            let name = self.all[site].node.map(|node| self.nodes[node].name.clone());
            let own = |key: &&str| match (*key, &name) {
                (NAME_KEY, name) => Some((NAME_KEY.to_owned(), name.clone()?)),
                (LABEL_HOSTNAME | LABEL_NODE_GROUP, None) => Some(((*key).to_owned(), NEW_NAME.to_owned())),
                (key, _) => Some((key.to_owned(), labels.get(key)?.clone())),
            };
            looks.number(&keys.iter().filter_map(own).collect::<Labels>())
        });
        self.look_of = look_of.collect();
        self.looks = looks.into_values();
    }

    /// Number of a site's labels, as far as somebody looks at them.
    pub fn look(&self, site: usize) -> u32 {
        self.look_of[site]
    }

    /// Sites whose labels a pod selects.
    pub fn selected(&mut self, scheduling: &Scheduling) -> Bits {
        let keys = node_keys(scheduling);
        self.where_labels(&keys, |name, labels| selects(scheduling, name, labels))
    }

    /// Sites that match one of several terms.
    pub fn matching(&mut self, terms: &[NodeTerm]) -> Bits {
        let keys = term_keys(terms).collect();
        self.where_labels(&keys, |name, labels| terms.iter().any(|term| term.matches(name, labels)))
    }

    /// Sites whose taints a pod tolerates.
    pub fn tolerated(&self, scheduling: &Scheduling) -> Bits {
        let tolerates = |taints: &Vec<Taint>| untolerated(taints, &scheduling.tolerations).is_none();
        let tolerated: Vec<bool> = self.taint_sets.iter().map(tolerates).collect();
        Bits::of(self.len(), |site| tolerated[self.all[site].taints as usize])
    }

    /// Sites where `test` holds of name and labels, of which it looks only at `keys`. Asked once for
    /// each distinct part of the labels, not for each site.
    fn where_labels(&mut self, keys: &BTreeSet<&str>, test: impl Fn(&str, &Labels) -> bool) -> Bits {
        let key_list: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let looks = &self.looks;
        let (part_of, parts) = self.parts.entry(key_list).or_insert_with(|| {
            let mut parts = Numbering::new();
            let part = |look: &Labels| -> Labels {
                let wanted = look.iter().filter(|(key, _)| keys.contains(key.as_str()));
                wanted.map(|(key, value)| (key.clone(), value.clone())).collect()
            };
            let part_of = looks.iter().map(|look| parts.number(&part(look))).collect();
            (part_of, parts.into_values())
        });
        let name = |labels: &Labels| labels.get(NAME_KEY).cloned().unwrap_or_default();
        let good: Vec<bool> = parts.iter().map(|labels| test(&name(labels), labels)).collect();
        let part_of = &*part_of;
        Bits::of(self.look_of.len(), |site| good[part_of[self.look_of[site] as usize] as usize])
    }
}

/// Whether a node with this name and these labels meets a pod's node selector and required affinity.
pub(super) fn selects(scheduling: &Scheduling, name: &str, labels: &Labels) -> bool {
    scheduling.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        && (scheduling.node_terms.is_empty()
            || scheduling.node_terms.iter().any(|term| term.matches(name, labels)))
}

/// Node labels that a pod's node selector and required affinity look at.
pub(super) fn node_keys(scheduling: &Scheduling) -> BTreeSet<&str> {
    let selector = scheduling.node_selector.keys().map(String::as_str);
    selector.chain(term_keys(&scheduling.node_terms)).collect()
}

pub(super) fn term_keys(terms: &[NodeTerm]) -> impl Iterator<Item = &str> {
    terms.iter().flat_map(|term| {
        let name = (!term.fields.is_empty()).then_some(NAME_KEY);
        term.labels.iter().map(|requirement| requirement.key.as_str()).chain(name)
    })
}

fn running(
    index: usize,
    node: &Node,
    catalog: &Catalog,
    learnt: &Learnt,
    offer: &Offer<'_>,
    taints: u32,
) -> Site {
    let facts = catalog.types.get(&node.instance_type).cloned();
    let fargate = node.labels.get(LABEL_COMPUTE_TYPE).is_some_and(|kind| kind == "fargate");
    let protected = offer.policy.protected_groups.contains(&node.group) && !node.group.is_empty();
    let burstable = facts.as_ref().is_some_and(|facts| facts.is_burstable());
    let list = catalog.price(&node.instance_type, &node.zone, node.kind);
    let price = list.map(|list| bill(list, node.kind, offer.terms)).filter(|_| !fargate);
    Site {
        node: Some(index),
        facts,
        instance_type: node.instance_type.clone(),
        zone: node.zone.clone(),
        kind: node.kind,
        template: learnt.template_of[index],
        taints,
        price,
        allocatable: node.allocatable.clone(),
        sealed: node.unschedulable || !node.ready || protected || burstable || fargate,
        kept: protected || price.is_none(),
    }
}

/// What AWS bills for a list price: on-demand prices carry the account's discount.
fn bill(list: HourlyRate, kind: CapacityKind, terms: &Terms) -> HourlyRate {
    match kind {
        CapacityKind::OnDemand => terms.discounted(list),
        CapacityKind::Spot => list,
    }
}

fn new_sites<'s>(
    catalog: &'s Catalog,
    learnt: &'s Learnt,
    offer: &'s Offer<'_>,
    template: usize,
    taints: u32,
) -> impl Iterator<Item = Site> + 's {
    offer.types.iter().flat_map(move |facts| {
        let mut allocatable = learnt.allocatable(catalog, &facts.name, template);
        if let (Burstable::Allowed, Some(baseline)) = (offer.policy.burstable, facts.burst_baseline_cpu_milli)
        {
            allocatable.cpu_milli = allocatable.cpu_milli.min(baseline);
        }
        offer.zones.iter().flat_map(move |zone| {
            let spot = offer.spot.then_some(CapacityKind::Spot);
            let kinds = std::iter::once(CapacityKind::OnDemand).chain(spot);
            let allocatable = allocatable.clone();
            kinds.filter_map(move |kind| {
                if offer.policy.offerings_deny.iter().any(|one| one.is(&facts.name, zone, kind)) {
                    return None;
                }
                if !catalog.is_sold_in(&facts.name, zone) {
                    return None;
                }
                let list = catalog.price(&facts.name, zone, kind)?;
                Some(Site {
                    node: None,
                    facts: Some((*facts).clone()),
                    instance_type: facts.name.clone(),
                    zone: zone.clone(),
                    kind,
                    template,
                    taints,
                    price: Some(bill(list, kind, offer.terms)),
                    allocatable: allocatable.clone(),
                    sealed: false,
                    kept: false,
                })
            })
        })
    })
}
