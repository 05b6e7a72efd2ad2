-- R-E3: whether the space service knows of the account, which it is told with its birth. Of accounts that are there already it is told
-- when the service has started.
ALTER TABLE account ADD COLUMN told BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX account_untold ON account (space) WHERE NOT told;
