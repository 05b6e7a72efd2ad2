-- R-M9: who is invited into a space's console roles.
CREATE TABLE invitation (
    space UUID NOT NULL,
    id UUID NOT NULL,
    -- One of the two: the encoded id of users/{id}, or an e-mail address with its domain in lower case.
    person TEXT,
    email TEXT,
    role TEXT NOT NULL CHECK (role IN ('ADMIN', 'DEVELOPER', 'VIEWER')),
    view_all_apps BOOLEAN NOT NULL,
    role_expire_time TIMESTAMPTZ,
    -- EXPIRED is stored of one in whose place another came; of others their time tells.
    state TEXT NOT NULL
        CHECK (state IN ('PENDING', 'ACCEPTED', 'DECLINED', 'REVOKED', 'EXPIRED', 'VOID')),
    -- The encoded id of users/{id}.
    inviter TEXT NOT NULL,
    -- The SHA-256 digest of the token, which is kept nowhere.
    token_digest BYTEA NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    -- Not after the end of the role that it offers.
    expire_time TIMESTAMPTZ NOT NULL,
    -- The sequence of the journal entry that made it. Entries have an order whatever the clock does.
    made BIGINT NOT NULL,
    -- The journal entry that last changed the row.
    revision BIGINT NOT NULL,
    PRIMARY KEY (space, id),
    CHECK ((person IS NULL) <> (email IS NULL)),
    CHECK (role = 'DEVELOPER' OR NOT view_all_apps)
);

-- Nobody is invited twice at a time.
CREATE UNIQUE INDEX invitation_of_person ON invitation (space, person) WHERE state = 'PENDING';
CREATE UNIQUE INDEX invitation_of_email ON invitation (space, email) WHERE state = 'PENDING';

-- What is void when somebody is no longer Admin, and how many somebody has made.
CREATE INDEX invitation_by_inviter ON invitation (space, inviter, id) WHERE state = 'PENDING';

-- Those in a state, the oldest first.
CREATE INDEX invitation_in_state ON invitation (space, state, id);

-- What is over long enough to be forgotten, the first first.
CREATE INDEX invitation_ended ON invitation (update_time) WHERE state <> 'PENDING';
CREATE INDEX invitation_expired ON invitation (expire_time) WHERE state = 'PENDING';

-- R-M5: who ceased to be a member while e-mail addresses were invited: no invitation that was made by the journal entry of this
-- sequence, or an earlier one, is good for that person.
CREATE TABLE departed (
    space UUID NOT NULL,
    -- The encoded id of users/{id}.
    person TEXT NOT NULL,
    made BIGINT NOT NULL,
    PRIMARY KEY (space, person)
);
