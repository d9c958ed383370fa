//! One value with everything that a plan is computed from.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use plimsoll_domain::build::{self, Built};
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::commitments::Held;
use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::ids::{ClusterId, PlanId};
use plimsoll_domain::offer::Unavailable;
use plimsoll_domain::plan::Plan;
use plimsoll_domain::policy::{Policy, Preset};
use plimsoll_domain::rightsize::{self, Recommendation};
use plimsoll_domain::snapshot::{Content, Snapshot};
use plimsoll_domain::store::{ClusterRecord, Mode, StoredCatalog, StoredSnapshot};
use plimsoll_domain::usage::ClusterUsage;
use plimsoll_domain::world::CloudError;

use super::{PlanOrder, bundle};
use crate::{Engine, Error, tasks};

/// What a plan is computed from.
pub struct Input {
    /// The cluster.
    pub cluster: ClusterRecord,
    /// Id of the plan to be.
    pub plan_id: PlanId,
    /// When the request arrived.
    pub time: Timestamp,
    /// The cluster as seen.
    pub snapshot: StoredSnapshot,
    /// Prices.
    pub catalog: StoredCatalog,
    /// Policy in force.
    pub policy: Policy,
    /// Usage, if any was pushed.
    pub usage: Option<ClusterUsage>,
    /// Seed.
    pub seed: u64,
    /// The plan that this one takes the place of.
    pub parent: Option<PlanId>,
    /// What a person should know of the input.
    pub findings: Vec<Finding>,
    /// Commitments of a LIVE cluster's account.
    pub commitments: Vec<Held>,
}

/// Longest wait for commitments. A guess: some calls that are answered within a second each.
const COMMITMENTS_MAX: Duration = Duration::from_secs(15);

impl Engine {
    pub(super) async fn gather(&self, order: &PlanOrder) -> Result<Input, Error> {
        let cluster = self.store.cluster(&order.cluster).await?;
        let snapshot = self.store.snapshot(&order.cluster, order.snapshot.as_ref()).await?;
        let catalog = self.catalog_or_newest(order.catalog.as_ref(), &cluster.region).await?;
        let mut policy = match &order.policy {
            Some(policy) => policy.clone(),
            None => self.store.policy(&order.cluster).await?.policy,
        };
        if policy.freeze {
            return Err(Error::Frozen(order.cluster.to_string()));
        }
        let usage = self.usage(&order.cluster).await?;
        let time = self.clock.now();
        let plan_id = match &order.plan_id {
            Some(id) => id.clone(),
            None => crate::imports::fresh_id("p", time)?,
        };
        let mut findings = self.deny_refused(&cluster, &mut policy).await?;
        findings.extend(tasks::catalog::age(&cluster, &catalog, time));
        let commitments = self.commitments(&cluster).await.unwrap_or_else(|unknown| {
            findings.push(unknown);
            Vec::new()
        });
        let (seed, parent) = (order.seed, order.parent.clone());
        Ok(Input {
            cluster,
            plan_id,
            time,
            snapshot,
            catalog,
            policy,
            usage,
            seed,
            parent,
            findings,
            commitments,
        })
    }

    /// What a LIVE cluster's account pays whatever runs; what to say where that is not told, or not in time.
    async fn commitments(&self, cluster: &ClusterRecord) -> Result<Vec<Held>, Finding> {
        let Some(world) = self.world_of(cluster).ok().filter(|_| cluster.mode == Mode::Live) else {
            return Ok(Vec::new());
        };
        let late =
            |_| Err(CloudError::Failed(format!("nothing was told within {} s", COMMITMENTS_MAX.as_secs())));
        let told = tokio::time::timeout(COMMITMENTS_MAX, world.prices.commitments(&cluster.id)).await;
        told.unwrap_or_else(late).map_err(|why| {
            let message =
                format!("whether the account has commitments that the plan leaves idle is not known: {why}");
            Finding::new(Severity::Info, "COMMITMENTS_UNKNOWN", "account", message)
        })
    }

    /// Has a policy deny what the cloud refused to sell a while ago, and says so.
    async fn deny_refused(
        &self,
        cluster: &ClusterRecord,
        policy: &mut Policy,
    ) -> Result<Vec<Finding>, Error> {
        let Ok(world) = self.world_of(cluster) else { return Ok(Vec::new()) };
        let refused = self.store.unavailable(&cluster.id, world.clock.now()).await?;
        let mut findings = Vec::new();
        for Unavailable { offer, until } in refused {
            let message =
                format!("the cloud had none of it a while ago: nothing of it is bought before {until}");
            let subject = format!("offering/{offer}");
            findings.push(Finding::new(Severity::Warning, "OFFERING_UNAVAILABLE", subject, message));
            if !policy.offerings_deny.contains(&offer) {
                policy.offerings_deny.push(offer);
            }
        }
        Ok(findings)
    }
}

