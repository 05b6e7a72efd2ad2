-- A place in the order in which the entries of all scopes are given to whoever follows the journal. It is given after
-- the commit; until then it is null. No hash covers it.
ALTER TABLE journal ADD COLUMN position BIGINT;

-- Without the entries that have none: SQLite would look for those in it, and sort them all each time some are numbered.
CREATE UNIQUE INDEX journal_by_position ON journal (position) WHERE position IS NOT NULL;

-- The entries that have none, in the order in which they get one.
CREATE INDEX journal_unnumbered ON journal (scope, sequence) WHERE position IS NULL;

-- The last position that was given. Its row is also what serialises those who give them.
CREATE TABLE journal_numbering (
    only_row INTEGER NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);

INSERT INTO journal_numbering (only_row, position) VALUES (1, 0);
