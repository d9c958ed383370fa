//! `/metrics`, for Prometheus.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::bind::Bound;
use crate::metrics::UPKEEP_INTERVAL;

/// The text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves the page until `stopping`.
pub async fn serve(bound: Bound, exporter: PrometheusHandle, stopping: CancellationToken) {
    tokio::spawn(keep_up(exporter.clone(), stopping.clone()));
    let page = get(move || async move { ([(CONTENT_TYPE, TEXT)], exporter.render()) });
    let router = Router::new().route("/metrics", page);
    let served = axum::serve(bound.listener, router).with_graceful_shutdown(stopping.cancelled_owned());
    if let Err(cause) = served.await {
        error!(%cause, "metrics are not served any more");
    }
}

async fn keep_up(exporter: PrometheusHandle, stopping: CancellationToken) {
    let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        exporter.run_upkeep();
    }
}
