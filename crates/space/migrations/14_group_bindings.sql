-- R-M13: since when a group, or a person, has a role on an app or an app group. Roles of before do not tell.
ALTER TABLE group_role ADD COLUMN update_time TIMESTAMPTZ;
ALTER TABLE app_group_role ADD COLUMN update_time TIMESTAMPTZ;

-- R-M13: who is in which groups of a space, and has roles on which of its app groups, in the order of their names.
DROP INDEX group_member_of_space;
CREATE INDEX group_member_of_space ON group_member (space, person, group_id);
DROP INDEX app_group_role_of_space;
CREATE INDEX app_group_role_of_space ON app_group_role (space, person, app_group) WHERE person IS NOT NULL;
