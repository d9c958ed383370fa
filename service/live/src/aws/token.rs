//! Tokens for a cluster's API server: a signed request to STS that whoever has it may send once more to learn who we are.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;
use tokio::sync::Mutex;

use super::ReachError;
use crate::kubernetes::TokenSource;

/// What tokens of EKS begin with.
const PREFIX: &str = "k8s-aws-v1.";
/// Header that binds a token to a cluster.
const CLUSTER_HEADER: &str = "x-k8s-aws-id";
/// What the signature says it is good for; the API server goes by its own quarter of an hour.
const EXPIRES: Duration = Duration::from_secs(60);
/// Age at which a token is made anew: EKS takes it for fifteen minutes.
const RENEWED_AFTER: Duration = Duration::from_secs(10 * 60);

/// Tokens of one cluster, made when they are needed. Cheap to clone.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    cluster: String,
    region: String,
    credentials: Option<SharedCredentialsProvider>,
    newest: Mutex<Option<(SystemTime, String)>>,
}

impl Tokens {
    pub(super) fn new(cluster: &str, region: &str, credentials: Option<SharedCredentialsProvider>) -> Self {
        let (cluster, region) = (cluster.to_owned(), region.to_owned());
        Self(Arc::new(Inner { cluster, region, credentials, newest: Mutex::default() }))
    }

    /// A token that holds for five minutes at least.
    async fn newest(&self) -> Result<String, String> {
        let mut newest = self.0.newest.lock().await;
        let now = SystemTime::now();
        if let Some((made, token)) = &*newest
            && now.duration_since(*made).is_ok_and(|age| age < RENEWED_AFTER)
        {
            return Ok(token.clone());
        }
        let token = self.0.sign(now).await?;
        *newest = Some((now, token.clone()));
        Ok(token)
    }
}

#[async_trait]
impl TokenSource for Tokens {
    async fn token(&self) -> Result<String, String> {
        self.newest().await
    }

    async fn refused(&self) {
        *self.0.newest.lock().await = None;
    }
}

impl Inner {
    async fn sign(&self, now: SystemTime) -> Result<String, String> {
        let credentials = self.credentials.as_ref().ok_or("there are no credentials of AWS")?;
        let credentials = credentials.provide_credentials().await;
        let identity = credentials.map_err(|error| format!("credentials of AWS: {error}"))?.into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(EXPIRES);
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("sts")
            .time(now)
            .settings(settings)
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let host = format!("sts.{}.amazonaws.com", self.region);
        let url = format!("https://{host}/?Action=GetCallerIdentity&Version=2011-06-15");
        let headers = [("host", host.as_str()), (CLUSTER_HEADER, self.cluster.as_str())];
        let body = SignableBody::Bytes(&[]);
        let request = SignableRequest::new("GET", &url, headers.into_iter(), body)
            .map_err(|error| error.to_string())?;
        let (signed, _) = sign(request, &params).map_err(|error| error.to_string())?.into_parts();
        let mut request = http::Request::get(&url).body(()).map_err(|error| error.to_string())?;
        signed.apply_to_request_http1x(&mut request);
        Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(request.uri().to_string())))
    }
}

/// How a cluster's API server is reached, but for the token.
pub(super) fn config(endpoint: &str, authority: &str) -> Result<kube::Config, ReachError> {
    let odd = |error: &dyn std::fmt::Display| ReachError::Odd(error.to_string());
    STANDARD.decode(authority).map_err(|error| odd(&error))?;
    let cluster = json!({ "server": endpoint, "certificate-authority-data": authority });
    let text = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "eks", "cluster": cluster }],
        "users": [{ "name": "us", "user": {} }],
        "contexts": [{ "name": "eks", "context": { "cluster": "eks", "user": "us" } }],
        "current-context": "eks",
    });
    let config = Kubeconfig::from_yaml(&text.to_string()).map_err(|error| odd(&error))?;
    // Nothing in it is a file or a program, so that nothing is waited for.
    let options = KubeConfigOptions::default();
    let config = futures::executor::block_on(kube::Config::from_custom_kubeconfig(config, &options));
    config.map_err(|error| odd(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_is_a_signed_request_that_names_its_cluster() {
        let credentials = aws_credential_types::Credentials::new("AKID", "secret", None, None, "test");
        let tokens = Tokens::new("prod", "eu-central-1", Some(SharedCredentialsProvider::new(credentials)));
        let token = tokens.token().await.unwrap();
        let url = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX).unwrap()).unwrap();
        let url = String::from_utf8(url).unwrap();
        assert!(url.starts_with("https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity"), "{url}");
        assert!(url.contains("X-Amz-SignedHeaders=host%3Bx-k8s-aws-id"), "{url}");
        assert!(url.contains("X-Amz-Expires=60") && !url.contains("secret"), "{url}");
        assert!(token.len() <= 4096 && !token.ends_with('='), "{token}");
        assert_eq!(tokens.token().await.unwrap(), token, "it holds for a while");
    }

    #[tokio::test]
    async fn without_credentials_there_is_no_token() {
        let why = Tokens::new("prod", "eu-central-1", None).token().await.unwrap_err();
        assert!(why.contains("no credentials"), "{why}");
    }
}
