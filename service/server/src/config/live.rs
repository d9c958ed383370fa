//! How LIVE clusters are reached.

use std::path::PathBuf;

use plimsoll_live::prometheus;
use serde::{Deserialize, Serialize};

/// How LIVE clusters are reached. Credentials are those of the process, as every program of AWS finds them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Live {
    /// Whether they are.
    pub enabled: bool,
    /// A kubeconfig whose contexts are named like clusters; empty: API servers are reached as EKS tells.
    pub kubeconfig: String,
    /// URL of the SQS queue of interruption notices; empty: none is heard of.
    pub queue_url: String,
    /// Role of the nodes of groups that are made; empty: that of the cluster's first group.
    pub node_role_arn: String,
    /// Address of a Prometheus that remembers what containers used; empty: none is asked.
    pub prometheus_url: String,
    /// File with the token that it asks for; empty: it asks for none.
    pub prometheus_token_file: String,
    /// Label that tells clusters apart there; empty: it knows only one.
    pub prometheus_cluster_label: String,
}

impl Live {
    /// As the room `live` takes it.
    pub fn room(&self) -> plimsoll_live::Settings {
        plimsoll_live::Settings {
            kubeconfig: (!self.kubeconfig.is_empty()).then(|| PathBuf::from(&self.kubeconfig)),
            queue_url: self.queue_url.clone(),
            node_role_arn: self.node_role_arn.clone(),
            prometheus: prometheus::Settings {
                url: self.prometheus_url.clone(),
                token_file: (!self.prometheus_token_file.is_empty())
                    .then(|| PathBuf::from(&self.prometheus_token_file)),
                cluster_label: self.prometheus_cluster_label.clone(),
            },
        }
    }
}
