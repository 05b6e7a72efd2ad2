-- R-B7: the database itself refuses to change or remove what was issued.
CREATE TRIGGER issued_invoice_update BEFORE UPDATE ON issued_invoice
BEGIN SELECT RAISE(ABORT, 'what is issued never changes'); END;
CREATE TRIGGER issued_invoice_delete BEFORE DELETE ON issued_invoice
BEGIN SELECT RAISE(ABORT, 'what is issued never changes'); END;
CREATE TRIGGER invoice_line_update BEFORE UPDATE ON invoice_line
BEGIN SELECT RAISE(ABORT, 'what is issued never changes'); END;
CREATE TRIGGER invoice_line_delete BEFORE DELETE ON invoice_line
BEGIN SELECT RAISE(ABORT, 'what is issued never changes'); END;
CREATE TRIGGER credit_note_update BEFORE UPDATE ON credit_note
BEGIN SELECT RAISE(ABORT, 'what is issued never changes'); END;
CREATE TRIGGER credit_note_delete BEFORE DELETE ON credit_note
BEGIN SELECT RAISE(ABORT, 'what is issued never changes'); END;
