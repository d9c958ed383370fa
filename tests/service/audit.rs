//! Who changed what is told, and nothing else.

use plimsoll_proto::v1 as pb;
use tonic::Code;

use super::node_groups::{GROUP, check, order, resize, rig};
use super::rig::Rig;

const METHOD: &str = "/plimsoll.v1.NodeGroupService/ResizeNodeGroup";

async fn lines(rig: &Rig, request: pb::ListAuditEntriesRequest) -> Vec<pb::AuditEntry> {
    rig.audit().list_audit_entries(request).await.unwrap().into_inner().audit_entries
}

#[tokio::test]
async fn an_accepted_call_leaves_one_line_and_a_refused_one_none() {
    let rig = rig().await;
    let of_resizes = || pb::ListAuditEntriesRequest {
        parent: "clusters/sim".into(),
        method: "ResizeNodeGroup".into(),
        ..Default::default()
    };
    let request = pb::ResizeNodeGroupRequest { request_id: "r1".into(), ..order(GROUP, 7) };
    let begun = resize(&rig, request.clone()).await.unwrap();
    assert_eq!(resize(&rig, request).await.unwrap().name, begun.name);
    check("range", resize(&rig, order(GROUP, -1)).await, Code::OutOfRange, "OUT_OF_RANGE_SIZE");
    let told = lines(&rig, of_resizes()).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let line = &told[0];
    assert_eq!((line.method.as_str(), line.actor.as_str()), (METHOD, "anonymous"));
    assert_eq!((&line.resource, line.request_id.as_str()), (&begun.name, "r1"));
    assert_eq!(line.cluster, "clusters/sim");
    assert!(line.time.is_some() && line.name.starts_with("auditEntries/"));

    let later = pb::ListAuditEntriesRequest { start_time: line.time, ..of_resizes() };
    assert_eq!(lines(&rig, later).await, told);
    let earlier = pb::ListAuditEntriesRequest { end_time: line.time, ..of_resizes() };
    assert_eq!(lines(&rig, earlier).await, []);
}

#[tokio::test]
async fn the_log_is_paged_and_says_what_it_does_not_understand() {
    let rig = rig().await;
    let (mut page_token, mut seen) = (String::new(), Vec::new());
    loop {
        let request = pb::ListAuditEntriesRequest { page_size: 2, page_token, ..Default::default() };
        let page = rig.audit().list_audit_entries(request).await.unwrap().into_inner();
        assert!(page.audit_entries.len() <= 2);
        seen.extend(page.audit_entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let whole = pb::ListAuditEntriesRequest { page_size: 1000, ..Default::default() };
    assert_eq!(seen, lines(&rig, whole).await);
    let methods: Vec<&str> = seen.iter().filter_map(|line| line.method.rsplit('/').next()).collect();
    assert!(methods.contains(&"RegisterCluster") && methods.contains(&"UpdatePolicy"), "{methods:?}");

    let ask = async |request| rig.audit().list_audit_entries(request).await;
    let nowhere = pb::ListAuditEntriesRequest { parent: "clusters/zeus".into(), ..Default::default() };
    check("zeus", ask(nowhere).await, Code::NotFound, "UNKNOWN_CLUSTER");
    let bad = pb::ListAuditEntriesRequest { parent: "zeus".into(), ..Default::default() };
    check("parent", ask(bad).await, Code::InvalidArgument, "INVALID_FIELD");
    let bad = pb::ListAuditEntriesRequest { page_token: "x".into(), ..Default::default() };
    check("token", ask(bad).await, Code::InvalidArgument, "BAD_PAGE_TOKEN");
}
