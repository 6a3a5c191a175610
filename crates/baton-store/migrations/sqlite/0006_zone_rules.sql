-- The time zone rules by which the stored slots were computed: one row. With them it can be told, when
-- rules change, what a slot was meant to be.
CREATE TABLE zone_rules (
    id         INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    identity   TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    data       BLOB    NOT NULL,
    changed_at INTEGER NOT NULL,
    before     TEXT,
    moved      TEXT    NOT NULL
) STRICT;
