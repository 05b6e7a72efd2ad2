-- R-M10: a person's own role on an app can end, but for that of OWNER. Past this time the row is as if it were not there.
ALTER TABLE contributor ADD COLUMN expire_time TIMESTAMPTZ CHECK (expire_time IS NULL OR role <> 'OWNER');

-- The role of a person that ends last.
CREATE INDEX contributor_ending ON contributor (person, space, expire_time) WHERE expire_time IS NOT NULL;
