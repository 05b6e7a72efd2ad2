-- All that is billed alike is one row, with the sums of every metric: an app that uses all of them is read and written once
-- and not seven times. What was summed up stays as it is.

-- Nobody adds to the old sums while they are carried over.
LOCK TABLE usage_total IN ACCESS EXCLUSIVE MODE;

CREATE TABLE usage_sums (
    space UUID NOT NULL,
    -- The month whose invoice bills it, "2026-11": the month of the usage, or a later one for an adjustment (R-B8).
    billed_month TEXT NOT NULL,
    app UUID NOT NULL,
    -- The month of the usage.
    usage_month TEXT NOT NULL,
    -- From when on the space held the app at that time. Allowances are used up in this order.
    held_from TIMESTAMPTZ NOT NULL,
    -- Whether the space had an account at the time of the usage. What was used before is never billed, and uses
    -- allowances up all the same.
    billable BOOLEAN NOT NULL,
    -- JSON, of each metric a decimal and how many events it is the sum of: {"LOGS_GB":["0.25",3]}.
    sums TEXT NOT NULL,
    PRIMARY KEY (space, billed_month, app, usage_month, held_from, billable)
);

INSERT INTO usage_sums (space, billed_month, app, usage_month, held_from, billable, sums)
SELECT space, billed_month, app, usage_month, held_from, billable,
    CAST(json_object_agg(metric, json_build_array(quantity, events)) AS TEXT)
FROM usage_total
GROUP BY space, billed_month, app, usage_month, held_from, billable;

DROP TABLE usage_total;

-- An app's usage of a month, whichever spaces held it (R-B6).
CREATE INDEX usage_sums_of_app ON usage_sums (app, usage_month);
