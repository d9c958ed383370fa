//! What is wrong is refused, with its place and what was expected.

use serde_json::{Value, json};

use super::super::read;
use super::{list, object, options};
use crate::error::ReadError;

/// Reads a pod with one container of these requests.
fn asking(requests: Value) -> Result<(), ReadError> {
    let containers = json!([{"name": "main", "resources": {"requests": requests}}]);
    list(&[object("v1", "Pod", "web-0", json!({"spec": {"containers": containers}}))]).map(|_| ())
}

#[track_caller]
fn check(what: &str, found: Result<impl Sized, ReadError>, path: &str, message: &str) {
    let Err(ReadError::Bad(fault)) = found else { panic!("{what}: not refused as bad") };
    assert_eq!(fault.path, path, "{what}: {fault}");
    assert!(fault.message.contains(message), "{what}: {fault}");
}

const CPU: &str = "items[0].spec.containers[0].resources.requests.cpu";

#[test]
fn an_amount_that_is_none_is_named_with_its_path() {
    check("text", asking(json!({"cpu": "many"})), CPU, "\"many\" is not a Kubernetes quantity");
    check("negative", asking(json!({"cpu": "-1"})), CPU, "\"-1\" is negative");
    check("NaN", asking(json!({"cpu": "NaN"})), CPU, "not a Kubernetes quantity");
    check("far too large", asking(json!({"cpu": "1e400"})), CPU, "larger than any quantity");
    check("a negative number", asking(json!({"cpu": -0.5})), CPU, "negative");
    check("a list", asking(json!({"cpu": []})), CPU, "invalid type: sequence, expected Quantity");
    check("not a map", asking(json!(3)), "items[0].spec.containers[0].resources.requests", "expected a map");
}

#[test]
fn a_wrong_type_is_named_with_path_and_line() {
    let text = "{\n \"kind\": \"List\",\n \"items\": [\n  {\"kind\": \"Node\", \"metadata\": {\"name\": \"n\"}},\n  {\n   \
                \"kind\": \"Pod\",\n   \"metadata\": {\"name\": \"a\"},\n   \"spec\": {\n    \"nodeName\": 7\n   }\n  }\n ]\n}\n";
    let Err(ReadError::Bad(fault)) = read(text.as_bytes(), &options()) else { panic!("not refused") };
    assert_eq!((fault.line, fault.column), (Some(9), Some(17)));
    assert_eq!(fault.path, "items[1].spec.nodeName");
    assert_eq!(fault.message, "invalid type: integer `7`, expected a string");
}

#[test]
fn a_wrong_word_is_named_with_the_ones_that_are_right() {
    let pod =
        |spec: Value| list(&[object("v1", "Pod", "web-0", json!({"spec": super::with_container(spec)}))]);
    let spread = json!([{"maxSkew": 0, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]);
    let path = "items[0].spec.topologySpreadConstraints[0].maxSkew";
    check("skew", pod(json!({"topologySpreadConstraints": spread})), path, "0 is below 1");
    let effect = json!([{"key": "a", "effect": "Never"}]);
    check(
        "effect",
        pod(json!({"tolerations": effect})),
        "items[0].spec.tolerations[0].effect",
        "none of NoSchedule",
    );
    let terms = json!([{"matchExpressions": [{"key": "a", "operator": "Has"}]}]);
    let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}});
    let path = "items[0].spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.\
                nodeSelectorTerms[0].matchExpressions[0].operator";
    check("operator", pod(json!({"affinity": {"nodeAffinity": required}})), path, "none of In, NotIn");
    let budget = object("policy/v1", "PodDisruptionBudget", "b", json!({"spec": {"maxUnavailable": "some"}}));
    check("share", list(&[budget]), "items[0].spec.maxUnavailable", "neither a number nor a percentage");
    let budget =
        object("policy/v1", "PodDisruptionBudget", "b", json!({"spec": {"maxUnavailable": "4000000000%"}}));
    check(
        "far too much",
        list(&[budget]),
        "items[0].spec.maxUnavailable",
        "neither a number nor a percentage",
    );
    let nameless = json!({"apiVersion": "v1", "kind": "Pod", "spec": {}});
    check("no name", list(&[nameless]), "items[0].metadata.name", "missing");
    check("no spec", list(&[object("v1", "Pod", "a", json!({}))]), "items[0].spec", "missing");
    check("no kind", list(&[json!({"metadata": {"name": "a"}})]), "items[0].kind", "missing");
}

