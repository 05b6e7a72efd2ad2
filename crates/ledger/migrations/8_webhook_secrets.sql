-- R-J6: a secret that is replaced twice within a day is not lost with the second time: receivers may still have it.
ALTER TABLE webhook ADD COLUMN older_secret BYTEA;
ALTER TABLE webhook ADD COLUMN older_secret_expire_time TIMESTAMPTZ;
