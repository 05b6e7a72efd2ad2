-- R-B15: what an event counted in can be told again when it is voided, and in which order events were taken. Of events of before
-- the holding is found by their sums, and they come first.
ALTER TABLE usage_event ADD COLUMN held_from TIMESTAMPTZ;
-- Whether the space had an account then.
ALTER TABLE usage_event ADD COLUMN billable BOOLEAN;
-- The journal entry of the space by which it was taken.
ALTER TABLE usage_event ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;
CREATE INDEX usage_event_in_order ON usage_event (space, sequence, id);

-- Events that no longer count, each once.
CREATE TABLE usage_void (
    event TEXT NOT NULL PRIMARY KEY,
    space UUID NOT NULL,
    -- The journal entry of the space by which it was voided.
    sequence BIGINT NOT NULL
);
CREATE INDEX usage_void_in_order ON usage_void (space, sequence, event);

-- Which invoices of later months bill a month's usage (R-B8, R-B15): few do.
CREATE INDEX usage_sums_adjusting ON usage_sums (space, usage_month, billed_month) WHERE billed_month <> usage_month;

-- R-B10: what an account has to its credit, used up by its next invoices, the oldest first.
CREATE TABLE credit (
    space UUID NOT NULL,
    -- From 1 for each account, without gaps.
    number BIGINT NOT NULL,
    -- The ISO 4217 code.
    currency TEXT NOT NULL,
    -- Decimals, in whole cents.
    amount TEXT NOT NULL,
    remaining TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- The invoice that gave it. Nothing: it was granted.
    invoice UUID,
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (space, number)
);
CREATE INDEX credit_left ON credit (space, number) WHERE remaining <> '0';

-- How much of which credit an issued invoice has used up.
CREATE TABLE credit_use (
    invoice UUID NOT NULL,
    credit BIGINT NOT NULL,
    -- A decimal, in whole cents.
    amount TEXT NOT NULL,
    PRIMARY KEY (invoice, credit)
);
ALTER TABLE issued_invoice ADD COLUMN credit_applied TEXT NOT NULL DEFAULT '0';

-- R-B15: where an app is suspended for want of consent.
CREATE INDEX consent_suspension_of_app ON consent_suspension (app, month);

-- R-B14: events summed up by the hour, the day and the month of their time (UTC), up to where each space's have been. What comes
-- after that is read from the events.
CREATE TABLE usage_hour (
    space UUID NOT NULL,
    start TIMESTAMPTZ NOT NULL,
    app UUID NOT NULL,
    meter TEXT NOT NULL,
    -- As usage_event has them.
    dimensions TEXT NOT NULL,
    -- A decimal.
    quantity TEXT NOT NULL,
    events BIGINT NOT NULL,
    PRIMARY KEY (space, start, app, meter, dimensions)
);
CREATE INDEX usage_hour_of_app ON usage_hour (app, start, meter, dimensions, space);

CREATE TABLE usage_day (
    space UUID NOT NULL,
    start TIMESTAMPTZ NOT NULL,
    app UUID NOT NULL,
    meter TEXT NOT NULL,
    -- As usage_event has them.
    dimensions TEXT NOT NULL,
    -- A decimal.
    quantity TEXT NOT NULL,
    events BIGINT NOT NULL,
    PRIMARY KEY (space, start, app, meter, dimensions)
);
CREATE INDEX usage_day_of_app ON usage_day (app, start, meter, dimensions, space);

CREATE TABLE usage_month (
    space UUID NOT NULL,
    start TIMESTAMPTZ NOT NULL,
    app UUID NOT NULL,
    meter TEXT NOT NULL,
    -- As usage_event has them.
    dimensions TEXT NOT NULL,
    -- A decimal.
    quantity TEXT NOT NULL,
    events BIGINT NOT NULL,
    PRIMARY KEY (space, start, app, meter, dimensions)
);
CREATE INDEX usage_month_of_app ON usage_month (app, start, meter, dimensions, space);

-- The last event and the last voiding that are summed up, of each space in which something was ever used.
CREATE TABLE usage_summed (
    space UUID NOT NULL PRIMARY KEY,
    event_sequence BIGINT NOT NULL DEFAULT -1,
    event TEXT NOT NULL DEFAULT '',
    void_sequence BIGINT NOT NULL DEFAULT -1,
    void TEXT NOT NULL DEFAULT '',
    -- The sequence of the space's journal when it was last looked whether something is to be summed up.
    look_sequence BIGINT NOT NULL DEFAULT -1
);
INSERT INTO usage_summed (space) SELECT DISTINCT space FROM usage_sums;
