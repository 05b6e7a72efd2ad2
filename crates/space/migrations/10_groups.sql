-- R-M11: the groups of spaces, and who is in them, as the membership service tells, which owns them: roles on apps depend on
-- them.
CREATE TABLE member_group (
    id UUID NOT NULL PRIMARY KEY,
    space UUID NOT NULL,
    -- What explanations call it.
    display_name TEXT NOT NULL
);

CREATE INDEX member_group_of_space ON member_group (space, id);

CREATE TABLE group_member (
    group_id UUID NOT NULL,
    -- The encoded id of users/{id}.
    person TEXT NOT NULL,
    space UUID NOT NULL,
    PRIMARY KEY (group_id, person)
);

CREATE INDEX group_member_by_person ON group_member (person, space, group_id);

CREATE INDEX group_member_of_space ON group_member (space, person);

-- R-M11: what roles groups have on apps of their spaces. The rows are gone when the app is deleted or leaves the space.
CREATE TABLE group_role (
    app UUID NOT NULL,
    group_id UUID NOT NULL,
    space UUID NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('ADMIN', 'DEPLOYER', 'DEVELOPER', 'VIEWER')),
    -- R-M10: past this time the row is as if it were not there.
    expire_time TIMESTAMPTZ,
    PRIMARY KEY (app, group_id)
);

CREATE INDEX group_role_of_group ON group_role (group_id, app);

CREATE INDEX group_role_of_space ON group_role (space, group_id, app);

-- The role of a group that ends last.
CREATE INDEX group_role_ending ON group_role (group_id, expire_time) WHERE expire_time IS NOT NULL;

-- R-A11: named sets of a space's apps.
CREATE TABLE app_group (
    id UUID NOT NULL PRIMARY KEY,
    space UUID NOT NULL,
    display_name TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    -- The journal entry that last changed the row.
    revision BIGINT NOT NULL
);

CREATE INDEX app_group_of_space ON app_group (space, id);

-- Which apps are in them. The rows are gone when the app is deleted or leaves the space.
CREATE TABLE app_group_app (
    app_group UUID NOT NULL,
    app UUID NOT NULL,
    PRIMARY KEY (app_group, app)
);

CREATE INDEX app_group_of_app ON app_group_app (app, app_group);

-- R-A11: who has roles on them.
CREATE TABLE app_group_role (
    app_group UUID NOT NULL,
    -- One of the two: a group, or the encoded id of users/{id}.
    group_id UUID,
    person TEXT,
    space UUID NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('ADMIN', 'DEPLOYER', 'DEVELOPER', 'VIEWER')),
    -- R-M10: past this time the row is as if it were not there.
    expire_time TIMESTAMPTZ,
    CHECK ((group_id IS NULL) <> (person IS NULL))
);

CREATE UNIQUE INDEX app_group_role_of_group ON app_group_role (app_group, group_id) WHERE group_id IS NOT NULL;

CREATE UNIQUE INDEX app_group_role_of_person ON app_group_role (app_group, person) WHERE person IS NOT NULL;

CREATE INDEX app_group_role_by_group ON app_group_role (group_id, app_group) WHERE group_id IS NOT NULL;

CREATE INDEX app_group_role_by_person ON app_group_role (person, space, app_group) WHERE person IS NOT NULL;

CREATE INDEX app_group_role_of_space ON app_group_role (space, person) WHERE person IS NOT NULL;

-- Another with each change of a space's groups, their members, its app groups, and what these give: facts of apps change with it
-- that have no entry of their own.
CREATE TABLE group_stamp (
    space UUID NOT NULL PRIMARY KEY,
    stamp UUID NOT NULL
);
