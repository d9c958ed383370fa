//! Which files of a day count: one small file for each cluster and day, replaced in one go.
//!
//! A file that no manifest names does not count. So a crash between writing files and naming them, or between naming
//! others and dropping these, changes no answer; the next write to the day sweeps what is left.

use jiff::civil::Date;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::LedgerError;
use serde::{Deserialize, Serialize};

use crate::parquet::damaged;
use crate::place::Place;

/// Folder of all manifests.
pub const FOLDER: &str = "manifests";

/// A table that manifests speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// One row for each priced thing and hour.
    Charges,
    /// One row for each part of a charge.
    Allocations,
}

impl Table {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Charges, Self::Allocations];

    /// Folder of the table.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Charges => "charges",
            Self::Allocations => "allocations",
        }
    }
}

/// A file that counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// Of which table.
    pub table: Table,
    /// First hours of the day that count of it, ascending.
    pub hours: Vec<i8>,
    /// Hours in it that another file has replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<i8>,
    /// Name in the folder of the day; it holds a digest of the file's bytes, so that a name never means other bytes.
    pub name: String,
    /// Rows in it, replaced ones too.
    pub rows: u64,
    /// Size of it.
    pub bytes: u64,
}

/// The files of a cluster's day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Ascending.
    pub files: Vec<Entry>,
}

impl Manifest {
    /// The manifest of a day; empty if there is none.
    pub async fn read(place: &Place, cluster: &ClusterId, date: Date) -> Result<Self, LedgerError> {
        let path = path(cluster, date);
        match place.get(&path).await? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| damaged(&path, error)),
            None => Ok(Self::default()),
        }
    }

    /// Makes this the manifest of a day.
    pub async fn write(&self, place: &Place, cluster: &ClusterId, date: Date) -> Result<(), LedgerError> {
        let path = path(cluster, date);
        let text = serde_json::to_vec(self).map_err(|error| LedgerError::Failed(error.into()))?;
        place.put(&path, text).await
    }

    /// Puts `entries` in the place of whatever was said of an hour.
    pub fn replace_hour(&mut self, hour: i8, entries: Vec<Entry>) {
        for file in &mut self.files {
            if file.hours.contains(&hour) {
                file.hours.retain(|other| *other != hour);
                file.replaced.push(hour);
                file.replaced.sort_unstable();
            }
        }
        self.files.retain(|file| !file.hours.is_empty());
        self.files.extend(entries);
        self.files.sort();
    }

    /// Files of a table that count, by their first hour.
    pub fn of(&self, table: Table) -> impl Iterator<Item = &Entry> {
        self.files.iter().filter(move |file| file.table == table)
    }

    /// Hours of which there is a row, ascending.
    pub fn hours(&self) -> Vec<i8> {
        let mut hours: Vec<i8> = self.files.iter().flat_map(|file| file.hours.iter().copied()).collect();
        hours.sort_unstable();
        hours.dedup();
        hours
    }
}

fn path(cluster: &ClusterId, date: Date) -> String {
    format!("{FOLDER}/cluster={cluster}/date={date}.json")
}

/// Folder of a table's day.
pub fn day_folder(table: &str, cluster: &ClusterId, date: Date) -> String {
    format!("{table}/cluster={cluster}/date={date}")
}

/// Clusters that have a manifest, ascending.
pub async fn clusters(place: &Place) -> Result<Vec<ClusterId>, LedgerError> {
    let names = place.folders(FOLDER).await?;
    Ok(names.iter().filter_map(|name| name.strip_prefix("cluster=")?.parse().ok()).collect())
}

/// Days of a cluster that have a manifest, ascending.
pub async fn dates(place: &Place, cluster: &ClusterId) -> Result<Vec<Date>, LedgerError> {
    let paths = place.list(&format!("{FOLDER}/cluster={cluster}")).await?;
    let date = |path: &String| path.rsplit_once("/date=")?.1.strip_suffix(".json")?.parse().ok();
    Ok(paths.iter().filter_map(date).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, hours: &[i8], replaced: &[i8]) -> Entry {
        let (hours, replaced) = (hours.to_vec(), replaced.to_vec());
        Entry { table: Table::Charges, hours, replaced, name: name.to_owned(), rows: 1, bytes: 1 }
    }

    #[test]
    fn an_hour_counts_once() {
        let mut manifest = Manifest { files: vec![entry("day", &[0, 1, 2], &[])] };
        manifest.replace_hour(1, vec![entry("first", &[1], &[])]);
        manifest.replace_hour(1, vec![entry("second", &[1], &[])]);
        let want = vec![entry("day", &[0, 2], &[1]), entry("second", &[1], &[])];
        assert_eq!(manifest.files, want);
        assert_eq!(manifest.hours(), [0, 1, 2]);
    }

    #[test]
    fn a_file_without_an_hour_left_is_forgotten() {
        let mut manifest = Manifest { files: vec![entry("day", &[5], &[])] };
        manifest.replace_hour(5, Vec::new());
        assert_eq!(manifest, Manifest::default());
    }
}
