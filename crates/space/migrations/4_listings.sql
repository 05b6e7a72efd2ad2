-- R-K6: the listing that has reserved the app, while there is one.
ALTER TABLE app ADD COLUMN listed_by UUID;

-- Listings that were refused an app, or have given it back. What was decided about a listing stands: a question that
-- comes late, or twice, reserves nothing.
CREATE TABLE closed_listing (
    id UUID NOT NULL PRIMARY KEY,
    -- Why it has no app: names of reasons, with a space between each two.
    blockers TEXT NOT NULL
);
