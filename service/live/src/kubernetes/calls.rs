//! Requests to an API server, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http::Request;
use tower::{Layer, Service};

/// Requests so far.
#[derive(Debug, Default)]
pub struct Calls(AtomicU64);

impl Calls {
    /// How many.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A client whose requests are counted.
#[derive(Clone)]
pub struct Counted<S> {
    inner: S,
    calls: Arc<Calls>,
}

/// Makes them.
#[derive(Clone)]
pub struct Counting(Arc<Calls>);

impl Counted<()> {
    /// What counts into `calls`.
    pub fn layer(calls: Arc<Calls>) -> Counting {
        Counting(calls)
    }
}

impl<S> Layer<S> for Counting {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, calls: Arc::clone(&self.0) }
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Counted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        self.calls.0.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("plimsoll_kubernetes_requests_total", "method" => request.method().to_string())
            .increment(1);
        self.inner.call(request)
    }
}
