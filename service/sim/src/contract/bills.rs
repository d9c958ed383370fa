//! Promises of [`plimsoll_domain::world::Cloud`] and [`plimsoll_domain::world::Prices`] about what is billed.

use std::collections::BTreeMap;

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound as Round, Unit};
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::world::{MachineLife, SpotChange};

use super::{Kept, Visit, expect, expect_same};

/// From the cloud's word to the end of a machine, at most.
const NOTICE: SignedDuration = SignedDuration::from_mins(2);

impl Visit<'_> {
    /// With two machines of the group running.
    pub(super) async fn lives_run(&self) -> Kept {
        let now = self.world.clock.now();
        // A cloud may tell launches to the second.
        let began = self.began.round(Round::new().smallest(Unit::Second).mode(RoundMode::Trunc));
        let began = began.map_err(|error| error.to_string())?;
        let lives = self.lives(self.began).await?;
        let ids: Vec<&String> = lives.iter().map(|life| &life.provider_id).collect();
        expect(ids.is_sorted_by(|a, b| a < b), || format!("not by provider id: {ids:?}"))?;
        for instance in self.its_status().await?.instances {
            let life = lives.iter().find(|life| life.provider_id == instance.provider_id);
            let life = life.ok_or_else(|| format!("{} has no life", instance.provider_id))?;
            let spec = &self.ground.spec;
            expect_same("group, zone", &(&life.group, &life.zone), &(&spec.name, &spec.zone))?;
            expect_same("type", &(&life.instance_type, life.kind), &(&instance.instance_type, spec.kind))?;
            expect_same("end", &life.end, &None)?;
            let launched = began <= life.launch_time && life.launch_time <= now;
            expect(launched, || format!("launched at {}, it is {now}", life.launch_time))?;
        }
        let later = self.lives(now).await?;
        let running = |lives: &[MachineLife]| lives.iter().filter(|life| life.end.is_none()).count();
        expect_same("running, whenever asked since", &running(&later), &running(&lives))
    }

    /// With all machines of the group terminated.
    pub(super) async fn lives_end(&self) -> Kept {
        let now = self.world.clock.now();
        let its = |lives: Vec<MachineLife>| {
            let its = lives.into_iter().filter(|life| life.group == self.ground.spec.name);
            its.collect::<Vec<_>>()
        };
        let lives = its(self.lives(self.began).await?);
        expect_same("machines that ran", &lives.len(), &2)?;
        for life in &lives {
            let end = life.end.ok_or_else(|| format!("{} runs for ever", life.provider_id))?;
            let in_order = life.launch_time < end.time && end.time <= now;
            expect(in_order && !end.reclaimed, || format!("{life:?}, it is {now}"))?;
        }
        let last = lives.iter().filter_map(|life| life.end).map(|end| end.time).max().unwrap_or(now);
        let after = last.checked_add(SignedDuration::from_nanos(1)).map_err(|error| error.to_string())?;
        expect_same("since their end", &its(self.lives(after).await?), &Vec::new())
    }

    pub(super) async fn notices_are_of_what_runs(&self) -> Kept {
        let (now, lives) = (self.world.clock.now(), self.lives(self.began).await?);
        for notice in self.notices().await? {
            let runs = |life: &&MachineLife| life.provider_id == notice.provider_id && life.end.is_none();
            expect(lives.iter().any(|life| runs(&life)), || format!("{} does not run", notice.provider_id))?;
            let left = notice.reclaim_time.duration_since(now);
            expect(left <= NOTICE, || format!("{left} before the end of {}", notice.provider_id))?;
        }
        Ok(())
    }

    pub(super) async fn prices_step(&self) -> Kept {
        let (since, lives) = (self.began, self.lives(self.began).await?);
        let (early, late) = (self.prices(since).await?, self.prices(since).await?);
        let now = self.world.clock.now();
        let (before, pools) = (by_pool(&early), by_pool(&late));
        for (pool, changes) in &before {
            let same = pools.get(pool).is_some_and(|later| later.starts_with(changes));
            expect(same, || format!("{pool:?}: asked again, {changes:?} was not so"))?;
        }
        for ((instance_type, zone), changes) in &pools {
            let ran = |life: &MachineLife| life.instance_type == **instance_type && life.zone == **zone;
            expect(lives.iter().any(ran), || format!("{instance_type} did not run in {zone}"))?;
            expect_same("first", &changes[0].time, &since)?;
            let steps = changes.is_sorted_by(|a, b| a.time < b.time && a.rate != b.rate);
            let over = changes.iter().all(|change| change.time <= now && 0 < change.rate.nano_usd());
            expect(steps && over, || format!("no step function until {now}: {changes:?}"))?;
        }
        let its = lives.iter().filter(|life| life.group == self.ground.spec.name);
        for life in its.filter(|life| life.kind == plimsoll_domain::fleet::CapacityKind::Spot) {
            let has = pools.contains_key(&(&life.instance_type, &life.zone));
            expect(has, || format!("no price of {} in {}", life.instance_type, life.zone))?;
        }
        Ok(())
    }

    pub(super) async fn quotes_are_whole(&self) -> Kept {
        let (spec, before) = (&self.ground.spec, self.world.clock.now());
        let quotes = self.world.prices.quotes(&self.ground.cluster).await;
        let quotes = quotes.map_err(|error| format!("quotes: {error}"))?;
        let asked = before <= quotes.time && quotes.time <= self.world.clock.now();
        expect(asked, || format!("as of {}, asked at {before}", quotes.time))?;
        let foreign = quotes.zones.values().flatten().find(|zone| !zone.starts_with(&quotes.region));
        expect_same("zones of other regions", &foreign, &None)?;
        for name in &spec.instance_types {
            let facts = quotes.types.get(name).ok_or_else(|| format!("no facts of {name}"))?;
            expect(&facts.name == name && 0 < facts.vcpu && 0 < facts.memory_mib, || format!("{facts:?}"))?;
            let zones = quotes.zones.get(name);
            let sold = zones.is_some_and(|zones| zones.contains(&spec.zone));
            expect(sold, || format!("{name} is sold in {zones:?}, not in {}", spec.zone))?;
            let rate = quotes.on_demand.get(name).copied().unwrap_or_default();
            let spot = quotes.spot.get(name).and_then(|zones| zones.get(&spec.zone)).copied();
            let in_order = spot.is_none_or(|spot| 0 < spot.nano_usd() && spot <= rate);
            expect(0 < rate.nano_usd() && in_order, || format!("{name}: {rate}, spot {spot:?}"))?;
        }
        let next = Catalog::builtin().quoted(quotes);
        expect(next.is_ok(), || format!("{:?}", next.err()))
    }

    pub(super) async fn lives(&self, since: Timestamp) -> Result<Vec<MachineLife>, String> {
        let lives = self.world.cloud.lives(&self.ground.cluster, since).await;
        lives.map_err(|error| format!("lives: {error}"))
    }

    async fn prices(&self, since: Timestamp) -> Result<Vec<SpotChange>, String> {
        let changes = self.world.prices.spot_changes(&self.ground.cluster, since).await;
        changes.map_err(|error| format!("spot_changes: {error}"))
    }
}

/// Changes of each type and zone.
fn by_pool(changes: &[SpotChange]) -> BTreeMap<(&String, &String), Vec<&SpotChange>> {
    let mut pools: BTreeMap<_, Vec<&SpotChange>> = BTreeMap::new();
    for change in changes {
        pools.entry((&change.instance_type, &change.zone)).or_default().push(change);
    }
    pools
}
