-- R-P5, R-M13: who contributes to apps of a space, in the order of their names, and to which.
DROP INDEX contributor_of_space;
CREATE INDEX contributor_of_space ON contributor (space, person, app);

-- R-M10, R-M13: whose roles end.
CREATE INDEX contributor_ending_of_space ON contributor (space, person, app) WHERE expire_time IS NOT NULL;

-- R-A5: whether somebody contributes by a role that lasts, however many there are that end.
CREATE INDEX contributor_lasting ON contributor (person, space, app) WHERE expire_time IS NULL;
CREATE INDEX group_role_lasting ON group_role (group_id, app) WHERE expire_time IS NULL;
