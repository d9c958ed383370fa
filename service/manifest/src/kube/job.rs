//! Jobs: how many pods of one run at a time, and how many of them may be evicted before it gives up.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{CronJob, Job, JobSpec};
use plimsoll_domain::workload::{Workload, WorkloadKind};

use crate::error::{At, Fault};

use super::draft::{Draft, Origin, PodDraft};
use super::owner::{Controller, controller, count, key, reference};

/// Failed pods that a Job bears where it does not say. Source: Kubernetes, "Jobs", "Pod backoff failure policy".
const BACKOFF_LIMIT: i32 = 6;

/// Annotation of a pod of an indexed Job: how many failed for its index.
const INDEX_FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";

/// What a Job says of its pods.
#[derive(Clone)]
pub(super) struct JobDraft {
    /// Its CronJob, if it has one.
    pub controller: Option<Controller>,
    bears: Bears,
}

/// Which failures a Job bears. An evicted pod counts as failed.
#[derive(Clone, Copy)]
enum Bears {
    /// Its policy for failed pods takes no account of those that are evicted.
    Evictions,
    /// So many more, of all its pods.
    More(i32),
    /// So many for each index, those before included.
    OfEachIndex(i32),
}

/// Takes a Job: a link to its CronJob, or a workload of its own as long as it has work to do.
pub(super) fn take(from: Job, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let controller = controller(&from.metadata);
    let status = from.status.unwrap_or_default();
    let spec = from.spec.unwrap_or_default();
    if controller.is_none() && status.completion_time.is_none() {
        let replicas = parallel_pods(&spec, status.succeeded.unwrap_or(0)).at("spec")?;
        let reference = reference(WorkloadKind::Job, &from.metadata);
        draft.workloads.push(Workload { reference, replicas, max_surge: 0, max_unavailable: 0 });
    }
    let bears = bears(&spec, status.failed.unwrap_or(0));
    draft.jobs.insert(key(&from.metadata), JobDraft { controller, bears });
    Ok(())
}

/// Takes a CronJob: as many pods as one of its runs has.
pub(super) fn take_cron_job(from: CronJob, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let reference = reference(WorkloadKind::CronJob, &from.metadata);
    let Some(spec) = from.spec else { return Ok(()) };
    let replicas = match spec.job_template.spec {
        Some(job) if spec.suspend != Some(true) => parallel_pods(&job, 0).at("spec.jobTemplate.spec")?,
        _ => 0,
    };
    draft.workloads.push(Workload { reference, replicas, max_surge: 0, max_unavailable: 0 });
    Ok(())
}

/// Pods of a job that run at a time: its parallelism, or what is left to complete.
fn parallel_pods(job: &JobSpec, succeeded: i32) -> Result<i32, Fault> {
    if job.suspend == Some(true) {
        return Ok(0);
    }
    let parallelism = count(job.parallelism.unwrap_or(1)).at("parallelism")?;
    match job.completions {
        Some(completions) => {
            let left = count(completions).at("completions")?.saturating_sub(succeeded.max(0)).max(0);
            Ok(parallelism.min(left))
        }
        None => Ok(parallelism),
    }
}

fn bears(job: &JobSpec, failed: i32) -> Bears {
    let rules = job.pod_failure_policy.iter().flat_map(|policy| &policy.rules);
    let forgives = rules.filter(|rule| rule.action == "Ignore").any(|rule| {
        let patterns = rule.on_pod_conditions.iter().flatten();
        patterns.into_iter().any(|it| it.type_ == "DisruptionTarget" && it.status.as_deref() != Some("False"))
    });
    match job.backoff_limit_per_index {
        _ if forgives => Bears::Evictions,
        Some(limit) => Bears::OfEachIndex(limit),
        None => Bears::More(job.backoff_limit.unwrap_or(BACKOFF_LIMIT).saturating_sub(failed)),
    }
}

/// Why pods of Jobs must stay where they are: evicted beside the others, they would make their Job give up, and its work be
/// lost. Of the pods of one, the newest stay: those among them that were evicted before and made again.
pub(super) fn hold(pods: &[PodDraft], draft: &Draft) -> BTreeMap<String, String> {
    let mut jobs: BTreeMap<(&str, &str), Vec<&PodDraft>> = BTreeMap::new();
    for pod in pods {
        if let Some(controller) = pod.controller.as_ref().filter(|controller| controller.kind == "Job") {
            jobs.entry((&pod.pod.namespace, &controller.name)).or_default().push(pod);
        }
    }
    let mut held = BTreeMap::new();
    for ((namespace, name), mut pods) in jobs {
        let Some(job) = draft.jobs.get(&(namespace.to_owned(), name.to_owned())) else { continue };
        let left = match job.bears {
            Bears::Evictions => continue,
            Bears::More(left) => {
                let left = usize::try_from(left).unwrap_or(0);
                pods.sort_by_key(|pod| pod.pod.create_time);
                pods.drain(..left.min(pods.len()));
                left
            }
            Bears::OfEachIndex(limit) => {
                pods.retain(|pod| limit <= pod.failures);
                0
            }
        };
        let why = format!(
            "its Job bears {left} more failed pods, and one that is evicted counts as failed, unless a podFailurePolicy \
             ignores DisruptionTarget"
        );
        held.extend(pods.iter().map(|pod| (pod.pod.key(), why.clone())));
    }
    held
}

/// How many pods failed for the index of one, as its annotations tell.
pub(super) fn failures(annotations: Option<&BTreeMap<String, String>>) -> i32 {
    let told = annotations.and_then(|all| all.get(INDEX_FAILURES));
    told.and_then(|count| count.parse().ok()).unwrap_or(0)
}
