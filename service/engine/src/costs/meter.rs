//! The meter: looks at a cluster, writes down what was seen, and settles the hours that it bears on.
//!
//! An hour's rows are made from what is in the ledger and nothing else, so that they can be made again. The hours that a
//! look bears on are those since the look before, and the launch hour of a machine that turns out to be free.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::{
    GAP_SECONDS_MAX, HourInput, Inventory, Ledger, Observation, Span, SplitMethod, Used, observe, settle,
};
use plimsoll_domain::policy::Policy;
use plimsoll_domain::store::{ClusterRecord, Duty};
use plimsoll_domain::world::{MachineLife, PodUse, SpotChange, World};
use tracing::warn;

use crate::{Engine, Error};

/// An hour.
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// How far a first look, and one after a long outage, reaches back: the cloud forgets machines an hour after their end.
const REACH: SignedDuration = SignedDuration::from_hours(1);
/// How long a process may account for a cluster before another may: as long as a look may take.
const TURN: SignedDuration = SignedDuration::from_mins(10);
/// Hours that one look settles at most: a week's outage. What is older keeps what was written.
const HOURS_SETTLED_MAX: i32 = 7 * 24;
/// A look that is late by half is no gap: the one before it, and the world's calls, take their time.
const LATE: (i64, i64) = (3, 2);
/// How long after its end a day may still be settled again: whoever was away for that long begins anew.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_hours(6);
/// How long what was seen is kept: savings are replayed over four weeks.
const SEEN_KEPT: SignedDuration = SignedDuration::from_hours(40 * 24);

impl Engine {
    /// Looks at a cluster and settles what that bears on; returns how many hours were written. `interval` is how often
    /// this is called, in the cluster's time. Nothing is done while another process does it.
    ///
    /// # Errors
    /// [`Error::NoLedger`], [`Error::NotActuator`] for a cluster that nothing reaches, [`Error::World`]; of the ledger any.
    pub async fn meter_costs(&self, cluster: &ClusterId, interval: SignedDuration) -> Result<usize, Error> {
        let now = self.clock.now();
        let until = now.saturating_add(TURN).unwrap_or(Timestamp::MAX);
        let holder = self.keeper.holder();
        let Some(lease) = self.store.take_lease(cluster, Duty::Costs, holder, now, until).await? else {
            return Ok(0);
        };
        let written = self.look_and_settle(cluster, interval).await;
        if let Err(why) = self.store.release_lease(&lease).await {
            warn!(%cluster, %why, "the lease of the meter runs out by itself");
        }
        written
    }

    async fn look_and_settle(&self, cluster: &ClusterId, interval: SignedDuration) -> Result<usize, Error> {
        let ledger = self.ledger()?;
        let record = self.store.cluster(cluster).await?;
        let world = self.world_of(&record)?;
        let policy = self.store.policy(cluster).await?.policy;
        let now = world.clock.now();
        let before = ledger.observations(cluster, Span { start: now, end: now }).await?.pop();
        let since = before.as_ref().map_or(earlier(now, REACH), |seen| seen.time);
        let seen = look(&world, &record, &policy, now, since).await?;
        ledger.observe(cluster, &seen).await?;

        let catalog = self.catalog_or_newest(None, &record.region).await?.catalog;
        // A look that died after it was written down has left its hours to this one.
        let week = Span { start: earlier(now, REACH * HOURS_SETTLED_MAX), end: now };
        let settled = ledger.hours(cluster, week).await?.pop();
        let from = settled.map_or(since, |hour| since.min(hour));
        let before = before.map(|seen| seen.lives).unwrap_or_default();
        let mut written = 0;
        for hour in hours_touched(&seen, &before, from) {
            let known = Known::of(ledger.as_ref(), cluster, hour, interval, now).await?;
            let rows = settle(&HourInput {
                hour,
                until: now,
                lives: &known.lives,
                spot: &known.spot,
                catalog: &catalog,
                discount_ratio: policy.discount_ratio,
                method: SplitMethod::default(),
                observations: &known.observations,
                interval_seconds: interval.as_secs().saturating_mul(LATE.0) / LATE.1,
                inventory: &known.inventory,
            });
            ledger.put_hour(cluster, hour, &rows).await?;
            written += 1;
        }
        if day_of(since) != day_of(now) {
            ledger.compact(cluster, earlier(now, SETTLED_AFTER), earlier(now, SEEN_KEPT)).await?;
        }
        Ok(written)
    }
}

/// Looks at a cluster: its pods, what it has, and what the cloud billed since a moment.
async fn look(
    world: &World,
    record: &ClusterRecord,
    policy: &Policy,
    now: Timestamp,
    since: Timestamp,
) -> Result<Observation, Error> {
    let cluster = &record.id;
    let state = world.cluster.state(cluster).await.map_err(|error| Error::World(error.to_string()))?;
    let lives = world.cloud.lives(cluster, since).await.map_err(|error| Error::World(error.to_string()))?;
    let spot = world.prices.spot_changes(cluster, since).await;
    let used = used(world, cluster).await;
    let inventory = Inventory::of(&state, policy, &record.kubernetes_version);
    Ok(Observation {
        lives,
        spot: spot.map_err(|error| Error::World(error.to_string()))?,
        inventory,
        ..observe(&state, policy, now, &used)
    })
}

