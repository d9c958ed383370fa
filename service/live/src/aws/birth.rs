//! What a node group of ours is made of: a subnet of its zone, the role of its nodes, an AMI that its types boot, and a
//! launch template, for a group that is born without one can never take one.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    Filter, InstanceTypeInfo, LaunchTemplateBlockDeviceMappingRequest, LaunchTemplateEbsBlockDeviceRequest,
    LaunchTemplateHttpTokensState, LaunchTemplateInstanceMetadataOptionsRequest,
    LaunchTemplateTagSpecificationRequest, RequestLaunchTemplateData, ResourceType, Subnet, Tag,
    TagSpecification, VolumeType,
};
use aws_sdk_eks::types::{
    AmiTypes, CapacityTypes, Cluster, LaunchTemplateSpecification, Nodegroup, NodegroupScalingConfig, Taint,
    TaintEffect,
};
use plimsoll_domain::catalog::node::ROOT_VOLUME_GIB;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::workload;
use plimsoll_domain::world::{CloudError, GroupSpec};

use super::fault::{self, Fault};
use super::groups::NODES_MAX;
use super::{Aws, TAG_MANAGED, TAG_NODE_ROLE, TAG_PUBLIC};

/// Root volume of a node, GiB: what plans count on.
const DISK_GIB: i32 = ROOT_VOLUME_GIB as i32;
/// Where AL2023 has its root.
const ROOT_DEVICE: &str = "/dev/xvda";
/// Hops that an answer of the metadata service lives: one to the node, one to a pod.
const METADATA_HOPS: i32 = 2;

impl Aws {
    /// Makes a group of size 0.
    pub(super) async fn make(&self, spec: &GroupSpec) -> Result<(), CloudError> {
        let cluster = self.plane().await?.ok_or_else(|| CloudError::NotFound(spec.name.clone()))?;
        let subnet = self.subnet(&cluster, &spec.zone).await?;
        let role = self.node_role(&cluster).await?;
        let ami = self.ami(&spec.instance_types).await?;
        let template = self.template(&spec.name).await?;
        let size = NodegroupScalingConfig::builder().min_size(0).max_size(NODES_MAX).desired_size(0).build();
        let kind = match spec.kind {
            CapacityKind::OnDemand => CapacityTypes::OnDemand,
            CapacityKind::Spot => CapacityTypes::Spot,
        };
        let labels = spec.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let taints: Vec<Taint> = spec.taints.iter().map(taint).collect();
        let call = self
            .eks
            .create_nodegroup()
            .cluster_name(self.cluster.as_str())
            .nodegroup_name(&spec.name)
            .scaling_config(size)
            .subnets(subnet)
            .set_instance_types(Some(spec.instance_types.clone()))
            .ami_type(ami)
            .capacity_type(kind)
            .node_role(role)
            .set_labels(Some(labels))
            .set_taints((!taints.is_empty()).then_some(taints))
            .launch_template(template)
            .tags(TAG_MANAGED, "true");
        match call.send().await.map_err(|error| fault::of("eks:CreateNodegroup", error)) {
            Ok(_) => Ok(()),
            // Somebody was faster; the next look tells whether it is the same.
            Err(fault) if fault.is_busy() && self.described(&spec.name).await?.is_some() => Ok(()),
            Err(fault) => Err(fault.about(&spec.name)),
        }
    }

    /// The subnet of a zone with the most free addresses, a private one if there is one.
    async fn subnet(&self, cluster: &Cluster, zone: &str) -> Result<String, CloudError> {
        let network = cluster.resources_vpc_config();
        let ids = network.map(|network| network.subnet_ids().to_vec()).unwrap_or_default();
        let all = self.subnets(ids).await?;
        let its = all.iter().filter(|subnet| subnet.availability_zone() == Some(zone));
        let is_private = |subnet: &Subnet| !subnet.tags().iter().any(|tag| tag.key() == Some(TAG_PUBLIC));
        let best = its.max_by_key(|subnet| (is_private(subnet), subnet.available_ip_address_count()));
        best.and_then(Subnet::subnet_id).map(str::to_owned).ok_or_else(|| {
            CloudError::Failed(format!("cluster {} has no subnet in {zone}: add one to it", self.cluster))
        })
    }

