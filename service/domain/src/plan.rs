//! A plan: what to change, what that is worth, and why. Immutable once stored.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::fleet::CapacityKind;
use crate::ids::{CatalogId, ClusterId, PlanId, SnapshotId};
use crate::policy::Policy;
use crate::rightsize::Recommendation;
use crate::selector::Labels;
use crate::solution::{Objective, Solution};
use crate::units::HourlyRate;
use crate::workload::Taint;

/// A proposal for a cluster's node groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Its id within the cluster.
    pub id: PlanId,
    /// The cluster it is for.
    pub cluster: ClusterId,
    /// The plan that it takes the place of, if that could not be carried out for want of capacity.
    #[serde(default)]
    pub parent: Option<PlanId>,
    /// The cluster as it was seen.
    pub snapshot: SnapshotId,
    /// The prices it was computed with.
    pub catalog: CatalogId,
    /// The policy it was computed under, complete: with snapshot and catalog it makes the problem.
    pub policy: Policy,
    /// Requests that were planned with instead of those in the snapshot; empty unless the policy says so.
    pub applied_requests: Vec<Recommendation>,
    /// Seed of the solver and the referee.
    pub seed: u64,
    /// SHA-256 of the problem's canonical JSON, hex.
    pub problem_digest: String,
    /// Fleet generation it was computed from.
    pub base_generation: i64,
    /// When it was computed.
    pub create_time: Timestamp,
    /// After this it may not be applied.
    pub expire_time: Timestamp,
    /// When the oldest price in use was valid.
    pub price_time: Timestamp,
    /// What usage the requests were judged by, if any: first and last sample.
    pub usage_window: Option<(Timestamp, Timestamp)>,
    /// What AWS bills now.
    pub cost_before: HourlyRate,
    /// What AWS will bill, and the two other parts of the objective.
    pub after: Objective,
    /// The solver's answer: nodes, contents, duals, floor, stop.
    pub solution: Solution,
    /// Wall-clock seconds spent solving.
    pub solve_seconds: f64,
    /// Node groups after the plan.
    pub groups: Vec<NodeGroup>,
    /// Name of each of `solution.bins`, in that order: an existing node's own, or a made-up one.
    pub node_names: Vec<String>,
    /// What to do, in order of saving.
    pub changes: Vec<Change>,
    /// What a person should know.
    pub findings: Vec<Finding>,
    /// What the stock scheduler would make of it; none where there is no cluster to simulate.
    pub referee: Option<RefereeReport>,
    /// Whether the independent verifier proved plan and floor.
    pub verified: bool,
}

impl Plan {
    /// Distance between objective and floor as a share of the objective, 0..=1.
    pub fn gap_ratio(&self) -> f64 {
        let total = self.after.total().nano_usd();
        if total == 0 { 0.0 } else { (total - self.solution.floor_nano_usd) as f64 / total as f64 }
    }
}

/// A node group after a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeGroup {
    /// Name.
    pub name: String,
    /// Whether it exists already.
    pub existing: bool,
    /// Index into [`Solution::groups`] for a new one.
    pub solution_group: Option<u32>,
    /// Zones.
    pub zones: Vec<String>,
    /// How it is bought.
    pub kind: CapacityKind,
    /// Node template's name.
    pub template: String,
    /// Interchangeable types.
    pub instance_types: Vec<String>,
    /// Nodes now.
    pub from_count: u32,
    /// Nodes after the plan.
    pub to_count: u32,
    /// Labels that its nodes carry beside the well-known ones.
    pub labels: Labels,
    /// Taints.
    pub taints: Vec<Taint>,
}

/// What kind of step a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ChangeKind {
    /// A new group.
    Create,
    /// More nodes in a group.
    Grow,
    /// Named nodes leave a group.
    Shrink,
    /// A group loses its last node.
    Delete,
}

