-- R-M11: groups of a space's members. What roles they have, the space service keeps.
CREATE TABLE member_group (
    space UUID NOT NULL,
    id UUID NOT NULL,
    display_name TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    -- The journal entry that last changed the row.
    revision BIGINT NOT NULL,
    PRIMARY KEY (space, id)
);

CREATE TABLE group_member (
    space UUID NOT NULL,
    group_id UUID NOT NULL,
    -- The encoded id of users/{id}.
    person TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (group_id, person)
);

-- What somebody leaves with the space.
CREATE INDEX group_member_of_person ON group_member (space, person, group_id);
