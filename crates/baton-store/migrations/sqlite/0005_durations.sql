-- Execution times counted in sixteenths of octaves, and only where there are any. What `histogram` holds
-- by whole octaves is read as it is; rows that are written from now on leave it empty.
ALTER TABLE outcomes ADD COLUMN durations BLOB NOT NULL DEFAULT x'';
