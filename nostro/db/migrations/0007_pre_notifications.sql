-- room: notifications
-- What acquirers told us unasked, under their own ids, once each.
CREATE TABLE nostro.notifications (
    book_id integer NOT NULL,
    id text NOT NULL,
    acquirer text NOT NULL,
    reference text NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    received_ms bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (book_id, id),
    CHECK (state IN ('taken', 'applied', 'ignored', 'quarantined', 'unmatched'))
) WITH (fillfactor = 60);
CREATE INDEX notifications_open ON nostro.notifications (book_id, received_ms)
WHERE state IN ('taken', 'quarantined', 'unmatched');
GRANT SELECT, INSERT, UPDATE ON nostro.notifications TO nostro_app;
