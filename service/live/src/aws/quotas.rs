//! Quotas of an account in a region, from Service Quotas, and what is taken of each, from the services themselves.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, Instance, InstanceLifecycleType};
use aws_sdk_servicequotas::types::ServiceQuota;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::quota::{Counted, Quota, Running, Things, count_vcpus};
use plimsoll_domain::world::{Cloud, CloudError};

use super::estate::TAG_CLUSTER;
use super::{Aws, fault};

/// Services whose quotas bear on a cluster.
const SERVICES: [&str; 3] = ["ec2", "eks", "vpc"];
/// Quotas that are told by their code, since their names say too little. Source: AWS General Reference, "Amazon EKS endpoints
/// and quotas", "Amazon VPC quotas".
const CODES: [(&str, Things); 5] = [
    ("L-1194D53C", Things::Clusters),
    ("L-6D54EA21", Things::Groups),
    ("L-BD136A63", Things::NodesOfGroup),
    ("L-F678F1CE", Things::Networks),
    ("L-0263D0A3", Things::Addresses),
];
/// The family letter of types that AWS calls High Memory, `u-6tb1` and `u7i`.
const HIGH_MEMORY: &str = "u";

impl Aws {
    /// Every quota that bears on clusters, with what is taken of it.
    pub(super) async fn account_quotas(&self) -> Result<Vec<Quota>, CloudError> {
        let (limits, running, clusters, groups, networks, addresses) = futures::try_join!(
            self.limits(),
            self.running(),
            self.other_clusters(),
            Cloud::groups(self, &self.cluster),
            self.other_networks(),
            self.other_addresses(),
        )?;
        let mut quotas: Vec<Quota> = limits.into_values().collect();
        count_vcpus(&mut quotas, &running);
        for quota in &mut quotas {
            let Counted::Things(things) = quota.counted else { continue };
            quota.used = match things {
                Things::Clusters => clusters,
                Things::Groups => number(groups.len()),
                Things::NodesOfGroup => 0,
                Things::Networks => networks,
                Things::Addresses => addresses,
            };
        }
        Ok(quotas)
    }

