-- R-B13: who can deploy apps of a space, in the order of their names.
CREATE INDEX contributor_deploying ON contributor (space, person) WHERE role IN ('OWNER', 'ADMIN', 'DEPLOYER');
