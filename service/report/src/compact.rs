//! Days that are over become few files: write them, name them in the manifest, drop the hours' own.

use jiff::Timestamp;
use jiff::civil::Date;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::LedgerError;
use polars::prelude::PolarsResult;

use crate::manifest::{self, Entry, Manifest, Table, day_folder};
use crate::parquet::{Writer, blocking, damaged, guarded};
use crate::place::Place;
use crate::schema::FOCUS;
use crate::select::{collect, only_hours, scan};
use crate::time;
use crate::write::{Made, made, sweep};

/// Most bytes of hours that go into one file: engines like files of 64 to 256 MB, and one is held in memory here.
const BYTES_MAX: u64 = 256 << 20;

/// Name of files that were made here.
const LABEL: &str = "day";

/// Compacts each day of a cluster that ended before `before`. A day that cannot be read does not stop the others.
pub async fn days(place: &Place, cluster: &ClusterId, before: Timestamp) -> Result<(), LedgerError> {
    let mut first_failure = Ok(());
    for date in manifest::dates(place, cluster).await? {
        if time::day_end(date) <= before {
            first_failure = first_failure.and(day(place, cluster, date).await);
        }
    }
    first_failure
}

/// Compacts a day, whether it is over or not, and drops what its manifest does not name.
pub async fn day(place: &Place, cluster: &ClusterId, date: Date) -> Result<(), LedgerError> {
    let before = Manifest::read(place, cluster, date).await?;
    let (now, failure) = match rewrite(place, (cluster, date), &before).await {
        Ok(now) => (now, Ok(())),
        Err(failure) => (before.clone(), Err(failure)),
    };
    if now != before {
        now.write(place, cluster, date).await?;
    }
    sweep(place, cluster, date, &now).await;
    failure
}

/// Writes the files of a compacted day; returns the manifest that names them.
async fn rewrite(
    place: &Place,
    (cluster, date): (&ClusterId, Date),
    before: &Manifest,
) -> Result<Manifest, LedgerError> {
    let mut now = before.clone();
    for table in Table::ALL {
        let old: Vec<Entry> = before.of(table).cloned().collect();
        if old.iter().all(|file| file.name.starts_with(LABEL) && file.replaced.is_empty()) {
            continue;
        }
        now.files.retain(|file| file.table != table);
        for part in parts(&old) {
            let file = merge(place, (cluster, date), table, part).await?;
            let folder = day_folder(table.folder(), cluster, date);
            place.put(&format!("{folder}/{}", file.entry.name), file.bytes).await?;
            now.files.push(file.entry);
        }
    }
    now.files.sort();
    Ok(now)
}

/// An hour and the file that it is in.
type HourOf = (i8, Entry);

/// Hours of a day that go into one file, by what their files weigh.
fn parts(files: &[Entry]) -> Vec<Vec<HourOf>> {
    let mut hours: Vec<HourOf> =
        files.iter().flat_map(|file| file.hours.iter().map(|hour| (*hour, file.clone()))).collect();
    hours.sort_by_key(|(hour, _)| *hour);
    let (mut parts, mut open, mut weight): (Vec<Vec<HourOf>>, Vec<HourOf>, u64) = (Vec::new(), Vec::new(), 0);
    for (hour, file) in hours {
        let bytes = file.bytes / (file.hours.len() + file.replaced.len()).max(1) as u64;
        if !open.is_empty() && BYTES_MAX < weight + bytes {
            parts.push(std::mem::take(&mut open));
            weight = 0;
        }
        weight += bytes;
        open.push((hour, file));
    }
    parts.push(open);
    parts.retain(|part| !part.is_empty());
    parts
}

/// One file of some hours, read one hour at a time.
async fn merge(
    place: &Place,
    (cluster, date): (&ClusterId, Date),
    table: Table,
    hours: Vec<HourOf>,
) -> Result<Made, LedgerError> {
    let (place, folder) = (place.clone(), day_folder(table.folder(), cluster, date));
    blocking(move || {
        let mut bytes = Vec::new();
        let mut rows = 0;
        let mut reading = folder.clone();
        let merged = guarded(|| -> PolarsResult<()> {
            let mut writer = Writer::new(&mut bytes, &FOCUS)?;
            for (hour, file) in &hours {
                reading = format!("{folder}/{}", file.name);
                let start: Vec<Timestamp> = time::hour_start(date, *hour).into_iter().collect();
                let plan = scan(&place, std::slice::from_ref(&reading))?.filter(only_hours(&start));
                let frame = collect(plan)?;
                rows += frame.height() as u64;
                writer.write(frame)?;
            }
            writer.finish()
        });
        merged.map_err(|error| damaged(&reading, error))?;
        Ok(made(table, LABEL, hours.iter().map(|(hour, _)| *hour).collect(), rows, bytes))
    })
    .await
}
