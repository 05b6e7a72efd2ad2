-- R-M12: who is active, as this service knows it. A person without a row is.
CREATE TABLE standing (
    -- The encoded id of users/{id}.
    person TEXT NOT NULL PRIMARY KEY,
    active BOOLEAN NOT NULL,
    -- Another with each deactivation and reactivation; none before the first. The row is then there only to be locked by what
    -- the person does.
    stamp UUID
);
