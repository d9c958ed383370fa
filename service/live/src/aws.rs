//! One EKS cluster through the APIs of AWS.
//!
//! Node groups are EKS's ([`groups`]); which machine leaves is told to the Auto Scaling group behind one, since EKS has no
//! call for that. What is billed is what EC2 says ran ([`machines`]), what is sold is in its lists ([`quotes`]), and what an
//! account may have in its [`quotas`]; what it has promised to pay are its [`commitments`].

mod birth;
mod commitments;
mod estate;
mod fault;
mod groups;
mod machines;
mod queue;
mod quotas;
mod quotes;
mod spot;
mod token;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use jiff::Timestamp;
use plimsoll_domain::clock::Clock;
use plimsoll_domain::ids::ClusterId;

use crate::kubernetes::{ConnectError, Kubernetes};

pub use fault::Fault;
pub use queue::Told;
pub use token::Tokens;

/// Tries of one call before its error is told: AWS throttles whole accounts, not callers.
const ATTEMPTS_MAX: u32 = 6;
/// Longest wait for the answer to one try: pages of EC2 take seconds, a look into an empty queue twenty.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Tag of what is ours.
pub const TAG_MANAGED: &str = "plimsoll:managed";
/// Tag of a subnet that is meant for load balancers that face the world: nodes go elsewhere if they can.
const TAG_PUBLIC: &str = "kubernetes.io/role/elb";
/// Tag of a cluster of ours: the role that machines of its node groups act in.
const TAG_NODE_ROLE: &str = "plimsoll:node-role";

/// How a cluster is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Region, `us-east-1`.
    pub region: String,
    /// Role that is assumed for this cluster; empty: the process's own.
    pub role_arn: String,
    /// URL of the queue of interruption notices; empty: none is told.
    pub queue_url: String,
    /// Role of nodes that groups of ours get; empty: that of the cluster's oldest group.
    pub node_role_arn: String,
}

/// A cluster's account. Cheap to clone.
#[derive(Clone)]
pub struct Aws {
    cluster: ClusterId,
    account: Account,
    eks: aws_sdk_eks::Client,
    ec2: aws_sdk_ec2::Client,
    scaling: aws_sdk_autoscaling::Client,
    sqs: aws_sdk_sqs::Client,
    iam: aws_sdk_iam::Client,
    pricing: aws_sdk_pricing::Client,
    quotas: aws_sdk_servicequotas::Client,
    savings: aws_sdk_savingsplans::Client,
    tokens: Tokens,
    told: Told,
    ends: Arc<Mutex<BTreeMap<String, Timestamp>>>,
    /// When each group was asked for more machines last, by the clock of EKS: seconds since 1970.
    asked: Arc<Mutex<BTreeMap<String, i64>>>,
    /// Groups that EKS was asked to delete.
    deletions: Arc<Mutex<BTreeSet<String>>>,
    /// Ids of updates that were begun and not seen to end, by what they update.
    updates: Arc<Mutex<BTreeMap<String, String>>>,
    clock: Arc<dyn Clock>,
}

impl Aws {
    /// Clients for an account. Nothing is asked for yet, but for credentials where a role is assumed. `told` is shared by all
    /// clusters of one queue.
    pub async fn new(cluster: ClusterId, account: Account, told: Told, clock: Arc<dyn Clock>) -> Self {
        let region = Region::new(account.region.clone());
        let retry = RetryConfig::adaptive().with_max_attempts(ATTEMPTS_MAX);
        // A call that nobody answers is awaited for ever otherwise.
        let limits = TimeoutConfig::builder().operation_attempt_timeout(ANSWER_MAX).build();
        let base = aws_config::defaults(BehaviorVersion::latest()).region(region.clone()).retry_config(retry);
        let mut config = base.timeout_config(limits).load().await;
        if !account.role_arn.is_empty() {
            let role = aws_config::sts::AssumeRoleProvider::builder(&account.role_arn)
                .session_name("plimsoll")
                .region(region)
                .configure(&config)
                .build()
                .await;
            let credentials = aws_credential_types::provider::SharedCredentialsProvider::new(role);
            config = config.into_builder().credentials_provider(credentials).build();
        }
        Self::with(cluster, account, told, clock, &config)
    }

    /// The same over a configuration that is made elsewhere.
    pub fn with(
        cluster: ClusterId,
        account: Account,
        told: Told,
        clock: Arc<dyn Clock>,
        config: &aws_config::SdkConfig,
    ) -> Self {
        let tokens = Tokens::new(cluster.as_str(), &account.region, config.credentials_provider());
        let list_region = Region::new(quotes::list_region(&account.region));
        let list = aws_sdk_pricing::config::Builder::from(config).region(list_region).build();
        Self {
            cluster,
            account,
            eks: aws_sdk_eks::Client::new(config),
            ec2: aws_sdk_ec2::Client::new(config),
            scaling: aws_sdk_autoscaling::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            pricing: aws_sdk_pricing::Client::from_conf(list),
            quotas: aws_sdk_servicequotas::Client::new(config),
            savings: aws_sdk_savingsplans::Client::new(config),
            tokens,
            told,
            ends: Arc::default(),
            asked: Arc::default(),
            deletions: Arc::default(),
            updates: Arc::default(),
            clock,
        }
    }

    /// The cluster's API server, by the address and the certificate that EKS tells, with tokens of our own signing.
    ///
    /// # Errors
    /// [`ReachError`].
    pub async fn kubernetes(&self) -> Result<Kubernetes, ReachError> {
        let answer = self.eks.describe_cluster().name(self.cluster.as_str()).send().await;
        let answer = match answer.map_err(|error| fault::of("eks:DescribeCluster", error)) {
            Err(fault) if fault.is_gone() => {
                let (cluster, region) = (self.cluster.to_string(), self.account.region.clone());
                return Err(ReachError::Elsewhere { cluster, region });
            }
            answer => answer?,
        };
        let cluster = answer.cluster.ok_or(ReachError::Silent("cluster"))?;
        let endpoint = cluster.endpoint.ok_or(ReachError::Silent("endpoint"))?;
        let authority = cluster.certificate_authority.and_then(|authority| authority.data);
        let authority = authority.ok_or(ReachError::Silent("certificateAuthority"))?;
        let config = token::config(&endpoint, &authority)?;
        Ok(Kubernetes::with_tokens(self.cluster.clone(), config, self.tokens.clone())?)
    }
}

/// Why a cluster's API server is not reached.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// AWS refused.
    #[error(transparent)]
    Refused(#[from] Fault),
    /// There is no such cluster where it was looked for.
    #[error("EKS has no cluster {cluster} in {region}: are its name, its region and the account right?")]
    Elsewhere {
        /// Its name.
        cluster: String,
        /// The region.
        region: String,
    },
    /// AWS does not tell it: the cluster is still being made, or is gone.
    #[error("EKS tells no {0} of the cluster: is it ACTIVE?")]
    Silent(&'static str),
    /// What AWS told makes no sense.
    #[error("EKS tells what cannot be used: {0}")]
    Odd(String),
    /// No client can be made of it.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}
