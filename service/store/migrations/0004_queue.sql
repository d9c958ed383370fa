-- An operation may wait for its cluster: it is open, and holds nothing.
ALTER TABLE operations ADD COLUMN is_queued INTEGER NOT NULL DEFAULT 0;

DROP INDEX operations_hold_their_cluster;

-- A cluster is held by one operation at a time.
CREATE UNIQUE INDEX operations_hold_their_cluster ON operations (cluster) WHERE is_open = 1 AND is_queued = 0;

-- Those that wait, in their order.
CREATE INDEX operations_wait_for_their_cluster ON operations (cluster, seq) WHERE is_open = 1 AND is_queued = 1;
