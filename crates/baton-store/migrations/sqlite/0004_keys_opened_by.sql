-- What a key opened (sign-in links, browser sessions, enrolment tokens) is taken back with it.
ALTER TABLE keys ADD COLUMN opened_by BLOB;
CREATE INDEX keys_by_opener ON keys (org, opened_by) WHERE opened_by IS NOT NULL;
