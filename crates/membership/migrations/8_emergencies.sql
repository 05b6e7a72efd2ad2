-- R-M14: whether the role was given in an emergency. Then it is an Admin's, and ends.
ALTER TABLE member ADD COLUMN emergency BOOLEAN NOT NULL DEFAULT FALSE
    CHECK (NOT emergency OR (role = 'ADMIN' AND expire_time IS NOT NULL));
