-- The end of each scope's journal. Its row is also what serialises the writers of the scope.
CREATE TABLE head (
    scope TEXT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    time TIMESTAMPTZ NOT NULL,
    -- The last entry that changed a fact on which somebody's permission depends, and its hash.
    facts_sequence BIGINT NOT NULL,
    facts_hash BYTEA NOT NULL
);

CREATE TABLE journal (
    scope TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    time TIMESTAMPTZ NOT NULL,
    -- JSON, with personal details replaced by references into `personal`, and their digests.
    content TEXT NOT NULL,
    -- JSON: the personal details with their salts; a detail that has been erased is null.
    personal TEXT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (scope, sequence)
);

-- Effects that are committed here and not yet applied by their receiver: a lane for each peer and scope.
CREATE TABLE outbox (
    scope TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    peer TEXT NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (scope, sequence, peer)
);

CREATE INDEX outbox_of_peer ON outbox (peer, scope);

-- The changes of other services whose effects are applied here. The hash tells apart what a sender numbers alike before
-- and after its database was restored.
CREATE TABLE inbox (
    sender TEXT NOT NULL,
    scope TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (sender, scope, sequence, hash)
);

-- First results, by request_id.
CREATE TABLE replay (
    caller TEXT NOT NULL,
    method TEXT NOT NULL,
    request_id UUID NOT NULL,
    request_hash BYTEA NOT NULL,
    response BYTEA NOT NULL,
    -- The scopes whose effects the result waits for, with a space between each two.
    scopes TEXT NOT NULL,
    PRIMARY KEY (caller, method, request_id)
);
