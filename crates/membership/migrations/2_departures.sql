-- R-M8: since when the member has had the role. Whoever has been Admin longest receives the apps of those who leave.
ALTER TABLE member ADD COLUMN role_time TIMESTAMPTZ NOT NULL DEFAULT '1970-01-01T00:00:00.000000Z';
UPDATE member SET role_time = create_time;

-- R-M10: roles that end, the next first.
CREATE INDEX member_expiring ON member (expire_time) WHERE expire_time IS NOT NULL;

-- R-A4: whose role makes them viewers of every app, in the order of their names.
CREATE INDEX member_viewing ON member (space, person) WHERE role <> 'DEVELOPER' OR view_all_apps;

-- Members by role, in the order of their names; and the Admins, one of whom may be sought (R-M8).
CREATE INDEX member_of_role ON member (space, role, person);
