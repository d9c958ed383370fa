//! What was seen: a file for each moment, and one for each day that is over.
//!
//! No manifest is needed, for a moment counts once however often it is found: its own file comes before that of its day.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::{Inventory, LedgerError, Observation, PodSeen, Span};
use plimsoll_domain::world::{MachineLife, SpotChange};
use polars::prelude::{DataFrame, PolarsError, PolarsResult};
use serde::{Deserialize, Serialize};

use crate::frame::{Builder, Reader};
use crate::lake::Found;
use crate::manifest::day_folder;
use crate::parquet::{blocking, damaged, decode, encode, failed, guarded};
use crate::place::Place;
use crate::schema::SAMPLES;
use crate::{time, write};

/// Folder of the table.
pub const FOLDER: &str = "samples";

/// A pod at a moment; or what else was seen then, as JSON.
enum What<'a> {
    Pod(&'a PodSeen),
    Facts(String),
}

/// All that a moment has beside its pods.
#[derive(Default, Serialize, Deserialize)]
struct Facts {
    inventory: Inventory,
    lives: Vec<MachineLife>,
    spot: Vec<SpotChange>,
}

type Row<'a> = (i64, What<'a>);

fn pod<'a>(row: &Row<'a>) -> Option<&'a PodSeen> {
    match row.1 {
        What::Pod(pod) => Some(pod),
        What::Facts(_) => None,
    }
}

fn facts<'a>(row: &'a Row<'_>) -> &'a str {
    match &row.1 {
        What::Facts(facts) => facts,
        What::Pod(_) => "",
    }
}

/// Writes what was seen.
pub async fn write(place: &Place, cluster: &ClusterId, seen: &Observation) -> Result<(), LedgerError> {
    let date = time::split(seen.time).0;
    let path = format!("{}/at-{}.parquet", day_folder(FOLDER, cluster, date), nanos(seen.time)?);
    let seen = [seen.clone()];
    let bytes = blocking(move || guarded(|| to_bytes(&seen)).map_err(failed)).await?;
    place.put(&path, bytes).await
}

/// Nanoseconds since 1970; the years 1678 to 2262 have them.
fn nanos(time: Timestamp) -> Result<i64, LedgerError> {
    i64::try_from(time.as_nanosecond()).map_err(|error| LedgerError::Failed(error.into()))
}

fn to_bytes(seen: &[Observation]) -> PolarsResult<Vec<u8>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for one in seen {
        let time = i64::try_from(one.time.as_nanosecond()).unwrap_or(i64::MAX);
        let Observation { inventory, lives, spot, .. } = one.clone();
        let facts = serde_json::to_string(&Facts { inventory, lives, spot })
            .map_err(|error| PolarsError::ComputeError(error.to_string().into()))?;
        rows.push((time, What::Facts(facts)));
        rows.extend(one.pods.iter().map(|pod| (time, What::Pod(pod))));
    }
    let mut to = Builder::new(&rows);
    to.integer("time", |row| Some(row.0))
        .text("namespace", |row| pod(row).map_or("", |pod| &pod.namespace))
        .text("name", |row| pod(row).map_or("", |pod| &pod.name))
        .text("provider_id", |row| pod(row).map_or("", |pod| &pod.provider_id))
        .text("workload", |row| pod(row).map_or("", |pod| &pod.workload))
        .flag("daemon", |row| pod(row).map(|pod| pod.daemon))
        .text("team", |row| pod(row).map_or("", |pod| &pod.team))
        .text("model", |row| pod(row).map_or("", |pod| &pod.model))
        .integer("cpu_milli", |row| pod(row).map(|pod| pod.cpu_milli))
        .integer("memory_bytes", |row| pod(row).map(|pod| pod.memory_bytes))
        .integer("gpus", |row| pod(row).map(|pod| pod.gpus))
        .integer("used_cpu_milli", |row| pod(row).and_then(|pod| pod.used_cpu_milli))
        .integer("used_memory_bytes", |row| pod(row).and_then(|pod| pod.used_memory_bytes))
        .text("facts", facts);
    encode(to.finish(&SAMPLES)?, &SAMPLES)
}

fn from_frame(frame: &DataFrame) -> PolarsResult<BTreeMap<Timestamp, Observation>> {
    let reader = Reader(frame);
    let (at, daemon) = (reader.integer("time")?, reader.flag("daemon")?);
    let (namespace, name) = (reader.text("namespace")?, reader.text("name")?);
    let (provider_id, workload) = (reader.text("provider_id")?, reader.text("workload")?);
    let (team, model) = (reader.text("team")?, reader.text("model")?);
    let (cpu, memory, gpus) =
        (reader.integer("cpu_milli")?, reader.integer("memory_bytes")?, reader.integer("gpus")?);
    let (used_cpu, used_memory) = (reader.integer("used_cpu_milli")?, reader.integer("used_memory_bytes")?);
    let facts = reader.text("facts")?;
    let mut seen: BTreeMap<Timestamp, Observation> = BTreeMap::new();
    for row in 0..frame.height() {
        let missing = || PolarsError::ComputeError("time is missing".into());
        let nanos = at(row).ok_or_else(missing)?;
        let time = Timestamp::from_nanosecond(i128::from(nanos))
            .map_err(|error| PolarsError::ComputeError(error.to_string().into()))?;
        let one = seen.entry(time).or_insert_with(|| Observation { time, ..Observation::default() });
        if !facts(row).is_empty() {
            let read = serde_json::from_str::<Facts>(facts(row));
            let facts = read.map_err(|error| PolarsError::ComputeError(error.to_string().into()))?;
            (one.inventory, one.lives, one.spot) = (facts.inventory, facts.lives, facts.spot);
        }
        if let Some(daemon) = daemon(row) {
            one.pods.push(PodSeen {
                namespace: namespace(row).to_owned(),
                name: name(row).to_owned(),
                provider_id: provider_id(row).to_owned(),
                workload: workload(row).to_owned(),
                daemon,
                team: team(row).to_owned(),
                model: model(row).to_owned(),
                cpu_milli: cpu(row).unwrap_or_default(),
                memory_bytes: memory(row).unwrap_or_default(),
                gpus: gpus(row).unwrap_or_default(),
                used_cpu_milli: used_cpu(row),
                used_memory_bytes: used_memory(row),
            });
        }
    }
    Ok(seen)
}

