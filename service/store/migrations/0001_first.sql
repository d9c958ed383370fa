-- What the service remembers. Times are milliseconds since 1970 UTC. Bodies are gzipped JSON of the
-- domain's types; what is searched or sorted by has a column.

CREATE TABLE clusters (
    id                 TEXT PRIMARY KEY,
    mode               TEXT NOT NULL,
    region             TEXT NOT NULL,
    aws_account_id     TEXT NOT NULL,
    role_arn           TEXT NOT NULL,
    kubernetes_version TEXT NOT NULL,
    generation         INTEGER NOT NULL,
    fleet_digest       TEXT NOT NULL,
    etag               TEXT NOT NULL,
    create_time        INTEGER NOT NULL
) STRICT;

CREATE TABLE policies (
    cluster TEXT PRIMARY KEY REFERENCES clusters (id),
    etag    TEXT NOT NULL,
    body    BLOB NOT NULL
) STRICT;

CREATE TABLE snapshots (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    cluster     TEXT NOT NULL REFERENCES clusters (id),
    id          TEXT NOT NULL,
    digest      TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    body        BLOB NOT NULL,
    UNIQUE (cluster, id)
) STRICT;

CREATE TABLE catalogs (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    region      TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    body        BLOB NOT NULL
) STRICT;

CREATE INDEX catalogs_by_region ON catalogs (region, seq);

CREATE TABLE plans (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    cluster     TEXT NOT NULL REFERENCES clusters (id),
    id          TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    body        BLOB NOT NULL,
    UNIQUE (cluster, id)
) STRICT;

CREATE TABLE usage_checkpoints (
    cluster     TEXT PRIMARY KEY REFERENCES clusters (id),
    update_time INTEGER NOT NULL,
    body        BLOB NOT NULL
) STRICT;

CREATE TABLE usage_batches (
    cluster     TEXT NOT NULL REFERENCES clusters (id),
    id          TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    PRIMARY KEY (cluster, id)
) STRICT;

CREATE TABLE request_ids (
    id          TEXT PRIMARY KEY,
    method      TEXT NOT NULL,
    body_digest TEXT NOT NULL,
    resource    TEXT NOT NULL,
    create_time INTEGER NOT NULL
) STRICT;

CREATE INDEX request_ids_by_time ON request_ids (create_time);

-- Append-only: who did what, when.
CREATE TABLE audit (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    time       INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    method     TEXT NOT NULL,
    request_id TEXT NOT NULL,
    resource   TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN
    SELECT RAISE (ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit BEGIN
    SELECT RAISE (ABORT, 'the audit log is append-only');
END;
