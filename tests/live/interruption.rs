//! Machines that AWS takes back, from the word in the queue to the end.
//!
//! Time is real here: machines take as long as they do in AWS to become nodes, and AWS takes back two minutes after its word.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::ListParams;
use plimsoll_props::aws::Manners;
use plimsoll_props::budgets::{Seen, Watch};
use plimsoll_props::objects::{self, object, put};
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::operation_metadata::{Kind, State};
use plimsoll_tests::process::Process;
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::service::{self, operations, register, server};
use super::site::{LOOK, Site, instance, node_of, until};

/// From AWS's word to the end of a machine.
const NOTICE: Duration = Duration::from_secs(120);
/// From the order of a machine to its node: a usual time for EKS.
const BOOT: Duration = Duration::from_secs(40);
/// Longest until the queue is looked at again: it is every 5 s.
const SOON: Duration = Duration::from_secs(30);
/// The group of spot machines.
const GROUP: &str = "spot-a";
/// Its machines at the start.
const MACHINES: usize = 2;
/// Pods on them: two on each, and no room for a third.
const PODS: usize = 4;

/// A site with a spot group, a server that reads the queue, and so many pods of which `min_available` have to serve.
struct Scene {
    // It ends before what it reaches.
    _server: Process,
    channel: Channel,
    site: Site,
    /// Node of a machine that will be taken back.
    doomed: String,
}

impl Scene {
    async fn start(folder: &Path, min_available: usize) -> Option<Self> {
        let site = Site::start().await?;
        site.fake.found_group("general-b", "us-east-1b", "m7i.xlarge", 1);
        site.fake.found_spot_group(GROUP, "us-east-1a", "m7i.xlarge", 2);
        let on_spot = json!({ "nodeSelector": { "eks.amazonaws.com/capacityType": "SPOT" } });
        let mut pods = objects::template("web", "1500m", &on_spot);
        let pace = json!({ "ground.plimsoll/ready-after": "3s", "ground.plimsoll/gone-after": "2s" });
        pods["metadata"]["annotations"] = pace;
        put(&site.client, objects::deployment("web", PODS.try_into().unwrap(), &pods)).await;
        put(&site.client, budget(min_available)).await;
        site.until_serving(PODS).await;
        let pods = site.pods().await;
        let doomed = pods.iter().find_map(node_of).unwrap().to_owned();
        site.fake.set_manners(Manners { boot: BOOT, ..Manners::default() });
        let queue = format!("live.queue_url={}/123456789012/interruptions", site.fake.url());
        let server = server(&site, folder, &[queue]);
        let channel = server.channel();
        register(&channel, 1.0).await;
        Some(Self { _server: server, channel, site, doomed })
    }

    fn doomed_runs(&self) -> bool {
        self.site.fake.running().values().flatten().any(|id| *id == instance(&self.doomed))
    }

    /// Machines of the group.
    fn members(&self) -> usize {
        self.site.fake.running()[GROUP].len()
    }

    async fn nodes_that_are_closed(&self) -> Vec<String> {
        let nodes: Api<Node> = Api::all(self.site.client.clone());
        let nodes = nodes.list(&ListParams::default()).await.unwrap().items;
        let closed = |node: &Node| node.spec.as_ref().is_some_and(|spec| spec.unschedulable == Some(true));
        nodes.iter().filter(|node| closed(node)).filter_map(|node| node.metadata.name.clone()).collect()
    }

    /// Waits until the only operation is over.
    async fn end(&self, longest: Duration) -> pb::Operation {
        let is_over = async || operations(&self.channel).await.first().is_some_and(|one| one.done);
        until("an operation ends", longest, is_over).await;
        operations(&self.channel).await.remove(0)
    }
}

fn budget(min_available: usize) -> PodDisruptionBudget {
    object(json!({
        "metadata": { "name": "web" },
        "spec": { "selector": { "matchLabels": { "app": "web" } }, "minAvailable": min_available },
    }))
}

/// A message as EventBridge puts it into a queue.
fn message(source: &str, detail_type: &str, time: Timestamp, detail: &Value) -> String {
    let envelope = json!({
        "version": "0",
        "id": "12345678-1234-1234-1234-123456789012",
        "detail-type": detail_type,
        "source": source,
        "account": "123456789012",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    });
    envelope.to_string()
}

fn warning(instance: &str, time: Timestamp) -> String {
    let detail = json!({ "instance-id": instance, "instance-action": "terminate" });
    message("aws.ec2", "EC2 Spot Instance Interruption Warning", time, &detail)
}

