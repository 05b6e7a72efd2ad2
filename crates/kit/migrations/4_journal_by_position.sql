-- The index on positions leaves out the entries that have none: SQLite would look for those in it, and sort them all
-- each time some are numbered.
DROP INDEX journal_by_position;

CREATE UNIQUE INDEX journal_by_position ON journal (position) WHERE position IS NOT NULL;
