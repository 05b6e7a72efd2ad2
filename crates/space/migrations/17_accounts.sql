-- R-E3: whether a space has a billing account, as the billing service tells it. Of accounts that are there already it tells when it has
-- started.
ALTER TABLE space ADD COLUMN has_account BOOLEAN NOT NULL DEFAULT FALSE;
