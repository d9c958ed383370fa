-- What is carried out. `cancel_requested`, `revision` and `update_time` hold over what the body says of them: an
-- end is asked for beside the runner, who writes the body.
CREATE TABLE operations (
    seq              INTEGER PRIMARY KEY AUTOINCREMENT,
    id               TEXT NOT NULL UNIQUE,
    cluster          TEXT NOT NULL REFERENCES clusters (id),
    plan             TEXT NOT NULL, -- '' if it carries out none
    is_open          INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    revision         INTEGER NOT NULL,
    create_time      INTEGER NOT NULL,
    update_time      INTEGER NOT NULL,
    body             BLOB NOT NULL
) STRICT;

CREATE INDEX operations_by_cluster ON operations (cluster, seq);

-- A cluster is held by one operation at a time.
CREATE UNIQUE INDEX operations_hold_their_cluster ON operations (cluster) WHERE is_open = 1;
