//! JSON objects and arrays read one entry at a time, so that a file of any size needs little memory.

use std::fmt;
use std::io::BufReader;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::ENTRIES_MAX;
use crate::error::{Fault, ReadError};
use crate::input::{self, Text};

const BUFFER_BYTES: usize = 64 * 1024;

/// Takes the entries of an object, or the items of an array (whose key is empty), in the file's order.
pub(super) trait Take {
    /// Takes one value; it must be consumed, if only by [`skip`].
    fn take<'de, D: Deserializer<'de>>(&mut self, key: &str, value: D) -> Result<(), D::Error>;
}

/// Reads a whole file, which must be one JSON object, entry by entry into `root`.
pub(super) fn read(text: Text, root: &mut impl Take) -> Result<(), ReadError> {
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(BUFFER_BYTES, text));
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let read = each(root, tracked);
    let path = track.path().to_string();
    read.and_then(|()| json.end()).map_err(|error| fault(error, path))
}

/// Hands every entry of an object or item of an array to `taker`.
pub(super) fn each<'de, D: Deserializer<'de>>(taker: &mut impl Take, value: D) -> Result<(), D::Error> {
    value.deserialize_any(Each(taker))
}

/// Passes over a value.
pub(super) fn skip<'de, D: Deserializer<'de>>(value: D) -> Result<(), D::Error> {
    value.deserialize_ignored_any(serde::de::IgnoredAny).map(drop)
}

fn fault(error: serde_json::Error, path: String) -> ReadError {
    if error.is_io() {
        return input::cause(error.into());
    }
    let (line, column) = (error.line() as u64, error.column() as u64);
    let told = error.to_string();
    let message = told.split(" at line ").next().unwrap_or_default();
    // The tracker writes "." for the whole file, and "?" for a key that it was still reading.
    let path = path.trim_end_matches(['.', '?']).to_owned();
    Fault { line: Some(line), column: Some(column), path, message: message.to_owned() }.into()
}

struct Each<'a, T>(&'a mut T);

impl<'de, T: Take> Visitor<'de> for Each<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut count = 0;
        while let Some(key) = map.next_key::<String>()? {
            count = counted::<A::Error>(count)?;
            map.next_value_seed(Entry { taker: &mut *self.0, key: &key })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut count = 0;
        while items.next_element_seed(Entry { taker: &mut *self.0, key: "" })?.is_some() {
            count = counted::<A::Error>(count)?;
        }
        Ok(())
    }
}

struct Entry<'a, T> {
    taker: &'a mut T,
    key: &'a str,
}

impl<'de, T: Take> DeserializeSeed<'de> for Entry<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        self.taker.take(self.key, value)
    }
}

fn counted<E: Error>(count: u64) -> Result<u64, E> {
    if count == ENTRIES_MAX {
        return Err(E::custom(format_args!("has more than {ENTRIES_MAX} entries")));
    }
    Ok(count + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Default)]
    struct Sum(i64);

    impl Take for Sum {
        fn take<'de, D: Deserializer<'de>>(&mut self, key: &str, value: D) -> Result<(), D::Error> {
            match key {
                "deep" | "list" => each(self, value),
                "no" => skip(value),
                _ => i64::deserialize(value).map(|number| self.0 += number),
            }
        }
    }

    #[track_caller]
    fn check(text: &str, want: Result<i64, &str>) {
        let mut sum = Sum::default();
        let read = input::open(text.as_bytes()).and_then(|text| read(text, &mut sum));
        assert_eq!(read.map(|()| sum.0).map_err(|error| error.to_string()), want.map_err(str::to_owned));
    }

    #[test]
    fn entries_are_taken_in_turn() {
        check(r#"{"a": 1, "deep": {"b": 2, "no": {"c": 9}}, "list": [4, 8]}"#, Ok(15));
    }

    #[test]
    fn an_error_has_line_column_and_path() {
        let shape = "line 2, column 10: deep.list[1]: invalid type: string \"x\", expected i64";
        check("{\"deep\": {\"list\": [1,\n       \"x\"]}}", Err(shape));
        check("{\"a\": 1", Err("line 1, column 7: EOF while parsing an object"));
        check(
            "{\"deep\": 1}",
            Err("line 1, column 11: deep: invalid type: integer `1`, expected an object or an array"),
        );
        check("{} {}", Err("line 1, column 4: trailing characters"));
    }
}
