//! JSON with a place for every fault, and long arrays read element by element.

use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{Fault, ReadError};
use crate::input::{Place, Text, cause};

/// Parses a value; the fault tells path, line and column within `text`.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    // Again, slower, for the path of the error.
    let json = &mut serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(json).map_err(|error| {
        let path = error.path().to_string().trim_end_matches(['.', '?']).to_owned();
        let inner = error.into_inner();
        let (line, column) = (Some(inner.line() as u64), Some(inner.column() as u64));
        Fault { line, column, path, message: message(&inner) }
    })
}

/// What a parser's error over a file means. Its lines count from `first_line`.
pub(crate) fn explain(error: serde_json::Error, first_line: u64) -> ReadError {
    if error.is_io() {
        return cause(error.into());
    }
    let what = if error.is_eof() { "the JSON text ends early" } else { "this is not the JSON expected" };
    let line = first_line + (error.line() as u64).saturating_sub(1);
    let column = Some(error.column() as u64);
    let message = format!("{what}: {}", message(&error));
    Fault { line: Some(line), column, path: String::new(), message }.into()
}

/// A parser's message without the place that it appends.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}

/// Takes what stands in a document.
pub(crate) trait Take {
    /// A field on the way to the array, other than the array itself.
    fn field(&mut self, key: &str, text: &str) -> Result<(), Fault>;
    /// One element of the array. Lines of a fault count within `text`.
    fn element(&mut self, text: &str) -> Result<(), ReadError>;
}

/// Reads a document that is an object with an array at `path`, such as `data.result`.
///
/// # Errors
/// What `taker` refuses, with its place; [`ReadError::Bad`] also for what is no JSON of that form.
pub(crate) fn elements(
    mut text: Text<'_>,
    path: &'static [&'static str],
    taker: &mut impl Take,
) -> Result<(), ReadError> {
    let place = text.place();
    place.begin_object();
    let mut state = State { place, taker, path, failure: None };
    let mut json = serde_json::Deserializer::from_reader(&mut text);
    let read = Level { state: &mut state, depth: 0 }.deserialize(&mut json).and_then(|()| json.end());
    match (state.failure, read) {
        (Some(failure), _) => Err(failure),
        (None, read) => read.map_err(|error| explain(error, 1)),
    }
}

struct State<'t, T> {
    place: Place,
    taker: &'t mut T,
    path: &'static [&'static str],
    failure: Option<ReadError>,
}

/// The object at `path[..depth]`, or the array if that is the whole path.
struct Level<'s, 't, T> {
    state: &'s mut State<'t, T>,
    depth: usize,
}

impl<T> Level<'_, '_, T> {
    fn is_array(&self) -> bool {
        self.depth == self.state.path.len()
    }

    fn refuse<E: serde::de::Error>(&mut self, failure: impl Into<ReadError>) -> E {
        self.state.failure = Some(failure.into());
        E::custom("refused")
    }
}

impl<'de, T: Take> DeserializeSeed<'de> for Level<'_, '_, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        if self.is_array() { json.deserialize_seq(self) } else { json.deserialize_map(self) }
    }
}

impl<'de, T: Take> Visitor<'de> for Level<'_, '_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = if self.is_array() { "an array" } else { "an object" };
        match self.state.path[..self.depth].last() {
            Some(name) => write!(f, "{form} as {name:?}"),
            None => f.write_str(form),
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == self.state.path[self.depth] {
                map.next_value_seed(Level { state: &mut *self.state, depth: self.depth + 1 })?;
                continue;
            }
            let value = map.next_value::<Box<RawValue>>()?;
            if let Err(fault) = self.state.taker.field(&key, value.get()) {
                return Err(self.refuse(fault.at(key)));
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0_u64;
        while let Some(element) = seq.next_element::<Box<RawValue>>()? {
            if let Err(failure) = self.state.taker.element(element.get()) {
                let first_line = self.state.place.line_before(element.get());
                let path = format!("{}[{index}]", self.state.path.join("."));
                return Err(self.refuse(located(failure, first_line, &path)));
            }
            index += 1;
            self.state.place.begin_object();
        }
        self.state.place.end_objects();
        Ok(())
    }
}

fn located(failure: ReadError, first_line: u64, path: &str) -> ReadError {
    match failure {
        ReadError::Bad(fault) => fault.after(first_line).at(path).into(),
        other => other,
    }
}
