//! What is told to whoever is not let in, or finds nobody.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::PostParams;
use plimsoll_domain::world::{Cluster, Cordon};
use plimsoll_live::kubernetes::Kubernetes;
use plimsoll_props::ground::{Ground, Options};
use serde_json::json;
use tokio::net::TcpListener;

use super::steps::id;
use plimsoll_props::objects::object;

/// Longest until it is told that nobody is there.
const TOLD_MAX: Duration = Duration::from_secs(8);

async fn told(config: kube::Config) -> String {
    let live = Kubernetes::new(id(), config).unwrap();
    live.state(&id()).await.unwrap_err().to_string()
}

#[track_caller]
fn expect_words(told: &str, words: &[&str]) {
    for word in words {
        assert!(told.contains(word), "{told:?} lacks {word:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_let_in_is_told_why() {
    let Some(ground) = Ground::start(Options::default()).await else { return };
    let stranger = told(ground.config_with("no-such-token").await).await;
    expect_words(&stranger, &["the API server does not know us", "Unauthorized"]);

    // Accounts of a namespace may do nothing unless they are given something.
    let accounts: Api<ServiceAccount> = Api::namespaced(ground.client().await, "default");
    let request = object(json!({ "metadata": {}, "spec": { "audiences": [] } }));
    let token = accounts.create_token_request("default", &PostParams::default(), &request).await.unwrap();
    let live = ground.config_with(&token.status.unwrap().token).await;
    let account = told(live.clone()).await;
    expect_words(&account, &["forbids", "k8s/rbac.yaml", "cannot list resource \"pods\""]);
    let live = Kubernetes::new(id(), live).unwrap();
    let cordon = live.set_cordon(&id(), "one", Cordon::Final).await.unwrap_err().to_string();
    expect_words(&cordon, &["forbids", "k8s/rbac.yaml", "cannot get resource \"nodes\""]);
}

/// Where nobody listens, and where nobody says a word.
#[tokio::test(flavor = "multi_thread")]
async fn that_nobody_is_there_is_told_soon() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    for (address, words) in [(address, "refused"), (silent.local_addr().unwrap(), "deadline has elapsed")] {
        let begun = Instant::now();
        let why = told(kube::Config::new(format!("https://{address}").parse().unwrap())).await;
        assert!(begun.elapsed() < TOLD_MAX, "{why:?} after {:?}", begun.elapsed());
        println!("{why} ({:?})", begun.elapsed());
        expect_words(&why, &["cannot be reached", words, &address.to_string()]);
    }
}
