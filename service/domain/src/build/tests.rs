//! Problems from hand-made clusters, one table for each rule.

mod capacity;
mod demands;
mod errors;
mod gpus;
mod nodes;
mod pins;
mod places;
mod ready;
mod rules;
mod scale;
mod spot;
mod ties;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{BuildError, Built, build};
use crate::catalog::Catalog;
use crate::catalog::node::NodeSettings;
use crate::fleet::{
    CapacityKind, LABEL_ARCH, LABEL_CAPACITY_TYPE, LABEL_EBS_ZONE, LABEL_HOSTNAME, LABEL_INSTANCE_TYPE,
    LABEL_NODE_GROUP, LABEL_OS, LABEL_ZONE, Node,
};
use crate::policy::Policy;
use crate::problem::Demand;
use crate::resources::Resources;
use crate::selector::{LabelSelector, Labels, NodeTerm, Operator, Requirement};
use crate::snapshot::ClusterState;
use crate::workload::{
    DaemonSet, DisruptionBudget, Pod, PodTerm, Scheduling, Taint, TaintEffect, Toleration, Workload,
    WorkloadKind, WorkloadRef,
};

/// Types that the tests' catalog sells: ordinary ones of both architectures, GPUs of two kinds, and one
/// of each that is offered only to those who ask.
const TYPES: [&str; 11] = [
    "c5.4xlarge",
    "g4dn.xlarge",
    "g5.12xlarge",
    "g5.xlarge",
    "inf2.xlarge",
    "m5.large",
    "m5.metal",
    "m5.xlarge",
    "m7g.large",
    "p4d.24xlarge",
    "t3.large",
];

/// A cluster to plan for.
#[derive(Clone)]
struct World {
    state: ClusterState,
    policy: Policy,
    catalog: Catalog,
}

/// Two on-demand nodes of one group, in two zones, and nothing on them.
fn world() -> World {
    let mut catalog = (*Catalog::builtin()).clone();
    catalog.types.retain(|name, _| TYPES.contains(&name.as_str()));
    let nodes = vec![node("a1", "m5.large", "a"), node("b1", "m5.large", "b")];
    World { state: ClusterState { nodes, ..ClusterState::default() }, policy: Policy::default(), catalog }
}

impl World {
    fn with(mut self, pods: impl IntoIterator<Item = Pod>) -> Self {
        self.state.pods.extend(pods);
        self.state.pods.sort_by_key(Pod::key);
        self
    }

    fn build(&self) -> Result<Built, BuildError> {
        build(&self.state, &self.catalog, &self.policy)
    }

    #[track_caller]
    fn built(&self) -> Built {
        self.build().expect("the cluster can be planned")
    }
}

/// A ready node of group `main`, labelled as EKS does.
fn node(name: &str, instance_type: &str, zone: &str) -> Node {
    let catalog = Catalog::builtin();
    let facts = &catalog.types[instance_type];
    let zone = format!("us-east-1{zone}");
    let labels = [
        (LABEL_HOSTNAME, name),
        (LABEL_ZONE, &zone),
        (LABEL_EBS_ZONE, &zone),
        (LABEL_ARCH, &facts.architecture),
        (LABEL_OS, "linux"),
        (LABEL_INSTANCE_TYPE, instance_type),
        (LABEL_CAPACITY_TYPE, "ON_DEMAND"),
        (LABEL_NODE_GROUP, "main"),
    ];
    Node {
        name: name.into(),
        provider_id: String::new(),
        group: "main".into(),
        instance_type: instance_type.into(),
        zone: zone.clone(),
        kind: CapacityKind::OnDemand,
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        taints: Vec::new(),
        capacity: facts.capacity(&NodeSettings::default()),
        allocatable: facts.allocatable(&NodeSettings::default()),
        attach_limits: Default::default(),
        unschedulable: false,
        ready: true,
        create_time: None,
    }
}

/// A node of a spot group of its own, with a taint that keeps others away.
fn spot_node(name: &str, zone: &str) -> Node {
    let mut node = Node { group: "spot".into(), kind: CapacityKind::Spot, ..node(name, "c5.4xlarge", zone) };
    node.labels.insert(LABEL_CAPACITY_TYPE.into(), "SPOT".into());
    node.labels.insert(LABEL_NODE_GROUP.into(), "spot".into());
    node.taints = vec![taint("batch")];
    node
}