/// What is in a queue beside warnings, about a machine.
fn noise(instance: &str, now: Timestamp) -> Vec<String> {
    let at_risk = json!({ "instance-id": instance });
    let gone = json!({ "instance-id": instance, "state": "terminated" });
    let health = json!({
        "service": "EC2",
        "eventTypeCode": "AWS_EC2_NETWORK_CONNECTIVITY_ISSUE",
        "eventTypeCategory": "issue",
        "startTime": "Fri, 27 Nov 2026 12:00:00 GMT",
        "affectedEntities": [{ "entityValue": instance }],
    });
    let long_ago = now.checked_sub(SignedDuration::from_mins(10)).unwrap();
    vec![
        "what is this?".to_owned(),
        json!({ "Message": "from somewhere else" }).to_string(),
        message("aws.ec2", "EC2 Spot Instance Interruption Warning", now, &json!({ "instance": instance })),
        message("aws.ec2", "EC2 Instance Rebalance Recommendation", now, &at_risk),
        message("aws.ec2", "EC2 Instance State-change Notification", now, &gone),
        message("aws.health", "AWS Health Event", now, &health),
        warning("i-0aaaaaaaaaaaaaaaa", long_ago),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_taken_back_is_replaced_and_empty_before_it_goes_and_no_budget_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    // One pod may be away: the second leaves when the first serves elsewhere, for which a machine has to come.
    let Some(scene) = Scene::start(folder.path(), PODS - 1).await else { return };
    let fake = &scene.site.fake;
    let doomed = instance(&scene.doomed);
    let noise = noise(&doomed, Timestamp::now());
    noise.iter().for_each(|text| fake.tell(text));
    until("what is no warning is deleted", SOON, async || {
        let deleted = fake.deleted_messages();
        noise.iter().all(|text| deleted.contains(text))
    })
    .await;
    assert_eq!((operations(&scene.channel).await, scene.nodes_that_are_closed().await), (vec![], vec![]));

    let watch = Watch::start(&scene.site.client);
    let (begun, time) = (Instant::now(), Timestamp::now());
    let word = warning(&doomed, time);
    // A machine of another cluster, the word itself, the word again, and what was said before it.
    let foreign = warning("i-0bbbbbbbbbbbbbbbb", time);
    let late =
        message("aws.ec2", "EC2 Instance Rebalance Recommendation", time, &json!({ "instance-id": doomed }));
    [&foreign, &word, &word, &late].into_iter().for_each(|text| fake.tell(text));
    while scene.doomed_runs() && begun.elapsed() < NOTICE {
        tokio::time::sleep(LOOK).await;
    }
    let empty = begun.elapsed();
    assert!(!fake.take_back(&doomed), "it was still there when AWS took it back");
    let ended = scene.end(NOTICE.saturating_sub(begun.elapsed())).await;
    let over = begun.elapsed();
    let metadata = ended.metadata.clone().unwrap();
    let timeline = service::timeline(&ended, time);
    assert_eq!(
        (metadata.kind(), metadata.state()),
        (Kind::ReplaceInterrupted, State::Succeeded),
        "{timeline}"
    );
    assert_eq!(metadata.machines, [format!("aws:///us-east-1a/{doomed}")]);
    let Seen { looks, broken, slack } = watch.seen().await;
    assert!(broken.is_empty(), "budgets that were broken: {broken:?}\n{timeline}");
    assert_eq!(slack["default/web"], 0, "the budget was never at its limit: it proves nothing");
    scene.site.until_serving(PODS).await;
    assert_eq!((scene.members(), scene.nodes_that_are_closed().await), (MACHINES, vec![]));

    // The word once more, when all is over.
    fake.tell(&word);
    let reads = || fake.log().iter().filter(|call| call.action == "sqs:ReceiveMessage").count();
    let so_far = reads();
    until("the queue is read twice", SOON, async || so_far + 2 < reads()).await;
    assert_eq!(operations(&scene.channel).await.len(), 1);
    assert_eq!(fake.faults_on_the_wire().unwrap_or_default(), "");
    assert_eq!(fake.forbidden(), Default::default(), "no policy allows it");
    println!(
        "machines take {BOOT:?}; its pods had left after {:.1} s of {NOTICE:?}, all was over after {:.1} s; {looks} looks at the budget\n{timeline}",
        empty.as_secs_f64(),
        over.as_secs_f64(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_leave_stays_until_the_machine_is_taken_and_the_group_is_as_large_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let Some(scene) = Scene::start(folder.path(), PODS).await else { return };
    let fake = &scene.site.fake;
    let (begun, time) = (Instant::now(), Timestamp::now());
    let watch = Watch::start(&scene.site.client);
    fake.tell(&warning(&instance(&scene.doomed), time));
    while begun.elapsed() < NOTICE {
        assert!(scene.doomed_runs(), "it is gone after {:?}, with pods that may not leave", begun.elapsed());
        tokio::time::sleep(LOOK).await;
    }
    let seen = watch.seen().await;
    assert!(seen.broken.is_empty(), "budgets that were broken: {:?}", seen.broken);
    assert!(fake.take_back(&instance(&scene.doomed)));
    let ended = scene.end(NOTICE).await;
    let timeline = service::timeline(&ended, time);
    assert_eq!(ended.metadata.clone().unwrap().state(), State::Succeeded, "{timeline}");
    scene.site.until_serving(PODS).await;
    println!("taken after {NOTICE:?}; {seen}\n{timeline}");
    let as_before = async || scene.members() == MACHINES;
    until("the group is as large as before", NOTICE, as_before).await;
}
