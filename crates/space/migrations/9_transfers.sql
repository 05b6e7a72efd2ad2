-- R-A7: moves of apps between spaces, those that have ended included.
CREATE TABLE transfer (
    id UUID NOT NULL PRIMARY KEY,
    app UUID NOT NULL,
    -- What the app was called when the transfer was initiated.
    app_display_name TEXT NOT NULL,
    source UUID NOT NULL,
    destination UUID NOT NULL,
    -- The encoded id of users/{id}.
    initiator TEXT NOT NULL,
    -- PENDING until somebody ends it: from its expire_time on it has expired all the same.
    state TEXT NOT NULL CHECK (state IN ('PENDING', 'ACCEPTED', 'DECLINED', 'CANCELLED', 'EXPIRED')),
    create_time TIMESTAMPTZ NOT NULL,
    expire_time TIMESTAMPTZ NOT NULL,
    end_time TIMESTAMPTZ,
    -- The journal entry of the app that last changed the row.
    revision BIGINT NOT NULL,
    CHECK (source <> destination),
    CHECK ((state = 'PENDING') = (end_time IS NULL))
);

-- R-A7: one at a time.
CREATE UNIQUE INDEX transfer_pending ON transfer (app) WHERE state = 'PENDING';

CREATE INDEX transfer_of_app ON transfer (app);

CREATE INDEX transfer_by_source ON transfer (source, id);

CREATE INDEX transfer_by_destination ON transfer (destination, id);
