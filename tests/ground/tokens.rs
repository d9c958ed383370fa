//! Tokens are over after a while, in the midst of whatever is being done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use kube::config::AuthInfo;
use plimsoll_domain::world::{Cluster, Cordon};
use plimsoll_live::kubernetes::{Kubernetes, TokenSource};
use plimsoll_props::ground::{Ground, Options, token};
use plimsoll_props::objects::node;

use super::steps::{id, put_node, until};

/// Tells a token that is over until that is refused.
#[derive(Clone, Default)]
struct Tokens(Arc<AtomicBool>);

#[async_trait]
impl TokenSource for Tokens {
    async fn token(&self) -> Result<String, String> {
        Ok(if self.0.load(Ordering::Relaxed) { "over".to_owned() } else { token("admin") })
    }

    async fn refused(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_over_is_refused_once_and_made_anew() {
    let Some(ground) = Ground::start(Options::default()).await else { return };
    put_node(&ground.client().await, &node("one", "us-east-1a", 4)).await;
    let tokens = Tokens::default();
    let mut config = ground.config().await;
    config.auth_info = AuthInfo::default();
    let live = Kubernetes::with_tokens(id(), config, tokens.clone()).unwrap();
    assert_eq!(live.state(&id()).await.unwrap().nodes.len(), 1);

    tokens.0.store(true, Ordering::Relaxed);
    // Whoever asks first is refused, be it a watch.
    let closed = async || live.set_cordon(&id(), "one", Cordon::Final).await.is_ok();
    until("a node is closed", closed).await;
    assert!(!tokens.0.load(Ordering::Relaxed), "nobody was refused");
    let seen = async || live.state(&id()).await.is_ok_and(|state| state.nodes[0].unschedulable);
    until("it is seen to be", seen).await;
}