    async fn subnets(&self, ids: Vec<String>) -> Result<Vec<Subnet>, CloudError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let answer = self.ec2.describe_subnets().set_subnet_ids(Some(ids)).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeSubnets", error))?;
        Ok(answer.subnets.unwrap_or_default())
    }

    /// Zones of a group's subnets, ascending.
    pub(super) async fn zones(&self, group: &Nodegroup) -> Result<Vec<String>, CloudError> {
        let subnets = self.subnets(group.subnets().to_vec()).await?;
        let zones: BTreeSet<String> =
            subnets.into_iter().filter_map(|subnet| subnet.availability_zone).collect();
        Ok(zones.into_iter().collect())
    }

    /// The role that is set, or that the cluster was made with, or that of the first group by name.
    async fn node_role(&self, cluster: &Cluster) -> Result<String, CloudError> {
        if !self.account.node_role_arn.is_empty() {
            return Ok(self.account.node_role_arn.clone());
        }
        if let Some(role) = cluster.tags().and_then(|tags| tags.get(TAG_NODE_ROLE)) {
            return Ok(role.clone());
        }
        let names = self.eks.list_nodegroups().cluster_name(self.cluster.as_str()).send().await;
        let names =
            names.map_err(|error| fault::of("eks:ListNodegroups", error))?.nodegroups.unwrap_or_default();
        for name in names {
            if let Some(role) = self.described(&name).await?.and_then(|group| group.node_role) {
                return Ok(role);
            }
        }
        Err(CloudError::Failed("no role for nodes is known: set live.node_role_arn".to_owned()))
    }

    /// An AMI of AL2023 that all types boot.
    async fn ami(&self, types: &[String]) -> Result<AmiTypes, CloudError> {
        let wanted: Vec<_> = types.iter().map(|name| name.as_str().into()).collect();
        let answer = self.ec2.describe_instance_types().set_instance_types(Some(wanted)).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeInstanceTypes", error))?;
        let known = answer.instance_types.unwrap_or_default();
        let amis: BTreeSet<&str> = known.iter().map(ami_of).collect();
        match amis.into_iter().collect::<Vec<_>>()[..] {
            [ami] if known.len() == types.len() => Ok(ami.into()),
            [] | [_] => Err(CloudError::Failed(format!("EC2 does not know all of {}", types.join(", ")))),
            _ => Err(CloudError::Failed(format!("no AMI boots all of {}", types.join(", ")))),
        }
    }

    fn template_name(&self, group: &str) -> String {
        // Neither a cluster's name nor a group's has a slash.
        format!("plimsoll/{}/{group}", self.cluster)
    }

    /// The group's launch template, made if it is not there.
    async fn template(&self, group: &str) -> Result<LaunchTemplateSpecification, CloudError> {
        let name = self.template_name(group);
        let ours = |kind: ResourceType| {
            let tag = Tag::builder().key(TAG_MANAGED).value("true").build();
            TagSpecification::builder().resource_type(kind).tags(tag).build()
        };
        let call = self
            .ec2
            .create_launch_template()
            .launch_template_name(&name)
            .tag_specifications(ours(ResourceType::LaunchTemplate))
            .launch_template_data(self.template_data(group));
        match call.send().await.map_err(|error| fault::of("ec2:CreateLaunchTemplate", error)) {
            Ok(_) => {}
            Err(fault) if is_there(&fault) => {}
            Err(fault) => return Err(fault.about(group)),
        }
        Ok(LaunchTemplateSpecification::builder().name(name).version("1").build())
    }

    fn template_data(&self, group: &str) -> RequestLaunchTemplateData {
        let disk = LaunchTemplateEbsBlockDeviceRequest::builder()
            .volume_type(VolumeType::Gp3)
            .volume_size(DISK_GIB)
            .encrypted(true)
            .delete_on_termination(true);
        let root =
            LaunchTemplateBlockDeviceMappingRequest::builder().device_name(ROOT_DEVICE).ebs(disk.build());
        let metadata = LaunchTemplateInstanceMetadataOptionsRequest::builder()
            .http_tokens(LaunchTemplateHttpTokensState::Required)
            .http_put_response_hop_limit(METADATA_HOPS);
        let tagged = |kind: ResourceType| {
            // Those that tell cluster and group EKS sets itself, and nobody else may.
            let tags = [(TAG_MANAGED, "true"), ("Name", group)];
            let tags =
                tags.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
            LaunchTemplateTagSpecificationRequest::builder().resource_type(kind).set_tags(Some(tags)).build()
        };
        RequestLaunchTemplateData::builder()
            .block_device_mappings(root.build())
            .metadata_options(metadata.build())
            .tag_specifications(tagged(ResourceType::Instance))
            .tag_specifications(tagged(ResourceType::Volume))
            .build()
    }

    /// Deletes the launch template of a group that is gone, if there is one of ours.
    pub(super) async fn forget_template(&self, group: &str) -> Result<(), CloudError> {
        let name = self.template_name(group);
        let ours = Filter::builder().name("tag-key").values(TAG_MANAGED).build();
        let named = Filter::builder().name("launch-template-name").values(&name).build();
        let answer = self.ec2.describe_launch_templates().filters(ours).filters(named).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeLaunchTemplates", error))?;
        if answer.launch_templates.unwrap_or_default().is_empty() {
            return Ok(());
        }
        match self.ec2.delete_launch_template().launch_template_name(&name).send().await {
            Ok(_) => Ok(()),
            Err(error) => match fault::of("ec2:DeleteLaunchTemplate", error) {
                fault if fault.is_gone() || fault.code.ends_with("NotFoundException") => Ok(()),
                fault => Err(fault.about(group)),
            },
        }
    }
}

