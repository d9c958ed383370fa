//! AWS at an address.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use kube::Client;
use plimsoll_domain::clock::Clock;
use plimsoll_domain::ids::ClusterId;
use plimsoll_live::aws::{Account, Aws, Told};

/// The time of this machine.
pub struct Now(pub Instant);

#[async_trait::async_trait]
impl Clock for Now {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

pub fn id(cluster: &str) -> ClusterId {
    cluster.parse().unwrap()
}

pub async fn config(url: &str) -> SdkConfig {
    let credentials = Credentials::new("AKID", "secret", None, None, "test");
    let config = aws_config::defaults(BehaviorVersion::latest()).region(Region::new("us-east-1"));
    config.credentials_provider(credentials).endpoint_url(url).load().await
}

/// A cluster's account there.
pub async fn aws(cluster: &str, url: &str) -> Aws {
    aws_with(cluster, url, "").await
}

/// The same with a role for nodes.
pub async fn aws_with(cluster: &str, url: &str, role: &str) -> Aws {
    let account = Account { region: "us-east-1".into(), node_role_arn: role.into(), ..Account::default() };
    Aws::with(id(cluster), account, Told::default(), Arc::new(Now(Instant::now())), &config(url).await)
}

/// A client of no API server.
pub fn nobody() -> Client {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::try_from(kube::Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap()
}
