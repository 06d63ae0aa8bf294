-- Once a clock was seen to be wrong, nobody knows any more how old a message is. And what the acquirer said that it did, and
-- that could not be believed as it was: from then on only people conclude that nothing was done.
ALTER TABLE nostro.payment_attempts
ADD COLUMN age_known boolean NOT NULL DEFAULT true,
ADD COLUMN contradicted boolean NOT NULL DEFAULT false;
ALTER TABLE nostro.refunds
ADD COLUMN age_known boolean NOT NULL DEFAULT true,
ADD COLUMN contradicted boolean NOT NULL DEFAULT false;
