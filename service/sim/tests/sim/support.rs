//! Worlds in a line or two.

use std::time::Duration;

use jiff::Timestamp;
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::catalog::node::NodeSettings;
use plimsoll_domain::clock::Clock;
use plimsoll_domain::fleet::{
    CapacityKind, LABEL_HOSTNAME, LABEL_INSTANCE_TYPE, LABEL_NODE_GROUP, LABEL_ZONE, Node,
};
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::resources::Resources;
use plimsoll_domain::selector::{LabelSelector, Labels, NodeTerm, Operator, Requirement};
use plimsoll_domain::snapshot::{Autoscaled, ClusterState};
use plimsoll_domain::workload::{
    DaemonSet, DisruptionBudget, Pod, Toleration, Volume, VolumeReach, Workload, WorkloadKind, WorkloadRef,
};
use plimsoll_domain::world::{Cloud, CloudError, Cluster, Cordon, Eviction, GroupSpec, GroupStatus};
use plimsoll_sim::{Pace, Sim};

pub const ZONE: &str = "us-east-1a";
pub const SEED: u64 = 7;
pub const TYPE: &str = "m5.large";

pub fn start() -> Timestamp {
    "2026-07-20T08:00:00Z".parse().expect("a time")
}

pub fn atlas() -> ClusterId {
    "atlas".parse().expect("an id")
}

/// A cluster as it would be seen. Pods ask for a tenth of a core, so that some fifteen fit on a node.
#[derive(Clone, Default)]
pub struct Seen(pub ClusterState);

impl Seen {
    /// Adds nodes `<group>-0` and so on.
    pub fn group(mut self, group: &str, count: usize) -> Self {
        for number in 0..count {
            let (name, node) = (format!("{group}-{number}"), self.0.nodes.len());
            let facts = &Catalog::builtin().types[TYPE];
            let labels = [
                (LABEL_ZONE, ZONE),
                (LABEL_INSTANCE_TYPE, TYPE),
                (LABEL_NODE_GROUP, group),
                (LABEL_HOSTNAME, &name),
            ];
            self.0.nodes.push(Node {
                provider_id: format!("aws:///{ZONE}/i-{node:017x}"),
                group: group.to_owned(),
                instance_type: TYPE.to_owned(),
                zone: ZONE.to_owned(),
                kind: CapacityKind::OnDemand,
                labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
                taints: Vec::new(),
                capacity: facts.capacity(&NodeSettings::default()),
                allocatable: facts.allocatable(&NodeSettings::default()),
                attach_limits: Default::default(),
                unschedulable: false,
                ready: true,
                create_time: Some(start()),
                name,
            });
        }
        self
    }

    /// Has the nodes of a group bought as spot.
    pub fn spot(mut self, group: &str) -> Self {
        let nodes = self.0.nodes.iter_mut().filter(|node| node.group == group);
        nodes.for_each(|node| node.kind = CapacityKind::Spot);
        self
    }

    /// Adds pods `shop/<app>-0` and so on, of a workload `app`, on the nodes in turn.
    pub fn pods(mut self, kind: Option<WorkloadKind>, app: &str, count: usize) -> Self {
        for number in 0..count {
            let node = self.0.nodes.get(number % self.0.nodes.len().max(1)).map(|node| node.name.clone());
            let owner =
                kind.map(|kind| WorkloadRef { kind, namespace: "shop".to_owned(), name: app.to_owned() });
            self.0.pods.push(Pod {
                namespace: "shop".to_owned(),
                name: format!("{app}-{number}"),
                labels: Labels::from([("app".to_owned(), app.to_owned())]),
                owner,
                node,
                requests: Resources { cpu_milli: 100, pods: 1, ..Resources::default() },
                containers: Vec::new(),
                scheduling: Default::default(),
                volumes: Vec::new(),
                priority: 0,
                create_time: Some(start()),
                do_not_disrupt: None,
                terminating: false,
            });
        }
        self.0.pods.sort_by(|a, b| a.name.cmp(&b.name));
        self
    }

    pub fn deployment(self, app: &str, count: usize) -> Self {
        self.pods(Some(WorkloadKind::Deployment), app, count)
    }

    /// Changes the pods of an app.
    pub fn with(mut self, app: &str, change: impl Fn(&mut Pod)) -> Self {
        self.0.pods.iter_mut().filter(|pod| pod.labels["app"] == app).for_each(change);
        self
    }

    /// Puts the workload of an app, a Deployment, under an autoscaler.
    pub fn autoscaled(mut self, app: &str, min_replicas: i32, max_replicas: i32) -> Self {
        let its = self.0.pods.iter().filter(|pod| pod.labels["app"] == app);
        let replicas = i32::try_from(its.count()).expect("few");
        let reference = WorkloadRef {
            kind: WorkloadKind::Deployment,
            namespace: "shop".to_owned(),
            name: app.to_owned(),
        };
        let workload = reference.clone();
        self.0.workloads.push(Workload { reference, replicas, max_surge: 1, max_unavailable: 0 });
        let resources = vec!["cpu".to_owned()];
        self.0.autoscaled.push(Autoscaled { workload, min_replicas, max_replicas, resources });
        self
    }

