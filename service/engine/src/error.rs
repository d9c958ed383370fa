//! Why a request was not carried out. One variant for each thing a caller would do differently.

use plimsoll_domain::build::Refusal;
use plimsoll_domain::ledger::LedgerError;
use plimsoll_domain::store::StoreError;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is not acceptable.
    #[error("{field}: {message}")]
    InvalidArgument {
        /// The field, in the wire's spelling.
        field: &'static str,
        /// What is wrong and what was expected.
        message: String,
    },
    /// An imported file is not what it should be.
    #[error("import refused: {message}")]
    BadImport {
        /// JSON path or column, if known.
        field: String,
        /// Line, from 1; 0 if not known.
        line: u64,
        /// Column, from 1; 0 if not known.
        column: u64,
        /// What was found and what was expected.
        message: String,
    },
    /// An import or request is above a limit.
    #[error("{what} is above the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// No offering can carry some of the pods.
    #[error("{} of the cluster's demands cannot be carried by any offering: {}", .0.len(), summary(.0))]
    Infeasible(Vec<Refusal>),
    /// No price of the region is known.
    #[error("no prices of {0} are known: import the AWS offer file of that region")]
    NoPrices(String),
    /// Nothing here may or can change the cluster.
    #[error("{cluster} cannot be changed from here: {why}")]
    NotActuator {
        /// The cluster.
        cluster: String,
        /// Why, one clause.
        why: &'static str,
    },
    /// A plan's time is over. Plan again.
    #[error("plan {plan} expired at {time}: create a new one")]
    ExpiredPlan {
        /// The plan.
        plan: String,
        /// When it expired.
        time: jiff::Timestamp,
    },
    /// A plan cannot be carried out without leaving pods behind.
    #[error("the plan cannot be carried out safely: {0}")]
    UnsafePlan(String),
    /// A node group cannot have that many nodes.
    #[error("{group} cannot have {wanted} nodes: it may have 0 to {max}")]
    OutOfRangeSize {
        /// Resource name of the group.
        group: String,
        /// What was asked for.
        wanted: i64,
        /// Most nodes that its policy allows.
        max: u32,
    },
    /// The policy protects a node group. Carries its resource name.
    #[error("{0} is protected by the policy of its cluster")]
    ProtectedGroup(String),
    /// A node group cannot be lowered without losing pods.
    #[error("the group cannot be lowered safely: {0}")]
    UnsafeShrink(String),
    /// Only what is stuck can be resumed or abandoned.
    #[error("{0} is not stuck")]
    NotStuck(String),
    /// Something has to be done about a cluster or its account before what was asked for can be.
    #[error("not now: {0}")]
    Unready(String),
    /// AWS or Kubernetes did not answer as they should.
    #[error("the cluster cannot be read: {0}")]
    World(String),
    /// The policy forbids changes now.
    #[error("cluster {0} is frozen by its policy")]
    Frozen(String),
    /// No maintenance window opens while the plan may be carried out.
    #[error(
        "no maintenance window of cluster {cluster} opens before the plan expires; the next opens at {opens}"
    )]
    OutsideWindow {
        /// The cluster.
        cluster: String,
        /// When one opens.
        opens: jiff::Timestamp,
    },
    /// The cluster's nodes would cost more than its policy allows.
    #[error("{cluster} would cost {cost_usd:.2} USD a month, and its policy allows {budget_usd:.2}")]
    BudgetExceeded {
        /// The cluster.
        cluster: String,
        /// What its nodes would cost in a month.
        cost_usd: f64,
        /// What they may.
        budget_usd: f64,
    },
    /// Too many plans are waiting already.
    #[error("{waiting} requests like this are waiting already; try again in a few seconds")]
    Overloaded {
        /// How many.
        waiting: usize,
    },
    /// The caller went away.
    #[error("the caller went away")]
    Cancelled,
    /// The judge or the verifier rejected what the solver answered. Nothing was stored.
    #[error("the plan did not pass its own proof: {0}")]
    Unproven(String),
    /// This server writes no costs down.
    #[error("this server keeps no ledger: set ledger.url in its settings")]
    NoLedger,
    /// Nothing was written down of what a cluster costs. Carries its resource name.
    #[error("no costs of {0} are known yet: they are written down while it is looked at")]
    NoCosts(String),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bug.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Refusals named in a message; all of them travel in the error's details.
const REFUSALS_SHOWN_MAX: usize = 3;

fn summary(refusals: &[Refusal]) -> String {
    let shown: Vec<String> = refusals.iter().take(REFUSALS_SHOWN_MAX).map(ToString::to_string).collect();
    let more = refusals.len().saturating_sub(shown.len());
    let tail = if more == 0 { String::new() } else { format!("; and {more} more") };
    shown.join("; ") + &tail
}