/// What pods use, by `namespace/name`. A cluster without metrics is billed by requests.
async fn used(world: &World, cluster: &ClusterId) -> BTreeMap<String, Used> {
    let uses = world.metrics.usage(cluster).await.unwrap_or_else(|why| {
        warn!(%cluster, %why, "what pods use is not known: costs follow what they ask for");
        Vec::new()
    });
    let used = |of: &PodUse| Used { cpu_milli: Some(of.cpu_milli), memory_bytes: Some(of.memory_bytes) };
    uses.iter().map(|of| (format!("{}/{}", of.namespace, of.name), used(of))).collect()
}

/// Hours whose rows a look may change, ascending.
fn hours_touched(seen: &Observation, before: &[MachineLife], since: Timestamp) -> BTreeSet<Timestamp> {
    let mut hours: BTreeSet<Timestamp> = BTreeSet::new();
    let mut hour = hour_of(seen.time);
    while hour_of(since) <= hour && hours.len() < HOURS_SETTLED_MAX as usize {
        hours.insert(hour);
        hour = earlier(hour, HOUR);
    }
    // A spot machine that is taken back within an hour of its launch costs nothing, from the launch on.
    let free = |life: &&MachineLife| {
        life.end.is_some_and(|end| end.reclaimed && end.time.duration_since(life.launch_time) < HOUR)
    };
    hours.extend(seen.lives.iter().chain(before).filter(free).map(|life| hour_of(life.launch_time)));
    hours
}

/// What the ledger knows about an hour.
#[derive(Default)]
struct Known {
    observations: Vec<Observation>,
    lives: Vec<MachineLife>,
    spot: Vec<SpotChange>,
    inventory: Inventory,
}

impl Known {
    /// What was seen in an hour until `now`, the last before it, and the first looks after it, which tell how it ended: one
    /// at least, however late it came, for it tells of all that ran since the look before.
    async fn of(
        ledger: &dyn Ledger,
        cluster: &ClusterId,
        hour: Timestamp,
        interval: SignedDuration,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let after = interval.max(SignedDuration::from_secs(GAP_SECONDS_MAX));
        let hour_end = hour.checked_add(HOUR).unwrap_or(Timestamp::MAX);
        let end = hour_end.checked_add(after).unwrap_or(Timestamp::MAX);
        let until = now.checked_add(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MAX);
        let mut observations = ledger.observations(cluster, Span { start: hour, end: until }).await?;
        // That a machine was taken back, and so is free, may be known long after the hour of its launch.
        let told = observations.iter().flat_map(|seen| &seen.lives);
        let lives: BTreeMap<String, MachineLife> =
            told.map(|life| (life.provider_id.clone(), life.clone())).collect();
        let late = observations.iter().position(|seen| end <= seen.time);
        observations.truncate(late.map_or(observations.len(), |late| late + 1));
        let (mut spot, mut balancers) = (BTreeMap::new(), BTreeMap::new());
        let mut inventory = Inventory::default();
        for seen in &observations {
            for change in &seen.spot {
                let key = (change.instance_type.clone(), change.zone.clone(), change.time);
                spot.insert(key, change.clone());
            }
            // The room of nodes that are gone by now matters, too.
            let mut rooms = std::mem::take(&mut inventory.rooms);
            rooms.extend(seen.inventory.rooms.clone());
            if seen.time < hour_end || inventory == Inventory::default() {
                inventory = seen.inventory.clone();
            }
            inventory.rooms = rooms;
            if (hour..hour_end).contains(&seen.time) {
                for used in &seen.inventory.balancers {
                    balancers.insert(used.id.clone(), used.clone());
                }
            }
        }
        // Of a load balancer a part of an hour is billed as a whole one.
        for used in &inventory.balancers {
            balancers.insert(used.id.clone(), used.clone());
        }
        inventory.balancers = balancers.into_values().collect();
        Ok(Self {
            observations,
            lives: lives.into_values().collect(),
            spot: spot.into_values().collect(),
            inventory,
        })
    }
}

/// The start of a moment's hour.
pub(super) fn hour_of(time: Timestamp) -> Timestamp {
    let second = time.as_second();
    Timestamp::from_second(second - second.rem_euclid(HOUR.as_secs())).unwrap_or(Timestamp::MIN)
}

fn day_of(time: Timestamp) -> i64 {
    time.as_second().div_euclid(24 * HOUR.as_secs())
}

fn earlier(time: Timestamp, span: SignedDuration) -> Timestamp {
    time.checked_sub(span).unwrap_or(Timestamp::MIN)
}
