//! What every request goes through: an id, a span, a measurement, and a look at where a browser comes from.

mod meter;
mod origin;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::{Instrument, info_span};
use uuid::Uuid;

use meter::{Measured, Meter};

/// The header of a request's id, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id of a caller's that is taken over; a UUID has 36.
const REQUEST_ID_BYTES_MAX: usize = 128;
/// The method's name where it is none of ours, so that strangers cannot make up labels.
const OTHER_METHOD: &str = "other";

/// Puts [`Access`] around a service.
#[derive(Clone, Debug)]
pub struct AccessLayer {
    methods: Arc<BTreeMap<String, &'static str>>,
}

impl AccessLayer {
    /// Knows these methods by name; all others count as one.
    pub fn new(methods: Vec<String>) -> Self {
        // Labels live as long as the process, and there are as many as methods.
        let leak = |name: String| (name.clone(), &*name.leak());
        Self { methods: Arc::new(methods.into_iter().map(leak).collect()) }
    }
}

impl<S> Layer<S> for AccessLayer {
    type Service = Access<S>;

    fn layer(&self, inner: S) -> Access<S> {
        Access { inner, methods: Arc::clone(&self.methods) }
    }
}

/// Gives each request an id and a span, measures it, and turns foreign browsers away.
#[derive(Clone, Debug)]
pub struct Access<S> {
    inner: S,
    methods: Arc<BTreeMap<String, &'static str>>,
}

impl<S> Service<Request<Body>> for Access<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = self.methods.get(request.uri().path()).copied().unwrap_or(OTHER_METHOD);
        let id = request_id(request.headers());
        let span = info_span!("request", method, request_id = id.to_str().unwrap_or_default());
        let meter = Meter::start(method, span.clone());
        // The clone stays behind: the service that was asked whether it is ready is the one that is called.
        let spare = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, spare);
        Box::pin(
            async move {
                let answer = match origin::refusal(request.headers()) {
                    Some(message) => Status::permission_denied(message).into_http(),
                    None => inner.call(request).await?,
                };
                let (mut head, body) = answer.into_parts();
                head.headers.insert(REQUEST_ID, id);
                let body = Measured::new(body, &head.headers, meter);
                Ok(Response::from_parts(head, Body::new(body)))
            }
            .instrument(span),
        )
    }
}

/// The caller's id if it is fit to be printed, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let fit = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=REQUEST_ID_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    let new = || HeaderValue::try_from(Uuid::new_v4().to_string()).expect("a UUID is ASCII");
    headers.get(REQUEST_ID).filter(fit).cloned().unwrap_or_else(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, kept: bool) {
        let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(given).unwrap())]);
        assert_eq!(request_id(&headers) == given, kept, "{given:?}");
    }

    #[test]
    fn a_callers_id_is_kept_if_it_can_be_printed() {
        check("abc-1", true);
        check("", false);
        check("two words", false);
        check(&"x".repeat(129), false);
    }
}
