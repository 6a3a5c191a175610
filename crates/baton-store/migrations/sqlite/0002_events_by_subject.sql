-- What happened to one thing is read by its id: a run's notes, a queue's trail.
CREATE INDEX events_by_subject ON events (org, subject, seq);
