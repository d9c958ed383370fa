//! Puts settings together from where they come from, and says which place is wrong.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::Settings;

const ENV_PREFIX: &str = "PLIMSOLL_";
const ENV_CONFIG: &str = "PLIMSOLL_CONFIG";
const FILE_DEFAULT: &str = "plimsoll.toml";

/// Where settings come from, beside the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file that was asked for by flag, if any.
    pub file: Option<PathBuf>,
    /// The process's environment, or a test's. Only variables that begin with `PLIMSOLL_` count.
    pub environment: Vec<(String, String)>,
    /// `key=value` of flags; later ones win.
    pub flags: Vec<String>,
}

/// Where a wrong setting was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In a file.
    File(PathBuf),
    /// In an environment variable.
    Variable(String),
    /// In a flag.
    Flag(String),
    /// In no single place: each value is fine, but not all together.
    Together,
}

impl fmt::Display for Origin {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(to, "{}", path.display()),
            Self::Variable(name) => write!(to, "environment variable {name}"),
            Self::Flag(text) => write!(to, "flag --set {text}"),
            Self::Together => to.write_str("settings"),
        }
    }
}

/// Why there are no settings. The message names the place and the key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{}: cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// A key or a value is not what it should be.
    #[error("{origin}: {message}")]
    Bad {
        /// Where.
        origin: Origin,
        /// Which key, what was found and what is expected.
        message: String,
    },
}

/// Puts the settings together and checks them. Returns the file they are from, too, if there is one.
///
/// # Errors
/// See [`Error`].
pub fn load(sources: &Sources) -> Result<(Settings, Option<PathBuf>), Error> {
    let file = chosen_file(sources);
    let settings = match &file {
        Some(path) => read(path)?,
        None => Settings::default(),
    };
    let mut table = Table::try_from(&settings).expect("settings are a table of plain values");
    for (name, value) in &sources.environment {
        if let Some(key) = key_of_variable(name) {
            put(&mut table, &key, value).map_err(|message| bad(Origin::Variable(name.clone()), message))?;
        }
    }
    for flag in &sources.flags {
        let origin = || Origin::Flag(flag.clone());
        let (key, value) =
            flag.split_once('=').ok_or_else(|| bad(origin(), "expected KEY=VALUE".to_owned()))?;
        put(&mut table, key.trim(), value.trim()).map_err(|message| bad(origin(), message))?;
    }
    let settings =
        Settings::deserialize(table).map_err(|error| bad(Origin::Together, error.message().to_owned()))?;
    match settings.first_fault() {
        Some((key, message)) => Err(bad(Origin::Together, format!("{key}: {message}"))),
        None => Ok((settings, file)),
    }
}

fn bad(origin: Origin, message: String) -> Error {
    Error::Bad { origin, message }
}

/// The file by flag, else by environment, else the one in the working directory if it is there.
fn chosen_file(sources: &Sources) -> Option<PathBuf> {
    let variable = || {
        let found = sources.environment.iter().find(|(name, _)| name == ENV_CONFIG);
        found.map(|(_, path)| PathBuf::from(path))
    };
    let default = || Some(PathBuf::from(FILE_DEFAULT)).filter(|path| path.is_file());
    sources.file.clone().or_else(variable).or_else(default)
}

fn read(path: &Path) -> Result<Settings, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::Unreadable(path.to_owned(), error))?;
    // The error's text shows line, column and the key.
    toml::from_str(&text)
        .map_err(|error| bad(Origin::File(path.to_owned()), error.to_string().trim_end().to_owned()))
}

/// `PLIMSOLL_LISTEN_GRPC` is `listen.grpc`; none if the name is of no section (`PLIMSOLL_SERVER`, say, is the
/// command line's).
fn key_of_variable(name: &str) -> Option<String> {
    let rest = name.strip_prefix(ENV_PREFIX)?.to_ascii_lowercase();
    let (section, key) = rest.split_once('_')?;
    let known = Table::try_from(Settings::default()).expect("settings are a table of plain values");
    known.contains_key(section).then(|| format!("{section}.{key}"))
}

