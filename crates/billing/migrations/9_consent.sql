-- R-E3: the apps that are suspended because they have used up an allowance and nobody has consented to pay for more.
CREATE TABLE consent_suspension (
    -- The space that held the app.
    space UUID NOT NULL,
    app UUID NOT NULL,
    -- From when on it held it: after a move and back it is suspended anew.
    held_from TIMESTAMPTZ NOT NULL,
    -- The month of the allowance, "2026-11", with whose end it is lifted.
    month TEXT NOT NULL,
    PRIMARY KEY (space, app)
);

CREATE INDEX consent_suspension_over ON consent_suspension (month, space);
