//! Removing a cluster: what would outlive it and go on being billed is found and priced first.

use std::sync::Arc;

use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::estate::{ControlPlane, Network, Part, Survey};
use plimsoll_domain::fleet::Node;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::{tariffs, volumes};
use plimsoll_domain::operation::{Kind, Step, StepRecord};
use plimsoll_domain::priced::LoadBalancerKind;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::store::Write;

use super::estate::{Leftover, Proposal};
use super::upgrade::ours;
use crate::{Engine, Error};

/// Names that are told of a longer list.
const NAMED_MAX: usize = 5;

/// Which cluster to remove.
#[derive(Clone, Debug)]
pub struct DeleteOrder {
    /// Who asks, and under which request id.
    pub write: Write,
    /// The cluster.
    pub cluster: ClusterId,
    /// Leave load balancers and volumes behind: they are billed until somebody removes them.
    pub leave_behind: bool,
    /// Only say what would be done.
    pub dry: bool,
}

impl Engine {
    /// Begins to remove a cluster that we made, and returns at once: its node groups, its control plane, what EKS leaves of
    /// network interfaces, roles and network if they were made for it. Its past stays known: it is OFFLINE from then on. The same request again returns the operation as
    /// it is.
    ///
    /// # Errors
    /// [`Error::Unready`] if node groups of others are in it, or Fargate profiles, or if load balancers, volumes or machines
    /// would be left behind and that was not asked for; [`Error::NotActuator`], [`Error::Frozen`]; of the store, `Busy`.
    pub async fn delete_cluster(&self, order: DeleteOrder) -> Result<Proposal, Error> {
        let DeleteOrder { write, cluster, leave_behind, dry } = order;
        if let Some(earlier) = self.earlier_proposal(&write).await? {
            return Ok(earlier);
        }
        let record = self.store.cluster(&cluster).await?;
        let policy = self.store.policy(&cluster).await?.policy;
        self.world_to_change(&record, &policy)?;
        let (world, estate) = self.estate_of(&record)?;
        let survey = estate.survey(&cluster, None).await;
        let survey = survey.map_err(|error| Error::World(error.to_string()))?;
        ours(&survey, &cluster)?;
        let foreign: Vec<&str> =
            survey.groups.iter().filter(|group| !group.is_ours).map(|group| group.name.as_str()).collect();
        if !foreign.is_empty() {
            return Err(Error::Unready(format!(
                "others made node groups in it: remove {} first",
                few(&foreign)
            )));
        }
        if !survey.fargate_profiles.is_empty() {
            let names: Vec<&str> = survey.fargate_profiles.iter().map(String::as_str).collect();
            return Err(Error::Unready(format!("it has Fargate profiles: remove {} first", few(&names))));
        }
        let mut leftovers = match self.state_now(&record).await {
            Ok(state) => {
                let catalog = self.newest_catalog(&record.region).await?;
                let catalog = catalog.map_or_else(Catalog::builtin, |newest| Arc::new(newest.catalog));
                let strangers = strangers(&state, &survey, &catalog);
                strangers.into_iter().chain(outliving(&state)).collect()
            }
            // Nobody can look into it: whoever leaves things behind has said so.
            Err(_) if leave_behind => vec![unseen()],
            Err(why) => return Err(why),
        };
        // Load balancers hold the network that they are in.
        let keeps_network = leave_behind && leftovers.iter().any(|left| left.holds_network);
        if keeps_network {
            let what = "network of its own, if it has one".to_owned();
            leftovers.push(Leftover { what, nano_usd_per_hour: 0, holds_network: true });
        }
        if !leftovers.is_empty() && !leave_behind && !dry {
            let names: Vec<&str> = leftovers.iter().map(|left| left.what.as_str()).collect();
            let (count, some) = (names.len(), few(&names));
            return Err(Error::Unready(format!(
                "{count} things would be left behind and billed: {some}; delete their Services, claims and nodes first, or leave them behind"
            )));
        }
        let operation =
            self.drafted(&write, &record, &world, Kind::DeleteCluster, steps(&survey, keeps_network))?;
        let operation = if dry { operation } else { self.begin(write, operation, world).await? };
        Ok(Proposal { operation, leftovers })
    }
}

/// Machines that no node group of EKS has, Karpenter's and those of Auto Scaling groups that somebody keeps, at list prices.
fn strangers(state: &ClusterState, survey: &Survey, catalog: &Catalog) -> Vec<Leftover> {
    let is_known = |node: &&Node| survey.groups.iter().any(|group| group.name == node.group);
    let strangers = state.nodes.iter().filter(|node| !is_known(node));
    let leftover = |node: &Node| {
        let price = catalog.price(&node.instance_type, &node.zone, node.kind).unwrap_or_default();
        let what = format!("machine of node {}, of no node group of EKS", node.name);
        Leftover { what, nano_usd_per_hour: price.nano_usd(), holds_network: true }
    };
    strangers.map(leftover).collect()
}

/// Load balancers and volumes of a cluster, with what they cost at list prices, traffic left out.
fn outliving(state: &ClusterState) -> Vec<Leftover> {
    let balancers = state.load_balancers.iter().map(|one| {
        let price = match one.kind {
            LoadBalancerKind::Application => &tariffs::ALB,
            LoadBalancerKind::Network => &tariffs::NLB,
            LoadBalancerKind::Classic => &tariffs::CLB,
        };
        let what = format!("load balancer of {}/{}", one.namespace, one.name);
        Leftover { what, nano_usd_per_hour: price.nano_usd, holds_network: true }
    });
    let volumes = state.volumes.iter().map(|volume| {
        let id = if volume.volume_id.is_empty() { &volume.name } else { &volume.volume_id };
        let nano_usd_per_hour = volumes::per_hour(volume);
        Leftover { what: format!("volume {id}"), nano_usd_per_hour, holds_network: false }
    });
    balancers.chain(volumes).collect()
}

/// What a cluster that cannot be looked into may leave.
fn unseen() -> Leftover {
    let what = "load balancers and volumes that nobody could look for".to_owned();
    Leftover { what, nano_usd_per_hour: 0, holds_network: true }
}

fn few(names: &[&str]) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    let tail = if more == 0 { String::new() } else { format!(" and {more} more") };
    names[..names.len().min(NAMED_MAX)].join(", ") + &tail
}

fn steps(survey: &Survey, keeps_network: bool) -> Vec<StepRecord> {
    let groups = survey.groups.iter().map(|group| Part::Group(group.name.clone()));
    let plane = Part::ControlPlane(ControlPlane::default());
    let network = (!keeps_network).then(|| Part::Network(Network::default()));
    let parts = groups.chain([plane, Part::Leftovers, Part::Roles]).chain(network);
    parts.map(|part| StepRecord::new(Step::Dismantle { part })).collect()
}
