-- R-K6
CREATE TABLE listing (
    id UUID NOT NULL PRIMARY KEY,
    -- The space of its vendor profile.
    space UUID NOT NULL,
    app UUID NOT NULL,
    -- RESERVING: an intent, until the space service has said whether it may have the app. Nobody sees it yet.
    state TEXT NOT NULL CHECK (state IN ('RESERVING', 'SUBMITTED', 'LISTED', 'WITHDRAWN')),
    -- Who submitted it, users/{id}, and the request_id that this person chose: whoever finishes the intent finishes that
    -- call.
    submitter TEXT NOT NULL,
    request_id UUID,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    -- The journal entry that last changed the row.
    revision BIGINT NOT NULL
);

-- A space's listings, the earliest first.
CREATE INDEX listing_of_space ON listing (space, id);

-- An app has one listing at a time. By space, since only the space service knows whose an app is: what one space says of
-- another's app stands in nobody's way.
CREATE UNIQUE INDEX listing_of_app ON listing (space, app) WHERE state <> 'WITHDRAWN';

-- R-J5: a request_id has one listing, also while it is an intent.
CREATE UNIQUE INDEX listing_of_request ON listing (submitter, request_id) WHERE request_id IS NOT NULL;

-- What is to be finished.
CREATE INDEX listing_reserving ON listing (id) WHERE state = 'RESERVING';
