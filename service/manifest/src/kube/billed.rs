//! What AWS bills beside nodes: volumes with their type and size, and the load balancers that are asked for.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::networking::v1 as networking;
use plimsoll_domain::fleet::{LABEL_EBS_ZONE, LABEL_ZONE};
use plimsoll_domain::priced::{
    LoadBalancer, LoadBalancerKind, PersistentVolume, VOLUME_GB_MAX, VOLUME_IOPS_MAX, VOLUME_MIBPS_MAX,
    VolumePhase,
};

use crate::error::Fault;
use crate::quantity::{self, Rounding, Unit};

use super::draft::{Draft, Origin};
use super::volume::{Class, EBS_DRIVER, EBS_IN_TREE};

const GIB: i64 = 1 << 30;
/// Types of EBS volume. Source: EBS user guide, 2025.
const EBS_TYPES: [&str; 6] = ["gp3", "gp2", "io2", "io1", "st1", "sc1"];
/// What the EBS CSI driver makes where nobody says what. Source: its `docs/parameters.md`.
const EBS_DEFAULT: &str = "gp3";
/// The same of the provisioner that was in Kubernetes itself.
const EBS_IN_TREE_DEFAULT: &str = "gp2";
/// Annotations of AWS's load balancers. Source: the guides of the AWS Load Balancer Controller and of the in-tree one.
const BALANCER_TYPE: &str = "service.beta.kubernetes.io/aws-load-balancer-type";
const BALANCER_SCHEME: &str = "service.beta.kubernetes.io/aws-load-balancer-scheme";
const BALANCER_INTERNAL: &str = "service.beta.kubernetes.io/aws-load-balancer-internal";
const INGRESS_CLASS: &str = "kubernetes.io/ingress.class";
const INGRESS_SCHEME: &str = "alb.ingress.kubernetes.io/scheme";
const INGRESS_GROUP: &str = "alb.ingress.kubernetes.io/group.name";

/// A volume, and the class that tells its type.
#[derive(Clone)]
pub(super) struct VolumeDraft {
    volume: PersistentVolume,
    class: String,
}

/// Takes what is billed of a volume. A size that cannot be read counts as 0.
pub(super) fn take_volume(from: &core::PersistentVolume, draft: &mut Draft) {
    let spec = from.spec.clone().unwrap_or_default();
    let phase = from.status.as_ref().and_then(|status| status.phase.as_deref());
    let (driver, volume_id) = match (spec.csi, spec.aws_elastic_block_store) {
        (Some(csi), _) => (csi.driver, csi.volume_handle),
        // `aws://us-east-1a/vol-0123...` or the id alone.
        (None, Some(ebs)) => {
            (EBS_DRIVER.to_owned(), ebs.volume_id.rsplit('/').next().unwrap_or_default().to_owned())
        }
        (None, None) => Default::default(),
    };
    let storage = spec.capacity.as_ref().and_then(|capacity| capacity.get("storage"));
    let claim = spec
        .claim_ref
        .map(|claim| format!("{}/{}", claim.namespace.unwrap_or_default(), claim.name.unwrap_or_default()));
    let labels = from.metadata.labels.as_ref();
    let labelled = labels.and_then(|labels| labels.get(LABEL_ZONE).or_else(|| labels.get(LABEL_EBS_ZONE)));
    let required = spec.node_affinity.and_then(|affinity| affinity.required);
    let name = from.metadata.name.clone().unwrap_or_default();
    let volume = PersistentVolume {
        name: name.clone(),
        volume_id,
        claim: claim.unwrap_or_default(),
        driver,
        gb: storage.map_or(0, |size| gib(&size.0)),
        volume_type: String::new(),
        iops: None,
        throughput_mibps: None,
        zone: labelled.cloned().or_else(|| zone(&required?)).unwrap_or_default(),
        phase: match phase {
            Some("Available" | "Pending") => VolumePhase::Available,
            Some("Released") => VolumePhase::Released,
            Some("Failed") => VolumePhase::Failed,
            _ => VolumePhase::Bound,
        },
        create_time: from.metadata.creation_timestamp.as_ref().map(|time| time.0),
    };
    let class = spec.storage_class_name.unwrap_or_default();
    draft.billed_volumes.insert(name, VolumeDraft { volume, class });
}

/// Whole GiB, rounded up as EBS does.
fn gib(size: &str) -> i64 {
    let bytes = quantity::parse(size, Unit::One, Rounding::Up).unwrap_or(0);
    (bytes / GIB + i64::from(bytes % GIB != 0)).clamp(0, VOLUME_GB_MAX)
}

/// The only zone that a volume's nodes may be in.
fn zone(required: &core::NodeSelector) -> Option<String> {
    let expressions =
        required.node_selector_terms.iter().flat_map(|term| term.match_expressions.iter().flatten());
    let mut zones = expressions.filter(|one| one.key == LABEL_ZONE || one.key == LABEL_EBS_ZONE);
    match zones.next()?.values.as_deref()? {
        [zone] => Some(zone.clone()),
        _ => None,
    }
}

