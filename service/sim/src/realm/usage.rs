//! What pods use: each workload has its habits, drawn from the seed, and what autoscalers follow is what their pods use.
//!
//! Looking changes nothing. Pods that are not through their probes are not measured, as metrics-server does not.

use jiff::Timestamp;
use plimsoll_domain::world::PodUse;

use crate::demand::{Curve, Demand, ONE};
use crate::dice::Dice;

use super::Realm;
use super::pod::Life;

/// Share of its CPU request that a pod of an autoscaled workload uses at its target, in thousandths. A guess: a usual
/// `averageUtilization`.
const TARGET: i64 = 700;
/// Most of its CPU request that a pod uses, in thousandths. A guess: who has no limit bursts to the node's leisure.
const BURST_MAX: i64 = 2000;
/// Share of its CPU request that another pod uses on average, in thousandths: fewest, and how many there are above. A
/// guess after published traces, where most requests are far above use.
const CPU_SHARES: (i64, u64) = (150, 650);
/// Share of its memory request that a pod uses, in thousandths, likewise. Memory hardly moves with the load.
const MEMORY_SHARES: (i64, u64) = (350, 550);

impl Realm {
    /// What every pod that serves uses now, by namespace and name.
    pub fn usage(&self, now: Timestamp) -> Vec<PodUse> {
        let serving = self.pods.values().filter(|life| self.is_healthy(life));
        let mut uses: Vec<PodUse> = serving.map(|life| self.use_of(life, now)).collect();
        uses.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        uses
    }

    fn use_of(&self, life: &Life, now: Timestamp) -> PodUse {
        let pod = &life.pod;
        let who = pod.owner.as_ref().map_or(&pod.name, |owner| &owner.name);
        let subject = format!("{}/{}/{who}", self.id, pod.namespace);
        let mut dice = Dice::new(self.seed, &format!("habits {subject}"));
        let mut draw = |(least, width): (i64, u64)| least + i64::try_from(dice.below(width + 1)).unwrap_or(0);
        let (cpu, memory) = (draw(CPU_SHARES), draw(MEMORY_SHARES));
        let followed = self.scalers.iter().find(|scaler| pod.owner.as_ref() == Some(&scaler.workload));
        let cpu = match (followed, self.demand) {
            (Some(scaler), _) => scaler.load_of_one() * TARGET / ONE,
            (None, Demand::Seasonal) => cpu * Curve::new(self.seed, &subject).season(now) / ONE,
            (None, Demand::Still) => cpu,
        };
        let share = |of: i64, share: i64| of / ONE * share + of % ONE * share / ONE;
        PodUse {
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
            cpu_milli: share(pod.requests.cpu_milli, cpu.min(BURST_MAX)),
            memory_bytes: share(pod.requests.memory_bytes, memory),
        }
    }
}
