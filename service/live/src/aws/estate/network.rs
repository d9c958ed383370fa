//! A network of a cluster's own: in each zone a subnet for nodes and pods, and one for gateways and load balancers; a way in
//! and a way out. Everything is known again by three tags, for EC2 takes no token for most of it.

mod gone;
mod routes;

use aws_sdk_ec2::types::{AttributeBooleanValue, Filter, ResourceType, Tag, TagSpecification};
use plimsoll_domain::estate::{Network, Standing};
use plimsoll_domain::ids::OperationId;
use plimsoll_domain::world::CloudError;

use super::{TAG_CLUSTER, TAG_OPERATION, on_the_way};
use crate::aws::{Aws, TAG_MANAGED, TAG_PUBLIC, fault};

/// Tag of a part of a network: what it is in it.
const TAG_PART: &str = "plimsoll:part";
/// Tag of a subnet in which load balancers that do not face the world are put. From the EKS guide.
const TAG_INTERNAL: &str = "kubernetes.io/role/internal-elb";
/// The network itself.
const VPC: &str = "vpc";
const PRIVATE: &str = "private";
const PUBLIC: &str = "public";

/// A subnet's name in its network.
fn subnet_name(kind: &str, zone: &str) -> String {
    format!("{kind}-{zone}")
}

impl Aws {
    /// What finds a part of the network by its name.
    fn called(&self, name: &str) -> Vec<Filter> {
        let filter =
            |key: &str, value: &str| Filter::builder().name(format!("tag:{key}")).values(value).build();
        vec![filter(TAG_MANAGED, "true"), filter(TAG_CLUSTER, self.cluster.as_str()), filter(TAG_PART, name)]
    }

    /// Its tags.
    fn named(
        &self,
        kind: ResourceType,
        name: &str,
        by: &OperationId,
        more: &[(&str, &str)],
    ) -> TagSpecification {
        let own = format!("{}/{name}", self.cluster);
        let all = [
            (TAG_MANAGED, "true"),
            (TAG_OPERATION, by.as_str()),
            (TAG_CLUSTER, self.cluster.as_str()),
            (TAG_PART, name),
            ("Name", &own),
        ];
        let tags = all.iter().chain(more).map(|(key, value)| Tag::builder().key(*key).value(*value).build());
        TagSpecification::builder().resource_type(kind).set_tags(Some(tags.collect())).build()
    }

    pub(super) async fn ensure_network(
        &self,
        plan: &Network,
        by: &OperationId,
    ) -> Result<Standing, CloudError> {
        let odd = || CloudError::Refused(format!("{} cannot be cut into zones", plan.cidr));
        let blocks = plan.blocks().ok_or_else(odd)?;
        let vpc = match self.vpc().await? {
            Some(id) => id,
            None => self.make_vpc(plan, by).await?,
        };
        self.let_names_resolve(&vpc).await?;
        let gateway = self.ensure_gateway(&vpc, by).await?;
        let outside = self.ensure_table(&vpc, PUBLIC, by).await?;
        self.ensure_route(&outside, routes::Way::In(&gateway)).await?;
        let mut nat = None;
        for (index, zone) in blocks.iter().enumerate() {
            let public = self.ensure_subnet(&vpc, (PUBLIC, &zone.zone), &zone.public, by).await?;
            self.face_the_world(&public).await?;
            self.ensure_association(&outside, &public).await?;
            if index == 0 || plan.nat_per_zone {
                let Some(id) = self.ensure_nat(&zone.zone, &public, by).await? else {
                    return on_the_way(format!("EC2 makes a NAT gateway in {}", zone.zone));
                };
                let table = self.ensure_table(&vpc, &subnet_name(PRIVATE, &zone.zone), by).await?;
                self.ensure_route(&table, routes::Way::Out(&id)).await?;
                nat = Some(table);
            }
            let private = self.ensure_subnet(&vpc, (PRIVATE, &zone.zone), &zone.private, by).await?;
            if let Some(table) = &nat {
                self.ensure_association(table, &private).await?;
            }
        }
        Ok(Standing::Reached)
    }

