-- R-M13: whose role ends, in the order of their names, however many don't.
CREATE INDEX member_ending ON member (space, person) WHERE expire_time IS NOT NULL;
