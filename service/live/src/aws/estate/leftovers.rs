//! What is left when a cluster is gone: network interfaces that its machines had.

use aws_sdk_ec2::types::Filter;
use plimsoll_domain::estate::{Standing, Subnet};
use plimsoll_domain::world::CloudError;

use super::on_the_way;
use crate::aws::{Aws, TAG_PUBLIC, fault};

/// Tag that the VPC CNI gives the interfaces which it attaches: their cluster. From its README, "Tagging ENIs".
const TAG_CNI_CLUSTER: &str = "cluster.k8s.amazonaws.com/name";

impl Aws {
    /// Only what nothing uses, and what carries the cluster's name.
    pub(super) async fn leftovers_gone(&self) -> Result<Standing, CloudError> {
        let its = Filter::builder().name(format!("tag:{TAG_CNI_CLUSTER}")).values(self.cluster.as_str());
        let free = Filter::builder().name("status").values("available").build();
        let call = self.ec2.describe_network_interfaces().filters(its.build()).filters(free);
        let mut pages = call.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(one) = pages.next().await {
            let one = one.map_err(|error| fault::of("ec2:DescribeNetworkInterfaces", error).about_part())?;
            found.extend(one.network_interface_id);
        }
        for id in &found {
            match self.ec2.delete_network_interface().network_interface_id(id).send().await {
                Ok(_) => {}
                Err(error) => match fault::of("ec2:DeleteNetworkInterface", error) {
                    fault if fault.is_gone() => {}
                    fault => return Err(fault.about_part()),
                },
            }
        }
        match found.len() {
            0 => Ok(Standing::Reached),
            count => on_the_way(format!("EC2 removes {count} network interfaces")),
        }
    }

    pub(super) async fn subnets_of(&self, ids: &[String]) -> Result<Vec<Subnet>, CloudError> {
        let its = Filter::builder().name("subnet-id").set_values(Some(ids.to_vec())).build();
        let answer = self.ec2.describe_subnets().filters(its).send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeSubnets", error).about_part())?;
        let subnet = |one: aws_sdk_ec2::types::Subnet| Subnet {
            is_public: one.tags().iter().any(|tag| tag.key() == Some(TAG_PUBLIC)),
            id: one.subnet_id.unwrap_or_default(),
            zone: one.availability_zone.unwrap_or_default(),
            cidr: one.cidr_block.unwrap_or_default(),
            free: one.available_ip_address_count.unwrap_or(0).try_into().unwrap_or(0),
        };
        let mut found: Vec<Subnet> = answer.subnets.unwrap_or_default().into_iter().map(subnet).collect();
        found.sort_by_key(|subnet| ids.iter().position(|id| *id == subnet.id));
        Ok(found)
    }
}
