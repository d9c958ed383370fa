//! `ddl/*.sql` are made from the schema; `PLIMSOLL_DDL=write` writes them anew.

use std::path::{Path, PathBuf};

use crate::manifest::Table;
use crate::schema::{FOCUS, Kind};

/// Makes the DDL of a table.
type Make = fn(&str) -> String;

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ddl")
}

fn columns(quote: char, text: &str) -> String {
    let kind = |kind| match kind {
        Kind::Cost => "decimal(38, 9)",
        Kind::Price => "decimal(38, 18)",
        Kind::Time => "timestamp",
        Kind::Text | Kind::Integer | Kind::Flag => text,
    };
    let lines = FOCUS.iter().map(|(name, of)| format!("  {quote}{name}{quote} {}", kind(*of)));
    lines.collect::<Vec<_>>().join(",\n")
}

fn athena(table: &str) -> String {
    format!(
        "CREATE EXTERNAL TABLE IF NOT EXISTS {table} (\n{}\n)\n\
         PARTITIONED BY (cluster string, `date` string)\nSTORED AS PARQUET\n\
         LOCATION 's3://BUCKET/PREFIX/{table}/';\n\n\
         -- Again whenever there is a new day.\nMSCK REPAIR TABLE {table};\n",
        columns('`', "string")
    )
}

fn trino(table: &str) -> String {
    let columns = columns('"', "varchar").replace(" timestamp", " timestamp(6)");
    format!(
        "CREATE TABLE IF NOT EXISTS hive.plimsoll.{table} (\n{columns},\n  cluster varchar,\n  \"date\" varchar\n)\n\
         WITH (\n  format = 'PARQUET',\n  partitioned_by = ARRAY['cluster', 'date'],\n  \
         external_location = 's3://BUCKET/PREFIX/{table}/'\n);\n\n\
         -- Again whenever there is a new day.\n\
         CALL hive.system.sync_partition_metadata('plimsoll', '{table}', 'FULL');\n"
    )
}

fn spark(table: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {table} (\n{},\n  cluster string,\n  `date` string\n)\nUSING parquet\n\
         PARTITIONED BY (cluster, `date`)\nLOCATION 's3://BUCKET/PREFIX/{table}/';\n\n\
         -- Again whenever there is a new day.\nMSCK REPAIR TABLE {table};\n",
        columns('`', "string")
    )
}

fn duckdb(table: &str) -> String {
    let names: Vec<String> = FOCUS.iter().map(|(name, _)| format!("  \"{name}\"")).collect();
    format!(
        "CREATE OR REPLACE VIEW {table} AS\nSELECT\n{},\n  cluster,\n  \"date\"\nFROM read_parquet(\n  \
         's3://BUCKET/PREFIX/{table}/*/*/*.parquet',\n  hive_partitioning = true,\n  \
         hive_types = {{'cluster': VARCHAR, 'date': VARCHAR}},\n  union_by_name = true\n);\n",
        names.join(",\n")
    )
}

#[test]
fn the_ddl_says_what_the_files_hold() {
    let engines: [(&str, Make); 4] =
        [("athena", athena), ("trino", trino), ("spark", spark), ("duckdb", duckdb)];
    for (engine, of) in engines {
        let tables = Table::ALL.map(|table| of(table.folder())).join("\n");
        let head = "-- Put the place of the lake for s3://BUCKET/PREFIX. Partition values are text: 001 is not 1.\n\n";
        let (path, want) = (folder().join(format!("{engine}.sql")), format!("{head}{tables}"));
        if std::env::var_os("PLIMSOLL_DDL").is_some_and(|value| value == "write") {
            std::fs::write(&path, &want).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap();
        assert_eq!(found, want, "{}: write it anew with PLIMSOLL_DDL=write", path.display());
    }
}
