-- R-B5: which space held an app, and when. Kept when the app is gone: its usage is billed all the same (R-A10).
CREATE TABLE holding (
    app UUID NOT NULL,
    -- From when on, inclusive.
    start_time TIMESTAMPTZ NOT NULL,
    space UUID NOT NULL,
    -- Until when, exclusive. Absent: until now.
    end_time TIMESTAMPTZ,
    PRIMARY KEY (app, start_time)
);

-- An app is held by one space at a time.
CREATE UNIQUE INDEX holding_current ON holding (app) WHERE end_time IS NULL;

-- Of apps that were there before: as far as is known.
INSERT INTO holding (app, start_time, space, end_time)
SELECT id, create_time, space, delete_time FROM app WHERE space IS NOT NULL;
