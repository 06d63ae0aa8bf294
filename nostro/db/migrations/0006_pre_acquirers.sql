-- When a message first left us at the earliest (system time, ms): what an acquirer's memory of references is counted
-- from. And the queue in which it waits for what nobody can ask for. Rows of before are as old as can be.
ALTER TABLE nostro.payment_attempts
ADD COLUMN first_sent bigint NOT NULL DEFAULT 0,
ADD COLUMN awaiting text CHECK (awaiting IN ('awaiting_notification', 'awaiting_report'));
ALTER TABLE nostro.refunds
ADD COLUMN first_sent bigint NOT NULL DEFAULT 0,
ADD COLUMN awaiting text CHECK (awaiting IN ('awaiting_notification', 'awaiting_report'));

-- Short: an outcome that cannot be asked for is rare.
CREATE INDEX payment_attempts_awaiting ON nostro.payment_attempts (book_id, awaiting)
WHERE state = 'unknown' AND awaiting IS NOT NULL;
CREATE INDEX refunds_awaiting ON nostro.refunds (book_id, awaiting)
WHERE state IN ('unknown', 'accepted', 'provisional') AND awaiting IS NOT NULL;
-- Tries of a card for an amount, which card networks limit: declined ones.
CREATE INDEX charges_declined ON nostro.charges (book_id, (card ->> 'fingerprint'), created_ms)
WHERE status = 'failed';
