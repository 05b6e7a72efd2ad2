-- R-E2: whether the apps on an invoice are suspended for it, which the space service is told with the change of this. Of invoices
-- that are past due already it is told when the service has started.
ALTER TABLE invoice ADD COLUMN suspends BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX invoice_untold ON invoice (id) WHERE state = 'PAST_DUE' AND NOT suspends;
