-- R-B13: who can create and link apps, in the order of their names, however many Viewers there are.
CREATE INDEX member_building ON member (space, person) WHERE role <> 'VIEWER';