/// Puts a text in place of the value of a key that is there, in the kind that it has, and checks it.
fn put(table: &mut Table, key: &str, text: &str) -> Result<(), String> {
    let unknown = || format!("unknown key {key:?}");
    let (section, name) = key.split_once('.').ok_or_else(unknown)?;
    let inner = table.get_mut(section).and_then(Value::as_table_mut).ok_or_else(unknown)?;
    let value = inner.get_mut(name).ok_or_else(unknown)?;
    *value = match value {
        Value::Integer(_) => {
            let number = text.parse().map_err(|_| format!("{key}: {text:?} is not a whole number"))?;
            Value::Integer(number)
        }
        Value::Boolean(_) => {
            let choice = text.parse().map_err(|_| format!("{key}: {text:?} is neither true nor false"))?;
            Value::Boolean(choice)
        }
        _ => Value::String(text.to_owned()),
    };
    let checked =
        Settings::deserialize(table.clone()).map_err(|error| format!("{key}: {}", error.message()))?;
    match checked.first_fault() {
        Some((fault, message)) if fault == key => Err(format!("{key}: {message}")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EXAMPLE;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn with_file(text: &str, environment: &[(&str, &str)], flags: &[&str]) -> Result<Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plimsoll.toml");
        std::fs::write(&path, text).unwrap();
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let sources = Sources { file: Some(path), environment: pairs(environment), flags };
        load(&sources).map(|(settings, _)| settings).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_holds_every_key_with_its_default() {
        let table: Table = toml::from_str(EXAMPLE).unwrap();
        assert_eq!(table, Table::try_from(Settings::default()).unwrap());
    }

    #[test]
    fn flags_beat_the_environment_and_that_the_file() {
        let file = "[store]\npath = \"file\"\n[plan]\nconcurrent_max = 3\nwaiting_max = 5\n";
        let environment = [("PLIMSOLL_STORE_PATH", "variable"), ("PLIMSOLL_PLAN_WAITING_MAX", "6")];
        let settings =
            with_file(file, &environment, &["store.path=flag", "simulator.prices_walk=true"]).unwrap();
        assert_eq!(settings.store.path, "flag");
        assert!(settings.simulator.prices_walk);
        assert_eq!((settings.plan.concurrent_max, settings.plan.waiting_max), (3, 6));
    }

    #[track_caller]
    fn check_refused(file: &str, environment: &[(&str, &str)], flags: &[&str], parts: &[&str]) {
        let message = with_file(file, environment, flags).unwrap_err();
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        check_refused("[listen]\ngprc = 1\n", &[], &[], &["plimsoll.toml", "gprc", "line 2"]);
        check_refused("[lisen]\n", &[], &[], &["plimsoll.toml", "lisen"]);
        check_refused("[plan]\nwaiting_max = \"x\"\n", &[], &[], &["plimsoll.toml", "waiting_max"]);
        check_refused("", &[("PLIMSOLL_LISTEN_GPRC", "1")], &[], &["PLIMSOLL_LISTEN_GPRC", "listen.gprc"]);
        check_refused("", &[("PLIMSOLL_PLAN_WAITING_MAX", "x")], &[], &["plan.waiting_max", "whole number"]);
        check_refused("", &[], &["live.enabled=yes"], &["live.enabled", "neither true nor false"]);
        check_refused("", &[], &["listen.grpc=nowhere"], &["--set listen.grpc=nowhere"]);
        check_refused("", &[], &["listen.grpc=0.0.0.0:7400"], &["--set", "TLS", "127.0.0.1:7400"]);
        check_refused("", &[], &["nothing"], &["KEY=VALUE"]);
        check_refused("[listen]\ngrpc = \"0.0.0.0:1\"\n", &[], &[], &["listen.grpc", "loopback"]);
    }

    #[test]
    fn a_missing_file_is_named() {
        let sources = Sources { file: Some("/nowhere/p.toml".into()), ..Sources::default() };
        assert!(load(&sources).unwrap_err().to_string().contains("/nowhere/p.toml"));
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        let environment = [("PLIMSOLL_SERVER", "x"), ("PLIMSOLL_DATA", "y"), ("LISTEN_GRPC", "z")];
        assert_eq!(with_file("", &environment, &[]).unwrap(), Settings::default());
    }

    #[test]
    fn metrics_can_be_switched_off() {
        assert_eq!(with_file("", &[], &["listen.metrics="]).unwrap().listen.metrics, None);
    }
}
