//! An hour is replaced: write its files, name them in the manifest, drop what it names no longer.

use jiff::Timestamp;
use jiff::civil::Date;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::{HourRows, LedgerError};
use sha2::{Digest, Sha256};
use tracing::warn;

use crate::compact;
use crate::focus::{allocations_frame, charges_frame};
use crate::lake::Lake;
use crate::manifest::{Entry, Manifest, Table, day_folder};
use crate::parquet::{blocking, encode, failed, guarded};
use crate::place::Place;
use crate::schema::FOCUS;
use crate::time;

/// Largest quantity that a decimal(38, 18) holds, in 1e-18.
const QUANTITY_MAX: i128 = 10_i128.pow(38) - 1;

/// A file before it is written.
pub struct Made {
    pub entry: Entry,
    pub bytes: Vec<u8>,
}

/// Name of a file, with a digest of its bytes: the same name never means other bytes.
pub fn file_name(label: &str, bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{label}-{digest}.parquet")
}

/// A file of some hours of a day.
pub fn made(table: Table, label: &str, hours: Vec<i8>, rows: u64, bytes: Vec<u8>) -> Made {
    let name = file_name(label, &bytes);
    let entry = Entry { table, hours, replaced: Vec::new(), name, rows, bytes: bytes.len() as u64 };
    Made { entry, bytes }
}

/// Replaces an hour of both tables in one go.
///
/// Of a day that was compacted, the day is compacted again, for engines that know no manifest read whole files.
pub async fn put_hour(
    lake: &Lake,
    cluster: &ClusterId,
    hour: Timestamp,
    rows: &HourRows,
) -> Result<(), LedgerError> {
    belongs(hour, rows)?;
    let (date, hour) = time::split(hour);
    let files = encode_hour(lake, cluster, hour, rows).await?;
    let mut manifest = Manifest::read(&lake.place, cluster, date).await?;
    let before = manifest.clone();
    let entries: Vec<Entry> = files.iter().map(|file| file.entry.clone()).collect();
    if !entries.iter().all(|entry| before.files.contains(entry)) || entries.is_empty() {
        manifest.replace_hour(hour, entries);
        for file in files {
            let folder = day_folder(file.entry.table.folder(), cluster, date);
            lake.place.put(&format!("{folder}/{}", file.entry.name), file.bytes).await?;
        }
        if manifest != before {
            manifest.write(&lake.place, cluster, date).await?;
        }
    }
    if manifest.files.iter().all(|file| file.replaced.is_empty()) {
        sweep(&lake.place, cluster, date, &manifest).await;
    } else if let Err(error) = compact::day(&lake.place, cluster, date).await {
        warn!(%error, %cluster, %date, "a file still holds an hour that was replaced");
    }
    Ok(())
}

/// All rows are of the hour, and fit.
fn belongs(hour: Timestamp, rows: &HourRows) -> Result<(), LedgerError> {
    let elsewhere = rows.charges.iter().any(|row| row.hour != hour)
        || rows.allocations.iter().any(|row| row.hour != hour)
        || hour.as_nanosecond().rem_euclid(3_600_000_000_000) != 0;
    let too_much = rows.charges.iter().any(|row| QUANTITY_MAX < row.quantity.0.saturating_abs());
    match (elsewhere, too_much) {
        (true, _) => Err(LedgerError::Failed(format!("rows that are not of the hour {hour}").into())),
        (_, true) => Err(LedgerError::Failed("a quantity above 1e20".into())),
        _ => Ok(()),
    }
}

/// A file for each table that has rows.
async fn encode_hour(
    lake: &Lake,
    cluster: &ClusterId,
    hour: i8,
    rows: &HourRows,
) -> Result<Vec<Made>, LedgerError> {
    let (account, cluster, rows) = (lake.account.clone(), cluster.clone(), rows.clone());
    blocking(move || {
        let encode_table = |table| {
            let frame = match table {
                Table::Charges => charges_frame(&account, &cluster, &rows)?,
                Table::Allocations => allocations_frame(&account, &cluster, &rows)?,
            };
            let height = frame.height() as u64;
            let bytes = if height == 0 { Vec::new() } else { encode(frame, &FOCUS)? };
            Ok((height != 0).then(|| made(table, &format!("hour-{hour:02}"), vec![hour], height, bytes)))
        };
        let encode_all =
            || Table::ALL.into_iter().filter_map(|table| encode_table(table).transpose()).collect();
        guarded(encode_all).map_err(failed)
    })
    .await
}

/// Drops files of a day that its manifest does not name. That it fails changes no answer: the next write tries again.
pub async fn sweep(place: &Place, cluster: &ClusterId, date: Date, manifest: &Manifest) {
    for table in Table::ALL {
        let folder = day_folder(table.folder(), cluster, date);
        let found = place.list(&folder).await;
        let found =
            found.inspect_err(|error| warn!(%error, folder, "a day was not swept")).unwrap_or_default();
        let named = |path: &str| manifest.of(table).any(|entry| path.ends_with(&format!("/{}", entry.name)));
        for path in found.iter().filter(|path| !named(path)) {
            if let Err(error) = place.drop(path).await {
                warn!(%error, path, "a file that no longer counts was not dropped");
            }
        }
    }
}
