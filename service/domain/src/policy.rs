//! What the owner of a cluster allows, wants and pays for: limits never broken, wishes priced.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::offer::Offer;

/// A ready-made policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Preset {
    /// The defaults of [`Policy`].
    #[default]
    Default,
    /// No groups, no headroom, no size limits, no spot rules: the bare packing problem.
    None,
}

/// Who changes the size of node groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actuator {
    /// Nobody through us: plans are advice.
    #[default]
    Advise,
    /// Plimsoll.
    Plimsoll,
    /// Cluster Autoscaler; plans become bounds and priorities.
    ClusterAutoscaler,
    /// Karpenter; plans become exports.
    Karpenter,
}

/// Whether burstable types (t2, t3, t3a, t4g) may carry pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Burstable {
    /// Kept where they run already, never added.
    #[default]
    ExistingOnly,
    /// May be added, at what their baseline sustains.
    Allowed,
}

/// What happens with recommendations for requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rightsize {
    /// Not computed.
    Off,
    /// Computed and shown as findings.
    #[default]
    Recommend,
    /// Planned with.
    Apply,
}

/// What happens when a cold start would leave pods pending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColdStart {
    /// Reported, with the price of the reserve.
    #[default]
    Report,
    /// The reserve is bought.
    Buy,
}

/// Capacity held free on every new node, as a share of its allocatable.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Headroom {
    /// Of CPU, 0..0.9.
    pub cpu: f64,
    /// Of memory, 0..0.9.
    pub memory: f64,
}

impl Default for Headroom {
    fn default() -> Self {
        Self { cpu: 0.05, memory: 0.05 }
    }
}

/// A time that comes again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// When it opens: a cron expression of five fields, in UTC.
    pub cron: String,
    /// For how long, minutes, at least 1.
    pub duration_minutes: u32,
}

/// How many nodes may be drained at the same time. The least of the counts holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// So many; none: no limit by count.
    pub nodes_max: Option<u32>,
    /// So large a share of the cluster's nodes, rounded up, 0..=1; none: no limit by share.
    pub nodes_max_ratio: Option<f64>,
    /// When it is in force; none: always.
    pub window: Option<Window>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { nodes_max: None, nodes_max_ratio: Some(0.1), window: None }
    }
}

impl Budget {
    /// Whether a node may be drained at all, in a cluster that has any.
    pub fn allows_one(&self) -> bool {
        self.nodes_max != Some(0) && self.nodes_max_ratio.is_none_or(|ratio| 0.0 < ratio)
    }
}

