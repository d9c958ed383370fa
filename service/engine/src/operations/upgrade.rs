//! Bringing a cluster to the next version: everything that speaks against it is said before anything is done.

use plimsoll_domain::estate::{ADDRESSES_UPGRADE_MIN, AddOn, Part, PlaneStatus, Subnet, Survey};
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::operation::{Kind, Step, StepRecord};
use plimsoll_domain::store::Write;

use super::create::minor;
use super::estate::Proposal;
use crate::{Engine, Error};

/// Which cluster to bring to which version.
#[derive(Clone, Debug)]
pub struct UpgradeOrder {
    /// Who asks, and under which request id.
    pub write: Write,
    /// The cluster.
    pub cluster: ClusterId,
    /// Kubernetes version that it is to have: the next one.
    pub version: String,
    /// Only say what would be done.
    pub dry: bool,
}

impl Engine {
    /// Begins to bring a cluster to the next version, and returns at once: control plane, then add-ons, then the machines of
    /// our node groups. From the first step on it only goes forward. The same request again returns the operation as it is.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for another version than the next; [`Error::Unready`] with all that speaks against it;
    /// [`Error::NotActuator`], [`Error::Frozen`]; of the store, `Busy`.
    pub async fn upgrade_cluster(&self, order: UpgradeOrder) -> Result<Proposal, Error> {
        let UpgradeOrder { write, cluster, version, dry } = order;
        if let Some(earlier) = self.earlier_proposal(&write).await? {
            return Ok(earlier);
        }
        let record = self.store.cluster(&cluster).await?;
        let policy = self.store.policy(&cluster).await?.policy;
        self.world_to_change(&record, &policy)?;
        let (world, estate) = self.estate_of(&record)?;
        let outside = |error: plimsoll_domain::world::CloudError| Error::World(error.to_string());
        let survey = estate.survey(&cluster, Some(&version)).await.map_err(outside)?;
        let plane = ours(&survey, &cluster)?;
        next(&plane.version, &version)?;
        let subnets = estate.subnets(&plane.subnets).await.map_err(outside)?;
        let against = against(plane, &survey, &subnets, &version);
        if !against.is_empty() {
            return Err(Error::Unready(against.join("; ")));
        }
        let kind = Kind::UpgradeCluster { from: plane.version.clone(), to: version.clone() };
        let operation = self.drafted(&write, &record, &world, kind, steps(&survey, &version))?;
        let operation = if dry { operation } else { self.begin(write, operation, world).await? };
        Ok(Proposal { operation, leftovers: Vec::new() })
    }
}

/// A control plane that we made, and may change.
pub(super) fn ours<'a>(survey: &'a Survey, cluster: &ClusterId) -> Result<&'a PlaneStatus, Error> {
    let not = |why| Error::NotActuator { cluster: cluster.to_string(), why };
    match &survey.plane {
        None => Err(not("EKS has no cluster of this name")),
        Some(plane) if !plane.is_ours => Err(not("others made it: it has no tag plimsoll:managed")),
        Some(plane) => Ok(plane),
    }
}

fn next(from: &str, to: &str) -> Result<(), Error> {
    let wrong = |message: String| Err(Error::InvalidArgument { field: "kubernetes_version", message });
    match (minor(from), minor(to)) {
        (Some(from), Some(to)) if to == from + 1 => Ok(()),
        (Some(now), Some(_)) => {
            wrong(format!("the cluster has {from}: EKS goes one version at a time, to 1.{}", now + 1))
        }
        _ => wrong(format!("{to:?} is no version such as 1.34")),
    }
}

fn against(plane: &PlaneStatus, survey: &Survey, subnets: &[Subnet], version: &str) -> Vec<String> {
    let mut against = survey.blockers.clone();
    if plane.status != "ACTIVE" {
        against.push(format!("the control plane is {}", plane.status));
    }
    for add_on in survey.add_ons.iter().filter(|add_on| add_on.is_ours && !add_on.is_offered) {
        against.push(format!("add-on {} has no version for {version}", add_on.name));
    }
    for group in &survey.groups {
        if !group.is_active {
            against.push(format!("node group {} is being changed", group.name));
        }
        if group.is_ours && group.version != plane.version {
            let (name, its, now) = (&group.name, &group.version, &plane.version);
            against.push(format!("node group {name} runs {its}, and has to run {now} first"));
        }
    }
    for subnet in subnets.iter().filter(|subnet| subnet.free < ADDRESSES_UPGRADE_MIN) {
        let (id, free) = (&subnet.id, subnet.free);
        against.push(format!("{id} has {free} free addresses, and {ADDRESSES_UPGRADE_MIN} are needed"));
    }
    against
}

/// Add-ons and groups of others keep their version: whoever made them upgrades them.
fn steps(survey: &Survey, version: &str) -> Vec<StepRecord> {
    let mut steps = vec![Step::Upgrade { part: Part::Version(version.to_owned()) }];
    let add_on = |name: &String| Part::AddOn(AddOn { name: name.clone(), role_arn: String::new() });
    let add_ons = survey.add_ons.iter().filter(|add_on| add_on.is_ours);
    steps.extend(add_ons.map(|one| Step::Upgrade { part: add_on(&one.name) }));
    let ours = survey.groups.iter().filter(|group| group.is_ours);
    steps.extend(ours.map(|group| Step::Upgrade { part: Part::Machines(group.name.clone()) }));
    steps.into_iter().map(StepRecord::new).collect()
}
