//! How long things take and how much there may be: the manners of the cloud and of Kubernetes.

use std::ops::RangeInclusive;

/// A new node group from CREATING to ACTIVE. Observed in practice: EKS states no time.
pub(crate) const GROUP_CREATE_SECONDS: RangeInclusive<u32> = 120..=300;
/// A change of a node group's size, UPDATING. A guess: EKS answers Successful once the Auto Scaling group is told.
pub(crate) const GROUP_UPDATE_SECONDS: RangeInclusive<u32> = 20..=60;
/// An empty node group from DELETING to gone. A guess after practice.
pub(crate) const GROUP_DELETE_SECONDS: RangeInclusive<u32> = 60..=180;
/// From launching a machine to its Ready node. A guess after practice with Amazon Linux 2023 images.
pub(crate) const BOOT_SECONDS: RangeInclusive<u32> = 60..=120;
/// From terminating a machine to the end of its Node object. A guess: the cloud controller looks every few seconds.
pub(crate) const NODE_LEAVE_SECONDS: RangeInclusive<u32> = 30..=60;
/// Between tries of an Auto Scaling group to launch what is missing. A guess: AWS states none.
pub(crate) const LAUNCH_RETRY_SECONDS: RangeInclusive<u32> = 120..=300;
/// From the cloud's word that a spot machine will be taken back to its end. Source: EC2 user guide, Spot Instance
/// interruption notices.
pub(crate) const NOTICE_SECONDS: i64 = 120;
/// From the loss of a machine to its group's launching another. A guess: an Auto Scaling group looks every minute or so.
pub(crate) const REPLACE_SECONDS: RangeInclusive<u32> = 15..=75;
/// From the breaking of a machine to its group's giving it up. A guess: EC2's status checks look every minute, and a group
/// acts on what fails for minutes.
pub(crate) const BREAK_SECONDS: RangeInclusive<u32> = 90..=300;
/// How long the cloud shows machines that have ended. EC2 forgets them after an hour; this world keeps them longer, so that
/// lives can be added up.
pub(crate) const LIVES_KEPT_SECONDS: i64 = 40 * 24 * 3600;
/// From an eviction to the end of the pod. Kubernetes grants 30 s unless the pod says otherwise
/// (`terminationGracePeriodSeconds`); that most need less is a guess.
pub(crate) const POD_STOP_SECONDS: RangeInclusive<u32> = 1..=30;
/// From binding a pod to its being healthy: images, containers, probes. A guess.
pub(crate) const POD_START_SECONDS: RangeInclusive<u32> = 5..=20;
/// From the end of a pod to the detaching of its volumes from its node. A guess after practice with EBS.
pub(crate) const VOLUME_DETACH_SECONDS: RangeInclusive<u32> = 5..=30;
/// The same where a volume is not unmounted, or its node is gone. Source: kube-controller-manager, maxWaitForUnmountDuration.
pub(crate) const VOLUME_FORCE_SECONDS: RangeInclusive<u32> = 360..=360;
/// What a pod waits longer for volumes that have to be attached. A guess after practice with EBS.
pub(crate) const VOLUME_ATTACH_SECONDS: RangeInclusive<u32> = 10..=60;

/// The highest factor of a slow cloud. A guess: group creation takes an hour and a half with it.
pub(crate) const SLOWNESS_MAX: u32 = 20;
/// Most nodes in a node group: the account's default quota, which AWS raises if asked.
pub(crate) const GROUP_NODES_MAX: u32 = 450;
/// Longest name of a node group, bytes. Source: botocore's model of EKS CreateNodegroup.
pub(crate) const GROUP_NAME_LENGTH_MAX: usize = 63;
/// Most instance types of a node group. Source: EKS user guide, managed node groups.
pub(crate) const GROUP_TYPES_MAX: usize = 20;

/// Virtual seconds that a journal promises ahead: a world that is opened again is at most so much later.
pub(crate) const LEASE_SECONDS: i64 = 60;
/// Most lines of the journal for people; older ones are dropped. A guess: a long apply makes some thousands.
pub(crate) const LOG_LINES_MAX: usize = 10_000;
