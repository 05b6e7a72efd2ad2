-- R-B7: the database itself refuses to change or remove what was issued.
CREATE FUNCTION refuse_change_of_issued() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what is issued never changes';
END
$$;

-- Lines are stored before what they make up is: from then on there are no more.
CREATE FUNCTION refuse_line_of_issued() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM issued_invoice WHERE invoice = NEW.invoice) THEN
        RAISE EXCEPTION 'what is issued never changes';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER issued_invoice_stays BEFORE UPDATE OR DELETE ON issued_invoice
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_issued();
CREATE TRIGGER invoice_line_stays BEFORE UPDATE OR DELETE ON invoice_line
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_issued();
CREATE TRIGGER credit_note_stays BEFORE UPDATE OR DELETE ON credit_note
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_issued();
CREATE TRIGGER invoice_line_insert BEFORE INSERT ON invoice_line
    FOR EACH ROW EXECUTE FUNCTION refuse_line_of_issued();

CREATE TRIGGER issued_invoice_truncate BEFORE TRUNCATE ON issued_invoice
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_issued();
CREATE TRIGGER invoice_line_truncate BEFORE TRUNCATE ON invoice_line
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_issued();
CREATE TRIGGER credit_note_truncate BEFORE TRUNCATE ON credit_note
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_issued();