fn is_there(fault: &Fault) -> bool {
    fault.code.starts_with("InvalidLaunchTemplateName.AlreadyExists")
}

/// The AMI of AL2023 for a type.
fn ami_of(info: &InstanceTypeInfo) -> &'static str {
    let is_arm = info.processor_info().is_some_and(|processor| {
        processor.supported_architectures().iter().any(|one| one.as_str() == "arm64")
    });
    let has_nvidia = info.gpu_info().is_some_and(|gpus| {
        gpus.gpus()
            .iter()
            .any(|gpu| gpu.manufacturer().is_some_and(|maker| maker.eq_ignore_ascii_case("nvidia")))
    });
    let has_neuron = info.neuron_info().is_some() || info.inference_accelerator_info().is_some();
    match (is_arm, has_nvidia, has_neuron) {
        (true, true, _) => "AL2023_ARM_64_NVIDIA",
        (true, false, _) => "AL2023_ARM_64_STANDARD",
        (false, true, _) => "AL2023_x86_64_NVIDIA",
        (false, false, true) => "AL2023_x86_64_NEURON",
        (false, false, false) => "AL2023_x86_64_STANDARD",
    }
}

fn effect(taint: &workload::Taint) -> TaintEffect {
    match taint.effect {
        workload::TaintEffect::NoSchedule => TaintEffect::NoSchedule,
        workload::TaintEffect::PreferNoSchedule => TaintEffect::PreferNoSchedule,
        workload::TaintEffect::NoExecute => TaintEffect::NoExecute,
    }
}

fn taint(taint: &workload::Taint) -> Taint {
    Taint::builder().key(&taint.key).value(&taint.value).effect(effect(taint)).build()
}

/// Key, value and effect in EKS's words.
pub(super) fn taint_words(taint: &workload::Taint) -> (String, String, String) {
    (taint.key.clone(), taint.value.clone(), effect(taint).as_str().to_owned())
}
