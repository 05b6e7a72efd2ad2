CREATE TABLE space (
    id UUID NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    logo_uri TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ACTIVE', 'ARCHIVED', 'DELETED')),
    -- R-S3: from publication on, Marketplace admins edit the metadata.
    published BOOLEAN NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    -- The journal entry that last changed the row.
    revision BIGINT NOT NULL
);