/// A stored plan with what it was computed from.
#[derive(Clone)]
pub struct Stored {
    /// The plan.
    pub plan: Plan,
    snapshot: StoredSnapshot,
    catalog: StoredCatalog,
}

impl Stored {
    /// What the plan was computed from.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot.snapshot
    }

    /// The prices it was computed with.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog.catalog
    }

    /// Makes the plan's problem again.
    ///
    /// # Errors
    /// [`Error::Internal`] if another version of this program made the plan and builds problems otherwise.
    pub fn rebuild(&self) -> Result<Built, Error> {
        let Self { plan, snapshot, catalog } = self;
        let content = with_requests(&snapshot.snapshot.content, &plan.applied_requests);
        let built = build(&content, catalog, &plan.policy)?;
        if plimsoll_verify::digest(&bundle::problem(&built.problem)) != plan.problem_digest {
            let message = format!("the problem of plan {} cannot be made again by this version", plan.id);
            return Err(Error::Internal(message));
        }
        Ok(built)
    }
}

impl Engine {
    /// Reads a plan and everything that makes its problem.
    pub(crate) async fn stored(&self, cluster: &ClusterId, id: &PlanId) -> Result<Stored, Error> {
        let plan = self.store.plan(cluster, id).await?;
        let snapshot = self.store.snapshot(cluster, Some(&plan.snapshot)).await?;
        let catalog = self.catalog(&plan.catalog).await?;
        Ok(Stored { plan, snapshot, catalog })
    }
}

/// The policy that a snapshot is planned under: ready instances and traces bring their own preset.
pub fn policy_for(content: &Content, policy: &Policy) -> Policy {
    match content {
        Content::Cluster(_) => policy.clone(),
        Content::Ready(instance) if instance.preset == Preset::None => {
            Policy { preset: Preset::None, ..policy.clone() }
        }
        Content::Ready(_) => policy.clone(),
    }
}

/// The cluster with recommended requests in place of its own: what is planned for, and judged.
pub fn with_requests<'a>(content: &'a Content, requests: &[Recommendation]) -> Cow<'a, Content> {
    match content {
        Content::Cluster(state) if !requests.is_empty() => {
            let mut state = state.clone();
            rightsize::apply(&mut state, requests);
            Cow::Owned(Content::Cluster(state))
        }
        as_it_is => Cow::Borrowed(as_it_is),
    }
}

/// Builds the problem.
pub fn build(content: &Content, catalog: &StoredCatalog, policy: &Policy) -> Result<Built, Error> {
    check_region(content, catalog, policy)?;
    let built = match content {
        Content::Ready(instance) => build::ready(instance, &catalog.catalog, policy),
        Content::Cluster(state) => build::build(state, &catalog.catalog, policy),
    };
    built.map_err(refused)
}

/// Refuses prices of another region than the nodes': zones are named after their region.
fn check_region(content: &Content, catalog: &StoredCatalog, policy: &Policy) -> Result<(), Error> {
    let Content::Cluster(state) = content else { return Ok(()) };
    let region = &catalog.catalog.region;
    let zones = state.nodes.iter().map(|node| &node.zone).chain(&policy.zones);
    match zones.into_iter().find(|zone| !zone.is_empty() && !zone.starts_with(region.as_str())) {
        None => Ok(()),
        Some(zone) => Err(Error::InvalidArgument {
            field: "catalog",
            message: format!(
                "zone {zone} is not in {region}, whose prices catalog {} has: register the cluster with its own region, \
                 and import prices of it",
                catalog.id
            ),
        }),
    }
}

fn refused(error: build::BuildError) -> Error {
    let invalid = |field, message| Error::InvalidArgument { field, message };
    match error {
        build::BuildError::Infeasible(refusals) => Error::Infeasible(refusals),
        build::BuildError::NoPods => invalid("snapshot", error.to_string()),
        build::BuildError::Unsound(why) => invalid("snapshot", why.to_string()),
        build::BuildError::NoZones => invalid("policy.zones", error.to_string()),
        build::BuildError::Policy { .. } => invalid("policy", error.to_string()),
    }
}
