-- R-S9: who creates apps in a space and links apps to it.
ALTER TABLE space ADD COLUMN app_creation TEXT NOT NULL DEFAULT 'MEMBERS'
    CHECK (app_creation IN ('MEMBERS', 'ADMINS'));
