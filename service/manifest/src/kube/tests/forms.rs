//! The same objects in every form that they come in.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use plimsoll_domain::snapshot::{Content, Snapshot};
use serde_json::{Value, json};

use super::super::{Import, Options, read};
use super::{object, options};

fn objects() -> [Value; 3] {
    let resources = json!({"requests": {"cpu": "250m", "memory": "1Gi"}});
    let pod = |name: &str| {
        object(
            "v1",
            "Pod",
            name,
            json!({"metadata": {"creationTimestamp": "2026-11-22T10:00:00Z"},
            "spec": {"nodeName": "n", "containers": [{"name": "main", "image": "web:1", "resources": resources}]}}),
        )
    };
    [pod("web-0"), object("v1", "Node", "n", json!({"status": {"capacity": {"cpu": "2"}}})), pod("web-1")]
}

/// All of them, as one list.
fn want() -> Snapshot {
    super::snapshot(&objects())
}

#[track_caller]
fn check(what: &str, text: &[u8]) {
    let found = read(text, &options()).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(found, want(), "{what}");
}

#[test]
fn lists_documents_arrays_and_yaml_mean_the_same() {
    let [a, b, c] = objects();
    let list = |items: &[&Value]| json!({"apiVersion": "v1", "kind": "List", "items": items});
    check("one list", list(&[&a, &b, &c]).to_string().as_bytes());
    check("indented", serde_json::to_string_pretty(&list(&[&a, &b, &c])).expect("JSON").as_bytes());
    check("two lists", format!("{}\n\n{}", list(&[&a]), list(&[&b, &c])).as_bytes());
    check("an empty list beside", format!("{{\"items\": null}}{}", list(&[&a, &b, &c])).as_bytes());
    check("objects one after another", format!("{a}{b}\n{c}\n").as_bytes());
    check("an array of lists and objects", json!([list(&[&a]), b, [c]]).to_string().as_bytes());
    check("with a byte order mark", format!("\u{feff}{}", list(&[&a, &b, &c])).as_bytes());
    let kind_last = |kind: &str, items: &[&Value]| {
        format!("{{\"kind\":\"{kind}\",\"items\":[{}]}}", {
            let bare = |item: &&Value| {
                let mut item = (*item).clone();
                item.as_object_mut()
                    .expect("an object")
                    .retain(|key, _| key != "kind" && key != "apiVersion");
                item.to_string()
            };
            items.iter().map(bare).collect::<Vec<_>>().join(",")
        })
    };
    check(
        "typed lists",
        format!("{}{}", kind_last("PodList", &[&a, &c]), kind_last("NodeList", &[&b])).as_bytes(),
    );

    let yaml = |value: &Value| serde_norway::to_string(value).expect("YAML");
    check("YAML", yaml(&list(&[&a, &b, &c])).as_bytes());
    check("JSON, then YAML", format!("{a}\n---\n{}---\n{}", yaml(&b), yaml(&c)).as_bytes());
    check(
        "YAML documents",
        format!("# all\n---\n{}---\n{}---\n---\n{}", yaml(&a), yaml(&b), yaml(&c)).as_bytes(),
    );
}

#[test]
fn gzip_is_undone_and_files_add_up() {
    let [a, b, c] = objects();
    let zip = |text: String| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).expect("to memory");
        encoder.finish().expect("to memory")
    };
    let one = zip(json!({"items": [a, b]}).to_string());
    let other = zip(c.to_string());
    check("gzip members one after another", &[one.clone(), other.clone()].concat());
    let mut import = Import::default();
    import.read(one.as_slice()).expect("sound");
    import.read(other.as_slice()).expect("sound");
    import.read(&b""[..]).expect("an empty file adds nothing");
    assert_eq!(import.finish(&options()).expect("sound"), want());
}

#[test]
fn the_capture_time_is_the_newest_there_is_but_never_ahead() {
    let at = |now: &str, stated: Option<&str>| {
        let time = |text: &str| text.parse().expect("a time");
        let options = Options { now: time(now), capture_time: stated.map(time) };
        let text = json!({"items": objects()}).to_string();
        read(text.as_bytes(), &options).expect("sound").capture_time.to_string()
    };
    assert_eq!(at("2026-11-22T12:00:00Z", None), "2026-11-22T10:00:00Z");
    assert_eq!(at("2026-11-22T09:00:00Z", None), "2026-11-22T09:00:00Z");
    assert_eq!(at("2026-11-22T12:00:00Z", Some("2026-11-22T11:00:00Z")), "2026-11-22T11:00:00Z");
}

#[test]
fn the_order_of_objects_makes_no_difference() {
    let [a, b, c] = objects();
    let Content::Cluster(cluster) = super::snapshot(&[c, b, a]).content else { panic!("not a cluster") };
    let Content::Cluster(want) = want().content else { panic!("not a cluster") };
    assert_eq!(cluster, want);
}
