//! Persistent volumes: which nodes the claims of a pod can be attached to (rules 33 and 34).

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::storage::v1 as storage;
use plimsoll_domain::fleet::{LABEL_REGION, LABEL_ZONE};
use plimsoll_domain::selector::{Labels, NodeTerm, Operator, Requirement};
use plimsoll_domain::workload::{Volume, VolumeReach};

use crate::error::{At, Fault};

use super::draft::{Draft, Origin};
use super::labels;

pub(super) const EBS_DRIVER: &str = "ebs.csi.aws.com";
pub(super) const EBS_IN_TREE: &str = "kubernetes.io/aws-ebs";
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";
/// Access modes that let one node at a time have the volume.
const ONE_NODE_MODES: [&str; 2] = ["ReadWriteOnce", "ReadWriteOncePod"];
const DEFAULT_ANNOTATIONS: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

/// A claim that a pod mounts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClaimUse {
    /// Name of the claim, in the pod's namespace.
    pub name: String,
    /// For an ephemeral volume, the class of the claim that is made with the pod.
    pub made_with: Option<ClassName>,
}

/// The class that a claim asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ClassName {
    /// Whichever is the default.
    Default,
    /// None: only a volume that is there already will do.
    None,
    /// This one.
    Named(String),
}

/// A PersistentVolumeClaim.
#[derive(Clone)]
pub(super) struct Claim {
    lost: bool,
    deleting: bool,
    volume: Option<String>,
    class: ClassName,
    /// Whether its volume can be attached to one node at a time only.
    one_node: bool,
}

/// A PersistentVolume.
#[derive(Clone)]
pub(super) struct PersistentVolume {
    driver: String,
    reach: VolumeReach,
    class: String,
    available: bool,
}

/// A StorageClass.
#[derive(Clone)]
pub(super) struct Class {
    pub provisioner: String,
    /// What its provisioner is told, such as `type: gp3`.
    pub parameters: BTreeMap<String, String>,
    immediate: bool,
    terms: Vec<NodeTerm>,
    is_default: bool,
    create_time: Option<Timestamp>,
}

impl ClassName {
    fn of(stated: Option<String>) -> Self {
        match stated {
            None => Self::Default,
            Some(name) if name.is_empty() => Self::None,
            Some(name) => Self::Named(name),
        }
    }
}

/// The claims that a pod mounts, each once.
pub(super) fn claims(spec: &mut core::PodSpec, pod: &str) -> Vec<ClaimUse> {
    let mut uses = Vec::new();
    for volume in spec.volumes.take().into_iter().flatten() {
        if let Some(claim) = volume.persistent_volume_claim {
            uses.push(ClaimUse { name: claim.claim_name, made_with: None });
        } else if let Some(ephemeral) = volume.ephemeral {
            let class = ephemeral.volume_claim_template.and_then(|template| template.spec.storage_class_name);
            let made_with = Some(ClassName::of(class));
            uses.push(ClaimUse { name: format!("{pod}-{}", volume.name), made_with });
        }
    }
    uses.sort();
    uses.dedup_by(|one, other| one.name == other.name);
    uses
}

/// Takes a claim.
pub(super) fn take_claim(
    from: core::PersistentVolumeClaim,
    _: Origin,
    draft: &mut Draft,
) -> Result<(), Fault> {
    let metadata = from.metadata;
    let spec = from.spec.unwrap_or_default();
    let annotated = metadata.annotations.as_ref().and_then(|all| all.get(CLASS_ANNOTATION)).cloned();
    let status = from.status.unwrap_or_default();
    let modes = status.access_modes.or(spec.access_modes).unwrap_or_default();
    let claim = Claim {
        lost: status.phase.as_deref() == Some("Lost"),
        deleting: metadata.deletion_timestamp.is_some(),
        volume: spec.volume_name.filter(|name| !name.is_empty()),
        class: ClassName::of(annotated.or(spec.storage_class_name)),
        one_node: !modes.is_empty() && modes.iter().all(|mode| ONE_NODE_MODES.contains(&mode.as_str())),
    };
    let namespace = metadata.namespace.unwrap_or_else(|| "default".to_owned());
    draft.claims.insert((namespace, metadata.name.unwrap_or_default()), claim);
    Ok(())
}

/// Takes a volume.
pub(super) fn take_volume(from: core::PersistentVolume, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    super::billed::take_volume(&from, draft);
    let spec = from.spec.unwrap_or_default();
    let is_local = spec.local.is_some() || spec.host_path.is_some();
    let driver = match (spec.csi, spec.aws_elastic_block_store) {
        (Some(csi), _) => csi.driver,
        (None, Some(_)) => EBS_DRIVER.to_owned(),
        (None, None) => String::new(),
    };
    let required = spec.node_affinity.and_then(|affinity| affinity.required);
    let terms = match required {
        Some(required) => {
            labels::node_terms(required.node_selector_terms).at("spec.nodeAffinity.required")?
        }
        None => Vec::new(),
    };
    let reach = if is_local {
        VolumeReach::Local
    } else {
        reach_of(with_labels(terms, from.metadata.labels.unwrap_or_default()))
    };
    let available = from.status.and_then(|status| status.phase).as_deref() == Some("Available");
    let class = spec.storage_class_name.unwrap_or_default();
    let volume = PersistentVolume { driver, reach, class, available };
    draft.volumes.insert(from.metadata.name.unwrap_or_default(), volume);
    Ok(())
}

