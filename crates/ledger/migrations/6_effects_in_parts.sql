-- What one change has to do at one peer may be more than one transaction should hold there: it is delivered in parts, in their
-- order. Effects that wait already are of one part each.
ALTER TABLE outbox RENAME TO outbox_of_whole_changes;
DROP INDEX outbox_of_peer;

CREATE TABLE outbox (
    scope TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    peer TEXT NOT NULL,
    -- From 0. A process of the version before, which stores whole changes, leaves it out.
    part BIGINT NOT NULL DEFAULT 0,
    payload BYTEA NOT NULL,
    PRIMARY KEY (scope, sequence, peer, part)
);

INSERT INTO outbox (scope, sequence, peer, payload)
SELECT scope, sequence, peer, payload FROM outbox_of_whole_changes;

DROP TABLE outbox_of_whole_changes;

CREATE INDEX outbox_of_peer ON outbox (peer, scope);
