//! Requests that carry a token which is made anew before it is over.

use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures::future::BoxFuture;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Response, StatusCode};
use tower::{BoxError, Layer, Service};

/// Who makes tokens.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// One that holds for a while.
    ///
    /// # Errors
    /// Why there is none, in words.
    async fn token(&self) -> Result<String, String>;
    /// The newest was refused.
    async fn refused(&self);
}

/// Puts tokens into requests.
#[derive(Clone)]
pub struct Authorizing(pub Arc<dyn TokenSource>);

impl<S> Layer<S> for Authorizing {
    type Service = Authorized<S>;

    fn layer(&self, inner: S) -> Authorized<S> {
        Authorized { inner, source: Arc::clone(&self.0) }
    }
}

/// A client whose requests carry tokens.
#[derive(Clone)]
pub struct Authorized<S> {
    inner: S,
    source: Arc<dyn TokenSource>,
}

impl<S, B, R> Service<Request<B>> for Authorized<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Send + 'static,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<R>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The one that was found ready is used, and a fresh one left in its place.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let source = Arc::clone(&self.source);
        Box::pin(async move {
            let token = source.token().await?;
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
            let answer = inner.call(request).await?;
            if answer.status() == StatusCode::UNAUTHORIZED {
                source.refused().await;
            }
            Ok(answer)
        })
    }
}
