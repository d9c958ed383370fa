//! Ways in and out: gateways, and tables of routes to them.

use aws_sdk_ec2::types::{DomainType, NatGatewayState, ResourceType, RouteTable};
use plimsoll_domain::ids::OperationId;
use plimsoll_domain::world::CloudError;

use super::silent;
use crate::aws::{Aws, fault};

/// Everywhere.
const ANYWHERE: &str = "0.0.0.0/0";
/// The gateway that all come in and answers go out by.
const GATEWAY: &str = "gateway";

/// Where a route to everywhere leads.
pub enum Way<'a> {
    /// An internet gateway.
    In(&'a str),
    /// A NAT gateway.
    Out(&'a str),
}

impl Aws {
    pub(super) async fn ensure_gateway(&self, vpc: &str, by: &OperationId) -> Result<String, CloudError> {
        let filters = self.called(GATEWAY);
        let answer = self.ec2.describe_internet_gateways().set_filters(Some(filters)).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeInternetGateways", error).about_part())?;
        let found = answer.internet_gateways.unwrap_or_default().into_iter().next();
        let is_attached = found.as_ref().is_some_and(|one| !one.attachments().is_empty());
        let id = match found.and_then(|one| one.internet_gateway_id) {
            Some(id) => id,
            None => {
                let tags = self.named(ResourceType::InternetGateway, GATEWAY, by, &[]);
                let sent = self.ec2.create_internet_gateway().tag_specifications(tags).send().await;
                let answer =
                    sent.map_err(|error| fault::of("ec2:CreateInternetGateway", error).about_part())?;
                let made = answer.internet_gateway.and_then(|one| one.internet_gateway_id);
                made.ok_or_else(|| silent("internet gateway"))?
            }
        };
        if !is_attached {
            let sent = self.ec2.attach_internet_gateway().internet_gateway_id(&id).vpc_id(vpc).send().await;
            match sent.map_err(|error| fault::of("ec2:AttachInternetGateway", error)) {
                Ok(_) => {}
                Err(fault) if fault.code == "Resource.AlreadyAssociated" => {}
                Err(fault) => return Err(fault.about_part()),
            }
        }
        Ok(id)
    }

    /// A NAT gateway in a zone, with an address of its own; none while it is being made.
    pub(super) async fn ensure_nat(
        &self,
        zone: &str,
        subnet: &str,
        by: &OperationId,
    ) -> Result<Option<String>, CloudError> {
        let name = format!("nat-{zone}");
        let answer = self.ec2.describe_nat_gateways().set_filter(Some(self.called(&name))).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeNatGateways", error).about_part())?;
        let gone = |state: Option<&NatGatewayState>| {
            matches!(state, Some(NatGatewayState::Deleted | NatGatewayState::Deleting))
        };
        let living = answer.nat_gateways.unwrap_or_default().into_iter().find(|one| !gone(one.state()));
        if let Some(there) = living {
            return match there.state() {
                Some(NatGatewayState::Available) => Ok(there.nat_gateway_id),
                Some(NatGatewayState::Failed) => {
                    let why = there.failure_message().unwrap_or("EC2 does not say why");
                    Err(CloudError::Refused(format!("the NAT gateway in {zone} cannot be made: {why}")))
                }
                _ => Ok(None),
            };
        }
        let address = self.ensure_address(&name, by).await?;
        let tags = self.named(ResourceType::Natgateway, &name, by, &[]);
        let call = self.ec2.create_nat_gateway().subnet_id(subnet).allocation_id(address);
        let sent = call.client_token(format!("{by}-{name}")).tag_specifications(tags).send().await;
        sent.map_err(|error| fault::of("ec2:CreateNatGateway", error).about_part())?;
        Ok(None)
    }

    async fn ensure_address(&self, name: &str, by: &OperationId) -> Result<String, CloudError> {
        let answer = self.ec2.describe_addresses().set_filters(Some(self.called(name))).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeAddresses", error).about_part())?;
        if let Some(id) = answer.addresses.unwrap_or_default().into_iter().find_map(|one| one.allocation_id) {
            return Ok(id);
        }
        let tags = self.named(ResourceType::ElasticIp, name, by, &[]);
        let sent = self.ec2.allocate_address().domain(DomainType::Vpc).tag_specifications(tags).send().await;
        let answer = sent.map_err(|error| fault::of("ec2:AllocateAddress", error).about_part())?;
        answer.allocation_id.ok_or_else(|| silent("address"))
    }

    async fn tables(&self, name: &str) -> Result<Vec<RouteTable>, CloudError> {
        let answer = self.ec2.describe_route_tables().set_filters(Some(self.called(name))).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeRouteTables", error).about_part())?;
        Ok(answer.route_tables.unwrap_or_default())
    }

    pub(super) async fn ensure_table(
        &self,
        vpc: &str,
        name: &str,
        by: &OperationId,
    ) -> Result<RouteTable, CloudError> {
        let name = format!("routes-{name}");
        if let Some(there) = self.tables(&name).await?.into_iter().next() {
            return Ok(there);
        }
        let tags = self.named(ResourceType::RouteTable, &name, by, &[]);
        let call = self.ec2.create_route_table().vpc_id(vpc).client_token(format!("{by}-{name}"));
        let sent = call.tag_specifications(tags).send().await;
        let answer = sent.map_err(|error| fault::of("ec2:CreateRouteTable", error).about_part())?;
        answer.route_table.ok_or_else(|| silent("route table"))
    }

    pub(super) async fn ensure_route(&self, table: &RouteTable, way: Way<'_>) -> Result<(), CloudError> {
        if table.routes().iter().any(|route| route.destination_cidr_block() == Some(ANYWHERE)) {
            return Ok(());
        }
        let call = self.ec2.create_route().destination_cidr_block(ANYWHERE);
        let call = call.route_table_id(table.route_table_id().unwrap_or_default());
        let sent = match way {
            Way::In(gateway) => call.gateway_id(gateway),
            Way::Out(nat) => call.nat_gateway_id(nat),
        };
        match sent.send().await.map_err(|error| fault::of("ec2:CreateRoute", error)) {
            Ok(_) => Ok(()),
            Err(fault) if fault.code == "RouteAlreadyExists" => Ok(()),
            Err(fault) => Err(fault.about_part()),
        }
    }

    pub(super) async fn ensure_association(
        &self,
        table: &RouteTable,
        subnet: &str,
    ) -> Result<(), CloudError> {
        if table.associations().iter().any(|one| one.subnet_id() == Some(subnet)) {
            return Ok(());
        }
        let call = self.ec2.associate_route_table().subnet_id(subnet);
        let sent = call.route_table_id(table.route_table_id().unwrap_or_default()).send().await;
        match sent.map_err(|error| fault::of("ec2:AssociateRouteTable", error)) {
            Ok(_) => Ok(()),
            Err(fault) if fault.code == "Resource.AlreadyAssociated" => Ok(()),
            Err(fault) => Err(fault.about_part()),
        }
    }
}
