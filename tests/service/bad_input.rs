//! Files that are not what they should be: refused with their place, and nothing of them is kept.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use plimsoll_proto::v1 as pb;
use serde_json::{Value, json};
use tonic::{Code, Status};

use super::rig::{CLUSTER, Rig, refusal};
use super::shop;

/// Where the first object of [`shop::list`] begins: a value that is well-formed but makes no sense is placed by it.
const FIRST_OBJECT_LINE: usize = 4;

/// What a refused file is told.
struct Want {
    reason: &'static str,
    /// Part of the message.
    message: &'static str,
    /// `ErrorInfo.metadata`: the field, and whether there is a line.
    field: &'static str,
    line: Option<usize>,
}

async fn check(rig: &Rig, what: &str, file: impl AsRef<[u8]>, want: Want) {
    let before = rig.stored().await;
    check_refusal(what, rig.import(file).await, want);
    assert_eq!(rig.stored().await, before, "{what}: something was stored");
}

#[track_caller]
fn check_refusal<T>(what: &str, answer: Result<T, Status>, want: Want) {
    let (code, info, message) = refusal(what, answer);
    assert_eq!((code, info.reason.as_str()), (Code::InvalidArgument, want.reason), "{what}: {message}");
    assert!(message.contains(want.message), "{what}: {message}");
    let told = |key: &str| info.metadata.get(key).cloned().unwrap_or_default();
    assert_eq!(told("field"), want.field, "{what}: {message}");
    if let Some(line) = want.line {
        assert_eq!(told("line"), line.to_string(), "{what}: {message}");
    }
}

fn bad(message: &'static str, field: &'static str, line: Option<usize>) -> Want {
    Want { reason: "BAD_IMPORT", message, field, line }
}

/// The line, from 1, of the first field that reads so.
fn line_of(file: &str, text: &str) -> Option<usize> {
    Some(1 + file.lines().position(|line| line.contains(text)).unwrap())
}

async fn rig_with_shop() -> Rig {
    let rig = Rig::start().await;
    rig.import(shop::file()).await.unwrap();
    rig
}

