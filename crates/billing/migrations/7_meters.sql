-- R-B6: what is measured is data. What was one of seven metrics has the id of a meter from now on: events, sums, rates and
-- lines, also those of issued invoices, which say what they said.

-- Nobody adds to what is renamed. In the order in which reports of usage take them.
LOCK TABLE account, rate_card, rate, usage_sums, usage_event, invoice_line IN ACCESS EXCLUSIVE MODE;

CREATE TABLE renamed (metric TEXT NOT NULL PRIMARY KEY, meter TEXT NOT NULL);
INSERT INTO renamed (metric, meter) VALUES
    ('FUNCTION_GB_SECONDS', 'function.gb_seconds'),
    ('KVS_READ_GB', 'kvs.read_gb'),
    ('KVS_WRITE_GB', 'kvs.write_gb'),
    ('LOGS_GB', 'logs.gb'),
    ('SQL_COMPUTE_HOURS', 'sql.compute_hours'),
    ('SQL_REQUESTS', 'sql.requests'),
    ('SQL_GB_HOURS', 'sql.storage_gb_hours');

CREATE TABLE meter (
    id TEXT NOT NULL PRIMARY KEY,
    unit TEXT NOT NULL,
    description TEXT NOT NULL,
    -- JSON, of each dimension its values, or how long a text may be: {"job":32,"region":["eu","us"]}.
    dimensions TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    -- Usage of later times is not taken.
    retire_time TIMESTAMPTZ,
    -- The journal entry of the last change; 0 of those that came with the schema.
    revision BIGINT NOT NULL
);

INSERT INTO meter (id, unit, description, dimensions, create_time, update_time, revision) VALUES
    ('function.gb_seconds', 'GB-s', 'Functions: memory, by the time that it was held', '{}',
     '1970-01-01T00:00:00.000000Z', '1970-01-01T00:00:00.000000Z', 0),
    ('kvs.read_gb', 'GB', 'Reads from the key-value store', '{}',
     '1970-01-01T00:00:00.000000Z', '1970-01-01T00:00:00.000000Z', 0),
    ('kvs.write_gb', 'GB', 'Writes to the key-value store', '{}',
     '1970-01-01T00:00:00.000000Z', '1970-01-01T00:00:00.000000Z', 0),
    ('logs.gb', 'GB', 'Logs written', '{}',
     '1970-01-01T00:00:00.000000Z', '1970-01-01T00:00:00.000000Z', 0),
    ('sql.compute_hours', 'hours', 'SQL: time of computing', '{}',
     '1970-01-01T00:00:00.000000Z', '1970-01-01T00:00:00.000000Z', 0),
    ('sql.requests', 'requests', 'SQL: requests', '{}',
     '1970-01-01T00:00:00.000000Z', '1970-01-01T00:00:00.000000Z', 0),
    ('sql.storage_gb_hours', 'GB-hours', 'SQL: storage, by the time that it was held', '{}',
     '1970-01-01T00:00:00.000000Z', '1970-01-01T00:00:00.000000Z', 0);

-- A meter's own rate, and those of values of one dimension; what is exempt costs nothing.
ALTER TABLE rate RENAME TO rate_of_metric;
CREATE TABLE rate (
    version INTEGER NOT NULL,
    meter TEXT NOT NULL,
    -- Empty for the meter's own rate.
    dimension TEXT NOT NULL,
    dimension_value TEXT NOT NULL,
    exempt BOOLEAN NOT NULL,
    -- Decimals.
    allowance TEXT NOT NULL,
    unit_price TEXT NOT NULL,
    PRIMARY KEY (version, meter, exempt, dimension, dimension_value)
);
INSERT INTO rate (version, meter, dimension, dimension_value, exempt, allowance, unit_price)
SELECT o.version, r.meter, '', '', FALSE, o.allowance, o.unit_price FROM rate_of_metric o JOIN renamed r ON r.metric = o.metric;
DROP TABLE rate_of_metric;

-- From July 2026 on twice as much of functions is free: known to a database in which nothing was billed and priced by then.
INSERT INTO rate_card (version, currency, effective_month, create_time)
SELECT 2, c.currency, '2026-07', c.create_time FROM rate_card c
WHERE c.version = 1
  AND NOT EXISTS (SELECT 1 FROM rate_card WHERE version > 1)
  AND NOT EXISTS (SELECT 1 FROM account)
  AND NOT EXISTS (SELECT 1 FROM usage_event);
INSERT INTO rate (version, meter, dimension, dimension_value, exempt, allowance, unit_price)
SELECT 2, r.meter, r.dimension, r.dimension_value, r.exempt,
    CASE WHEN r.meter = 'function.gb_seconds' THEN '200000' ELSE r.allowance END, r.unit_price
FROM rate r JOIN rate_card c ON c.version = 2 AND c.effective_month = '2026-07'
WHERE r.version = 1 AND NOT EXISTS (SELECT 1 FROM rate WHERE version = 2);

ALTER TABLE usage_event RENAME COLUMN metric TO meter;
ALTER TABLE usage_event ADD COLUMN dimensions TEXT NOT NULL DEFAULT '{}';
UPDATE usage_event SET meter = (SELECT r.meter FROM renamed r WHERE r.metric = usage_event.meter);

-- {"LOGS_GB":["0.25",3]} is {"logs.gb":["0.25",3]}; a tariff that is priced by a value is "logs.gb region=eu", an exempt one
-- "logs.gb !region=eu".
UPDATE usage_sums SET sums =
    replace(replace(replace(replace(replace(replace(replace(sums,
        '"FUNCTION_GB_SECONDS"', '"function.gb_seconds"'),
        '"KVS_READ_GB"', '"kvs.read_gb"'),
        '"KVS_WRITE_GB"', '"kvs.write_gb"'),
        '"LOGS_GB"', '"logs.gb"'),
        '"SQL_COMPUTE_HOURS"', '"sql.compute_hours"'),
        '"SQL_REQUESTS"', '"sql.requests"'),
        '"SQL_GB_HOURS"', '"sql.storage_gb_hours"');

ALTER TABLE invoice_line RENAME COLUMN metric TO tariff;
ALTER TABLE invoice_line DISABLE TRIGGER invoice_line_stays;
UPDATE invoice_line SET tariff = (SELECT r.meter FROM renamed r WHERE r.metric = invoice_line.tariff);
ALTER TABLE invoice_line ENABLE TRIGGER invoice_line_stays;

DROP TABLE renamed;