fn taint(key: &str) -> Taint {
    Taint { key: key.into(), value: "true".into(), effect: TaintEffect::NoSchedule }
}

fn tolerates(key: &str) -> Toleration {
    Toleration { key: key.into(), exists: true, value: String::new(), effect: None }
}

/// A pending pod of a Deployment `shop/<app>`, which its label `app` names.
fn pod(app: &str, number: u32) -> Pod {
    let kind = WorkloadKind::Deployment;
    Pod {
        namespace: "shop".into(),
        name: format!("{app}-{number}"),
        labels: Labels::from([("app".to_owned(), app.to_owned())]),
        owner: Some(WorkloadRef { kind, namespace: "shop".into(), name: app.into() }),
        node: None,
        requests: resources(500, 512),
        containers: Vec::new(),
        scheduling: Arc::default(),
        volumes: Vec::new(),
        priority: 0,
        create_time: None,
        do_not_disrupt: None,
        terminating: false,
    }
}

fn on(node: &str, pod: Pod) -> Pod {
    Pod { node: Some(node.into()), ..pod }
}

/// The pod with another spec.
fn spec(pod: Pod, change: impl FnOnce(&mut Scheduling)) -> Pod {
    let mut scheduling = (*pod.scheduling).clone();
    change(&mut scheduling);
    Pod { scheduling: Arc::new(scheduling), ..pod }
}

fn resources(cpu_milli: i64, memory_mib: i64) -> Resources {
    Resources { cpu_milli, memory_bytes: memory_mib << 20, pods: 1, ..Resources::default() }
}

fn requirement(key: &str, operator: Operator, values: &[&str]) -> Requirement {
    Requirement {
        key: key.into(),
        operator,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

fn term(key: &str, values: &[&str]) -> NodeTerm {
    NodeTerm { labels: vec![requirement(key, Operator::In, values)], fields: Vec::new() }
}

fn app(name: &str) -> LabelSelector {
    LabelSelector { requirements: vec![requirement("app", Operator::In, &[name])] }
}

fn pods_of(name: &str, topology_key: &str) -> PodTerm {
    PodTerm {
        topology_key: topology_key.into(),
        selector: app(name),
        namespaces: vec!["shop".into()],
        namespace_selector: None,
    }
}

fn budget(name: &str, of: &str, allowed: i32) -> DisruptionBudget {
    DisruptionBudget { namespace: "shop".into(), name: name.into(), selector: app(of), allowed }
}

fn workload(of: &Pod, replicas: i32) -> Workload {
    let reference = of.owner.clone().expect("it has an owner");
    Workload { reference, replicas, max_surge: 1, max_unavailable: 0 }
}

fn daemon_set(name: &str, cpu_milli: i64) -> DaemonSet {
    let any = Toleration { key: String::new(), exists: true, value: String::new(), effect: None };
    let scheduling = Scheduling { tolerations: vec![any], ..Scheduling::default() };
    DaemonSet {
        namespace: "kube-system".into(),
        name: name.into(),
        requests: resources(cpu_milli, 100),
        scheduling: Arc::new(scheduling),
    }
}

impl Built {
    #[track_caller]
    fn demand(&self, id: &str) -> &Demand {
        let found = self.problem.demands.iter().find(|demand| demand.id == id);
        found.unwrap_or_else(|| panic!("no {id} among {:?}", self.ids()))
    }

    fn ids(&self) -> Vec<&str> {
        self.problem.demands.iter().map(|demand| demand.id.as_str()).collect()
    }

    /// Ids of the offerings that may carry a demand, shortened: `us-east-1` and the template `main` left out.
    #[track_caller]
    fn offers(&self, id: &str) -> BTreeSet<String> {
        let name = |index: &u32| self.problem.offerings[*index as usize].id.clone();
        let short = |name: String| name.replace("us-east-1", "").trim_end_matches("/main").to_owned();
        self.demand(id).offerings.iter().map(name).map(short).collect()
    }

    /// Codes and subjects of all findings.
    fn findings(&self) -> Vec<(&str, &str)> {
        self.findings.iter().map(|finding| (finding.code.as_str(), finding.subject.as_str())).collect()
    }
}
