-- R-S10: how many vendor profiles each person created, each with a space that is there for good. Whoever creates one more
-- holds the row until the commit, so that two at once do not both take the last place. Profiles that were created before
-- this was kept count for nobody.
CREATE TABLE profile_count (
    -- The encoded id of users/{id}.
    person TEXT NOT NULL PRIMARY KEY,
    profiles BIGINT NOT NULL CHECK (profiles > 0)
);
