//! Volumes of a zone: attached to one node at a time, and let go of only after their pod is gone.

use plimsoll_domain::workload::{Pod, Volume, VolumeReach};

use crate::common::{Common, Event};
use crate::manners::{VOLUME_ATTACH_SECONDS, VOLUME_DETACH_SECONDS, VOLUME_FORCE_SECONDS};

use super::Realm;
use super::pod::Phase;

/// Where a volume is attached.
pub(super) struct Attachment {
    pub node: String,
    driver: String,
    /// Whether its pod is gone, and it is being detached.
    leaving: bool,
    serial: u64,
}

/// The volumes of a pod that are attached to nodes.
fn zonal(pod: &Pod) -> impl Iterator<Item = &Volume> {
    pod.volumes.iter().filter(|volume| matches!(volume.reach, VolumeReach::Terms(_)))
}

impl Realm {
    /// A pod that was seen on a node has its volumes there.
    pub(super) fn adopt_volumes(&mut self, pod: &Pod) {
        let Some(node) = &pod.node else { return };
        for volume in zonal(pod) {
            self.put(volume, node);
        }
    }

    /// Starts a pod on its node, unless one of its volumes is still attached to another: then it starts once that is not.
    pub(super) fn start(&mut self, key: &str, common: &mut Common) {
        let Some((pod, node)) =
            self.pods.get(key).and_then(|life| Some((life.pod.clone(), life.pod.node.clone()?)))
        else {
            return;
        };
        let elsewhere =
            |volume: &Volume| self.volumes.get(&volume.claim).is_some_and(|found| found.node != node);
        let waits = zonal(&pod).any(elsewhere);
        self.pods.entry(key.to_owned()).and_modify(|life| life.attaching = waits);
        if waits {
            common.note(&self.id, format_args!("pod {key}: waits for a volume"));
            return;
        }
        let comes = zonal(&pod).any(|volume| !self.volumes.contains_key(&volume.claim));
        for volume in zonal(&pod) {
            self.put(volume, &node);
        }
        self.begin(key, comes.then_some(VOLUME_ATTACH_SECONDS), common);
    }

    fn put(&mut self, volume: &Volume, node: &str) {
        let serial = self.next_serial();
        let (node, driver) = (node.to_owned(), volume.driver.clone());
        let attachment = Attachment { node, driver, leaving: false, serial };
        self.volumes.insert(volume.claim.clone(), attachment);
    }

    /// A pod is gone from its node: what nobody else uses there is detached.
    pub(super) fn release(&mut self, pod: &Pod, common: &mut Common) {
        for volume in zonal(pod) {
            let users = self.pods.values().filter(|life| life.pod.node == pod.node);
            let used = users.flat_map(|life| &life.pod.volumes).any(|other| other.claim == volume.claim);
            let here = |found: &&mut Attachment| Some(&found.node) == pod.node.as_ref() && !used;
            let Some(attachment) = self.volumes.get_mut(&volume.claim).filter(here) else { continue };
            attachment.leaving = true;
            let range = match common.faults.holds_volume(&volume.claim) {
                true => VOLUME_FORCE_SECONDS,
                false => VOLUME_DETACH_SECONDS,
            };
            let event = Event::VolumeFree { claim: volume.claim.clone(), serial: attachment.serial };
            common.after(self.dice.seconds(range), &self.id, event);
        }
    }

    /// A node is gone with pods on it: their volumes are detached by force.
    pub(super) fn strand(&mut self, node: &str, common: &mut Common) {
        let there = self.volumes.iter_mut().filter(|(_, found)| found.node == node && !found.leaving);
        for (claim, attachment) in there {
            attachment.leaving = true;
            common.note(&self.id, format_args!("volume {claim}: will be detached by force"));
            let event = Event::VolumeFree { claim: claim.clone(), serial: attachment.serial };
            common.after(self.dice.seconds(VOLUME_FORCE_SECONDS), &self.id, event);
        }
    }

    /// A volume is detached; a pod that waits for it may start.
    pub(super) fn volume_free(&mut self, claim: &str, serial: u64, common: &mut Common) {
        let is_it = |found: &&Attachment| found.serial == serial && found.leaving;
        if self.volumes.get(claim).filter(is_it).is_none() {
            return;
        }
        self.volumes.remove(claim);
        common.note(&self.id, format_args!("volume {claim}: detached"));
        self.unsettled = true;
        let waits = self.pods.iter().filter(|(_, life)| life.attaching && life.phase == Phase::Starting);
        let waits = waits.filter(|(_, life)| life.pod.volumes.iter().any(|volume| volume.claim == claim));
        let waits: Vec<String> = waits.map(|(key, _)| key.clone()).collect();
        for key in waits {
            self.start(&key, common);
        }
    }

    /// Claims of the volumes that are being detached from a node.
    pub(super) fn detaching(&self, node: &str) -> impl Iterator<Item = (&String, &String)> {
        let there = self.volumes.iter().filter(move |(_, found)| found.node == node && found.leaving);
        there.map(|(claim, found)| (claim, &found.driver))
    }
}
