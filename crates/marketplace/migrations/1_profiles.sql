-- R-K3: a vendor profile and a space belong to each other, one to one and for good.
CREATE TABLE vendor_profile (
    id UUID NOT NULL PRIMARY KEY,
    space UUID NOT NULL UNIQUE,
    -- R-K5: an array of {"display_name", "email"} in JSON.
    contacts TEXT NOT NULL,
    support_uri TEXT NOT NULL,
    -- Empty for one that was imported (R-K7).
    terms_version TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    -- The journal entry that last changed the row.
    revision BIGINT NOT NULL
);

-- R-K4: by the profile's space, by which facts are asked for.
CREATE TABLE marketplace_admin (
    space UUID NOT NULL,
    -- The encoded id of users/{id}.
    person TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (space, person)
);

-- A person's spaces, in the order of their ids (R-S2).
CREATE INDEX marketplace_admin_of_person ON marketplace_admin (person, space);

-- R-K7: what was taken over from another system, so that it is taken over once.
CREATE TABLE takeover (
    -- What the other system calls the profile.
    source_id TEXT NOT NULL PRIMARY KEY,
    -- The digest of what was taken over.
    content BYTEA NOT NULL,
    space UUID NOT NULL
);

-- The apps that came with a profile, in the order of the request.
CREATE TABLE takeover_app (
    space UUID NOT NULL,
    place BIGINT NOT NULL,
    app UUID NOT NULL,
    PRIMARY KEY (space, place)
);
