-- When the first result was given: it is kept for some days. Those that are here already are as good as given now. The
-- default serves the rows that are here already and no other.
ALTER TABLE replay ADD COLUMN create_time TIMESTAMPTZ NOT NULL DEFAULT '1970-01-01T00:00:00.000000Z';
UPDATE replay SET create_time = strftime('%Y-%m-%dT%H:%M:%f000Z', 'now');

-- What is to be forgotten.
CREATE INDEX replay_by_time ON replay (create_time);
