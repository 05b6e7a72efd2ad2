-- R-B6: what things cost from some month on.
CREATE TABLE rate_card (
    version INTEGER NOT NULL PRIMARY KEY,
    currency TEXT NOT NULL,
    -- "2026-11", in UTC.
    effective_month TEXT NOT NULL UNIQUE,
    create_time TIMESTAMPTZ NOT NULL
);

CREATE TABLE rate (
    version INTEGER NOT NULL,
    metric TEXT NOT NULL,
    -- Decimals.
    allowance TEXT NOT NULL,
    unit_price TEXT NOT NULL,
    PRIMARY KEY (version, metric)
);

-- The default card, in force from the beginning.
INSERT INTO rate_card (version, currency, effective_month, create_time)
VALUES (1, 'USD', '1970-01', '1970-01-01T00:00:00.000000Z');
INSERT INTO rate (version, metric, allowance, unit_price) VALUES
    (1, 'FUNCTION_GB_SECONDS', '100000', '0.000025'),
    (1, 'KVS_READ_GB', '0.1', '0.055'),
    (1, 'KVS_WRITE_GB', '0.1', '1.090'),
    (1, 'LOGS_GB', '1', '1.005'),
    (1, 'SQL_COMPUTE_HOURS', '1', '0.143'),
    (1, 'SQL_REQUESTS', '100000', '0.000001929'),
    (1, 'SQL_GB_HOURS', '730', '0.00076850');

-- R-B5: every event that was accepted, each once.
CREATE TABLE usage_event (
    id TEXT NOT NULL PRIMARY KEY,
    app UUID NOT NULL,
    metric TEXT NOT NULL,
    -- A decimal.
    quantity TEXT NOT NULL,
    time TIMESTAMPTZ NOT NULL,
    -- The space that held the app then.
    space UUID NOT NULL
);

-- The sums of events, by all that decides what they cost. What an invoice says follows from these rows and the invoices
-- issued before.
CREATE TABLE usage_total (
    space UUID NOT NULL,
    -- The month whose invoice bills it, "2026-11": the month of the usage, or a later one for an adjustment (R-B8).
    billed_month TEXT NOT NULL,
    app UUID NOT NULL,
    metric TEXT NOT NULL,
    -- The month of the usage.
    usage_month TEXT NOT NULL,
    -- From when on the space held the app at that time. Allowances are used up in this order.
    held_from TIMESTAMPTZ NOT NULL,
    -- Whether the space had an account at the time of the usage. What was used before is never billed, and uses
    -- allowances up all the same.
    billable BOOLEAN NOT NULL,
    -- A decimal.
    quantity TEXT NOT NULL,
    events BIGINT NOT NULL,
    PRIMARY KEY (space, billed_month, app, metric, usage_month, held_from, billable)
);

-- An app's usage of a month, whichever spaces held it (R-B6).
CREATE INDEX usage_total_of_app ON usage_total (app, usage_month);
