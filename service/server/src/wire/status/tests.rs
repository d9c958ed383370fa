use tonic::Code;

use super::*;

/// Rows of the table in `proto/README.md`, as (reason, code).
fn documented() -> Vec<(String, String)> {
    let page = include_str!("../../../../../proto/README.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        (cells[1].to_owned(), cells[2].to_owned())
    })
    .collect()
}

fn screaming(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[test]
fn the_page_lists_every_reason_with_its_code() {
    let coded: Vec<(String, String)> =
        Reason::ALL.iter().map(|reason| (reason.name().to_owned(), screaming(reason.code()))).collect();
    assert_eq!(documented(), coded);
}

#[track_caller]
fn check(refused: impl Into<Refused>, reason: Reason, metadata: &[(&str, &str)]) {
    let status: Status = refused.into().into();
    let details = status.get_error_details();
    let info = details.error_info().expect("every error has a reason");
    assert_eq!((status.code(), info.reason.as_str()), (reason.code(), reason.name()));
    assert_eq!(info.domain, DOMAIN);
    for (key, value) in metadata {
        assert_eq!(info.metadata.get(*key).map(String::as_str), Some(*value), "{key}");
    }
}

#[test]
fn errors_say_what_a_caller_can_do() {
    let missing = |name: &str| Error::Store(StoreError::NotFound(name.to_owned()));
    check(missing("clusters/a"), Reason::UnknownCluster, &[("resource", "clusters/a")]);
    check(missing("clusters/a/plans/p"), Reason::UnknownPlan, &[]);
    check(missing("clusters/a/snapshots/s"), Reason::UnknownSnapshot, &[]);
    check(missing("catalogs/k"), Reason::UnknownCatalog, &[]);
    check(missing("a catalog of eu-west-1"), Reason::UnknownCatalog, &[]);
    check(Invalid::new("page_size", "negative"), Reason::InvalidField, &[("field", "page_size")]);
    let bad = Error::BadImport { field: "cpu".into(), line: 3, column: 0, message: "no number".into() };
    check(bad, Reason::BadImport, &[("field", "cpu"), ("line", "3")]);
    let bad = Error::BadImport { field: String::new(), line: 0, column: 0, message: "no number".into() };
    check(Refused::File("kube.json".into(), bad), Reason::BadImport, &[("file", "kube.json")]);
    let large = Error::TooLarge { what: "bytes".into(), limit: 5 };
    check(large, Reason::TooLarge, &[("what", "bytes"), ("limit", "5")]);
    check(spool::Error::Busy { limit: 4 }, Reason::Overloaded, &[("limit", "4")]);
    check(Error::Internal("secret".into()), Reason::Internal, &[]);
}

#[track_caller]
fn check_message(error: impl Into<Error>, want: &str) {
    let error: Error = error.into();
    let status: Status = Refused::from(error).into();
    assert_eq!(status.message(), want);
}

#[test]
fn messages_end_with_what_to_do() {
    check_message(
        StoreError::NotFound("clusters/a/snapshots/latest".into()),
        "clusters/a/snapshots/latest does not exist; import one first (plimsoll cluster import, or ImportSnapshot)",
    );
    let mismatch = StoreError::EtagMismatch {
        resource: "clusters/a/policy".into(),
        given: "1".into(),
        current: "2".into(),
    };
    check_message(mismatch, "etag of clusters/a/policy is 2, not 1; read it again and repeat");
    check_message(
        Error::Frozen("a".into()),
        "cluster a is frozen by its policy; lift `freeze` in the policy (plimsoll policy edit, or UpdatePolicy)",
    );
    check_message(StoreError::NotFound("clusters/a".into()), "clusters/a does not exist");
}

#[test]
fn a_bad_field_is_named_in_the_details() {
    let status: Status = Invalid::new("page_size", "-1 is negative").into();
    let details = status.get_error_details();
    let violation = &details.bad_request().unwrap().field_violations[0];
    assert_eq!((violation.field.as_str(), violation.description.as_str()), ("page_size", "-1 is negative"));
}

#[test]
fn waiting_is_suggested_where_it_helps() {
    let retry = |error: Error| {
        let status: Status = Refused::from(error).into();
        status.get_error_details().retry_info().and_then(|info| info.retry_delay)
    };
    assert_eq!(retry(Error::Overloaded { waiting: 9 }), Some(RETRY_DELAY));
    let (cluster, holder) = ("clusters/a".into(), "operations/o".into());
    assert_eq!(retry(StoreError::Busy { cluster, holder }.into()), Some(RETRY_DELAY));
    assert_eq!(retry(Error::Cancelled), None);
}

#[test]
fn long_texts_are_clipped_and_secrets_are_kept() {
    let status: Status = Refused::from(Error::Unproven("ü".repeat(9999))).into();
    assert!(status.message().len() < 2 * ERROR_TEXT_BYTES_MAX);
    let status: Status = Refused::from(Error::Internal("at some/path".into())).into();
    assert!(!status.message().contains("some/path"));
}
