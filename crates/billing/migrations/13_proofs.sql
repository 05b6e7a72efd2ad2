-- R-B16: what decides a line beside its events, as the journal has a digest of it. Empty: nothing, or it was issued before this was kept.
ALTER TABLE invoice_line ADD COLUMN beside TEXT NOT NULL DEFAULT '';
-- The journal entry of the space by which the invoice was issued. 0: it was issued before this was kept.
ALTER TABLE issued_invoice ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;