/// Volumes by name, with what their classes say. A class that is gone, or was not exported, may be named after a type;
/// else the driver's default stands in.
pub(super) fn volumes(
    drafts: BTreeMap<String, VolumeDraft>,
    classes: &BTreeMap<String, Class>,
) -> Vec<PersistentVolume> {
    let of = |VolumeDraft { volume, class }: VolumeDraft| {
        if volume.driver != EBS_DRIVER {
            return volume;
        }
        let found = classes.get(&class);
        let parameter = |name: &str| {
            let mut all = found.into_iter().flat_map(|class| &class.parameters);
            all.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        let number = |name: &str, max: i64| {
            parameter(name).and_then(|text| text.parse().ok()).map(|value: i64| value.clamp(0, max))
        };
        let per_gb = number("iopsPerGB", VOLUME_IOPS_MAX).map(|iops| (iops * volume.gb).min(VOLUME_IOPS_MAX));
        let named = Some(class.as_str()).filter(|name| EBS_TYPES.contains(name));
        let default = match found {
            Some(class) if class.provisioner == EBS_IN_TREE => EBS_IN_TREE_DEFAULT,
            Some(_) => EBS_DEFAULT,
            None => named.unwrap_or(EBS_DEFAULT),
        };
        PersistentVolume {
            volume_type: parameter("type").unwrap_or(default).to_owned(),
            iops: number("iops", VOLUME_IOPS_MAX).or(per_gb),
            throughput_mibps: number("throughput", VOLUME_MIBPS_MAX),
            ..volume
        }
    };
    drafts.into_values().map(of).collect()
}

/// Takes the load balancer that a Service asks for.
pub(super) fn take_service(from: core::Service, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let spec = from.spec.unwrap_or_default();
    if spec.type_.as_deref() != Some("LoadBalancer") {
        return Ok(());
    }
    let annotations = from.metadata.annotations.unwrap_or_default();
    let stated = annotations.get(BALANCER_TYPE).map(String::as_str);
    let is_network = spec.load_balancer_class.is_some() || stated.is_some_and(|kind| kind != "clb");
    let internal =
        annotations.get(BALANCER_INTERNAL).is_some_and(|value| value != "false" && value != "0.0.0.0/0");
    // The controller of network load balancers makes them internal unless told otherwise, the in-tree one does not.
    let by_controller = spec.load_balancer_class.is_some() || matches!(stated, Some("external" | "nlb-ip"));
    let is_public = match annotations.get(BALANCER_SCHEME).map(String::as_str) {
        Some(scheme) => scheme == "internet-facing",
        None => !internal && !by_controller,
    };
    let ingress = from.status.and_then(|status| status.load_balancer).and_then(|status| status.ingress);
    let address = ingress.into_iter().flatten().find_map(|one| one.hostname);
    let name = format!("service/{}", from.metadata.name.unwrap_or_default());
    let found = LoadBalancer {
        namespace: from.metadata.namespace.unwrap_or_else(|| "default".to_owned()),
        name,
        kind: if is_network { LoadBalancerKind::Network } else { LoadBalancerKind::Classic },
        address: address.unwrap_or_default(),
        shared: String::new(),
        is_public,
        create_time: from.metadata.creation_timestamp.map(|time| time.0),
    };
    draft.load_balancers.insert((found.namespace.clone(), found.name.clone()), found);
    Ok(())
}

/// Takes the load balancer that an Ingress of class `alb` asks for.
pub(super) fn take_ingress(from: networking::Ingress, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let annotations = from.metadata.annotations.unwrap_or_default();
    let class = from.spec.and_then(|spec| spec.ingress_class_name);
    if class.as_ref().or_else(|| annotations.get(INGRESS_CLASS)).is_none_or(|class| class != "alb") {
        return Ok(());
    }
    let ingress = from.status.and_then(|status| status.load_balancer).and_then(|status| status.ingress);
    let found = LoadBalancer {
        namespace: from.metadata.namespace.unwrap_or_else(|| "default".to_owned()),
        name: format!("ingress/{}", from.metadata.name.unwrap_or_default()),
        kind: LoadBalancerKind::Application,
        address: ingress.into_iter().flatten().find_map(|one| one.hostname).unwrap_or_default(),
        shared: annotations.get(INGRESS_GROUP).cloned().unwrap_or_default(),
        is_public: annotations.get(INGRESS_SCHEME).is_some_and(|scheme| scheme == "internet-facing"),
        create_time: from.metadata.creation_timestamp.map(|time| time.0),
    };
    draft.load_balancers.insert((found.namespace.clone(), found.name.clone()), found);
    Ok(())
}
