-- R-M12: whom the operator's service deactivated, and what has become of that since. Whether a person is active is in the
-- table `standing`, which every service has.
CREATE TABLE deactivation (
    -- The encoded id of users/{id}.
    person TEXT NOT NULL PRIMARY KEY,
    -- REMOVING and REMOVED: 30 days are over.
    state TEXT NOT NULL CHECK (state IN ('ACTIVE', 'DEACTIVATED', 'REMOVING', 'REMOVED')),
    reason TEXT NOT NULL,
    update_time TIMESTAMPTZ NOT NULL
);

-- Those whose 30 days are over, the first first; and those whose removal goes on.
CREATE INDEX deactivation_due ON deactivation (update_time) WHERE state = 'DEACTIVATED';
CREATE INDEX deactivation_removing ON deactivation (person) WHERE state = 'REMOVING';

-- Where somebody is invited, in whichever space.
CREATE INDEX invitation_of_person_anywhere ON invitation (person, space) WHERE state = 'PENDING';
