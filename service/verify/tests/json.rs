//! How bundles are read and written, and what their digest is.

mod common;

use plimsoll_verify::{Bundle, Problem, ReadError, digest, read, verify};

use common::bundle;

/// A problem with every field, and with text that needs care.
const PROBLEM: &str = include_str!("problem.json");
/// Its digest by other means: `hashlib.sha256(json.dumps(problem, sort_keys=True, separators=(",", ":"),
/// ensure_ascii=False).encode()).hexdigest()` in Python.
const PROBLEM_DIGEST: &str = "c700e601c3a1371cf56efb96319ba624727c2796a970a88148f0f2b36592d1f3";
/// The digest of `{}`, likewise.
const EMPTY_DIGEST: &str = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

fn problem(text: &str) -> Problem {
    serde_json::from_str(text).expect("the text is a problem")
}

#[test]
fn the_digest_is_that_of_the_canonical_json() {
    assert_eq!(digest(&problem(PROBLEM)), PROBLEM_DIGEST);
    assert_eq!(digest(&problem("{}")), EMPTY_DIGEST);
}

#[test]
fn the_digest_does_not_depend_on_how_a_problem_is_written() {
    #[track_caller]
    fn check(from: &str, to: &str) {
        let text = PROBLEM.replace(from, to);
        assert_ne!(text, PROBLEM);
        assert_eq!(digest(&problem(&text)), PROBLEM_DIGEST);
    }
    check("price_nano_usd_per_hour", "priceNanoUsdPerHour");
    check("instance_type", "instanceType");
    check("spot_share_max_permille", "spotShareMaxPermille");
    check("\"1250\"", "1250");
    check("\"version\": 1", "\"version\": \"1\"");
    check("\"sealed\": true,", "\"sealed\": true, \"offering\": 0,");
    check("\"together\": \"zone/db\"", "\"together\": \"zone/db\", \"pods\": [], \"spreads\": null");
}

#[test]
fn the_digest_depends_on_every_value() {
    #[track_caller]
    fn check(from: &str, to: &str) {
        let text = PROBLEM.replacen(from, to, 1);
        assert_ne!(text, PROBLEM);
        assert_ne!(digest(&problem(&text)), PROBLEM_DIGEST);
    }
    check("\"17\"", "\"18\"");
    check("9007199254740993", "9007199254740992");
    check("\"quantity_max\": 0", "\"quantity_max\": null");
    check("\"spot_share_max_permille\": 0", "\"spot_share_max_permille\": null");
    check("[0, 1]", "[1, 0]");
    check("\"kept\": true", "\"kept\": false");
    check("\\u0007", "\\u0006");
}

#[test]
fn a_bundle_comes_back_as_it_was_written() {
    let mut bundle = bundle();
    bundle.problem = problem(PROBLEM);
    bundle.plan.placements[0].existing_node = Some(String::new());
    let text = serde_json::to_vec(&bundle).expect("a bundle has a JSON form");
    assert_eq!(read(&text[..]).expect("it is a bundle"), bundle);
}

#[test]
fn a_bundle_is_written_in_proto3_json() {
    let text = serde_json::to_value(bundle()).expect("a bundle has a JSON form");
    assert_eq!(text["problem"]["offerings"][1]["kind"], "CAPACITY_KIND_SPOT");
    assert_eq!(text["problem"]["offerings"][1]["risk_nano_usd_per_hour"], "10000000");
    assert_eq!(text["problem"]["offerings"][0].get("risk_nano_usd_per_hour"), None);
    assert_eq!(text["problem"]["demands"][0]["request"][0], "1000");
    assert_eq!(text["problem"]["rules"]["moved_pods_max"], 1);
    assert_eq!(text["certificate"]["shape_duals"][4], "0");
    assert_eq!(text["plan"]["placements"][2]["existing_node"], "old-1");
    assert_eq!(text["plan"]["placements"][2].get("group"), None);
}