/// Labels of a volume bind it, too: zones may be several, `us-east-1a__us-east-1b`.
fn with_labels(mut terms: Vec<NodeTerm>, labels: Labels) -> Vec<NodeTerm> {
    let labels = labels::present_labels(labels);
    for key in [LABEL_ZONE, LABEL_REGION] {
        let Some(value) = labels.get(key) else { continue };
        let values = value.split("__").map(str::to_owned).collect();
        let requirement = Requirement { key: key.to_owned(), operator: Operator::In, values };
        if terms.is_empty() {
            terms.push(NodeTerm::default());
        }
        terms.iter_mut().for_each(|term| term.labels.push(requirement.clone()));
    }
    terms
}

fn reach_of(terms: Vec<NodeTerm>) -> VolumeReach {
    if terms.is_empty() { VolumeReach::Anywhere } else { VolumeReach::Terms(terms) }
}

/// Takes a class.
pub(super) fn take_class(from: storage::StorageClass, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let metadata = from.metadata;
    let annotations = metadata.annotations.unwrap_or_default();
    let is_default =
        DEFAULT_ANNOTATIONS.iter().any(|key| annotations.get(*key).is_some_and(|value| value == "true"));
    let class = Class {
        provisioner: from.provisioner,
        parameters: from.parameters.unwrap_or_default(),
        immediate: from.volume_binding_mode.as_deref() != Some("WaitForFirstConsumer"),
        terms: from.allowed_topologies.unwrap_or_default().into_iter().map(topology_term).collect(),
        is_default,
        create_time: metadata.creation_timestamp.map(|time| time.0),
    };
    draft.classes.insert(metadata.name.unwrap_or_default(), class);
    Ok(())
}

fn topology_term(from: core::TopologySelectorTerm) -> NodeTerm {
    let expressions = from.match_label_expressions.unwrap_or_default();
    let requirement = |one: core::TopologySelectorLabelRequirement| Requirement {
        key: labels::present_key(one.key),
        operator: Operator::In,
        values: one.values,
    };
    NodeTerm { labels: expressions.into_iter().map(requirement).collect(), fields: Vec::new() }
}

/// Whether a claim, `namespace/name`, is known to serve one node at a time only.
pub(super) fn is_for_one_node(claim: &str, draft: &Draft) -> bool {
    let key = claim.split_once('/').map(|(namespace, name)| (namespace.to_owned(), name.to_owned()));
    key.and_then(|key| draft.claims.get(&key)).is_some_and(|claim| claim.one_node)
}

/// What a claim of a pod in `namespace` says about nodes.
pub(super) fn resolve(used: &ClaimUse, namespace: &str, draft: &Draft) -> Volume {
    let (driver, reach) = driver_and_reach(used, namespace, draft)
        .unwrap_or_else(|why| (String::new(), VolumeReach::Broken(why)));
    Volume { claim: format!("{namespace}/{}", used.name), driver, reach }
}

fn driver_and_reach(
    used: &ClaimUse,
    namespace: &str,
    draft: &Draft,
) -> Result<(String, VolumeReach), String> {
    let key = (namespace.to_owned(), used.name.clone());
    let Some(claim) = draft.claims.get(&key) else {
        let class = used.made_with.as_ref().ok_or("the claim does not exist")?;
        return unbound(class, draft);
    };
    if claim.lost {
        return Err("the claim has lost its volume".to_owned());
    }
    if claim.deleting {
        return Err("the claim is being deleted".to_owned());
    }
    let Some(name) = &claim.volume else { return unbound(&claim.class, draft) };
    let volume = draft.volumes.get(name).ok_or_else(|| format!("the volume {name} does not exist"))?;
    Ok((volume.driver.clone(), volume.reach.clone()))
}

/// What holds for a claim without a volume: its class decides.
fn unbound(class: &ClassName, draft: &Draft) -> Result<(String, VolumeReach), String> {
    let (name, class) = match class {
        ClassName::None => return Err("the claim is not bound and has no class".to_owned()),
        ClassName::Named(name) => {
            let class = draft.classes.get(name).ok_or_else(|| format!("the class {name} does not exist"))?;
            (name, class)
        }
        ClassName::Default => {
            default_class(&draft.classes).ok_or("the claim has no class and there is no default")?
        }
    };
    if class.immediate {
        return Err(format!("the claim is not bound, though class {name} binds at once"));
    }
    if class.provisioner == NO_PROVISIONER {
        return among_available(name, draft);
    }
    let driver = if class.provisioner == EBS_IN_TREE { EBS_DRIVER } else { &class.provisioner };
    Ok((driver.to_owned(), reach_of(class.terms.clone())))
}

/// The newest default class; the first by name of equally old ones.
fn default_class(classes: &BTreeMap<String, Class>) -> Option<(&String, &Class)> {
    let defaults = classes.iter().rev().filter(|(_, class)| class.is_default);
    defaults.max_by_key(|(_, class)| class.create_time)
}

/// A class without provisioner offers the volumes that are there: the nodes of any of them will do.
fn among_available(class: &str, draft: &Draft) -> Result<(String, VolumeReach), String> {
    let mut free =
        draft.volumes.values().filter(|volume| volume.available && volume.class == class).peekable();
    if free.peek().is_none() {
        return Err(format!("no volume of class {class} is available"));
    }
    let mut terms = Vec::new();
    for volume in free {
        match &volume.reach {
            VolumeReach::Terms(of_volume) => terms.extend(of_volume.iter().cloned()),
            VolumeReach::Anywhere => return Ok((volume.driver.clone(), VolumeReach::Anywhere)),
            // A disk of some node: once the pod has it, it stays there.
            VolumeReach::Local | VolumeReach::Broken(_) => return Ok((String::new(), VolumeReach::Local)),
        }
    }
    terms.sort();
    terms.dedup();
    Ok((String::new(), VolumeReach::Terms(terms)))
}