/// One change of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What happens.
    pub kind: ChangeKind,
    /// To which group.
    pub group: String,
    /// Nodes before.
    pub from_count: u32,
    /// Nodes after.
    pub to_count: u32,
    /// Nodes that leave, by name; or the made-up names of those that come.
    pub nodes: Vec<String>,
    /// What the change takes off the bill; negative for capacity that is added.
    pub saving_nano_usd_per_hour: i64,
    /// Pods that leave these nodes, or arrive on them.
    pub moved_pod_count: u32,
    /// Reasons.
    pub why: Vec<Why>,
}

/// A reason, with the price of the constraint behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// Stable code: UPPER_SNAKE, such as `ZONE_SPREAD`, `HOST_ANTI_AFFINITY`, `VOLUME_ZONE`,
    /// `SPOT_SELECTOR`, `TAINT`, `DISRUPTION_BUDGET`, `CHEAPER_TYPE`, `PACKING`.
    pub code: String,
    /// What it is about: `demand/...`, `pod/...`, `offering/...`, `group/...`.
    pub subject: String,
    /// One sentence.
    pub message: String,
    /// What the constraint costs, nano-USD per hour; 0 if not priced.
    pub price_nano_usd_per_hour: i64,
}

/// What a simulation of kube-scheduler says about a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RefereeReport {
    /// Pods pending after the steered migration.
    pub steered_pending: Vec<String>,
    /// The order in which the steered migration moves pods to nodes.
    pub steered_moves: Vec<Move>,
    /// Pods left stranded by restarts, rollouts or the loss of any one node.
    pub churn_stranded: Vec<String>,
    /// Random arrival orders tried.
    pub cold_orders: u32,
    /// Pods in each order.
    pub cold_pods: u32,
    /// Pods left pending in each order, ascending.
    pub cold_pending: Vec<u32>,
    /// A pod that the worst order left pending, `namespace/name`; none if no order left any.
    pub cold_example: Option<String>,
    /// What capacity for the worst order would cost beyond the plan.
    pub cold_reserve: HourlyRate,
    /// What repairs of the plan cost that steering or churn made necessary.
    pub repair_cost: HourlyRate,
    /// Drained nodes that have to be gone before a steered move succeeds.
    #[serde(default)]
    pub steered_removals: Vec<NodeRemoval>,
    /// Why each pod of `steered_pending` and `churn_stranded` finds no place.
    #[serde(default)]
    pub strandings: Vec<Stranding>,
    /// Restarts, rollouts and losses of a node that were tried.
    #[serde(default)]
    pub churn_tried: ChurnCounts,
    /// What the cold-start reserve consists of: names of the offered nodes, one for each node.
    #[serde(default)]
    pub cold_reserve_nodes: Vec<String>,
    /// Whether the reserve lets every order start without a pending pod.
    #[serde(default)]
    pub cold_reserve_complete: bool,
    /// What was left out for want of time or by a limit, one sentence each.
    #[serde(default)]
    pub omissions: Vec<String>,
}

/// How much churn was tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChurnCounts {
    /// Pods restarted one after another.
    pub restarts: u32,
    /// Workloads rolled out, each from the planned state.
    pub rollouts: u32,
    /// Nodes lost and replaced, each from the planned state.
    pub losses: u32,
}

/// A pod without a place, and after what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stranding {
    /// What happened before, such as `rollout of shop/web`.
    pub event: String,
    /// `namespace/name`.
    pub pod: String,
    /// What kube-scheduler would say.
    pub message: String,
}

/// A node that goes during a steered migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRemoval {
    /// The node.
    pub node: String,
    /// Index into `steered_moves` of the move that needs it gone. If that is the node's own last
    /// pod, the pod is evicted first.
    pub before_move: u32,
}

/// One pod's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// `namespace/name`.
    pub pod: String,
    /// Where it runs now; none if pending.
    pub from: Option<String>,
    /// Where it goes.
    pub to: String,
}
