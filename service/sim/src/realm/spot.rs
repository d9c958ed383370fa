//! Spot machines: taken back when others want their pool, two minutes after the cloud's word.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::world::{self, Notice};

use crate::common::{Common, Event};
use crate::manners::{NOTICE_SECONDS, REPLACE_SECONDS};
use crate::market::{Market, Pool};
use crate::tally::Cause;

use super::Realm;

/// The cloud's word that it takes a machine back.
const NOTICE: SignedDuration = SignedDuration::from_secs(NOTICE_SECONDS);

impl Realm {
    /// Waits for the next squeeze of a pool in which a machine runs.
    pub(super) fn watch(&mut self, pool: Pool, common: &mut Common) {
        if !common.market.is_squeezed() || !self.watched.insert(pool.clone()) {
            return;
        }
        let (span, number) = match common.market.next_squeeze(&pool, common.now) {
            Ok(squeeze) => (squeeze.time.duration_since(common.now), Some(squeeze.number)),
            Err(span) => (span, None),
        };
        common.after(span, &self.id, Event::Squeeze { pool, number });
    }

    /// A pool is squeezed.
    pub(super) fn squeezed(&mut self, pool: &Pool, number: Option<u64>, common: &mut Common) {
        self.watched.remove(pool);
        let here = self.spot_machines(pool);
        if here.is_empty() {
            return;
        }
        for id in here {
            if number.is_some_and(|number| common.market.is_hit(number, &id)) {
                self.give_notice(&id, common);
            }
        }
        self.watch(pool.clone(), common);
    }

    /// Spot machines of a pool that run and have no notice, those launched first first.
    fn spot_machines(&self, pool: &Pool) -> Vec<String> {
        let here = self.machines.iter().filter(|(_, machine)| {
            let free = !machine.stopping && machine.reclaim_time.is_none();
            free && machine.kind == CapacityKind::Spot && machine.pool() == *pool
        });
        let ids: BTreeSet<(u64, &String)> = here.map(|(id, machine)| (machine.serial, id)).collect();
        ids.into_iter().map(|(_, id)| id.clone()).collect()
    }

    /// The cloud says at once that it takes so many machines of a pool back; none: all.
    pub fn take_back(&mut self, pool: &Pool, count: Option<u32>, common: &mut Common) {
        let most = count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
        for id in self.spot_machines(pool).into_iter().take(most) {
            self.give_notice(&id, common);
        }
    }

    /// The cloud says that it will take a machine back.
    fn give_notice(&mut self, provider_id: &str, common: &mut Common) {
        let Some(machine) = self.machines.get_mut(provider_id) else { return };
        machine.reclaim_time = common.now.checked_add(NOTICE).ok();
        common.note(&self.id, format_args!("{provider_id}: will be taken back in two minutes"));
        common.after(NOTICE, &self.id, Event::Reclaim { provider_id: provider_id.to_owned() });
    }

    /// Machines whose notice was given and that still run, those that go first first.
    pub fn notices(&self) -> Vec<Notice> {
        let running = self.machines.iter().filter(|(_, machine)| !machine.stopping);
        let mut notices: Vec<Notice> = running
            .filter_map(|(id, machine)| {
                let (provider_id, reclaim_time) = (id.clone(), machine.reclaim_time?);
                Some(Notice { provider_id, reclaim_time, cause: world::Cause::Reclaim })
            })
            .collect();
        notices.sort_by(|a, b| (a.reclaim_time, &a.provider_id).cmp(&(b.reclaim_time, &b.provider_id)));
        notices
    }

    /// A machine whose notice was given is taken back, if it still runs.
    pub(super) fn reclaimed(&mut self, provider_id: &str, common: &mut Common) {
        let Some(machine) = self.machines.get(provider_id).filter(|machine| !machine.stopping) else {
            return;
        };
        let group = machine.group.clone();
        common.note(&self.id, format_args!("{provider_id}: taken back"));
        self.terminate(provider_id, Cause::Reclaim, common);
        self.replace(&group, common);
    }

    /// A group launches what it misses once it sees that it does.
    pub(super) fn replace(&mut self, group: &str, common: &mut Common) {
        self.try_again(group, REPLACE_SECONDS, common);
    }

    /// The cluster is gone with its machines.
    pub fn vanish(self, market: &mut Market) {
        for machine in self.machines.values().filter(|machine| !machine.stopping) {
            market.give_back(machine.pool(), machine.kind);
        }
    }
}