/// The files of a day.
#[derive(Default)]
struct Day {
    /// By moment.
    moments: BTreeMap<Timestamp, String>,
    /// Files of the whole day: one, or two where a compaction stopped short.
    whole: Vec<String>,
}

async fn days(place: &Place, cluster: &ClusterId) -> Result<BTreeMap<Date, Day>, LedgerError> {
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    for path in place.list(&format!("{FOLDER}/cluster={cluster}")).await? {
        let Some((folder, name)) = path.rsplit_once('/') else { continue };
        let Some(date) = folder.rsplit_once("/date=").and_then(|(_, date)| date.parse().ok()) else {
            continue;
        };
        let day = days.entry(date).or_default();
        let nanos =
            name.strip_prefix("at-").and_then(|name| name.strip_suffix(".parquet")?.parse::<i64>().ok());
        match nanos.and_then(|nanos| Timestamp::from_nanosecond(i128::from(nanos)).ok()) {
            Some(time) => drop(day.moments.insert(time, path)),
            None if name.starts_with("day-") => day.whole.push(path),
            None => {}
        }
    }
    Ok(days)
}

/// What was seen in a span, with the last before it.
pub async fn read(
    place: &Place,
    cluster: &ClusterId,
    span: Span,
) -> Result<Found<Vec<Observation>>, LedgerError> {
    let mut found: BTreeMap<Timestamp, Observation> = BTreeMap::new();
    let days = days(place, cluster).await?;
    for (date, day) in days.iter().rev().filter(|(date, _)| time::day_start(**date) < span.end) {
        // Of moments before the span only the last is of use, and of its own files it is the first from the end.
        let last = day.moments.range(..span.start).next_back().map(|(time, _)| *time).unwrap_or(span.start);
        let useful = |time: Timestamp| last.min(span.start) <= time && time < span.end;
        let seen = match read_day(place, day, &useful).await? {
            Found::All(seen) => seen,
            Found::Missing(path) => return Ok(Found::Missing(path)),
        };
        found.extend(seen.into_iter().filter(|(time, _)| *time < span.end));
        if time::day_start(*date) <= span.start && found.range(..span.start).next().is_some() {
            break;
        }
    }
    let first = match found.range(..span.start).next_back() {
        Some((before, _)) => *before,
        None => span.start,
    };
    Ok(Found::All(found.split_off(&first).into_values().collect()))
}

/// What was seen on a day, at useful moments; moments of the day's own file come all.
async fn read_day(
    place: &Place,
    day: &Day,
    useful: &(dyn Fn(Timestamp) -> bool + Send + Sync),
) -> Result<Found<BTreeMap<Timestamp, Observation>>, LedgerError> {
    let mut seen = BTreeMap::new();
    let moments = day.moments.iter().filter(|(time, _)| useful(**time)).map(|(_, path)| path);
    for path in day.whole.iter().chain(moments) {
        let Some(bytes) = place.get(path).await? else { return Ok(Found::Missing(path.clone())) };
        let told = path.clone();
        let read = move || guarded(|| from_frame(&decode(bytes)?)).map_err(|error| damaged(&told, error));
        seen.extend(blocking(read).await?);
    }
    Ok(Found::All(seen))
}

/// Makes one file of each day that ended before `before`, and drops days that ended before `keep_after`.
///
/// The day's file is written first, then other files of the day go, then its moments: whatever stands at a crash
/// tells the same.
pub async fn compact(
    place: &Place,
    cluster: &ClusterId,
    before: Timestamp,
    keep_after: Timestamp,
) -> Result<(), LedgerError> {
    for (date, day) in days(place, cluster).await? {
        if time::day_end(date) <= keep_after {
            drop_all(place, day.whole.into_iter().chain(day.moments.into_values()).collect()).await?;
        } else if time::day_end(date) <= before && (!day.moments.is_empty() || 1 < day.whole.len()) {
            compact_day(place, cluster, date, day).await?;
        }
    }
    Ok(())
}

async fn compact_day(place: &Place, cluster: &ClusterId, date: Date, day: Day) -> Result<(), LedgerError> {
    let Found::All(seen) = read_day(place, &day, &|_| true).await? else { return Ok(()) };
    let seen: Vec<Observation> = seen.into_values().collect();
    let bytes = blocking(move || guarded(|| to_bytes(&seen)).map_err(failed)).await?;
    let path = format!("{}/{}", day_folder(FOLDER, cluster, date), write::file_name("day", &bytes));
    place.put(&path, bytes).await?;
    let others = day.whole.into_iter().filter(|other| *other != path);
    drop_all(place, others.chain(day.moments.into_values()).collect()).await
}

async fn drop_all(place: &Place, paths: Vec<String>) -> Result<(), LedgerError> {
    for path in paths {
        place.drop(&path).await?;
    }
    Ok(())
}
