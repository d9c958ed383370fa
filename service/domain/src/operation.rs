//! Operations: what is being carried out, step by step. Data that is written down before anything acts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::estate::Part;
use crate::ids::{ClusterId, OperationId, PlanId};
use crate::workload::WorkloadRef;
use crate::world::GroupSpec;

/// What an operation is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Carries a plan out.
    ApplyPlan {
        /// The plan.
        plan: PlanId,
    },
    /// Brings a node group to a size.
    ResizeNodeGroup {
        /// The group.
        group: String,
        /// Nodes that it was to have when this was asked for.
        from: u32,
        /// Nodes that it is to have. If that is more than `from`, the group is never lowered to it.
        to: u32,
        /// Why, in the words of who asked; may be empty.
        reason: String,
    },
    /// Brings pods off machines that the cloud takes back, and others in their place.
    ReplaceInterrupted {
        /// Provider ids of the machines.
        machines: Vec<String>,
    },
    /// Puts a machine in the place of one that the cloud will retire or work on.
    ReplaceMachine {
        /// Provider id of the machine that goes.
        machine: String,
    },
    /// Makes a cluster.
    CreateCluster,
    /// Brings a cluster to the next version.
    UpgradeCluster {
        /// Kubernetes version before, `1.33`.
        from: String,
        /// And after.
        to: String,
    },
    /// Removes a cluster and all of ours in it.
    DeleteCluster,
}

impl Kind {
    /// The plan that is carried out, if any is.
    pub fn plan(&self) -> Option<&PlanId> {
        match self {
            Self::ApplyPlan { plan } => Some(plan),
            _ => None,
        }
    }

    /// The node group that is brought to a size, and the size.
    pub fn size(&self) -> Option<(&str, u32)> {
        match self {
            Self::ResizeNodeGroup { group, to, .. } => Some((group, *to)),
            _ => None,
        }
    }
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It waits until its cluster is free, and holds nothing. For callers it runs.
    Queued,
    /// Its steps are carried out.
    Running,
    /// It failed or was cancelled before anything was drained: what it did is taken back.
    Undoing,
    /// It cannot go on by itself, and nothing may be taken back any more. A person has to look.
    Stuck,
    /// All steps are done.
    Succeeded,
    /// It failed, and what it did was taken back.
    Failed,
    /// It was cancelled, and what it did was taken back.
    Cancelled,
}

impl State {
    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// One durable action. Each states an end, so that it may be carried out twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// Make a node group of size 0. Undone by deleting it.
    EnsureGroup {
        /// The group.
        spec: GroupSpec,
    },
    /// Raise a group to a size and wait until its nodes are ready; those of a group that the operation made are cordoned.
    /// Undone by removing the nodes that were added.
    Grow {
        /// The group.
        group: String,
        /// Nodes before.
        from: u32,
        /// Nodes after.
        to: u32,
    },
    /// Ask for machines in the place of some that will be taken back; returns before they are ready. Undone as a growth
    /// is.
    Order {
        /// The group.
        group: String,
        /// Nodes before.
        from: u32,
        /// Nodes that it asks for.
        to: u32,
    },
    /// Keep new pods off nodes that are taken back, and evict what runs there, as far as disruption budgets allow, until
    /// nothing is left or the nodes are gone. Has no undo.
    Evacuate {
        /// The nodes.
        nodes: Vec<String>,
    },
    /// Bring a group whose machines were taken back to a size, and wait until its nodes are ready. Has no undo.
    Refill {
        /// The group.
        group: String,
        /// Nodes that it is to have.
        to: u32,
        /// Whether nodes beyond that are left to it, rather than given back.
        #[serde(default)]
        may_have_more: bool,
    },
    /// Keep new pods off nodes that will leave. Undone by lifting that.
    Cordon {
        /// The nodes.
        nodes: Vec<String>,
    },
    /// Move pods, one after the other, each to a node that is opened for it. Has no undo: from here an operation only
    /// goes forward.
    Migrate {
        /// In this order.
        moves: Vec<PodMove>,
    },
    /// Remove drained nodes, and lower the group's size with them.
    Remove {
        /// The group.
        group: String,
        /// The nodes.
        nodes: Vec<String>,
    },
    /// Open nodes to all pods.
    Open {
        /// New groups: all of their nodes.
        groups: Vec<String>,
        /// Nodes that stay, and may have been closed while a pod moved.
        nodes: Vec<String>,
    },
    /// Delete a group that has no node left.
    DeleteGroup {
        /// The group.
        group: String,
    },
    /// Make a part of a cluster. Undone by removing it, if this operation made it.
    Ensure {
        /// The part.
        part: Part,
    },
    /// Bring a part of a cluster to another version. Has no undo.
    Upgrade {
        /// The part.
        part: Part,
    },
    /// Remove a part of a cluster. Has no undo.
    Dismantle {
        /// The part.
        part: Part,
    },
    /// Compare the fleet with what it is to be.
    Verify {
        /// Nodes that each group is to have.
        sizes: Vec<(String, u32)>,
    },
}

impl Step {
    /// Whether what was done before it can no longer be taken back once it has begun.
    pub fn commits(&self) -> bool {
        matches!(
            self,
            Self::Migrate { .. }
                | Self::Open { .. }
                | Self::Evacuate { .. }
                | Self::Refill { .. }
                | Self::Remove { .. }
                | Self::DeleteGroup { .. }
                | Self::Upgrade { .. }
                | Self::Dismantle { .. }
        )
    }
}