#[test]
fn a_list_that_is_only_a_page_is_told() {
    let pod = object("v1", "Pod", "web-0", json!({"spec": super::with_container(json!({}))}));
    for (next, want) in [("", false), ("eyJ2", true)] {
        let text = json!({"items": [pod], "metadata": {"continue": next}}).to_string();
        let snapshot = read(text.as_bytes(), &options()).expect("sound");
        assert_eq!(super::codes(&snapshot).contains(&"PARTIAL_LIST"), want, "{next:?}");
    }
}

#[test]
fn twins_are_refused() {
    let pod = object("v1", "Pod", "web-0", json!({"spec": super::with_container(json!({}))}));
    let node = object("v1", "Node", "n", json!({}));
    let twice = list(&[pod.clone(), node.clone(), pod.clone()]);
    check("pods", twice, "items[2].metadata.name", "pod shop/web-0 is there twice, first at items[0]");
    let twice = list(&[node.clone(), pod.clone(), node]);
    check("nodes", twice, "items[2].metadata.name", "node n is there twice, first at items[0]");
    let text = format!("{pod}{}", json!({"items": [pod]}));
    let twice = read(text.as_bytes(), &options());
    check("across documents", twice, "documents[1].items[0].metadata.name", "first at documents[0]");
}

#[test]
fn a_file_that_is_cut_off_or_no_json_is_refused_with_its_line() {
    let whole =
        json!({"items": [object("v1", "Pod", "web-0", json!({"spec": super::with_container(json!({}))}))]});
    let whole = serde_json::to_string_pretty(&whole).expect("JSON");
    let cut = |at: usize| read(&whole.as_bytes()[..at], &options());
    for at in 1..whole.len() {
        let Err(ReadError::Bad(fault)) = cut(at) else { panic!("cut at {at}: not refused") };
        let lines = whole[..at].matches('\n').count() as u64 + 1;
        assert!(fault.line.is_some_and(|line| line == lines || line + 1 == lines), "cut at {at}: {fault}");
        assert!(fault.message.starts_with("the JSON text ends early"), "cut at {at}: {fault}");
    }
    let refused = |text: &[u8]| match read(text, &options()) {
        Err(ReadError::Bad(fault)) => fault,
        _ => panic!("not refused: {}", String::from_utf8_lossy(text)),
    };
    assert_eq!(refused(b"{\"items\": []}\n{\n  \"items\": [}").line, Some(3));
    assert!(refused(b"{\"items\": {\"a\": 1}}").message.contains("expected an array of Kubernetes objects"));
    assert!(refused(b"[1]").message.contains("expected a Kubernetes object"));
    assert!(refused(b"a: [b\nc").message.contains("neither JSON nor YAML"));
    let twice = refused(b"kind: Pod\nmetadata: {name: a}\nkind: Pod\n");
    assert!(twice.message.contains("duplicate"), "{}", twice.message);
    assert!(refused(b"hello").message.contains("expected a Kubernetes object"));
    assert!(refused(b"\xff\xfe\x00").message.contains("not UTF-8"));
    assert!(refused(&[0x1f, 0x8b, 8, 0, 0, 0]).message.contains("gzip"));
    assert!(refused("[".repeat(100_000).as_bytes()).message.contains("nested too deeply"));
    let deep = format!("a: {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(refused(deep.as_bytes()).message.contains("recursion"));
    let deep = format!("{{\"kind\":\"Pod\",\"spec\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(refused(deep.as_bytes()).message.contains("invalid type"));
}

#[test]
fn nothing_to_plan_for_is_an_error() {
    for text in ["", "  \n", "{\"items\": []}", "{\"items\": null}", "---\n"] {
        assert!(
            matches!(read(text.as_bytes(), &options()), Err(ReadError::Empty { what: "pods" })),
            "{text:?}"
        );
    }
    let ended = object("v1", "Pod", "a", json!({"spec": {}, "status": {"phase": "Succeeded"}}));
    assert!(matches!(list(&[ended]), Err(ReadError::Empty { what: "pods" })));
}

#[test]
fn one_object_may_not_be_of_any_size() {
    let long = "x".repeat(9 << 20);
    let pod = object("v1", "Pod", "a", json!({"metadata": {"annotations": {"a": long}}}));
    let found = list(&[pod]);
    assert!(
        matches!(found, Err(ReadError::TooLarge { what: "bytes in one object", .. })),
        "{:?}",
        found.err()
    );
}
