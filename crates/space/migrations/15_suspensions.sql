-- R-A12: the reasons for which a space or an app is suspended, with spaces between. None: it is not.
ALTER TABLE space ADD COLUMN suspended_for TEXT NOT NULL DEFAULT '';
ALTER TABLE app ADD COLUMN suspended_for TEXT NOT NULL DEFAULT '';
