//! Updates, as EKS lists them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::state::Words;

/// One update.
#[derive(Clone, Debug)]
struct Update {
    kind: &'static str,
    status: &'static str,
    error: Option<String>,
}

/// All updates by id.
#[derive(Clone, Debug, Default)]
pub struct Updates {
    all: BTreeMap<String, Update>,
    /// What the next updates of a kind end with, in place of success.
    pub failing: BTreeMap<&'static str, String>,
}

impl Updates {
    /// Begins one.
    pub fn begin(&mut self, id: &str, kind: &'static str) -> Value {
        self.all.insert(id.to_owned(), Update { kind, status: "InProgress", error: None });
        self.shown(id).unwrap_or_default()
    }

    /// Whether the next update of a kind is to fail, and with which words.
    pub fn fails(&mut self, kind: &str) -> Option<String> {
        self.failing.remove(kind)
    }

    /// Ends one, with an error if there is one.
    pub fn end(&mut self, id: &str, error: Option<String>) {
        if let Some(update) = self.all.get_mut(id) {
            update.status = if error.is_some() { "Failed" } else { "Successful" };
            update.error = error;
        }
    }

    /// As EKS answers it.
    pub fn shown(&self, id: &str) -> Result<Value, Words> {
        let missing =
            || Words::new(404, "ResourceNotFoundException", format!("No update found for ID: {id}"));
        let update = self.all.get(id).ok_or_else(missing)?;
        let errors: Vec<Value> = update
            .error
            .iter()
            .map(|message| json!({ "errorCode": "Unknown", "errorMessage": message, "resourceIds": [] }))
            .collect();
        Ok(json!({ "id": id, "status": update.status, "type": update.kind, "errors": errors }))
    }
}
