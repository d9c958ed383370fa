//! Why a request was refused, in words that do not change.

use tonic::Code;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $code:ident;)*) => {
        /// Why a request was refused: one for each thing a caller would do differently. `proto/README.md` has the
        /// same table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $($(#[$doc])* $variant,)*
        }

        impl Reason {
            /// All of them.
            #[cfg(test)]
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// `ErrorInfo.reason`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The canonical code.
            pub fn code(self) -> Code {
                match self { $(Self::$variant => Code::$code,)* }
            }
        }
    };
}

reasons! {
    /// No such cluster.
    UnknownCluster, "UNKNOWN_CLUSTER", NotFound;
    /// No such snapshot.
    UnknownSnapshot, "UNKNOWN_SNAPSHOT", NotFound;
    /// No such catalog.
    UnknownCatalog, "UNKNOWN_CATALOG", NotFound;
    /// No such plan.
    UnknownPlan, "UNKNOWN_PLAN", NotFound;
    /// No such operation.
    UnknownOperation, "UNKNOWN_OPERATION", NotFound;
    /// No such node group.
    UnknownNodeGroup, "UNKNOWN_NODE_GROUP", NotFound;
    /// This server does not change the cluster.
    NotActuator, "NOT_ACTUATOR", FailedPrecondition;
    /// Only what is stuck can be resumed or abandoned.
    NotStuck, "NOT_STUCK", FailedPrecondition;
    /// The plan's time is over.
    ExpiredPlan, "EXPIRED_PLAN", FailedPrecondition;
    /// The plan would leave pods behind.
    UnsafePlan, "UNSAFE_PLAN", FailedPrecondition;
    /// The fleet changed after the plan was made.
    StalePlan, "STALE_PLAN", Aborted;
    /// Another operation holds the cluster.
    ClusterBusy, "CLUSTER_BUSY", Aborted;
    /// A node group cannot have that many nodes.
    OutOfRangeSize, "OUT_OF_RANGE_SIZE", OutOfRange;
    /// The policy protects the node group.
    ProtectedGroup, "PROTECTED_GROUP", FailedPrecondition;
    /// Pods would be lost with the nodes.
    UnsafeShrink, "UNSAFE_SHRINK", FailedPrecondition;
    /// Something has to be done about the cluster first.
    NotReady, "NOT_READY", FailedPrecondition;
    /// AWS or Kubernetes did not answer.
    UnavailableSource, "UNAVAILABLE_SOURCE", Unavailable;
    /// The id is taken.
    ExistsAlready, "EXISTS_ALREADY", AlreadyExists;
    /// A field is not acceptable.
    InvalidField, "INVALID_FIELD", InvalidArgument;
    /// The request id belongs to another request.
    RequestIdReused, "REQUEST_ID_REUSED", InvalidArgument;
    /// The page token is none of ours.
    BadPageToken, "BAD_PAGE_TOKEN", InvalidArgument;
    /// A file is not what it should be.
    BadImport, "BAD_IMPORT", InvalidArgument;
    /// Above a limit.
    TooLarge, "TOO_LARGE", ResourceExhausted;
    /// Nothing can carry some of the pods.
    Infeasible, "INFEASIBLE", FailedPrecondition;
    /// The policy forbids changes.
    Frozen, "FROZEN", FailedPrecondition;
    /// No maintenance window opens in time.
    OutsideWindow, "OUTSIDE_WINDOW", FailedPrecondition;
    /// The policy does not pay for it.
    BudgetExceeded, "BUDGET_EXCEEDED", FailedPrecondition;
    /// Somebody else wrote in between.
    EtagMismatch, "ETAG_MISMATCH", Aborted;
    /// Too much at once.
    Overloaded, "OVERLOADED", Unavailable;
    /// An upload fell silent.
    UploadStalled, "UPLOAD_STALLED", DeadlineExceeded;
    /// The caller went away, or the server stops.
    Cancelled, "CANCELLED", Cancelled;
    /// A plan failed its own proof.
    Unproven, "UNPROVEN", Internal;
    /// The disk is full.
    StorageFull, "STORAGE_FULL", ResourceExhausted;
    /// The database or the disk failed.
    StorageFailed, "STORAGE_FAILED", Unavailable;
    /// This server writes no costs down.
    NoLedger, "NO_LEDGER", FailedPrecondition;
    /// Nothing was written down of what the cluster costs.
    NoCosts, "NO_COSTS", FailedPrecondition;
    /// A file of the ledger cannot be read.
    DamagedLedger, "DAMAGED_LEDGER", FailedPrecondition;
    /// A bug.
    Internal, "INTERNAL", Internal;
}