/// Policy of one cluster. Ratios are fractions of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The preset this policy started from.
    pub preset: Preset,
    /// Who changes sizes.
    pub actuator: Actuator,
    /// Whether plans are applied without being asked for.
    pub auto_apply: bool,
    /// The solver stops when the gap is proven to be at most this, 0..1.
    pub gap_target_ratio: f64,
    /// Zones that new nodes may be in; empty: those with nodes now.
    pub zones: Vec<String>,
    /// Instance families (`m7i`, `c7g`) that new nodes may be of; empty: all.
    pub families_allow: Vec<String>,
    /// Instance families that new nodes may not be of.
    pub families_deny: Vec<String>,
    /// What new nodes may not be. A plan's own policy has those among them that the cloud refused to sell shortly before.
    pub offerings_deny: Vec<Offer>,
    /// Architectures of new nodes. `arm64` counts only for pods whose images are known to allow it.
    pub architectures: Vec<String>,
    /// Burstable types.
    pub burstable: Burstable,
    /// Whether bare-metal types may be added.
    pub metal: bool,
    /// Largest share of CPU capacity on spot, 0..=1.
    pub spot_share_max_ratio: f64,
    /// Fewest on-demand nodes while there is any pod.
    pub on_demand_base_count: u32,
    /// Fewest interchangeable types in a new spot group.
    pub types_per_spot_group_min: u32,
    /// Largest share of CPU capacity in one zone, 0..=1.
    pub zone_share_max_ratio: f64,
    /// Most node groups; 0: no groups are formed.
    pub node_groups_max: u32,
    /// Most nodes; 0: no limit.
    pub nodes_max: u32,
    /// Most nodes in one group; 0: no limit.
    pub nodes_per_group_max: u32,
    /// Whether nodes with GPUs carry only pods that ask for one.
    pub gpu_only_for_gpu_pods: bool,
    /// Time over which one-off costs of moving are spread, hours, at least 1.
    pub horizon_hours: u32,
    /// A plan that saves less than this share of today's cost is not proposed.
    pub saving_min_ratio: f64,
    /// A plan that saves less than this many USD a month is not proposed.
    pub saving_min_usd_per_month: f64,
    /// Largest share of running pods that one plan may move, 0..=1.
    pub moved_pods_max_ratio: f64,
    /// How long a plan may be applied, minutes.
    pub plan_ttl_minutes: u32,
    /// Free room on new nodes.
    pub headroom: Headroom,
    /// Request recommendations.
    pub rightsize: Rightsize,
    /// Cold-start reserve.
    pub cold_start: ColdStart,
    /// Hours in a month, for people: 730.
    pub month_hours: f64,
    /// Discount on list prices of on-demand capacity (private pricing), 0..1.
    pub discount_ratio: f64,
    /// Groups that a plan may not touch.
    pub protected_groups: Vec<String>,
    /// Refuse to plan changes.
    pub freeze: bool,
    /// When plans may be carried out and groups lowered; empty: always.
    pub maintenance_windows: Vec<Window>,
    /// How many nodes may be drained at the same time; all of them hold.
    pub disruption_budgets: Vec<Budget>,
    /// Longest wait for one node to be drained, or for one pod to leave and run again, minutes, at least 1.
    pub drain_timeout_minutes: u32,
    /// What nodes may cost in a month, USD: nothing is begun that would cost more than that and more than today; 0: no
    /// limit.
    pub monthly_budget_usd: f64,
    /// Workloads (`namespace/name`) that may run on spot although nothing in them says so.
    pub spot_ok: Vec<String>,
    /// GPU that a workload (`namespace/name`) needs, by accelerator name such as `A10G`, where
    /// neither it nor a sibling runs.
    pub gpu_classes: BTreeMap<String, String>,
    /// Team that pays for a namespace, by the namespace's name; it goes before any label.
    pub teams: BTreeMap<String, String>,
    /// What a restart of one pod is worth, USD: prices moves and spot interruptions.
    pub restart_cost_usd: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            preset: Preset::Default,
            actuator: Actuator::Advise,
            auto_apply: false,
            gap_target_ratio: 0.005,
            zones: Vec::new(),
            families_allow: Vec::new(),
            families_deny: Vec::new(),
            offerings_deny: Vec::new(),
            architectures: vec!["amd64".into(), "arm64".into()],
            burstable: Burstable::ExistingOnly,
            metal: false,
            spot_share_max_ratio: 0.7,
            on_demand_base_count: 2,
            types_per_spot_group_min: 3,
            zone_share_max_ratio: 1.0,
            node_groups_max: 30,
            nodes_max: 1000,
            nodes_per_group_max: 450,
            gpu_only_for_gpu_pods: true,
            horizon_hours: 720,
            saving_min_ratio: 0.03,
            saving_min_usd_per_month: 20.0,
            moved_pods_max_ratio: 0.2,
            plan_ttl_minutes: 30,
            headroom: Headroom::default(),
            rightsize: Rightsize::Recommend,
            cold_start: ColdStart::Report,
            month_hours: 730.0,
            discount_ratio: 0.0,
            protected_groups: Vec::new(),
            freeze: false,
            maintenance_windows: Vec::new(),
            disruption_budgets: vec![Budget::default()],
            drain_timeout_minutes: 15,
            monthly_budget_usd: 0.0,
            spot_ok: Vec::new(),
            gpu_classes: BTreeMap::new(),
            teams: BTreeMap::new(),
            restart_cost_usd: 0.01,
        }
    }
}
