-- R-B1: one account for each space, born with consent.
CREATE TABLE account (
    space UUID NOT NULL PRIMARY KEY,
    terms_version TEXT NOT NULL,
    -- The encoded id of users/{id}.
    consented_by TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    -- The journal entry that last changed the row.
    revision BIGINT NOT NULL
);

-- R-B2
CREATE TABLE billing_admin (
    space UUID NOT NULL,
    -- The encoded id of users/{id}.
    person TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (space, person)
);

-- A person's spaces, in the order of their ids (R-S2).
CREATE INDEX billing_admin_of_person ON billing_admin (person, space);
