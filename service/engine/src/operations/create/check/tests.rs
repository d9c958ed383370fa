use super::*;

#[test]
fn what_is_no_version_has_no_number() {
    for text in ["", "1", "1.", "1.x", "2.34", "1.-3", "v1.34", "1.34.1"] {
        assert_eq!(minor(text), None, "{text}");
    }
    assert_eq!(minor("1.34"), Some(34));
}
