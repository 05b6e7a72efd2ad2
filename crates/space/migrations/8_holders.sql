-- R-P5: who contributes to apps of a space, in the order of their names.
CREATE INDEX contributor_of_space ON contributor (space, person);

-- R-P5: a person's apps by role, in the order of their spaces and ids, however many they contribute to by other roles.
CREATE INDEX contributor_by_role ON contributor (person, role, space, app);