    /// The network of the cluster; none if there is none.
    async fn vpc(&self) -> Result<Option<String>, CloudError> {
        let answer = self.ec2.describe_vpcs().set_filters(Some(self.called(VPC))).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeVpcs", error).about_part())?;
        Ok(answer.vpcs.unwrap_or_default().into_iter().find_map(|vpc| vpc.vpc_id))
    }

    async fn make_vpc(&self, plan: &Network, by: &OperationId) -> Result<String, CloudError> {
        let tags = self.named(ResourceType::Vpc, VPC, by, &[]);
        let sent = self.ec2.create_vpc().cidr_block(&plan.cidr).tag_specifications(tags).send().await;
        let answer = sent.map_err(|error| fault::of("ec2:CreateVpc", error).about_part())?;
        answer.vpc.and_then(|vpc| vpc.vpc_id).ok_or_else(|| silent("VPC"))
    }

    /// Without that nodes never join. EC2 takes one attribute at a time.
    async fn let_names_resolve(&self, vpc: &str) -> Result<(), CloudError> {
        let on = AttributeBooleanValue::builder().value(true).build();
        let change = self.ec2.modify_vpc_attribute().vpc_id(vpc);
        for change in [change.clone().enable_dns_support(on.clone()), change.enable_dns_hostnames(on)] {
            let sent = change.send().await;
            sent.map_err(|error| fault::of("ec2:ModifyVpcAttribute", error).about_part())?;
        }
        Ok(())
    }

    async fn ensure_subnet(
        &self,
        vpc: &str,
        (kind, zone): (&str, &str),
        cidr: &str,
        by: &OperationId,
    ) -> Result<String, CloudError> {
        let name = subnet_name(kind, zone);
        let answer = self.ec2.describe_subnets().set_filters(Some(self.called(&name))).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeSubnets", error).about_part())?;
        if let Some(id) = answer.subnets.unwrap_or_default().into_iter().find_map(|one| one.subnet_id) {
            return Ok(id);
        }
        let role = if kind == PUBLIC { TAG_PUBLIC } else { TAG_INTERNAL };
        let tags = self.named(ResourceType::Subnet, &name, by, &[(role, "1")]);
        let call = self.ec2.create_subnet().vpc_id(vpc).availability_zone(zone).cidr_block(cidr);
        let sent = call.tag_specifications(tags).send().await;
        let answer = sent.map_err(|error| fault::of("ec2:CreateSubnet", error).about_part())?;
        answer.subnet.and_then(|one| one.subnet_id).ok_or_else(|| silent("subnet"))
    }

    /// What is launched there has a public address.
    async fn face_the_world(&self, subnet: &str) -> Result<(), CloudError> {
        let on = AttributeBooleanValue::builder().value(true).build();
        let call = self.ec2.modify_subnet_attribute().subnet_id(subnet).map_public_ip_on_launch(on);
        let sent = call.send().await;
        sent.map(drop).map_err(|error| fault::of("ec2:ModifySubnetAttribute", error).about_part())
    }

    /// Subnets of the cluster's own network in which nodes are put, by zone.
    pub(super) async fn own_subnets(&self) -> Result<Vec<String>, CloudError> {
        let answer = self.ec2.describe_subnets().set_filters(Some(self.all_its())).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeSubnets", error).about_part())?;
        let is_private =
            |one: &aws_sdk_ec2::types::Subnet| one.tags().iter().any(|tag| tag.key() == Some(TAG_INTERNAL));
        let mut found: Vec<_> = answer.subnets.unwrap_or_default().into_iter().filter(is_private).collect();
        found.sort_by(|one, other| one.availability_zone().cmp(&other.availability_zone()));
        Ok(found.into_iter().filter_map(|one| one.subnet_id).collect())
    }

    /// What finds everything of the network.
    fn all_its(&self) -> Vec<Filter> {
        [(TAG_MANAGED, "true"), (TAG_CLUSTER, self.cluster.as_str())]
            .map(|(key, value)| Filter::builder().name(format!("tag:{key}")).values(value).build())
            .to_vec()
    }
}

fn silent(what: &str) -> CloudError {
    CloudError::Failed(format!("EC2 does not tell the id of the {what} that it made"))
}
