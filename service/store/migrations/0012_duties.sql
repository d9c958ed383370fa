-- A lease is for one duty: running a cluster's operations, or accounting for its costs.
CREATE TABLE duties (
    cluster TEXT NOT NULL REFERENCES clusters (id),
    duty    TEXT NOT NULL,
    holder  TEXT NOT NULL,
    token   INTEGER NOT NULL,
    until   INTEGER NOT NULL,
    PRIMARY KEY (cluster, duty)
) STRICT;
INSERT INTO duties SELECT cluster, 'operations', holder, token, until FROM leases;
DROP TABLE leases;
ALTER TABLE duties RENAME TO leases;
