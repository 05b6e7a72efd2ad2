-- When the account's next draft or issue falls due (R-B7); the epoch where nobody has looked yet.
ALTER TABLE account ADD COLUMN next_billing TIMESTAMPTZ NOT NULL DEFAULT '1970-01-01T00:00:00.000000Z';
CREATE INDEX account_due ON account (next_billing, space);

-- R-B7, R-B10: one invoice for each space and month, and where it is in its life.
CREATE TABLE invoice (
    id UUID NOT NULL PRIMARY KEY,
    space UUID NOT NULL,
    -- "2026-11", in UTC.
    month TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('DRAFT', 'OPEN', 'PAID', 'PAST_DUE')),
    failed_attempts INTEGER NOT NULL,
    -- From when on retries are counted.
    first_failure TIMESTAMPTZ,
    next_attempt_time TIMESTAMPTZ,
    pay_time TIMESTAMPTZ,
    create_time TIMESTAMPTZ NOT NULL,
    UNIQUE (space, month)
);

-- What is to be paid yet (R-B10, R-S6).
CREATE INDEX invoice_unpaid ON invoice (space, state) WHERE state IN ('OPEN', 'PAST_DUE');

-- R-B7: what an invoice says once it is issued. Rows of this table, of its lines and of credit notes never change.
CREATE TABLE issued_invoice (
    invoice UUID NOT NULL PRIMARY KEY,
    space UUID NOT NULL,
    -- From 1 for each account, without gaps.
    number BIGINT NOT NULL,
    issue_time TIMESTAMPTZ NOT NULL,
    currency TEXT NOT NULL,
    -- A decimal, in whole cents.
    total TEXT NOT NULL,
    UNIQUE (space, number)
);

CREATE TABLE invoice_line (
    invoice UUID NOT NULL,
    place INTEGER NOT NULL,
    app UUID NOT NULL,
    metric TEXT NOT NULL,
    usage_month TEXT NOT NULL,
    -- Decimals.
    quantity TEXT NOT NULL,
    free_quantity TEXT NOT NULL,
    unit_price TEXT NOT NULL,
    rate_card_version INTEGER NOT NULL,
    PRIMARY KEY (invoice, place)
);

-- How much of an app's allowance of a month is used up for good (R-B6).
CREATE INDEX invoice_line_of_app ON invoice_line (app, usage_month);

CREATE TABLE credit_note (
    space UUID NOT NULL,
    -- From 1 for each account, without gaps.
    number BIGINT NOT NULL,
    invoice UUID NOT NULL,
    -- A decimal, in whole cents.
    amount TEXT NOT NULL,
    reason TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (space, number)
);

CREATE INDEX credit_note_of_invoice ON credit_note (invoice, number);

-- R-B10: what the payment service reported, each attempt once.
CREATE TABLE payment_attempt (
    invoice UUID NOT NULL,
    id TEXT NOT NULL,
    succeeded BOOLEAN NOT NULL,
    time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (invoice, id)
);
