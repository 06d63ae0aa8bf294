-- schema
CREATE TABLE IF NOT EXISTS operations (
  seq            INTEGER PRIMARY KEY,
  reference      TEXT NOT NULL,
  operation      TEXT NOT NULL CHECK (operation IN ('authorize', 'sale', 'capture', 'void', 'refund')),
  original       TEXT,
  merchant       TEXT NOT NULL,
  amount         INTEGER NOT NULL CHECK (amount >= 0),
  currency       TEXT NOT NULL,
  outcome        TEXT NOT NULL CHECK (outcome IN ('approved', 'declined', 'pending')),
  state          TEXT NOT NULL
    CHECK (state IN ('approved', 'declined', 'pending', 'failed', 'cancelled', 'voided')),
  response_code  TEXT,
  decline_code   TEXT,
  captured       INTEGER NOT NULL CHECK (captured BETWEEN 0 AND amount),
  refunded       INTEGER NOT NULL CHECK (refunded BETWEEN 0 AND captured),
  closed         INTEGER NOT NULL,
  created_ms     INTEGER NOT NULL,
  cancelled_ms   INTEGER,
  matures_ms     INTEGER,
  matured_ms     INTEGER,
  failure_reason TEXT,
  refund_manner  TEXT,
  card_bin       TEXT,
  card_last4     TEXT,
  card_hash      BLOB,
  cvc_check      TEXT,
  address_checks TEXT,
  fingerprint    BLOB NOT NULL,
  CHECK (operation IN ('authorize', 'sale') OR original IS NOT NULL)
) STRICT;
CREATE INDEX IF NOT EXISTS maturing ON operations (matures_ms) WHERE matures_ms IS NOT NULL;
CREATE TABLE IF NOT EXISTS tombstones (
  reference  TEXT PRIMARY KEY,
  reason     TEXT NOT NULL CHECK (reason IN ('cancelled_reference', 'rejected_late')),
  created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- head
-- The last number and time given out; a new operation is never numbered or dated before them.
SELECT seq, created_ms FROM operations ORDER BY seq DESC LIMIT 1;

-- unique_references
-- Nothing is done twice under one reference, decided by the rules and held by the index.
CREATE UNIQUE INDEX IF NOT EXISTS one_of_a_reference ON operations (reference);

-- repeated_references
-- An acquirer that forgets may do it again: the newest is the one that is found.
DROP INDEX IF EXISTS one_of_a_reference;
CREATE INDEX IF NOT EXISTS of_a_reference ON operations (reference);

-- load_operations
SELECT * FROM operations WHERE reference IN (SELECT value FROM json_each(?)) ORDER BY seq;

-- notifications
CREATE TABLE IF NOT EXISTS notified (seq INTEGER PRIMARY KEY) STRICT;

-- not_notified
SELECT * FROM operations WHERE seq NOT IN (SELECT seq FROM notified) ORDER BY seq LIMIT 100;

-- insert_notified
INSERT OR IGNORE INTO notified VALUES (?);

-- load_tombstones
SELECT * FROM tombstones WHERE reference IN (SELECT value FROM json_each(?));

-- load_matured
SELECT * FROM operations WHERE matures_ms <= ?;

-- next_maturity
SELECT min(matures_ms) FROM operations WHERE matures_ms IS NOT NULL;

-- insert_operation
INSERT INTO operations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- change_operation
UPDATE operations
SET outcome = ?, state = ?, captured = ?, refunded = ?, closed = ?, cancelled_ms = ?,
    matures_ms = ?, matured_ms = ?, failure_reason = ?
WHERE seq = ?;

-- insert_tombstone
INSERT INTO tombstones VALUES (?, ?, ?);

-- book_page
SELECT seq, reference, operation, original, amount, currency, outcome, state, captured, refunded,
       created_ms, cancelled_ms IS NOT NULL, card_last4, merchant, decline_code, failure_reason
FROM operations WHERE seq > ? ORDER BY seq LIMIT ?;

-- summary
SELECT operation, currency, state, count(*), sum(amount), sum(captured), sum(refunded)
FROM operations GROUP BY operation, currency, state ORDER BY operation, currency, state;

-- count_tombstones
SELECT count(*) FROM tombstones;

-- settlement
-- A day's lines. A finished day never changes: what is undone later is a reversal on the later day.
WITH day (start, stop) AS (VALUES (?, ?)),
lines (seq, type, sign, fee_sign) AS (
  SELECT seq, 'sale', 1, 1 FROM operations, day
  WHERE operation = 'sale' AND outcome = 'approved' AND created_ms >= start AND created_ms < stop
    AND (cancelled_ms IS NULL OR cancelled_ms >= stop)
  UNION ALL
  SELECT seq, 'capture', 1, 1 FROM operations, day
  WHERE operation = 'capture' AND outcome = 'approved' AND created_ms >= start AND created_ms < stop
  UNION ALL
  SELECT seq, 'refund', -1, 1 FROM operations, day
  WHERE operation = 'refund' AND outcome = 'approved'
    AND CASE refund_manner WHEN 'pending' THEN matured_ms ELSE created_ms END >= start
    AND CASE refund_manner WHEN 'pending' THEN matured_ms ELSE created_ms END < stop
  UNION ALL
  SELECT seq, 'sale_reversal', -1, -1 FROM operations, day
  WHERE operation = 'sale' AND outcome = 'approved' AND created_ms < start
    AND cancelled_ms >= start AND cancelled_ms < stop
  UNION ALL
  SELECT seq, 'refund_failure', 1, -1 FROM operations, day
  WHERE operation = 'refund' AND state = 'failed' AND matured_ms >= start AND matured_ms < stop
)
SELECT seq, type, sign, fee_sign, merchant, reference, original, currency, amount
FROM lines JOIN operations USING (seq) ORDER BY seq, type;