#[tokio::test]
async fn a_file_that_is_cut_off_is_refused_with_its_last_line() {
    let rig = rig_with_shop().await;
    let whole = shop::file();
    for at in [1, whole.len() / 3, whole.len() / 2, whole.trim_end().len() - 1] {
        let last = 1 + whole[..at].matches('\n').count();
        check(&rig, &format!("cut at {at}"), &whole[..at], bad("ends early", "", Some(last))).await;
    }
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_named_with_path_and_line() {
    let rig = rig_with_shop().await;
    let mut pod = shop::pod("odd", "1", "1Gi");
    pod["spec"]["nodeName"] = json!(7);
    let file = shop::list(&[pod]);
    let want = bad("items[0].spec.nodeName", "items[0].spec.nodeName", line_of(&file, "nodeName"));
    check(&rig, "a number for a name", file, want).await;
    let file = json!({"kind": "List", "items": {"a": 1}}).to_string();
    check(&rig, "a map for a list", file, bad("expected an array", "", Some(1))).await;
}

#[tokio::test]
async fn an_amount_that_is_none_is_refused() {
    let rig = rig_with_shop().await;
    let cases: [(&str, Value, &str); 6] = [
        ("negative", json!("-1"), "negative"),
        ("a negative number", json!(-0.5), "negative"),
        ("not a number", json!("NaN"), "quantity"),
        ("infinite", json!("inf"), "quantity"),
        ("far too large", json!("1e400"), "larger than any quantity"),
        ("a word", json!("many"), "quantity"),
    ];
    for (what, cpu, message) in cases {
        let file = shop::list(&[shop::pod("odd", cpu, "1Gi")]);
        let field = "items[0].spec.containers[0].resources.requests.cpu";
        check(&rig, what, &file, bad(message, field, Some(FIRST_OBJECT_LINE))).await;
    }
    let naked = shop::list(&[shop::pod("odd", "1", "1Gi")]).replace("\"cpu\": \"1\"", "\"cpu\": 1e400");
    let (code, info, message) = refusal("a naked 1e400", rig.import(&naked).await);
    assert_eq!((code, info.reason.as_str()), (Code::InvalidArgument, "BAD_IMPORT"), "{message}");
}

#[tokio::test]
async fn the_same_pod_twice_is_refused() {
    let rig = rig_with_shop().await;
    let twin = shop::pod("twin", "1", "1Gi");
    let file = shop::list(&[twin.clone(), twin]);
    check(&rig, "twins", file, bad("shop/twin is there twice", "items[1].metadata.name", None)).await;
}

#[tokio::test]
async fn a_file_without_pods_is_refused() {
    let rig = rig_with_shop().await;
    let nodes: Vec<Value> = shop::objects().into_iter().filter(|object| object["kind"] == "Node").collect();
    for (what, file) in
        [("nothing", String::new()), ("no objects", shop::list(&[])), ("nodes", shop::list(&nodes))]
    {
        check(&rig, what, file, bad("no pods", "", None)).await;
    }
}

#[tokio::test]
async fn bytes_that_are_no_file_of_ours_are_refused() {
    let rig = rig_with_shop().await;
    check(&rig, "not UTF-8", b"\xff\xfe\x00", bad("not UTF-8", "", None)).await;
    check(&rig, "half a gzip", &[0x1f, 0x8b, 8, 0, 0, 0], bad("gzip", "", None)).await;
    check(&rig, "a deep nest", "[".repeat(100_000), bad("nested too deeply", "", None)).await;
    let header = pb::ImportHeader { parent: CLUSTER.into(), gzip: true, ..Default::default() };
    let want = Want { reason: "INVALID_FIELD", message: "not gzip", field: "header.gzip", line: None };
    check_refusal("plain text said to be gzip", rig.import_as(header, "{}").await, want);
}

#[tokio::test]
async fn gzip_is_taken_with_or_without_saying_so() {
    let rig = Rig::start().await;
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(shop::file().as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let header = |gzip| pb::ImportHeader { parent: CLUSTER.into(), gzip, ..Default::default() };
    let (said, unsaid) =
        (rig.import_as(header(true), &packed).await, rig.import_as(header(false), &packed).await);
    let plain = rig.import(shop::file()).await.unwrap();
    assert_eq!((said.unwrap().digest, unsaid.unwrap().digest), (plain.digest.clone(), plain.digest));
}

#[tokio::test]
async fn kinds_that_nobody_knows_are_counted_and_left_out() {
    let rig = Rig::start().await;
    let mut objects = shop::objects();
    objects.extend(
        (0..3).map(|number| shop::object("example.com/v1", "Widget", &format!("w{number}"), json!({}))),
    );
    let snapshot = rig.import(shop::list(&objects)).await.unwrap();
    assert_eq!((snapshot.pod_count as usize, snapshot.node_count as usize), (shop::PODS, shop::NODES));
    let found = snapshot.findings.iter().find(|finding| finding.message.contains("Widget"));
    let found = found.unwrap_or_else(|| panic!("nobody speaks of Widgets: {:?}", snapshot.findings));
    assert!(found.message.contains('3'), "{}", found.message);
}

#[tokio::test]
async fn a_price_that_is_none_is_refused_with_its_line() {
    let rig = rig_with_shop().await;
    let column = "usd_per_hour";
    let cases = [
        ("negative", "m5.large,,on-demand,-0.1", column),
        ("not a number", "m5.large,,on-demand,NaN", column),
        ("infinite", "m5.large,,on-demand,1e400", column),
        ("empty", "m5.large,,on-demand,", column),
        ("a kind that is none", "m5.large,,reserved,0.1", "capacity_kind"),
        ("another region", "m5.large,eu-west-1a,spot,0.1", "zone"),
    ];
    for (what, row, field) in cases {
        let file = format!("instance_type,zone,capacity_kind,usd_per_hour\nc5.large,,on-demand,0.1\n{row}\n");
        let before = rig.stored().await;
        check_refusal(what, rig.import_prices(&file).await, bad("", field, Some(3)));
        assert_eq!(rig.stored().await, before, "{what}: something was stored");
    }
}
