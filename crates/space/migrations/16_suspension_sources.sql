-- R-E2: for what the billing service suspends an app. It is suspended for a reason of that service's as long as there is any
-- source of it here; what its own columns say of the reason follows from that.
CREATE TABLE suspension_source (
    -- The app; or a space, once one is suspended so.
    resource UUID NOT NULL,
    reason TEXT NOT NULL,
    -- The name of what it is suspended for: the invoice that is past due.
    source TEXT NOT NULL,
    PRIMARY KEY (resource, reason, source)
);
