//! What goes wrong at its time: machines are taken back or break, nothing can be had, a budget is stuck.

use jiff::SignedDuration;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::rehearsal::{Mishap, Trouble};

use crate::common::{Common, Event};
use crate::fault::Fault;
use crate::manners::NOTICE_SECONDS;

use super::Realm;

impl Realm {
    /// Lets something go wrong at its time.
    pub fn expect_mishap(&mut self, mishap: &Mishap, common: &mut Common) {
        let begin = mishap.begin.duration_since(common.now);
        common.after(begin, &self.id, Event::Begin { trouble: mishap.trouble.clone() });
        if let Some(end) = mishap.end {
            let trouble = mishap.trouble.clone();
            common.after(end.duration_since(common.now), &self.id, Event::End { trouble });
        }
    }

    pub(super) fn begin(&mut self, trouble: &Trouble, common: &mut Common) {
        common.note(&self.id, format_args!("begins: {trouble:?}"));
        faults(trouble).iter().for_each(|fault| common.faults.add(fault));
        match trouble {
            Trouble::SpotReclaim { instance_type, zone } => {
                for provider_id in self.spot_machines(instance_type, zone) {
                    let event = Event::Reclaim { provider_id };
                    common.after(SignedDuration::from_secs(NOTICE_SECONDS), &self.id, event);
                }
            }
            Trouble::NodeLoss { node } => {
                if let Some(provider_id) = self.homes.get(node).cloned() {
                    self.lose(&provider_id, false, common);
                }
            }
            Trouble::NoCapacity { .. } | Trouble::StuckBudget { .. } => {}
        }
    }

    pub(super) fn end(&mut self, trouble: &Trouble, common: &mut Common) {
        common.note(&self.id, format_args!("ends: {trouble:?}"));
        faults(trouble).iter().for_each(|fault| common.faults.lift(fault));
    }

    /// Ends a machine that nobody terminated: its group is as large as before, and launches another.
    pub(super) fn lose(&mut self, provider_id: &str, reclaimed: bool, common: &mut Common) {
        let Some(machine) = self.machines.get(provider_id).filter(|machine| !machine.stopping) else {
            return;
        };
        let group = machine.group.clone();
        common.note(&self.id, format_args!("machine {provider_id}: lost, taken back: {reclaimed}"));
        self.terminate(provider_id, reclaimed, common);
        self.replace_lost(&group, common);
    }

    fn spot_machines(&self, instance_type: &str, zone: &str) -> Vec<String> {
        let its = self.machines.iter().filter(|(_, machine)| {
            !machine.stopping
                && machine.kind == CapacityKind::Spot
                && machine.instance_type == instance_type
                && machine.zone == zone
        });
        its.map(|(id, _)| id.clone()).collect()
    }
}

/// What is scripted while it lasts.
fn faults(trouble: &Trouble) -> Vec<Fault> {
    let shortage = |instance_type: &str, zone: &str, kind| Fault::NoCapacity {
        instance_type: instance_type.to_owned(),
        zone: zone.to_owned(),
        kind,
        times: None,
    };
    match trouble {
        Trouble::NoCapacity { instance_type, zone } => [CapacityKind::OnDemand, CapacityKind::Spot]
            .map(|kind| shortage(instance_type, zone, kind))
            .into(),
        Trouble::SpotReclaim { instance_type, zone } => {
            vec![shortage(instance_type, zone, CapacityKind::Spot)]
        }
        Trouble::StuckBudget { budget } => vec![Fault::StuckBudget { budget: budget.clone() }],
        Trouble::NodeLoss { .. } => Vec::new(),
    }
}
