-- The generation of the fleet that a snapshot shows: plans are made from it, not from the cluster's newest.
-- For snapshots of before it is not known, and 0 is behind every cluster's.
ALTER TABLE snapshots ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
