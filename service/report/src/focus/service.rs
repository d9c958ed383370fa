//! What FOCUS calls the things that are charged for.

use plimsoll_domain::ledger::Item;

/// A service, in FOCUS's closed lists of categories, and what of it is used.
pub struct Service {
    pub category: &'static str,
    pub subcategory: &'static str,
    pub name: &'static str,
    pub resource: &'static str,
}

const fn service(
    category: &'static str,
    subcategory: &'static str,
    name: &'static str,
    resource: &'static str,
) -> Service {
    Service { category, subcategory, name, resource }
}

const EKS: &str = "Amazon Elastic Kubernetes Service";
const EC2: &str = "Amazon Elastic Compute Cloud";
const VPC: &str = "Amazon Virtual Private Cloud";
const EBS: &str = "Amazon Elastic Block Store";

/// The service of an item.
pub fn of(item: Item) -> Service {
    match item {
        Item::ControlPlane | Item::ExtendedSupport => service("Compute", "Containers", EKS, "EKS Cluster"),
        Item::Instance => service("Compute", "Virtual Machines", EC2, "EC2 Instance"),
        Item::RootVolume | Item::Volume => service("Storage", "Block Storage", EBS, "EBS Volume"),
        Item::LoadBalancer => {
            service("Networking", "Application Networking", "Elastic Load Balancing", "Load Balancer")
        }
        Item::PublicIpv4 => service("Networking", "Network Infrastructure", VPC, "Public IPv4 Address"),
        Item::NatGateway => service("Networking", "Network Infrastructure", VPC, "NAT Gateway"),
        Item::Fargate => service("Compute", "Serverless Compute", "AWS Fargate", "Fargate Pod"),
    }
}

/// Regions and their names. Source: "Regions and Endpoints" of the AWS General Reference.
const REGIONS: [(&str, &str); 14] = [
    ("ap-northeast-1", "Asia Pacific (Tokyo)"),
    ("ap-south-1", "Asia Pacific (Mumbai)"),
    ("ap-southeast-1", "Asia Pacific (Singapore)"),
    ("ap-southeast-2", "Asia Pacific (Sydney)"),
    ("ca-central-1", "Canada (Central)"),
    ("eu-central-1", "Europe (Frankfurt)"),
    ("eu-north-1", "Europe (Stockholm)"),
    ("eu-west-1", "Europe (Ireland)"),
    ("eu-west-2", "Europe (London)"),
    ("eu-west-3", "Europe (Paris)"),
    ("sa-east-1", "South America (Sao Paulo)"),
    ("us-east-1", "US East (N. Virginia)"),
    ("us-east-2", "US East (Ohio)"),
    ("us-west-2", "US West (Oregon)"),
];

/// Name of a region; its id if the name is not known.
pub fn region_name(id: &str) -> &str {
    REGIONS.iter().find(|(region, _)| *region == id).map_or(id, |(_, name)| name)
}
