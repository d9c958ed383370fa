//! Bad days on the way to AWS: each error says which call it was and what to do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_types::retry::RetryConfig;
use plimsoll_domain::clock::Clock;
use plimsoll_domain::world::Cloud;
use plimsoll_live::aws::{Account, Aws, Told};
use plimsoll_props::aws::{FakeAws, Manners};

/// A time that nobody asks for.
struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _: Duration) {}
}

async fn told(config: SdkConfig) -> String {
    let cluster = "prod".parse().unwrap();
    let account = Account { region: "us-east-1".into(), ..Account::default() };
    let aws = Aws::with(cluster, account, Told::default(), Arc::new(Still), &config);
    aws.groups(&"prod".parse().unwrap()).await.unwrap_err().to_string()
}

fn config() -> aws_config::ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .retry_config(RetryConfig::disabled())
}

#[tokio::test]
async fn a_name_that_nobody_resolves_is_told_with_the_call() {
    let credentials = Credentials::new("AKID", "secret", None, None, "test");
    let config = config().credentials_provider(credentials).endpoint_url("http://eks.invalid").load().await;
    let words = told(config).await;
    assert!(words.starts_with("eks:ListNodegroups"), "{words}");
    assert!(words.contains("dns") || words.contains("lookup"), "{words}");
    assert!(!words.contains("secret"), "{words}");
}

/// What a program has that found no credentials anywhere.
#[derive(Debug)]
struct Nobody;

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("no profile, no role")))
    }
}

#[tokio::test]
async fn without_credentials_the_call_says_so() {
    let config = config().credentials_provider(Nobody).endpoint_url("http://127.0.0.1:9").load().await;
    let words = told(config).await;
    assert!(words.starts_with("eks:ListNodegroups"), "{words}");
    assert!(words.contains("no profile, no role"), "{words}");
}

#[tokio::test]
async fn a_cluster_that_is_not_where_it_is_looked_for_is_told_with_the_region() {
    let clock = Arc::new(Still);
    let fake = FakeAws::alone("other", &["us-east-1a"], Manners::default(), clock);
    let credentials = Credentials::new("AKID", "secret", None, None, "test");
    let config = config().credentials_provider(credentials).endpoint_url(fake.url());
    let config = config.http_client(fake.http_client()).load().await;
    let account = Account { region: "us-east-1".into(), ..Account::default() };
    let aws = Aws::with("prod".parse().unwrap(), account, Told::default(), Arc::new(Still), &config);
    let words = aws.kubernetes().await.map(drop).unwrap_err().to_string();
    assert!(words.contains("no cluster prod in us-east-1"), "{words}");
}

#[tokio::test]
async fn a_signature_of_another_time_is_told_to_look_at_the_clock() {
    let fake = FakeAws::alone("prod", &["us-east-1a"], Manners::default(), Arc::new(Still));
    fake.found_cluster();
    fake.refuse("eks:ListNodegroups", "InvalidSignatureException", 1);
    let credentials = Credentials::new("AKID", "secret", None, None, "test");
    let config = config().credentials_provider(credentials).endpoint_url(fake.url());
    let words = told(config.http_client(fake.http_client()).load().await).await;
    assert!(words.contains("is the clock of this machine right?"), "{words}");
}
