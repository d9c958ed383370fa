-- What a resize that waits is for, so that another one of the same group finds it without reading a body; '' and 0 for
-- everything else, and for what was stored before.
ALTER TABLE operations ADD COLUMN node_group TEXT NOT NULL DEFAULT '';
ALTER TABLE operations ADD COLUMN size INTEGER NOT NULL DEFAULT 0;

CREATE INDEX operations_of_a_cluster_are_open ON operations (cluster, seq) WHERE is_open = 1;
CREATE INDEX operations_are_open ON operations (seq) WHERE is_open = 1;
CREATE INDEX operations_by_plan ON operations (cluster, plan, seq) WHERE plan <> '';

-- The audit log is read by cluster, actor, method and time.
ALTER TABLE audit ADD COLUMN cluster TEXT NOT NULL DEFAULT '';

DROP TRIGGER audit_is_never_changed;

UPDATE audit SET cluster = CASE
    WHEN resource LIKE 'clusters/%' THEN
        substr (resource, 10, instr (substr (resource || '/', 10), '/') - 1)
    ELSE COALESCE ((SELECT cluster FROM operations WHERE 'operations/' || id = resource), '')
END;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN
    SELECT RAISE (ABORT, 'the audit log is append-only');
END;

CREATE INDEX audit_by_cluster ON audit (cluster, seq);
CREATE INDEX audit_by_actor ON audit (actor, seq);
CREATE INDEX audit_by_time ON audit (time);