/// One pod's way. A pod that its workload makes again under another name takes over what is left of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PodMove {
    /// `namespace/name`, as it was when the plan was made.
    pub pod: String,
    /// The workload that makes it again; none for a bare pod.
    pub owner: Option<WorkloadRef>,
    /// Where it runs; none if it is pending.
    pub from: Option<String>,
    /// Where it goes; nodes of new groups by the names that the plan made up.
    pub to: String,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// Not begun.
    Pending,
    /// Begun: it acted, or may have.
    Running,
    /// Done.
    Done,
    /// Taken back.
    Undone,
    /// Given up.
    Failed,
}

/// A step and its log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// What is to be done.
    pub step: Step,
    /// Where it stands.
    pub progress: Progress,
    /// Attempts so far.
    pub attempts: u32,
    /// What it waits for or why it failed, for people; may be empty.
    pub note: String,
    /// When it began.
    pub start_time: Option<Timestamp>,
    /// When it was done, taken back or given up.
    pub end_time: Option<Timestamp>,
}

impl StepRecord {
    /// A step that has not begun.
    pub fn new(step: Step) -> Self {
        Self {
            step,
            progress: Progress::Pending,
            attempts: 0,
            note: String::new(),
            start_time: None,
            end_time: None,
        }
    }
}

/// Why an operation failed or is stuck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable code in UPPER_SNAKE, such as `NO_CAPACITY`.
    pub reason: String,
    /// One sentence.
    pub message: String,
}

/// Something that is carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// The cluster it holds while it is neither final nor queued.
    pub cluster: ClusterId,
    /// What it is for.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// Its steps, in order.
    pub steps: Vec<StepRecord>,
    /// Why it failed or is stuck.
    pub failure: Option<Failure>,
    /// Whether somebody asked for it to end; obeyed as long as nothing was drained.
    pub cancel_requested: bool,
    /// Who asked for it.
    pub actor: String,
    /// When it was asked for.
    pub create_time: Timestamp,
    /// When it was written last.
    pub update_time: Timestamp,
    /// Counts its writes, from 1; a writer has to know the newest.
    pub revision: i64,
}

impl Operation {
    /// Whether something was begun that cannot be taken back.
    pub fn is_committed(&self) -> bool {
        self.steps.iter().any(|record| record.progress != Progress::Pending && record.step.commits())
    }

    /// The same as a runner takes it up: what is stuck goes on, or back if nothing was moved yet.
    #[must_use]
    pub fn resumed(self) -> Self {
        match self.state {
            State::Stuck if self.is_committed() => Self { state: State::Running, failure: None, ..self },
            State::Stuck => Self { state: State::Undoing, ..self },
            _ => self,
        }
    }

    /// The same with a newer wish for its group: the larger size of the two, with the words and the steps of who asked for
    /// it. Its name, its place in the line and who asked first stay. None if it is large enough already, or if the wish
    /// is for something else.
    #[must_use]
    pub fn joined_by(&self, wish: &Self) -> Option<Self> {
        let (Kind::ResizeNodeGroup { group, from, to, .. }, Some((wished, size))) =
            (&self.kind, wish.kind.size())
        else {
            return None;
        };
        let Kind::ResizeNodeGroup { reason, .. } = &wish.kind else { return None };
        if self.cluster != wish.cluster || group != wished || size <= *to {
            return None;
        }
        let kind =
            Kind::ResizeNodeGroup { group: group.clone(), from: *from, to: size, reason: reason.clone() };
        let update_time = self.update_time.max(wish.update_time);
        Some(Self { kind, steps: wish.steps.clone(), update_time, ..self.clone() })
    }

    /// The first step that is not done.
    pub fn next_step(&self) -> Option<usize> {
        self.steps.iter().position(|record| record.progress != Progress::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resize(id: &str, group: &str, to: u32, second: i64) -> Operation {
        let time = Timestamp::from_second(second).expect("in range");
        let (group, from) = (group.to_owned(), 2);
        let step = Step::Grow { group: group.clone(), from, to };
        Operation {
            id: id.parse().expect("valid"),
            cluster: "atlas".parse().expect("valid"),
            kind: Kind::ResizeNodeGroup { group, from, to, reason: id.to_owned() },
            state: State::Queued,
            steps: vec![StepRecord::new(step)],
            failure: None,
            cancel_requested: false,
            actor: id.to_owned(),
            create_time: time,
            update_time: time,
            revision: 3,
        }
    }

    #[test]
    fn of_two_wishes_for_a_group_the_larger_holds() {
        let first = resize("o1", "web", 5, 10);
        let joined = first.joined_by(&resize("o2", "web", 8, 20)).expect("larger");
        assert_eq!(joined.kind.size(), Some(("web", 8)));
        assert_eq!((joined.id.as_str(), joined.actor.as_str(), joined.revision), ("o1", "o1", 3));
        let Kind::ResizeNodeGroup { from, reason, .. } = &joined.kind else { panic!("a resize") };
        assert_eq!((*from, reason.as_str()), (2, "o2"));
        assert_eq!(joined.steps[0].step, Step::Grow { group: "web".into(), from: 2, to: 8 });
        assert_eq!((joined.create_time.as_second(), joined.update_time.as_second()), (10, 20));
    }

    #[test]
    fn what_is_no_larger_or_for_another_group_changes_nothing() {
        let first = resize("o1", "web", 5, 10);
        for (group, to) in [("web", 5), ("web", 4), ("api", 8)] {
            assert_eq!(first.joined_by(&resize("o2", group, to, 20)), None, "{group} {to}");
        }
        let elsewhere = Operation { cluster: "zeus".parse().expect("valid"), ..resize("o2", "web", 8, 20) };
        assert_eq!(first.joined_by(&elsewhere), None);
        let plan = Kind::ApplyPlan { plan: "p1".parse().expect("valid") };
        assert_eq!(first.joined_by(&Operation { kind: plan.clone(), ..first.clone() }), None);
        assert_eq!(Operation { kind: plan, ..first.clone() }.joined_by(&first), None);
    }
}
