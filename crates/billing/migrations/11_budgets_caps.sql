-- R-B12, R-E4: budgets of apps beside those of spaces, and budgets that are caps.
CREATE TABLE budget_of (
    space UUID NOT NULL,
    -- The app that it is of; or the space, for all that is used in it.
    resource UUID NOT NULL,
    -- A decimal.
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- Percentages in their order: "50,75,90,100".
    thresholds TEXT NOT NULL,
    -- Whether it suspends what it is of when it is reached.
    cap BOOLEAN NOT NULL,
    -- The month, "2026-11", whose costs have reached the cap, so that it suspends: which the space service is told with the change of
    -- this. Nothing: it does not.
    suspends_in TEXT,
    update_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (space, resource)
);
INSERT INTO budget_of (space, resource, amount, currency, thresholds, cap, update_time)
    SELECT space, space, amount, currency, thresholds, FALSE, update_time FROM budget;
DROP TABLE budget;
ALTER TABLE budget_of RENAME TO budget;
CREATE INDEX budget_suspends ON budget (suspends_in, space) WHERE suspends_in IS NOT NULL;

-- When a space's budgets were last looked at whether thresholds are crossed, in which month, and its last journal entry then.
CREATE TABLE budget_look (
    space UUID NOT NULL PRIMARY KEY,
    time TIMESTAMPTZ NOT NULL,
    month TEXT NOT NULL,
    sequence BIGINT NOT NULL
);

-- R-B12: the thresholds whose crossing the journal has told.
CREATE TABLE budget_crossing_of (
    space UUID NOT NULL,
    resource UUID NOT NULL,
    -- "2026-11", in UTC.
    month TEXT NOT NULL,
    percent INTEGER NOT NULL,
    PRIMARY KEY (space, resource, month, percent)
);
INSERT INTO budget_crossing_of (space, resource, month, percent)
    SELECT space, space, month, percent FROM budget_crossing;
DROP TABLE budget_crossing;
ALTER TABLE budget_crossing_of RENAME TO budget_crossing;

-- R-B12: the same of allowances, which are an app's, whichever spaces held it.
CREATE TABLE allowance_crossing (
    app UUID NOT NULL,
    -- In which it was used.
    month TEXT NOT NULL,
    tariff TEXT NOT NULL,
    percent INTEGER NOT NULL,
    PRIMARY KEY (app, month, tariff, percent)
);

-- R-E5: what is set aside for apps. A reservation counts as long as it is here; what has ended is taken out.
CREATE TABLE reservation (
    id UUID NOT NULL PRIMARY KEY,
    -- The space that held the app, and from when on.
    space UUID NOT NULL,
    app UUID NOT NULL,
    held_from TIMESTAMPTZ NOT NULL,
    -- In which it is to be used.
    month TEXT NOT NULL,
    tariff TEXT NOT NULL,
    -- What is not reported yet, a decimal.
    remaining TEXT NOT NULL,
    end_time TIMESTAMPTZ NOT NULL
);
CREATE INDEX reservation_of_space ON reservation (space, month);
CREATE INDEX reservation_of_app ON reservation (app, month);
CREATE INDEX reservation_end ON reservation (end_time);
