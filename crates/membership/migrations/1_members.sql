-- R-M1: one console role for each person and space.
CREATE TABLE member (
    space UUID NOT NULL,
    -- The encoded id of users/{id}.
    person TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('ADMIN', 'DEVELOPER', 'VIEWER')),
    view_all_apps BOOLEAN NOT NULL,
    -- R-M10: past this time the row is as if it were not there.
    expire_time TIMESTAMPTZ,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    -- The journal entry that last changed the row.
    revision BIGINT NOT NULL,
    PRIMARY KEY (space, person),
    CHECK (role = 'DEVELOPER' OR NOT view_all_apps)
);

-- A person's spaces, in the order of their ids (R-S2).
CREATE INDEX member_of_person ON member (person, space);

-- R-M4: the Admins whose role does not expire, one of whom there must always be.
CREATE INDEX member_lasting_admin ON member (space) WHERE role = 'ADMIN' AND expire_time IS NULL;
