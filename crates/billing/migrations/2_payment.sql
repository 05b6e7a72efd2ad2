-- R-B3: how an account is paid.
CREATE TABLE payment_method (
    space UUID NOT NULL PRIMARY KEY,
    -- The payment provider's. It is read by what pays, and goes nowhere else.
    token TEXT NOT NULL,
    brand TEXT NOT NULL,
    last_four TEXT NOT NULL,
    -- "2029-04".
    expiry TEXT NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    -- The journal entry that last changed the row.
    revision BIGINT NOT NULL
);

-- R-B4: an account's addresses, each as JSON. The row stays when both are removed, with its revision.
CREATE TABLE address (
    space UUID NOT NULL PRIMARY KEY,
    billing TEXT,
    sold_to TEXT,
    update_time TIMESTAMPTZ NOT NULL,
    -- The journal entry that last changed the row.
    revision BIGINT NOT NULL
);

-- R-B12
CREATE TABLE budget (
    space UUID NOT NULL PRIMARY KEY,
    -- A decimal.
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- Percentages in their order: "50,90,100".
    thresholds TEXT NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    -- When it was last looked at whether thresholds are crossed, in which month, and the space's last journal entry then.
    look_time TIMESTAMPTZ,
    look_month TEXT,
    look_sequence BIGINT
);

-- R-B12: the thresholds whose crossing the journal has told.
CREATE TABLE budget_crossing (
    space UUID NOT NULL,
    -- "2026-11", in UTC.
    month TEXT NOT NULL,
    percent INTEGER NOT NULL,
    PRIMARY KEY (space, month, percent)
);
