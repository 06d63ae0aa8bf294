-- A person closes what was quarantined or matched nothing.
ALTER TABLE nostro.notifications DROP CONSTRAINT notifications_state_check;
ALTER TABLE nostro.notifications ADD CONSTRAINT notifications_state_check
CHECK (state IN ('applied', 'ignored', 'quarantined', 'unmatched', 'closed'));
