//! Making a cluster: what was asked for is judged as a whole before the first call, then made part by part.

mod check;

use std::sync::Arc;

use plimsoll_domain::catalog::{Catalog, InstanceType};
use plimsoll_domain::estate::{ADD_ONS_BEFORE_NODES, Access, ClusterPlan, GroupVersion, Part};
use plimsoll_domain::operation::{Kind, Step, StepRecord};
use plimsoll_domain::policy::{Actuator, Policy};
use plimsoll_domain::store::{ClusterRecord, Mode, RequestKey, StoreError, Write};

pub(super) use check::minor;

use super::estate::Proposal;
use super::quotas;
use super::upgrade::ours;
use crate::{Engine, Error, Registration};

/// The policy of EKS that our own role gets in a cluster that we make.
const OUR_ACCESS: &str = "AmazonEKSClusterAdminPolicy";

/// Which cluster to make.
#[derive(Clone, Debug)]
pub struct CreateOrder {
    /// Who asks, and under which request id.
    pub write: Write,
    /// How it will be known; its mode is LIVE, and its policy lets us change it.
    pub registration: Registration,
    /// What it is to be.
    pub plan: ClusterPlan,
    /// Only say what would be done.
    pub dry: bool,
}

impl Engine {
    /// Registers a cluster and begins to make it, and returns at once. The same request again returns the operation as it
    /// is; another for a cluster that is registered, LIVE, goes on where the first one ended: what is there and is ours is
    /// taken as it is, and is not taken back.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] names the field that cannot be; [`Error::Unready`] if quotas of the account forbid it;
    /// [`Error::NotActuator`] where nothing reaches AWS, or where others made a cluster of that name; of the store, `Exists` and `Busy`.
    pub async fn create_cluster(&self, order: CreateOrder) -> Result<Proposal, Error> {
        let CreateOrder { write, registration, mut plan, dry } = order;
        if let Some(earlier) = self.earlier_proposal(&write).await? {
            return Ok(earlier);
        }
        if !registration.role_arn.is_empty() {
            let ours = Access { principal_arn: registration.role_arn.clone(), policy: OUR_ACCESS.to_owned() };
            if !plan.access.contains(&ours) {
                plan.access.insert(0, ours);
            }
        }
        check::whole(&plan)?;
        check::role_names(&plan, &registration)?;
        let record = self.to_be_made(&registration, &write).await?;
        let (world, estate) = self.estate_of(&record)?;
        let subnets = match check::own_subnets(&plan) {
            Some(own) => own,
            None => {
                let there = estate.subnets(&plan.plane.subnets).await;
                there.map_err(|error| Error::World(error.to_string()))?
            }
        };
        check::room(&plan, &subnets)?;
        // What is there already is not taken back.
        let survey = estate.survey(&record.id, None).await;
        let survey = survey.map_err(|error| Error::World(error.to_string()))?;
        if survey.plane.is_some() {
            // Whoever made it keeps it: not even its name is taken down.
            ours(&survey, &record.id)?;
        }
        let there = survey.groups;
        if let Some(theirs) = there.iter().find(|group| !group.is_ours && plan.has_group(&group.name)) {
            return Err(Error::Unready(format!("others made a node group {} in it", theirs.name)));
        }
        let steps = steps(&plan, &there);
        let wishes = quotas::of_steps(&steps, None, &Catalog::builtin());
        quotas::expect_room(estate.as_ref(), &wishes).await?;
        let operation = self.drafted(&write, &record, &world, Kind::CreateCluster, steps)?;
        if dry {
            return Ok(Proposal { operation, leftovers: Vec::new() });
        }
        self.make_known(&write, &record).await?;
        let operation = self.begin(write, operation, world).await?;
        Ok(Proposal { operation, leftovers: Vec::new() })
    }

