-- What a plan rests on is kept as long as the plan. Of plans of before it is not known: as long as one of them is kept,
-- everything is.
ALTER TABLE plans ADD COLUMN snapshot TEXT NOT NULL DEFAULT '';
ALTER TABLE plans ADD COLUMN catalog TEXT NOT NULL DEFAULT '';

CREATE INDEX plans_by_snapshot ON plans (cluster, snapshot);
CREATE INDEX plans_by_catalog ON plans (catalog);
