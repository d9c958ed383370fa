//! The JSON of the wire is what files and digests rest on.

use plimsoll_proto::v1;

fn check(json: &str) {
    let problem: v1::Problem = serde_json::from_str(json).expect("readable");
    assert_eq!(serde_json::to_string(&problem).expect("writable"), json);
}

#[test]
fn json_has_the_protos_names_and_leaves_defaults_out() {
    check("{}");
    check(r#"{"version":1,"resources":["cpu_milli"]}"#);
    check(
        r#"{"offerings":[{"id":"a","kind":"CAPACITY_KIND_SPOT","capacity":["4000"],"price_nano_usd_per_hour":"96000000","quantity_max":0}]}"#,
    );
}

#[test]
fn an_unknown_field_is_an_error() {
    assert!(serde_json::from_str::<v1::Problem>(r#"{"versoin":1}"#).is_err());
}
