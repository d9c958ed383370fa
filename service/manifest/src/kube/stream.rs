//! JSON documents as a stream: a list is never held as a whole, only one of its items at a time.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{Fault, ReadError};
use crate::input::{Place, Text};
use crate::json;

use super::draft::{Draft, Origin};
use super::notes::Note;
use super::object::{self, Item};

/// First byte of what separates YAML documents. No JSON document begins with it: a bare number is none of ours.
const YAML_SEPARATOR: u8 = b'-';
/// Lists within lists; kubectl nests none, `jq -s` one.
const DEPTH_MAX: u32 = 4;

/// Reads all documents of `text`, as far as they are JSON: what begins with [`YAML_SEPARATOR`] is left.
pub(super) fn read(text: &mut Text<'_>, draft: &mut Draft) -> Result<(), ReadError> {
    let mut reader = Reader { place: text.place(), draft, depth: 0, failure: None };
    while text.peek_token()?.is_some_and(|token| token != YAML_SEPARATOR) {
        let first_line = reader.place.line();
        reader.place.begin_object();
        let mut parser = serde_json::Deserializer::from_reader(&mut *text);
        if let Err(error) = DocumentSeed(&mut reader).deserialize(&mut parser) {
            return Err(reader.failure.take().unwrap_or_else(|| json::explain(error, first_line)));
        }
    }
    Ok(())
}

/// Reads a document that is in memory already; its lines mean nothing to anybody.
pub(super) fn read_str(text: &str, draft: &mut Draft) -> Result<(), ReadError> {
    let mut reader = Reader { place: Place::default(), draft, depth: 0, failure: None };
    let mut parser = serde_json::Deserializer::from_str(text);
    match DocumentSeed(&mut reader).deserialize(&mut parser) {
        Ok(()) => Ok(()),
        Err(error) => Err(reader.failure.take().unwrap_or_else(|| Fault::new(error.to_string()).into())),
    }
}

struct Reader<'d> {
    place: Place,
    draft: &'d mut Draft,
    depth: u32,
    /// What stopped the parser, where it was not the text itself.
    failure: Option<ReadError>,
}

impl Reader<'_> {
    fn object<E: serde::de::Error>(&mut self, item: &Item<'_>) -> Result<(), E> {
        object::read(item, self.draft).map_err(|error| {
            self.failure = Some(error);
            E::custom("an object is not acceptable")
        })
    }
}

/// One document: an object, a list object, or an array of documents.
struct DocumentSeed<'r, 'd>(&'r mut Reader<'d>);

impl<'de> DeserializeSeed<'de> for DocumentSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DocumentSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Kubernetes object or a list of them")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let reader = self.0;
        let mut fields: Vec<(String, Box<RawValue>)> = Vec::new();
        let mut is_list = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "items" {
                is_list = true;
                let kind = fields.iter().find(|(key, _)| key == "kind").map(|(_, kind)| list_of(kind.get()));
                map.next_value_seed(ItemsSeed { reader: &mut *reader, kind: kind.flatten() })?;
            } else {
                fields.push((key, map.next_value()?));
            }
        }
        let origin = Origin { document: reader.draft.documents, item: None };
        reader.draft.documents = reader.draft.documents.saturating_add(1);
        if is_list {
            note_missing_pages(&fields, origin, reader.draft);
            return Ok(());
        }
        let text = reassembled::<A::Error>(&fields)?;
        reader.object(&Item { text: &text, line: None, origin, kind: None })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let reader = self.0;
        if DEPTH_MAX <= reader.depth {
            return Err(A::Error::custom("lists are nested too deeply"));
        }
        reader.depth += 1;
        while seq.next_element_seed(DocumentSeed(&mut *reader))?.is_some() {}
        reader.depth -= 1;
        Ok(())
    }
}

/// The items of a list object. `null` is no items.
struct ItemsSeed<'r, 'd> {
    reader: &'r mut Reader<'d>,
    /// The kind of items that do not tell theirs.
    kind: Option<String>,
}

impl<'de> DeserializeSeed<'de> for ItemsSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ItemsSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of Kubernetes objects")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { reader, kind } = self;
        let mut origin = Origin { document: reader.draft.documents, item: Some(0) };
        reader.place.begin_object();
        while let Some(raw) = seq.next_element::<Box<RawValue>>()? {
            let text = raw.get();
            let line = Some(reader.place.line_before(text));
            reader.object(&Item { text, line, origin, kind: kind.as_deref() })?;
            origin.item = origin.item.map(|item| item.saturating_add(1));
            reader.place.begin_object();
        }
        reader.place.end_objects();
        Ok(())
    }
}

/// The kind of a list's items: `Pod` for `"PodList"`, none for `"List"`.
fn list_of(kind: &str) -> Option<String> {
    let name = kind.trim_matches('"').strip_suffix("List")?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// A list that says how to go on was not fetched to its end.
fn note_missing_pages(fields: &[(String, Box<RawValue>)], origin: Origin, draft: &mut Draft) {
    #[derive(serde::Deserialize)]
    struct ListMetadata {
        #[serde(rename = "continue")]
        next: Option<String>,
    }
    let metadata = fields.iter().find(|(key, _)| key == "metadata");
    let metadata = metadata.and_then(|(_, raw)| serde_json::from_str::<ListMetadata>(raw.get()).ok());
    if metadata.and_then(|metadata| metadata.next).is_some_and(|next| !next.is_empty()) {
        draft.notes.add(Note::PartialList, || format!("documents[{}]", origin.document));
    }
}

fn reassembled<E: serde::de::Error>(fields: &[(String, Box<RawValue>)]) -> Result<String, E> {
    let mut text = String::from("{");
    for (index, (key, value)) in fields.iter().enumerate() {
        let key = serde_json::to_string(key).map_err(E::custom)?;
        let comma = if index == 0 { "" } else { "," };
        text.extend([comma, &key, ":", value.get()]);
    }
    text.push('}');
    Ok(text)
}
