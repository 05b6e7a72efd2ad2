-- R-J6: addresses to which the service's events are sent.
CREATE TABLE webhook (
    id UUID NOT NULL PRIMARY KEY,
    -- Nil: the platform.
    space UUID NOT NULL,
    url TEXT NOT NULL,
    -- With a space between each two.
    types TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    -- Empty: somebody wanted it so, or it is enabled.
    disabled_reason TEXT NOT NULL,
    secret BYTEA NOT NULL,
    -- The one before, by which messages are signed as well until then.
    old_secret BYTEA,
    old_secret_expire_time TIMESTAMPTZ,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    revision BIGINT NOT NULL
);

CREATE INDEX webhook_of_space ON webhook (space, id);

-- The position in the journal up to which webhooks have their deliveries. Its row is also what serialises those who read on.
CREATE TABLE webhook_reader (
    only_row INTEGER NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);

INSERT INTO webhook_reader (only_row, position) VALUES (1, 0);

-- An event that is to be sent, or was. What it tells is in the entry.
CREATE TABLE webhook_delivery (
    webhook UUID NOT NULL,
    id UUID NOT NULL,
    -- Those of a lane are sent one after another.
    lane TEXT NOT NULL,
    -- Of the entry, and the event's place among those that it makes.
    position BIGINT NOT NULL,
    part BIGINT NOT NULL,
    -- The entry. Empty and 0: there is none, this is a test.
    scope TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    -- The event's place among those of its type that the entry makes.
    nth BIGINT NOT NULL,
    type TEXT NOT NULL,
    -- By which receivers know it.
    event TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    response_code BIGINT NOT NULL,
    failure TEXT NOT NULL,
    last_attempt_time TIMESTAMPTZ,
    next_attempt_time TIMESTAMPTZ,
    event_time TIMESTAMPTZ NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (webhook, id)
);

CREATE INDEX webhook_delivery_pending ON webhook_delivery (webhook, lane, position, part) WHERE state = 'PENDING';

-- What is to be forgotten.
CREATE INDEX webhook_delivery_by_time ON webhook_delivery (create_time);

-- What is done one after another: a lane of a webhook for each space that it hears of, and one for each delivery that was asked
-- for.
CREATE TABLE webhook_lane (
    webhook UUID NOT NULL,
    lane TEXT NOT NULL,
    -- When something is to be done in it. While somebody is at it: when somebody else may be, should they be gone.
    due TIMESTAMPTZ NOT NULL,
    -- Who is at it.
    claim UUID,
    PRIMARY KEY (webhook, lane)
);

CREATE INDEX webhook_lane_due ON webhook_lane (due, webhook, lane);