    /// Limits by code: what was granted to the account where that is told, and otherwise what every account has; of virtual
    /// CPUs, which differ from account to account, only what was told.
    async fn limits(&self) -> Result<BTreeMap<String, Quota>, CloudError> {
        let mut limits = BTreeMap::new();
        for service in SERVICES {
            let mut pages =
                self.quotas.list_aws_default_service_quotas().service_code(service).into_paginator().send();
            while let Some(page) = pages.next().await {
                let page =
                    page.map_err(|error| fault::of("servicequotas:ListAWSDefaultServiceQuotas", error))?;
                let all = page.quotas.unwrap_or_default().into_iter().filter_map(known);
                limits.extend(all.filter(|(_, quota)| !matches!(quota.counted, Counted::Vcpus { .. })));
            }
            let mut pages = self.quotas.list_service_quotas().service_code(service).into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| fault::of("servicequotas:ListServiceQuotas", error))?;
                limits.extend(page.quotas.unwrap_or_default().into_iter().filter_map(known));
            }
        }
        Ok(limits)
    }

    /// Virtual CPUs of all machines of the account that run or boot.
    async fn running(&self) -> Result<Running, CloudError> {
        let states = Filter::builder().name("instance-state-name").values("pending").values("running");
        let mut running = Running::new();
        let mut pages = self.ec2.describe_instances().filters(states.build()).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| fault::of("ec2:DescribeInstances", error))?;
            for one in page.reservations().iter().flat_map(|reservation| reservation.instances()) {
                if let Some((whose, vcpus)) = taken(one) {
                    let sum: &mut i64 = running.entry(whose).or_default();
                    *sum = sum.saturating_add(vcpus);
                }
            }
        }
        Ok(running)
    }

    /// Clusters beside this one.
    async fn other_clusters(&self) -> Result<i64, CloudError> {
        let mut count = 0;
        let mut pages = self.eks.list_clusters().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| fault::of("eks:ListClusters", error))?;
            count += page.clusters().iter().filter(|name| *name != self.cluster.as_str()).count();
        }
        Ok(number(count))
    }

    /// Networks beside the one of this cluster.
    async fn other_networks(&self) -> Result<i64, CloudError> {
        let mut count = 0;
        let mut pages = self.ec2.describe_vpcs().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| fault::of("ec2:DescribeVpcs", error))?;
            // What other accounts share is theirs.
            let own = page.vpcs().iter().filter(|vpc| vpc.owner_id().is_none_or(|owner| self.is_own(owner)));
            count += own.filter(|vpc| !self.is_of_this_cluster(vpc.tags())).count();
        }
        Ok(number(count))
    }

    /// Elastic IP addresses beside those of this cluster's network.
    async fn other_addresses(&self) -> Result<i64, CloudError> {
        let answer = self.ec2.describe_addresses().send().await;
        let answer = answer.map_err(|error| fault::of("ec2:DescribeAddresses", error))?;
        let others = answer.addresses().iter().filter(|one| !self.is_of_this_cluster(one.tags()));
        Ok(number(others.count()))
    }

    /// Whether an account is the one of the role that is assumed, as far as that is known.
    fn is_own(&self, account: &str) -> bool {
        self.account.role_arn.split(':').nth(4).is_none_or(|own| own.is_empty() || own == account)
    }

    fn is_of_this_cluster(&self, tags: &[aws_sdk_ec2::types::Tag]) -> bool {
        tags.iter().any(|tag| tag.key() == Some(TAG_CLUSTER) && tag.value() == Some(self.cluster.as_str()))
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What a machine takes of a quota.
fn taken(machine: &Instance) -> Option<((CapacityKind, String), i64)> {
    let cpu = machine.cpu_options()?;
    let vcpus = i64::from(cpu.core_count()?) * i64::from(cpu.threads_per_core()?);
    let kind = match machine.instance_lifecycle() {
        Some(InstanceLifecycleType::Spot) => CapacityKind::Spot,
        None => CapacityKind::OnDemand,
        // A block of capacity has been granted as a whole.
        Some(_) => return None,
    };
    Some(((kind, machine.instance_type()?.as_str().to_owned()), vcpus))
}

/// A quota that bears on clusters, by its code.
fn known(quota: ServiceQuota) -> Option<(String, Quota)> {
    let (code, name) = (quota.quota_code?, quota.quota_name.unwrap_or_default());
    let by_code = CODES.iter().find(|(known, _)| *known == code).map(|(_, things)| Counted::Things(*things));
    let counted = by_code.or_else(|| vcpus(&name))?;
    // Whole numbers; none is told as a fraction.
    let limit = quota.value.filter(|value| value.is_finite())?.floor() as i64;
    Some((code.clone(), Quota { name, code, counted, limit, used: 0 }))
}

/// What `Running On-Demand Standard (A, C, M) instances` and `All P4, P3 and P2 Spot Instance Requests` count.
fn vcpus(name: &str) -> Option<Counted> {
    let within = |start: &str, end: &str| name.strip_prefix(start)?.strip_suffix(end);
    let (kind, words) = match within("Running On-Demand ", " instances") {
        Some(words) => (CapacityKind::OnDemand, words),
        None => (CapacityKind::Spot, within("All ", " Spot Instance Requests")?),
    };
    let named = words.split_once('(').map_or(words, |(_, inside)| inside.trim_end_matches(')'));
    let families = match named {
        "High Memory" => vec![HIGH_MEMORY.to_owned()],
        _ => named
            .split([',', ' '])
            .filter(|word| !word.is_empty() && *word != "and")
            .map(str::to_ascii_lowercase)
            .collect(),
    };
    Some(Counted::Vcpus { kind, families })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, wanted: Option<(CapacityKind, &[&str])>) {
        let wanted = wanted.map(|(kind, families)| Counted::Vcpus {
            kind,
            families: families.iter().map(|name| (*name).to_owned()).collect(),
        });
        assert_eq!(vcpus(name), wanted, "{name}");
    }

    #[test]
    fn quotas_name_their_families() {
        let (demand, spot) = (CapacityKind::OnDemand, CapacityKind::Spot);
        check("Running On-Demand Standard (A, C, Z) instances", Some((demand, &["a", "c", "z"])));
        check("Running On-Demand G and VT instances", Some((demand, &["g", "vt"])));
        check("Running On-Demand High Memory instances", Some((demand, &["u"])));
        check("All P4, P3 and P2 Spot Instance Requests", Some((spot, &["p4", "p3", "p2"])));
        check("All Inf Spot Instance Requests", Some((spot, &["inf"])));
        check("Running Dedicated m5 Hosts", None);
        check("EC2-VPC Elastic IPs", None);
    }
}
