-- R-S10: who made a space, while it exists. Of spaces that were made before this was kept nobody is told, and they count
-- for nobody.
CREATE TABLE space_creator (
    space UUID NOT NULL PRIMARY KEY,
    -- The encoded id of users/{id}.
    person TEXT NOT NULL
);

CREATE INDEX space_creator_by_person ON space_creator (person, space);

-- R-S10: how many of them each person made. Whoever makes one more holds the row until the commit, so that two at once
-- do not both take the last place.
CREATE TABLE space_count (
    person TEXT NOT NULL PRIMARY KEY,
    spaces BIGINT NOT NULL CHECK (spaces > 0)
);