    /// The record of a cluster that is not there yet: as it is registered, or as it will be.
    async fn to_be_made(&self, wish: &Registration, write: &Write) -> Result<ClusterRecord, Error> {
        let fresh = ClusterRecord {
            id: wish.id.clone(),
            mode: Mode::Live,
            region: wish.region.clone(),
            aws_account_id: wish.aws_account_id.clone(),
            role_arn: wish.role_arn.clone(),
            kubernetes_version: String::new(),
            generation: 0,
            etag: String::new(),
            create_time: write.time,
        };
        match self.store.cluster(&wish.id).await {
            Err(StoreError::NotFound(_)) => Ok(fresh),
            Ok(there)
                if there.mode == Mode::Live
                    && there.region == fresh.region
                    && there.role_arn == fresh.role_arn =>
            {
                let policy = self.store.policy(&there.id).await?.policy;
                self.world_to_change(&there, &policy)?;
                Ok(there)
            }
            Ok(there) => Err(StoreError::Exists(there.id.name()).into()),
            Err(why) => Err(why.into()),
        }
    }

    async fn make_known(&self, write: &Write, record: &ClusterRecord) -> Result<(), Error> {
        let request =
            RequestKey { id: String::new(), method: "RegisterCluster".into(), body_digest: String::new() };
        let policy = Policy { actuator: Actuator::Plimsoll, ..Policy::default() };
        let write = Write { request, ..write.clone() };
        match self.store.create_cluster(&write, record, &policy).await {
            Ok(_) | Err(StoreError::Exists(_)) => Ok(()),
            Err(why) => Err(why.into()),
        }
    }
}

/// All types with GPUs of NVIDIA, if there is one among a cluster's first: the next groups may have others.
fn gpu_types(plan: &ClusterPlan) -> Option<Vec<String>> {
    let catalog = Catalog::builtin();
    let has_gpus = |known: &Arc<InstanceType>| {
        known.has_gpus() && known.accelerator.as_ref().is_some_and(|one| one.nvidia)
    };
    let mut first = plan.groups.iter().flat_map(|group| &group.spec.instance_types);
    let is_needed = first.any(|name| catalog.types.get(name).is_some_and(has_gpus));
    let all = || catalog.types.values().filter(|known| has_gpus(known)).map(|known| known.name.clone());
    is_needed.then(|| all().collect())
}

/// Who may enter comes before nodes, so that we see them join; what nodes need comes before them, what needs nodes after.
/// Groups that are there are brought to their size, and stay if anything fails.
fn steps(plan: &ClusterPlan, there: &[GroupVersion]) -> Vec<StepRecord> {
    let needs_nodes = |name: &str| !ADD_ONS_BEFORE_NODES.contains(&name);
    let (old, new): (Vec<_>, Vec<_>) =
        plan.groups.iter().partition(|group| there.iter().any(|one| one.name == group.spec.name));
    let add_ons = |after: bool| {
        let its = plan.add_ons.iter().filter(move |add_on| needs_nodes(&add_on.name) == after);
        its.map(|add_on| Step::Ensure { part: Part::AddOn(add_on.clone()) })
    };
    let network = plan.network.iter().map(|network| Part::Network(network.clone()));
    let roles = plan.plane.role_arn.is_empty().then_some(Part::Roles);
    let before = network.chain(roles).chain([Part::ControlPlane(plan.plane.clone())]);
    let mut steps: Vec<Step> = before.map(|part| Step::Ensure { part }).collect();
    steps.extend(plan.access.iter().map(|access| Step::Ensure { part: Part::Access(access.clone()) }));
    steps.extend(add_ons(false));
    steps.extend(new.iter().map(|group| Step::EnsureGroup { spec: group.spec.clone() }));
    steps.extend(new.iter().map(|group| Step::Grow {
        group: group.spec.name.clone(),
        from: 0,
        to: group.count,
    }));
    // What has grown beyond the file since is left as it is.
    steps.extend(old.iter().map(|group| Step::Refill {
        group: group.spec.name.clone(),
        to: group.count,
        may_have_more: true,
    }));
    if !new.is_empty() {
        let groups = new.iter().map(|group| group.spec.name.clone()).collect();
        steps.push(Step::Open { groups, nodes: Vec::new() });
    }
    // It pulls an image from outside: what fails there is no reason to take a cluster back.
    steps.extend(gpu_types(plan).map(|types| Step::Ensure { part: Part::DevicePlugin(types) }));
    steps.extend(add_ons(true));
    steps.extend((!new.is_empty()).then(|| Step::Verify {
        sizes: new.iter().map(|group| (group.spec.name.clone(), group.count)).collect(),
    }));
    steps.into_iter().map(StepRecord::new).collect()
}
