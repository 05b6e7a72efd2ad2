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

-- Lines are stored before what they make up is: from then on there are no more.
CREATE TRIGGER invoice_line_insert BEFORE INSERT ON invoice_line
WHEN EXISTS (SELECT 1 FROM issued_invoice WHERE invoice = NEW.invoice)
BEGIN SELECT RAISE(ABORT, 'what is issued never changes'); END;

-- REPLACE removes a row without the trigger that refuses its removal.
CREATE TRIGGER issued_invoice_replace BEFORE INSERT ON issued_invoice
WHEN EXISTS (SELECT 1 FROM issued_invoice WHERE invoice = NEW.invoice)
  OR EXISTS (SELECT 1 FROM issued_invoice WHERE space = NEW.space AND number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'what is issued never changes'); END;
CREATE TRIGGER credit_note_replace BEFORE INSERT ON credit_note
WHEN EXISTS (SELECT 1 FROM credit_note WHERE space = NEW.space AND number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'what is issued never changes'); END;
