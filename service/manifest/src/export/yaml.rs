//! YAML that every reader takes for the same.
//!
//! Readers differ: to those of YAML 1.1, kubectl and eksctl among them, `on` is true, `1_0` ten and `12:30` seven hundred and
//! fifty. So a text is written bare only if none can take it for something else. Keys are sorted, a name first.

use serde_json::Value;

/// What a reader takes for a truth value or nothing, in small letters.
const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
/// What tells an object from its neighbours: written before its other fields.
const FIRST: [&str; 2] = ["name", "key"];

/// A document, without what is nothing in it: null, empty lists and maps.
pub fn document(value: Value) -> String {
    let mut text = String::new();
    match dense(value) {
        Some(value) => block(&value, 0, &mut text),
        None => text.push_str("{}\n"),
    }
    text
}

/// None if nothing is left.
fn dense(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) => {
            let items: Vec<Value> = items.into_iter().filter_map(dense).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(fields) => {
            let fields: serde_json::Map<String, Value> =
                fields.into_iter().filter_map(|(key, value)| Some((key, dense(value)?))).collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        other => Some(other),
    }
}

/// Lines of a value, each so far in; the first line of a list's item has its dash already.
fn block(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let rank = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
            let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| (rank(key), *key));
            for (number, (key, value)) in fields.into_iter().enumerate() {
                if 0 < number || !text.ends_with("- ") {
                    indent(depth, text);
                }
                text.push_str(&scalar(key));
                text.push(':');
                below(value, depth, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                indent(depth, text);
                text.push_str("- ");
                match item {
                    Value::Object(_) => block(item, depth + 1, text),
                    Value::Array(_) => {
                        text.push('\n');
                        block(item, depth + 1, text);
                    }
                    leaf => {
                        text.push_str(&bare(leaf));
                        text.push('\n');
                    }
                }
            }
        }
        leaf => {
            text.push_str(&bare(leaf));
            text.push('\n');
        }
    }
}

/// The value of a key.
fn below(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(_) => {
            text.push('\n');
            block(value, depth + 1, text);
        }
        Value::Array(_) => {
            text.push('\n');
            block(value, depth, text);
        }
        Value::String(lines) if is_lines(lines) => {
            text.push_str(" |\n");
            for line in lines.lines() {
                indent(depth + 1, text);
                text.push_str(line);
                text.push('\n');
            }
        }
        leaf => {
            text.push(' ');
            text.push_str(&bare(leaf));
            text.push('\n');
        }
    }
}

fn indent(depth: usize, text: &mut String) {
    text.extend(std::iter::repeat_n("  ", depth));
}

fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// Whether a text is lines of plain characters, each ended, that do not begin with a blank where it matters.
fn is_lines(text: &str) -> bool {
    let is_plain = |c: char| c == '\n' || (!c.is_control() && !is_special(c));
    let is_ended = text.ends_with('\n') && !text.ends_with("\n\n");
    is_ended && !text.starts_with([' ', '\n']) && text.chars().all(is_plain)
}

/// Characters beyond ASCII that some reader takes for a break, or drops.
fn is_special(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// A text in one line: bare if nobody can take it for something else, quoted otherwise.
pub fn scalar(text: &str) -> String {
    let is_word = WORDS.contains(&text.to_ascii_lowercase().as_str());
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_' | '-');
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_safe) && !is_word {
        return text.to_owned();
    }
    let mut quoted = String::new();
    for c in Value::from(text).to_string().chars() {
        if is_special(c) {
            quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            quoted.push(c);
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_stays_a_text() {
        let texts = [
            "on",
            "NO",
            "y",
            "~",
            "null",
            "1e3",
            "0o7",
            "017",
            "1_000",
            "12:30",
            "2026-01-01",
            ".5",
            "0x1f",
            "-",
            "a: b",
            "a #b",
            "'",
            "\"",
            "a\\b",
            "\u{85}x",
            "\u{2028}",
            "tab\there",
            "{}",
            "[a]",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "a\nb",
        ];
        for text in texts {
            let written = document(json!({ "a": text, text: "b" }));
            let read: Value =
                serde_norway::from_str(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
            assert_eq!(read, json!({ "a": text, text: "b" }), "{written}");
            assert!(written.contains('"'), "{written} is bare");
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let value = json!({
            "kind": "ConfigMap",
            "data": { "lines": "2:\n  - a\n1:\n  - b\n", "odd": " x\n", "more": "x\n\n" },
            "list": [{ "b": 1, "name": "first", "deep": [[1, 2], [3]] }, { "name": "second", "flag": true }],
            "number": 1.5,
        });
        let written = document(value.clone());
        assert_eq!(serde_norway::from_str::<Value>(&written).unwrap(), value, "{written}");
        assert!(written.contains("lines: |\n    2:\n"), "{written}");
        assert!(written.contains("- name: first\n  b: 1\n"), "{written}");
    }

    #[test]
    fn what_is_nothing_is_left_out() {
        let value = json!({ "a": null, "b": "", "c": [], "d": { "e": [{}] }, "f": 0, "g": false });
        assert_eq!(document(value), "b: \"\"\nf: 0\ng: false\n");
        assert_eq!(document(json!({})), "{}\n");
    }
}
