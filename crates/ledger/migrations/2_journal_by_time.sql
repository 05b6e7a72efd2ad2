-- The time of a scope's entries never goes down with the sequence: a span of time is a range of this index.
CREATE INDEX journal_by_time ON journal (scope, time, sequence);