    /// A zonal disk for each pod of an app.
    pub fn disks(self, app: &str) -> Self {
        self.with(app, |pod| {
            let term = NodeTerm { labels: vec![is(LABEL_ZONE, ZONE)], fields: Vec::new() };
            let (claim, reach) = (format!("shop/data-{}", pod.name), VolumeReach::Terms(vec![term]));
            pod.volumes = vec![Volume { claim, driver: "ebs.csi.aws.com".to_owned(), reach }];
        })
    }

    /// Adds a budget `shop/<app>`, or one of another name for the same pods.
    pub fn budget(mut self, name: &str, app: &str, allowed: i32) -> Self {
        let selector = LabelSelector { requirements: vec![is("app", app)] };
        let (namespace, name) = ("shop".to_owned(), name.to_owned());
        self.0.budgets.push(DisruptionBudget { namespace, name, selector, allowed });
        self
    }

    /// A DaemonSet that tolerates everything.
    pub fn daemon_set(mut self, name: &str) -> Self {
        let mut scheduling = plimsoll_domain::workload::Scheduling::default();
        let all = Toleration { key: String::new(), exists: true, value: String::new(), effect: None };
        scheduling.tolerations.push(all);
        self.0.daemon_sets.push(DaemonSet {
            namespace: "kube-system".to_owned(),
            name: name.to_owned(),
            requests: Resources { cpu_milli: 50, pods: 1, ..Resources::default() },
            scheduling: scheduling.into(),
        });
        self
    }

    pub fn rig(self) -> Rig {
        Rig::of(Sim::new(start(), SEED, Pace::Jump), self)
    }
}

fn is(key: &str, value: &str) -> Requirement {
    Requirement { key: key.to_owned(), operator: Operator::In, values: vec![value.to_owned()] }
}

/// A group of our own that is not there yet.
pub fn spec(name: &str) -> GroupSpec {
    GroupSpec {
        name: name.to_owned(),
        zone: ZONE.to_owned(),
        kind: CapacityKind::Spot,
        instance_types: vec!["m7i.large".to_owned(), "m6i.large".to_owned()],
        labels: Labels::from([("team".to_owned(), "shop".to_owned())]),
        taints: Vec::new(),
    }
}

/// A world with cluster `atlas` in it.
pub struct Rig {
    pub sim: Sim,
}

impl Rig {
    pub fn of(sim: Sim, seen: Seen) -> Self {
        sim.load(&atlas(), seen.0).expect("loaded");
        Self { sim }
    }

    pub async fn wait(&self, seconds: u64) {
        self.sim.clock().sleep(Duration::from_secs(seconds)).await;
    }

    pub async fn state(&self) -> ClusterState {
        self.sim.state(&atlas()).await.expect("a state")
    }

    pub async fn status(&self, group: &str) -> Option<GroupStatus> {
        self.sim.group(&atlas(), group).await.expect("a status")
    }

    #[track_caller]
    pub fn expect_sizes(&self, want: &[(&str, u32)]) {
        let want: Vec<_> = want.iter().map(|(name, size)| ((*name).to_owned(), *size)).collect();
        assert_eq!(self.sim.sizes(&atlas()), want, "at {}\n{}", self.sim.clock().now(), self.sim.journal());
    }

    /// Makes a group and waits until it is active.
    pub async fn made(&self, spec: &GroupSpec) {
        self.sim.ensure_group(&atlas(), spec).await.expect("accepted");
        self.wait(300).await;
    }

    pub async fn resize(&self, group: &str, count: u32) -> Result<(), CloudError> {
        self.sim.ensure_size(&atlas(), group, count).await
    }

    pub async fn terminate(&self, group: &str, provider_id: &str) -> Result<(), CloudError> {
        self.sim.ensure_instance_gone(&atlas(), group, provider_id).await
    }

    /// Evicts a pod of namespace `shop` from wherever it runs.
    pub async fn evict(&self, name: &str) -> Eviction {
        let node = self.pod(name).await.and_then(|pod| pod.node).unwrap_or_default();
        self.sim.evict(&atlas(), &format!("shop/{name}"), &node).await.expect("answered")
    }

    pub async fn cordon(&self, node: &str, cordoned: bool) {
        let cordon = if cordoned { Cordon::Final } else { Cordon::Lifted };
        self.sim.set_cordon(&atlas(), node, cordon).await.expect("done");
    }

    pub async fn pod(&self, name: &str) -> Option<Pod> {
        self.state().await.pods.into_iter().find(|pod| pod.name == name)
    }

    /// Pods of an app that are not leaving.
    pub async fn pods(&self, app: &str) -> Vec<Pod> {
        let mut pods = self.state().await.pods;
        pods.retain(|pod| pod.labels.get("app").is_some_and(|label| label == app) && !pod.terminating);
        pods
    }
}
