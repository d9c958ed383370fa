//! Faults by chance, for tests that want something to go wrong.

use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::snapshot::ClusterState;

use crate::dice::Dice;
use crate::fault::{Call, Edit, Fault};

/// Latest that a fault by chance comes, seconds. A guess: an apply takes some tens of minutes.
const LATER_SECONDS_MAX: u64 = 1_800;
/// Methods whose calls may fail.
const CALLS: [Call; 11] = [
    Call::Groups,
    Call::Group,
    Call::EnsureGroup,
    Call::EnsureSize,
    Call::EnsureInstanceGone,
    Call::GiveUpMissing,
    Call::EnsureGroupGone,
    Call::State,
    Call::LeftOn,
    Call::SetCordon,
    Call::Evict,
];

/// What faults may strike.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// A cluster.
    pub cluster: &'a ClusterId,
    /// As it is.
    pub state: &'a ClusterState,
    /// Type, zone and kind of what may be launched there.
    pub offerings: &'a [(String, String, CapacityKind)],
}

impl Targets<'_> {
    /// Something in the way of an operation, at once or within half an hour: throttling, calls that fail, shortages, a cloud
    /// that is slow or stubborn, a budget, a pod or a volume that holds on, a clock that jumps. It costs no machine.
    pub fn trouble(&self, seed: u64) -> Fault {
        let mut dice = Dice::new(seed, "trouble");
        let fault = self.trouble_at_once(&mut dice);
        sooner_or_later(&mut dice, fault)
    }

    /// Something that costs machines, at once or within half an hour: they are taken back, they break, somebody else
    /// changes the cluster. With no node to strike it is a storm of throttling.
    pub fn calamity(&self, seed: u64) -> Fault {
        let mut dice = Dice::new(seed, "calamity");
        let fault = self.calamity_at_once(&mut dice);
        sooner_or_later(&mut dice, fault.unwrap_or(Fault::Storm { seconds: 300 }))
    }

    fn trouble_at_once(&self, dice: &mut Dice) -> Fault {
        let call = CALLS[below(dice, CALLS.len())];
        let count = 1 + short(dice, 2);
        let fault =
            match dice.below(12) {
                0 => Some(Fault::Throttle { count }),
                1 => Some(Fault::Storm { seconds: 10 + short(dice, 400) }),
                2 | 3 => Some(Fault::FailAfter { call, count }),
                4 => Some(Fault::Degrade { seconds: 60 + short(dice, 900) }),
                5 => Some(Fault::Slow { factor: 2 + short(dice, 3) }),
                6 => Some(Fault::ClockJump { seconds: 60 + short(dice, 7_200) }),
                7 => pick(dice, &self.state.budgets).map(|budget| Fault::StuckBudget {
                    budget: format!("{}/{}", budget.namespace, budget.name),
                }),
                8 => self.held(dice),
                9 => pick(dice, self.offerings).cloned().map(|(instance_type, zone, kind)| {
                    Fault::PoolDepth { instance_type, zone, kind, count: short(dice, 3) }
                }),
                10 => pick(dice, self.offerings).cloned().map(|(instance_type, zone, kind)| {
                    Fault::NoCapacity { instance_type, zone, kind, times: Some(count) }
                }),
                _ => None,
            };
        fault.unwrap_or(Fault::Fail { call, count })
    }

    fn held(&self, dice: &mut Dice) -> Option<Fault> {
        let pod = pick(dice, &self.state.pods)?;
        let volume = pick(dice, &pod.volumes).map(|volume| volume.claim.clone());
        Some(match volume {
            Some(claim) => Fault::StuckVolume { claim },
            None => Fault::StuckPod { pod: pod.key() },
        })
    }

    fn calamity_at_once(&self, dice: &mut Dice) -> Option<Fault> {
        let (cluster, node) = (self.cluster.clone(), pick(dice, &self.state.nodes)?);
        let size = self.state.nodes.iter().filter(|other| other.group == node.group).count();
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let spot = self.state.nodes.iter().find(|node| node.kind == CapacityKind::Spot);
        Some(match (dice.below(6), spot) {
            (0..=2, Some(spot)) => Fault::SpotReclaim {
                instance_type: spot.instance_type.clone(),
                zone: spot.zone.clone(),
                count: Some(1 + short(dice, 2)),
            },
            (3, _) => {
                let count = (size + short(dice, 3)).saturating_sub(1);
                Fault::Foreign { cluster, edit: Edit::Resize { group: node.group.clone(), count } }
            }
            (4, _) => Fault::Foreign { cluster, edit: Edit::Terminate { node: node.name.clone() } },
            _ => Fault::NodeLoss { cluster, node: node.name.clone() },
        })
    }
}

/// Half of all faults come at once.
fn sooner_or_later(dice: &mut Dice, fault: Fault) -> Fault {
    match dice.below(2) {
        0 => fault,
        _ => Fault::Later { seconds: short(dice, LATER_SECONDS_MAX), fault: Box::new(fault) },
    }
}

fn pick<'a, T>(dice: &mut Dice, from: &'a [T]) -> Option<&'a T> {
    from.get(below(dice, from.len()))
}

fn below(dice: &mut Dice, count: usize) -> usize {
    usize::try_from(dice.below(count as u64)).unwrap_or(0)
}

fn short(dice: &mut Dice, count: u64) -> u32 {
    u32::try_from(dice.below(count)).unwrap_or(0)
}
