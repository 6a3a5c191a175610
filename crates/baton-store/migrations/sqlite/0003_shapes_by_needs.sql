-- Needs that no shape has any more are removed: they are asked for by their number.
CREATE INDEX shapes_by_needs ON shapes (needs_id);
