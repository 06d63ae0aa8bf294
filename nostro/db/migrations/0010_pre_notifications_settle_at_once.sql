-- A notification is taken and settles its message in one transaction: none is ever half applied.
UPDATE nostro.notifications SET state = 'quarantined', reason = 'it was being applied when its host stopped'
WHERE state = 'taken';
ALTER TABLE nostro.notifications DROP CONSTRAINT notifications_state_check;
ALTER TABLE nostro.notifications ADD CONSTRAINT notifications_state_check
CHECK (state IN ('applied', 'ignored', 'quarantined', 'unmatched'));
DROP INDEX nostro.notifications_open;
CREATE INDEX notifications_open ON nostro.notifications (book_id, received_ms)
WHERE state IN ('quarantined', 'unmatched');
