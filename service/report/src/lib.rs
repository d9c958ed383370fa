//! What it cost: the ledger, kept as Parquet files that other engines read, too.
