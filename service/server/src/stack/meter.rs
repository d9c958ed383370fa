//! Measures a request to the end of its answer, however it ends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use prost::bytes::Bytes;
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::{Span, debug, info};

use crate::metrics;

/// A request under way. Dropped before [`Meter::end`], it counts as cancelled: the caller went away.
#[derive(Debug)]
pub struct Meter {
    method: &'static str,
    start: Instant,
    span: Span,
    ended: bool,
}

impl Meter {
    /// Begins to measure.
    pub fn start(method: &'static str, span: Span) -> Self {
        metrics::began(method);
        Self { method, start: Instant::now(), span, ended: false }
    }

    fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let duration: Duration = self.start.elapsed();
        metrics::ended(self.method, name(code), duration);
        let seconds = duration.as_secs_f64();
        self.span.in_scope(|| match code {
            Code::Ok => debug!(seconds, "request done"),
            code => info!(code = name(code), seconds, "request refused"),
        });
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// The body of an answer: what it ends with is the request's code.
#[derive(Debug)]
pub struct Measured {
    inner: Body,
    code: Code,
    meter: Meter,
}

impl Measured {
    /// An answer without a body has its code in the headers.
    pub fn new(inner: Body, headers: &HeaderMap, meter: Meter) -> Self {
        let code = code_in(headers).unwrap_or(Code::Ok);
        let mut measured = Self { inner, code, meter };
        if measured.inner.is_end_stream() {
            measured.meter.end(code);
        }
        measured
    }
}

impl http_body::Body for Measured {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        match &frame {
            None => {
                let code = self.code;
                self.meter.end(code);
            }
            Some(Err(status)) => self.meter.end(status.code()),
            Some(Ok(frame)) => {
                if let Some(code) = frame.trailers_ref().and_then(code_in) {
                    self.meter.end(code);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn code_in(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()))
}

/// The canonical name of a code.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
