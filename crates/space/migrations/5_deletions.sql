-- R-S6: absent while the space is not deleted.
ALTER TABLE space ADD COLUMN delete_time TIMESTAMPTZ;

-- What is to be purged.
CREATE INDEX space_deleted ON space (delete_time) WHERE delete_time IS NOT NULL;
