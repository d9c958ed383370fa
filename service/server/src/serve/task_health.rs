//! How tasks do, as gRPC health tells it: `plimsoll.tasks.{task}` is serving as long as the task is well.

use plimsoll_engine::tasks::Health;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// Tells how tasks do, now and whenever that changes, until `stopping`.
pub async fn tell(mut tasks: watch::Receiver<Vec<Health>>, to: HealthReporter, stopping: CancellationToken) {
    loop {
        let all = tasks.borrow_and_update().clone();
        for health in all {
            let status = if health.is_well() { ServingStatus::Serving } else { ServingStatus::NotServing };
            to.set_service_status(format!("plimsoll.tasks.{}", health.task), status).await;
        }
        match stopping.run_until_cancelled(tasks.changed()).await {
            Some(Ok(())) => {}
            // The server or the tasks ended.
            Some(Err(_)) | None => return,
        }
    }
}
