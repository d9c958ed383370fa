//! The network goes in the order in which its parts let go of one another.

use aws_sdk_ec2::types::{Filter, NatGatewayState, Tag};
use plimsoll_domain::estate::Standing;
use plimsoll_domain::ids::OperationId;
use plimsoll_domain::world::CloudError;

use super::super::{TAG_OPERATION, on_the_way};
use super::VPC;
use crate::aws::Aws;
use crate::aws::fault::{self, Fault};

/// Whether something went, or was gone; or what holds it still.
fn went<T>(sent: Result<T, Fault>) -> Result<Option<Standing>, CloudError> {
    match sent {
        Ok(_) => Ok(None),
        Err(fault) if fault.is_gone() => Ok(None),
        // Interfaces of load balancers and of machines that went go a while later.
        Err(fault) if fault.code == "DependencyViolation" || fault.code == "AuthFailure" => {
            Ok(Some(Standing::OnTheWay(fault.to_string())))
        }
        Err(fault) => Err(fault.about_part()),
    }
}

fn made_by(tags: &[Tag], by: Option<&OperationId>) -> bool {
    by.is_none_or(|by| {
        tags.iter().any(|tag| tag.key() == Some(TAG_OPERATION) && tag.value() == Some(by.as_str()))
    })
}

macro_rules! go {
    ($sent:expr) => {
        if let Some(held) = went($sent)? {
            return Ok(held);
        }
    };
}

impl Aws {
    /// Removes all that carries the cluster's tags. A network that another operation made stays as a whole.
    pub(in super::super) async fn network_gone(
        &self,
        by: Option<&OperationId>,
    ) -> Result<Standing, CloudError> {
        let answer = self.ec2.describe_vpcs().set_filters(Some(self.called(VPC))).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeVpcs", error).about_part())?;
        let Some(vpc) = answer.vpcs.unwrap_or_default().into_iter().next() else {
            return self.addresses_gone().await;
        };
        if !made_by(vpc.tags(), by) {
            return Ok(Standing::Reached);
        }
        let vpc = vpc.vpc_id.unwrap_or_default();
        if let waits @ Standing::OnTheWay(_) = self.nats_gone().await? {
            return Ok(waits);
        }
        if let waits @ Standing::OnTheWay(_) = self.addresses_gone().await? {
            return Ok(waits);
        }
        if let waits @ Standing::OnTheWay(_) = self.gateways_gone(&vpc).await? {
            return Ok(waits);
        }
        if let waits @ Standing::OnTheWay(_) = self.subnets_and_tables_gone().await? {
            return Ok(waits);
        }
        let sent = self.ec2.delete_vpc().vpc_id(&vpc).send().await;
        go!(sent.map_err(|error| fault::of("ec2:DeleteVpc", error)));
        // A call whose answer was lost may have made another.
        on_the_way("EC2 removes the network")
    }

    async fn nats_gone(&self) -> Result<Standing, CloudError> {
        let answer = self.ec2.describe_nat_gateways().set_filter(Some(self.all_its())).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeNatGateways", error).about_part())?;
        let there = answer.nat_gateways.unwrap_or_default();
        let living: Vec<_> =
            there.iter().filter(|one| one.state() != Some(&NatGatewayState::Deleted)).collect();
        for one in living.iter().filter(|one| one.state() != Some(&NatGatewayState::Deleting)) {
            let id = one.nat_gateway_id().unwrap_or_default();
            let sent = self.ec2.delete_nat_gateway().nat_gateway_id(id).send().await;
            go!(sent.map_err(|error| fault::of("ec2:DeleteNatGateway", error)));
        }
        match living.len() {
            0 => Ok(Standing::Reached),
            count => on_the_way(format!("EC2 removes {count} NAT gateways")),
        }
    }

    async fn addresses_gone(&self) -> Result<Standing, CloudError> {
        let answer = self.ec2.describe_addresses().set_filters(Some(self.all_its())).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeAddresses", error).about_part())?;
        for id in answer.addresses.unwrap_or_default().into_iter().filter_map(|one| one.allocation_id) {
            let sent = self.ec2.release_address().allocation_id(id).send().await;
            go!(sent.map_err(|error| fault::of("ec2:ReleaseAddress", error)));
        }
        Ok(Standing::Reached)
    }

    async fn gateways_gone(&self, vpc: &str) -> Result<Standing, CloudError> {
        let answer = self.ec2.describe_internet_gateways().set_filters(Some(self.all_its())).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeInternetGateways", error).about_part())?;
        for one in answer.internet_gateways.unwrap_or_default() {
            let id = one.internet_gateway_id().unwrap_or_default();
            if !one.attachments().is_empty() {
                let call = self.ec2.detach_internet_gateway().internet_gateway_id(id).vpc_id(vpc);
                go!(call.send().await.map_err(|error| fault::of("ec2:DetachInternetGateway", error)));
            }
            let sent = self.ec2.delete_internet_gateway().internet_gateway_id(id).send().await;
            go!(sent.map_err(|error| fault::of("ec2:DeleteInternetGateway", error)));
        }
        Ok(Standing::Reached)
    }

    /// A table goes when no subnet uses it.
    async fn subnets_and_tables_gone(&self) -> Result<Standing, CloudError> {
        let answer = self.ec2.describe_subnets().set_filters(Some(self.all_its())).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeSubnets", error).about_part())?;
        for id in answer.subnets.unwrap_or_default().into_iter().filter_map(|one| one.subnet_id) {
            let sent = self.ec2.delete_subnet().subnet_id(id).send().await;
            go!(sent.map_err(|error| fault::of("ec2:DeleteSubnet", error)));
        }
        let filters: Vec<Filter> = self.all_its();
        let answer = self.ec2.describe_route_tables().set_filters(Some(filters)).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeRouteTables", error).about_part())?;
        for id in answer.route_tables.unwrap_or_default().into_iter().filter_map(|one| one.route_table_id) {
            let sent = self.ec2.delete_route_table().route_table_id(id).send().await;
            go!(sent.map_err(|error| fault::of("ec2:DeleteRouteTable", error)));
        }
        Ok(Standing::Reached)
    }
}