/// A plan of the service has more fields than can be proven; the same bundle in lowerCamelCase is the same.
#[test]
fn a_plan_as_the_service_prints_it_is_understood() {
    let mut text = serde_json::to_value(bundle()).expect("a bundle has a JSON form");
    text["plan"]["state"] = "STATE_READY".into();
    text["plan"]["certificate"] = serde_json::json!({ "version": 7 });
    text["plan"]["groups"][0]["zones"] = serde_json::json!(["a"]);
    text["plan"]["placements"][0]["why"] = serde_json::json!([{ "code": "PACKING" }]);
    let text =
        text.to_string().replace("problem_digest", "problemDigest").replace("shape_duals", "shapeDuals");
    let read = read(text.as_bytes()).expect("it is a bundle");
    assert!(verify(&read).is_ok());
}

#[test]
fn what_is_no_bundle_is_an_error_with_a_place() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        match read(text.as_bytes()) {
            Err(ReadError::Syntax(error)) => assert!(error.to_string().contains(expected), "{error}"),
            other => panic!("{other:?}"),
        }
    }
    let of_problem =
        |field: &str| format!(r#"{{"problem": {{{field}}}, "plan": {{}}, "certificate": {{}}}}"#);
    let of_offering = |field: &str| of_problem(&format!(r#""offerings": [{{{field}}}]"#));
    check("", "EOF");
    check("\u{0}", "expected value at line 1 column 1");
    check("[]", "invalid length 0");
    check("{}", "missing field `problem`");
    check(r#"{"problem": {}, "plan": {}}"#, "missing field `certificate`");
    check(r#"{"problem": {}, "plan": {}, "certificate": {}, "note": 1}"#, "unknown field `note`");
    check(r#"{"problem": {}, "plan": {}, "certificate": {"proof": 1}}"#, "unknown field `proof`");
    check(&of_problem(r#""commitments": []"#), "unknown field `commitments`");
    check(&of_problem(r#""version": 1, "version": 1"#), "duplicate field `version`");
    check(&of_offering(r#""price_nano_usd_per_hour": 1, "priceNanoUsdPerHour": 1"#), "duplicate field");
    check(&of_offering(r#""price_nano_usd_per_hour": 1.0"#), "floating point");
    check(&of_offering(r#""price_nano_usd_per_hour": 1e3"#), "floating point");
    check(&of_offering(r#""price_nano_usd_per_hour": "1.5""#), "an integer, as a number or a string");
    check(&of_offering(r#""price_nano_usd_per_hour": "+1""#), "an integer");
    check(&of_offering(r#""price_nano_usd_per_hour": " 1""#), "an integer");
    check(&of_offering(r#""price_nano_usd_per_hour": """#), "an integer");
    check(&of_offering(r#""price_nano_usd_per_hour": "9223372036854775808""#), "out of range");
    check(&of_offering(r#""price_nano_usd_per_hour": 18446744073709551615"#), "out of range");
    check(&of_offering(r#""quantity_max": 2147483648"#), "out of range");
    check(&of_offering(r#""capacity": [null]"#), "an integer");
    check(&of_offering(r#""capacity": "1""#), "a list");
    check(&of_offering(r#""kind": "SPOT""#), "unknown variant `SPOT`");
    let many = vec!["{}"; 200_001].join(",");
    check(&of_problem(&format!(r#""demands": [{many}]"#)), "a list of at most 200000 entries");
    let spreads = vec!["{}"; 65].join(",");
    check(
        &of_problem(&format!(r#""demands": [{{"spreads": [{spreads}]}}]"#)),
        "a list of at most 64 entries",
    );
    let deep = format!(r#"{{"problem": {{}}, "plan": {{"x": {}"#, "[".repeat(100_000));
    check(&deep, "EOF while parsing a list");
}

#[test]
fn a_reader_that_fails_is_an_error_of_its_own() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    assert!(matches!(read(Broken), Err(ReadError::Io(_))));
}

#[test]
fn the_default_bundle_is_no_proof() {
    assert!(verify(&Bundle::default()).is_err());
}
