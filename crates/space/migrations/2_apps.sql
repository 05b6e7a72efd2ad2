CREATE TABLE app (
    id UUID NOT NULL PRIMARY KEY,
    -- R-A2: absent until the app is linked. R-A10: never absent again.
    space UUID,
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    listing TEXT NOT NULL CHECK (listing IN ('PRIVATE', 'SUBMITTED', 'LISTED')),
    -- R-A10: absent while the app is in use.
    delete_time TIMESTAMPTZ,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    -- The journal entry of the app that last changed the row.
    revision BIGINT NOT NULL,
    CHECK (delete_time IS NULL OR space IS NOT NULL)
);

-- The apps of a space in the order of their ids, deleted ones aside (R-S7, R-A9).
CREATE INDEX app_of_space ON app (space, id) WHERE delete_time IS NULL;

-- What is to be purged.
CREATE INDEX app_deleted ON app (delete_time) WHERE delete_time IS NOT NULL;

-- R-A3: one role for each person and app.
CREATE TABLE contributor (
    app UUID NOT NULL,
    -- The encoded id of users/{id}.
    person TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('OWNER', 'ADMIN', 'DEPLOYER', 'DEVELOPER', 'VIEWER')),
    -- The app's space, so that a person's roles in a space are found at once (R-M5).
    space UUID,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    -- The journal entry of the app that last changed the row.
    revision BIGINT NOT NULL,
    PRIMARY KEY (app, person)
);

-- R-A3: an app never has two owners.
CREATE UNIQUE INDEX contributor_owner ON contributor (app) WHERE role = 'OWNER';

CREATE INDEX contributor_by_person ON contributor (person, app);

CREATE INDEX contributor_in_space ON contributor (person, space, app);

-- R-M5: who ceased to be a member of a space, by the last change of membership whose effects are applied here. What was
-- known of the person before that is no ground for a change any more.
CREATE TABLE departure (
    space UUID NOT NULL,
    person TEXT NOT NULL,
    -- The change's place in the membership service's journal of the space.
    sequence BIGINT NOT NULL,
    PRIMARY KEY (space, person)
);
