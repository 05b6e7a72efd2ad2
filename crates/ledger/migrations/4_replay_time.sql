-- When the first result was given: it is kept for some days. Those that are here already are as good as given now.
ALTER TABLE replay ADD COLUMN create_time TIMESTAMPTZ NOT NULL DEFAULT now();

-- What is to be forgotten.
CREATE INDEX replay_by_time ON replay (create_time);
